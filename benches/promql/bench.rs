//! PromQL over HTTP: Evenkeel beside VictoriaMetrics and Prometheus, same data, same requests, same run.
//!
//! `cargo bench --bench promql` needs Debian's `prometheus` and `victoria-metrics` (`make setup-test`),
//! about 5 GB of disk and three quarters of an hour. It prints tables with the ratios and writes the figures to
//! `benches/results/promql.json`; it fails when servers disagree.
//!
//! The data: 4,000 hosts with the ten CPU gauges of TSBS' devops set, over 24 hours at 15 s, which is
//! 230 million samples; in addition a counter of requests for each host and a classic histogram on every
//! tenth, 48,800 series in all (`benches/load/hosts.rs`). They end at a midnight a day ago and go to
//! every server in the same remote write bodies; then each merges what it merges: Evenkeel into day
//! files, VictoriaMetrics into one part, Prometheus into blocks, with the last hours in its head.
//!
//! The queries (`queries/`): TSBS' set over random hosts and windows, and what dashboards send. All
//! servers run as they come out of the box, on the same machine, and are asked one after the other: a
//! request to warm up, then `--rounds 10` others, or as many as end within `--query-secs 20`, three at
//! least. A latency ends with the last byte of the answer. VictoriaMetrics is told not to answer from
//! results of earlier requests (`nocache=1`), which the others do not keep either. Answers of two rounds
//! are compared point by point. Last, fifty people at once (`--people 50`) ask for panels of dashboards
//! for `--crowd-secs 30`, one server after the other.
//!
//! `-- --hosts 400 --hours 6` takes less data, `--keep DIR` loads once and uses it again, `--only NAME`
//! asks only queries whose names contain it, nothing at once, and writes no figures; `--senders 4` load.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value, json};

mod alone;
mod answers;
#[path = "../load/arguments.rs"]
mod arguments;
#[path = "../load/client.rs"]
mod client;
mod crowd;
mod data;
mod draw;
#[path = "../load/evenkeel.rs"]
mod evenkeel;
#[path = "../load/hosts.rs"]
mod hosts;
#[path = "../load/latencies.rs"]
mod latencies;
#[path = "../load/peers.rs"]
mod peers;
#[path = "../load/process.rs"]
mod process;
mod queries;
#[path = "../load/random.rs"]
mod random;
mod report;
mod request;
mod servers;
#[path = "../load/wire.rs"]
mod wire;

use alone::{Effort, Row};
use arguments::{argument, number};
use crowd::Crowd;
use data::Data;
use servers::{Kind, Server};

fn main() -> ExitCode {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let kept = argument("--keep").map(PathBuf::from);
    let dir = kept.clone().unwrap_or_else(scratch_dir);
    let data = Data::kept(&dir, unix_ms(), number("--hosts", 4_000), number("--hours", 24));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let agree = runtime.block_on(run(data, &dir));
    if kept.is_none()
        && let Err(error) = std::fs::remove_dir_all(&dir)
    {
        eprintln!("{} was not removed: {error}", dir.display());
    }
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the servers agree.
async fn run(data: Data, dir: &Path) -> bool {
    println!(
        "{} hosts, {} h: {} samples of {} series",
        data.hosts,
        data.hours,
        data.samples(),
        data.series()
    );
    let loaded = load(&data, dir).await;
    let mut servers = Vec::new();
    for kind in Kind::ALL {
        servers.push(Server::start(kind, dir).await);
    }
    let effort =
        Effort { rounds: number("--rounds", 10), per_query: Duration::from_secs(number("--query-secs", 20)) };
    let only = argument("--only");
    let mut rows = Vec::new();
    report::print_head();
    for query in queries::all().filter(|query| only.as_ref().is_none_or(|part| query.name.contains(part))) {
        let row = alone::measure(query, &servers, &data, effort).await;
        report::print_row(&row);
        rows.push(row);
    }
    report::print_summary(&rows);
    if only.is_none() {
        let people = number("--people", 50);
        let length = Duration::from_secs(number("--crowd-secs", 30));
        let mut crowds = Vec::new();
        for server in servers {
            crowds.push(crowd::measure(server, data, people, length).await);
        }
        report::print_crowd(people, &crowds);
        write_result(&data, loaded, &rows, people, &crowds);
    }
    rows.iter().all(|row| row.differences.is_empty())
}

/// Brings the data into each server. What that took and what is on the disk, by server.
async fn load(data: &Data, dir: &Path) -> Map<String, Value> {
    let senders = number("--senders", 4);
    let mut all = Map::new();
    for kind in Kind::ALL {
        let loading = servers::fill(kind, dir, data, senders).await;
        let disk_bytes = servers::disk_bytes(kind, dir);
        let mut figures = json!({"disk_bytes": disk_bytes});
        let mut times = "loaded before".to_owned();
        if let Some(loading) = loading {
            figures["sent_secs"] = json!(loading.sent.as_secs_f64());
            figures["merged_secs"] = json!(loading.merged.as_secs_f64());
            times = format!("sent in {:.0?}, merged after {:.0?}", loading.sent, loading.merged);
        }
        println!("{:<18}{times}, {} MB on the disk", kind.name(), disk_bytes / 1_000_000);
        all.insert(kind.name().to_owned(), figures);
    }
    all
}

fn write_result(data: &Data, loaded: Map<String, Value>, rows: &[Row], people: usize, crowds: &[Crowd]) {
    let queries: Map<String, Value> = rows.iter().map(|row| (row.name.to_owned(), row.json())).collect();
    let crowd: Map<String, Value> =
        crowds.iter().map(|crowd| (crowd.kind.name().to_owned(), crowd.json())).collect();
    let result = json!({
        "hosts": data.hosts, "hours": data.hours, "samples": data.samples(), "series": data.series(),
        "optimised": !cfg!(debug_assertions), "loaded": loaded, "queries": queries,
        "people": people, "crowd": crowd,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results/promql.json");
    std::fs::write(path, format!("{result:#}\n")).expect("the result can be written");
}

fn scratch_dir() -> PathBuf {
    std::env::temp_dir().join(format!("evenkeel-promql-{}", std::process::id()))
}

#[allow(clippy::disallowed_methods)] // the data has to be of the last days
fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
