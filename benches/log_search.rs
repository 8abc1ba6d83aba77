//! How fast log lines are found, in one process: with the index of the files and, as SQL, without.
//!
//! `log_search DIR [lines]` fills DIR with a day of service logs (`benches/size/service_logs.rs`) in day
//! files if it is empty, says what the index costs, and prints the median of several runs of each search.
//! Three lines have a word that no other line has.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use lake::log_index::LogIndex;
use lake::{Lake, LakeConfig, Table};
use parquet::file::metadata::ParquetMetaDataReader;
use query::logs::{LogFilter, LogQuery, LogSearch};
use query::{Engine, QueryConfig, QueryRole};
use telemetry::{Batch, LogRows, ManualClock, Timestamp};

#[path = "load/random.rs"]
mod random;
#[path = "size/service_logs.rs"]
mod service_logs;

use service_logs::{Extent, ServiceLogs, generate};

const DAY: Duration = Duration::from_secs(86_400);
const HOURS: usize = 24;
const RUNS: usize = 5;
const RARE: &str = "kumquat";

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|text| text != "--bench").collect();
    let Some(dir) = arguments.first() else {
        println!("usage: log_search DIR [lines]");
        return Ok(());
    };
    let lines: usize = arguments.get(1).map_or(Ok(10_000_000), |text| text.parse())?;
    let start = Timestamp::parse_rfc3339("2026-11-22T00:00:00Z")?;
    let clock = Arc::new(ManualClock::at(start.plus(3 * DAY)));
    let config =
        LakeConfig { dir: dir.into(), flush_interval: DAY, compact_interval: DAY, ..LakeConfig::default() };
    let is_new = !Path::new(dir).join("lake").exists();
    let lake = Lake::open(config, clock.clone()).await?;
    if is_new {
        fill(&lake, start, lines).await?;
    }
    describe(&lake).await?;
    let engine = Engine::open(lake.clone(), QueryConfig::default(), clock)?;
    measure(&engine, start).await?;
    lake.shutdown().await?;
    Ok(())
}

async fn fill(lake: &Lake, start: Timestamp, lines: usize) -> Result<(), Failure> {
    let (mut text_bytes, mut json, mut importing) = (0, 0, Duration::ZERO);
    for hour in 0..HOURS {
        let start_nanos = start.plus(hour as u32 * DAY / HOURS as u32).micros() * 1_000;
        let span_nanos = DAY.as_nanos() as i64 / HOURS as i64 * 19 / 20;
        let extent = Extent { lines: lines / HOURS, start_nanos, span_nanos, seed: hour as u64 + 1 };
        let ServiceLogs { mut records, json_bytes } = generate(extent);
        if [3, 11, 20].contains(&hour) {
            let middle = records.len() / 2;
            records[middle].body = format!("a {RARE} in hour {hour}").into();
        }
        json += json_bytes;
        text_bytes += records.iter().map(|record| record.body.len() as u64).sum::<u64>();
        let log_rows: LogRows = records.iter().collect();
        drop(records);
        let began = now();
        lake.import(Batch { log_rows, ..Batch::default() }).await?;
        importing += began.elapsed();
    }
    let began = now();
    lake.compact().await?;
    println!(
        "{lines} lines, {} MiB of text, {} MiB as JSON: imported in {:.1} s, merged in {:.1} s",
        text_bytes >> 20,
        json >> 20,
        importing.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn describe(lake: &Lake) -> Result<(), Failure> {
    let snapshot = lake.snapshot(Table::Logs).await?;
    let (mut file_bytes, mut index_bytes) = (0, 0);
    for file in snapshot.files.iter() {
        let location = snapshot.location(file)?;
        let path = snapshot.local_path(file)?.ok_or("the lake is on this disk")?;
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&File::open(path)?)?;
        let index = LogIndex::read(snapshot.store.as_ref(), &location, &metadata).await?;
        file_bytes += file.bytes;
        index_bytes += index.map_or(0, |index| index.bytes());
    }
    let rows = snapshot.rows() as f64;
    println!(
        "{} files, {:.2} bytes a line, {:.2} of them the index",
        snapshot.files.len(),
        file_bytes as f64 / rows,
        index_bytes as f64 / rows
    );
    Ok(())
}

async fn measure(engine: &Engine, start: Timestamp) -> Result<(), Failure> {
    let filter = |query: &str| -> Result<LogFilter, Failure> {
        Ok(LogFilter {
            from: start,
            to: start.plus(DAY),
            query: LogQuery::parse(query)?,
            ..LogFilter::default()
        })
    };
    for (name, query, limit) in [
        ("newest 100", "", 100),
        ("no hit", "nowhere0", 100),
        ("3 hits", RARE, 100),
        ("frequent, newest 100", "refreshed", 100),
        ("rare among frequent", "payment refused 8443", 100),
        ("phrase, newest 100", "\"timed out after\"", 100),
        ("prefix, no index", "kumq*", 100),
        ("attribute, no hit", "thread.name=worker-99", 100),
    ] {
        let search = LogSearch { filter: filter(query)?, limit, ..LogSearch::default() };
        let mut found = 0;
        let median = median(async || {
            found = engine.log_search(&search, QueryRole::Engine).await?.lines.len();
            Ok(())
        });
        println!("{:>9.1} ms  {name}: {query:?}, {found} lines", median.await?);
    }
    for (name, query) in [("histogram", ""), ("histogram", "refreshed"), ("histogram", RARE)] {
        let filter = filter(query)?;
        let median = median(async || {
            engine.log_histogram(&filter, QueryRole::Engine).await?;
            Ok(())
        });
        println!("{:>9.1} ms  {name}: {query:?}", median.await?);
    }
    let filter = filter("")?;
    let facets = median(async || {
        engine.log_facets(&filter, QueryRole::Engine).await?;
        Ok(())
    });
    println!("{:>9.1} ms  facets of all lines", facets.await?);
    for sql in [
        format!("SELECT count(*) FROM logs WHERE log_match(body, '{RARE}')"),
        format!("SELECT count(*) FROM logs WHERE body LIKE '%{RARE}%'"),
        format!("SELECT count(*) FROM logs WHERE strpos(lower(body), '{RARE}') > 0"),
        "SELECT count(*) FROM logs WHERE trace_id = '00000000000000000000000000000003'".to_owned(),
    ] {
        let median = median(async || {
            let mut rows = engine.sql(&sql, QueryRole::Engine).await?;
            while let Some(batch) = rows.stream.next().await {
                batch?;
            }
            Ok(())
        });
        println!("{:>9.1} ms  {sql}", median.await?);
    }
    Ok(())
}

/// Milliseconds.
async fn median(mut run: impl AsyncFnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut took = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let began = now();
        run().await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    Ok(took[RUNS / 2])
}

#[allow(clippy::disallowed_methods)] // measures durations
fn now() -> Instant {
    Instant::now()
}
