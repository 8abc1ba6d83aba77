//! What analysts ask, in SQL: Evenkeel beside DuckDB, over the same Parquet files in the same run.
//!
//! `cargo bench --bench sql` needs the virtual environment of the tests (`make setup-test`), prints a
//! table with the ratios, and writes the figures to `benches/results/sql.json`; it fails when the rows
//! differ.
//!
//! The data: a day of metrics of `--hosts 400` (`benches/load/hosts.rs`, `--hours 24`), `--lines 1000000`
//! of service logs, and ninety days of deploys, incidents and slices of objectives for twenty services,
//! all merged into the files that stay. DuckDB gets the active files by the Delta log, and views with the
//! columns of ours (`duckdb_views.sql`).
//!
//! Both engines run in a process of their own without a network between, ours in this one through
//! `Engine::sql` with the limits of an analyst's role, DuckDB in Python's; each has `--threads 2`. A
//! latency ends when all rows are there, ours as JSON, DuckDB's as Python's objects; no answer has more
//! than some hundred rows. A first round warms up, `--rounds 10` count. `--keep DIR` makes the data once
//! and uses it again, `--only NAME` asks only queries whose names contain it, and writes no figures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use futures::TryStreamExt;
use query::{Engine, QueryConfig, QueryRole, formats};
use serde_json::{Map, Value, json};

mod answer;
#[path = "../load/arguments.rs"]
mod arguments;
mod duckdb;
mod history;
#[path = "../load/hosts.rs"]
mod hosts;
mod lake_set;
#[path = "../load/latencies.rs"]
mod latencies;
mod metrics;
#[path = "../load/process.rs"]
mod process;
mod queries;
#[path = "../load/random.rs"]
mod random;
mod row;
#[path = "../size/service_logs.rs"]
mod service_logs;

use answer::{Answer, Rows};
use arguments::{argument, number};
use duckdb::DuckDb;
use lake_set::Extents;
use latencies::clock;
use process::{cpu_secs, rss_mib};
use queries::QUERIES;
use row::Row;

fn main() -> ExitCode {
    evenkeel::allocator::bound_arenas();
    let kept = argument("--keep").map(PathBuf::from);
    let dir = kept.clone().unwrap_or_else(scratch_dir);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let agree = runtime.block_on(run(&dir));
    if kept.is_none()
        && let Err(error) = std::fs::remove_dir_all(&dir)
    {
        eprintln!("{} was not removed: {error}", dir.display());
    }
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the engines agree.
async fn run(dir: &Path) -> bool {
    let extents = Extents {
        hosts: number("--hosts", 400),
        hours: number("--hours", 24),
        log_lines: number("--lines", 1_000_000),
    };
    let (threads, rounds) = (number("--threads", 2), number("--rounds", 10));
    make(dir, extents).await;
    let lake = lake_set::open(dir).await;
    let config = QueryConfig { threads: Some(threads), partitions: Some(threads), ..QueryConfig::default() };
    let engine = Engine::open(lake.clone(), config, lake_set::clock()).expect("an engine opens");
    let mut duckdb = DuckDb::start(&dir.join("lake"), threads);
    println!("{extents:?}, DuckDB {}, {threads} threads each", duckdb.version);

    let cpu_of = |duckdb: &DuckDb| [cpu_secs("self"), cpu_secs(&duckdb.id())];
    let cpu_before = cpu_of(&duckdb);
    let only = argument("--only");
    let mut rows = Vec::new();
    println!("\n{:<34}{:>20}{:>20}{:>8}", "median / p95 in ms", "evenkeel", "duckdb", "ratio");
    for query in QUERIES.iter().filter(|query| only.as_ref().is_none_or(|part| query.name.contains(part))) {
        let ours = ask(&engine, query.text, rounds).await;
        let row = Row { name: query.name, ours, theirs: duckdb.ask(query.text, rounds) };
        row.print();
        rows.push(row);
    }
    let [our_cpu, their_cpu] = std::array::from_fn(|at| cpu_of(&duckdb)[at] - cpu_before[at]);
    lake.shutdown().await.expect("the lake closes");
    let as_fast = rows.iter().filter(|row| row.ratio().is_some_and(|ratio| ratio <= 1.0)).count();
    println!("\n{as_fast} of {} queries at or below DuckDB's median", rows.len());
    let peak_mib = |process: &str| rss_mib(process, "VmHWM:").round();
    let (our_peak, their_peak) = (peak_mib("self"), peak_mib(&duckdb.id()));
    println!("peak memory: evenkeel {our_peak} MiB, duckdb {their_peak} MiB");
    println!("processor time: evenkeel {our_cpu:.1} s, duckdb {their_cpu:.1} s");
    if only.is_none() {
        let queries: Map<String, Value> = rows.iter().map(|row| (row.name.to_owned(), row.json())).collect();
        let result = json!({
            "hosts": extents.hosts, "hours": extents.hours, "log_lines": extents.log_lines,
            "threads": threads, "rounds": rounds, "duckdb": duckdb.version,
            "optimised": !cfg!(debug_assertions), "queries": queries,
            "peak_rss_mib": {"evenkeel": our_peak, "duckdb": their_peak},
            "cpu_secs": {"evenkeel": our_cpu, "duckdb": their_cpu},
        });
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results/sql.json");
        std::fs::write(path, format!("{result:#}\n")).expect("the result can be written");
    }
    rows.iter().all(|row| row.problem().is_none())
}

/// Makes the data in a directory, unless it is there.
async fn make(dir: &Path, extents: Extents) {
    let (done, told) = (dir.join("data.made"), format!("{extents:?}"));
    if let Ok(made) = std::fs::read_to_string(&done) {
        assert_eq!(made, told, "{} holds other data: name another directory, or remove it", dir.display());
        return;
    }
    let started = clock();
    let lake = lake_set::open(dir).await;
    let log_bytes = lake_set::fill(&lake, extents).await;
    lake.shutdown().await.expect("the lake closes");
    std::fs::write(done, told).expect("a file");
    println!("made in {:.0?}, {} MB of logs as JSON lines", started.elapsed(), log_bytes / 1_000_000);
}

async fn ask(engine: &Engine, text: &str, rounds: usize) -> Result<Answer, String> {
    let (mut rows, mut latencies) = (Rows::new(), Vec::new());
    for round in 0..=rounds {
        let asked = clock();
        let answer = engine.sql(text, QueryRole::Viewer).await.map_err(|error| error.to_string())?;
        let pieces: Vec<_> =
            formats::json_document(answer).try_collect().await.map_err(|error| error.to_string())?;
        let took = asked.elapsed();
        if round > 0 {
            latencies.push(took);
        }
        let mut document: Value = serde_json::from_slice(&pieces.concat()).expect("a JSON document");
        rows = serde_json::from_value(document["rows"].take()).expect("rows of cells");
    }
    latencies.sort_unstable();
    Ok(Answer { rows, latencies })
}

fn scratch_dir() -> PathBuf {
    std::env::temp_dir().join(format!("evenkeel-sql-{}", std::process::id()))
}
