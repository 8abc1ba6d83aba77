//! OTLP logs, acknowledged durably: how much text one core of the server takes, and what is left of it on
//! disk.
//!
//! `cargo bench --bench logs` starts the release binary, sends it OTLP/HTTP protobuf bodies over loopback,
//! each of `--records 1500` repetitive service logs (`benches/size/service_logs.rs`) together by resource,
//! from `--senders 4` that send the next as soon as they have an answer, and writes the figures to
//! `benches/results/logs.json`. `--lines 2000000` says how many. Bodies are made before the clock starts.
//!
//! The same logs come in two shapes, each to a server of its own (see [`Shape`]): as lines of files, where
//! raw text is the lines; and as records of an SDK, where raw text is `body` alone, without the time,
//! severity, ids and attributes that stand beside it. For both, the size of the records as JSON lines with
//! their resource is told too. No share of raw text is ever of our own making.
//!
//! Processor time is that of the server, with what is left to do for ten seconds after the last answer.
//! The records' hour is over, so that a second start of the server may merge it: that is not part of the
//! processor time above.
//!
//! No peer runs here: VictoriaLogs and Loki are in no registry that `make setup-test` installs from, and
//! the log stores that are there (ClickHouse 18.16, rsyslog) take no OTLP.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[path = "load/arguments.rs"]
mod arguments;
#[path = "load/evenkeel.rs"]
mod evenkeel;
#[path = "load/latencies.rs"]
mod latencies;
#[path = "load/otlp_logs.rs"]
mod otlp_logs;
#[path = "load/process.rs"]
mod process;
#[path = "load/random.rs"]
mod random;
#[path = "size/service_logs.rs"]
mod service_logs;

use arguments::number;
use evenkeel::{Evenkeel, TableSize, table_size};
use latencies::{clock, quantile_ms};
use otlp_logs::OF_THE_RECORD;
use process::{cpu_secs, rss_mib};
use service_logs::Extent;
use telemetry::LogRecord;

const TOKEN: &str = "a-token-for-the-benchmark";
/// What the server still has to do when it has acknowledged the last record counts as its processor
/// time for so long: twice the flush interval that is set here.
const SETTLE: Duration = Duration::from_secs(10);
/// Nothing is merged while the server is under load ...
const LOAD_CONFIG: &str = "lake: {flush_interval: 5s, compact_interval: 1d}\n";
/// ... and all of it afterwards.
const MERGE_CONFIG: &str = "lake: {flush_interval: 5s, compact_interval: 1s}\n";
/// How long a merge may take.
const MERGE_SECS_MAX: usize = 600;
const HOUR_SECS: i64 = 3_600;
/// Records are made in portions, which bounds the memory that they take before they are bodies.
const PORTION_LINES: usize = 100_000;

/// Who sends the logs.
#[derive(Clone, Copy)]
enum Shape {
    /// A shipper that follows files and takes nothing apart: `body` is the line as the service wrote it,
    /// with time, level, ids and message, and the resource stands beside it.
    Lines,
    /// An SDK: `body` is the message, and the rest are fields of their own.
    Records,
}

struct Bodies {
    requests: Vec<Arc<[u8]>>,
    lines: usize,
    text_bytes: u64,
    json_bytes: u64,
}

struct Figures {
    secs: f64,
    cpu_secs: f64,
    peak_rss_mib: f64,
    ack_p50_ms: f64,
    ack_p99_ms: f64,
    flushed: TableSize,
    merged: TableSize,
    merge_cpu_secs: f64,
}

fn main() {
    let senders = number("--senders", 4);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let lines = runtime.block_on(run(Shape::Lines, senders));
    let records = runtime.block_on(run(Shape::Records, senders));
    let result = serde_json::json!({"lines": lines, "records": records});
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results/logs.json");
    std::fs::write(path, format!("{result:#}\n")).expect("the result can be written");
}

/// One shape, on a server of its own.
async fn run(shape: Shape, senders: usize) -> serde_json::Value {
    let bodies = Arc::new(make_bodies(shape, number("--lines", 2_000_000), number("--records", 1_500)));
    let text_mb = bodies.text_bytes as f64 / 1e6;
    println!(
        "{} {}, {text_mb:.0} MB of text ({:.0} MB as JSON lines, {:.0} MB as OTLP) in {} requests, {senders} senders",
        bodies.lines,
        shape.name(),
        bodies.json_bytes as f64 / 1e6,
        bodies.requests.iter().map(|body| body.len()).sum::<usize>() as f64 / 1e6,
        bodies.requests.len(),
    );
    let dir = scratch_dir();
    let figures = measure(&bodies, senders, &dir).await;
    if let Err(error) = std::fs::remove_dir_all(&dir) {
        eprintln!("{} was not removed: {error}", dir.display());
    }
    let result = json(&bodies, &figures, senders);
    print_table(&result);
    result
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Shape::Lines => "lines",
            Shape::Records => "records",
        }
    }

    fn of(self, record: LogRecord) -> LogRecord {
        match self {
            Shape::Records => record,
            Shape::Lines => LogRecord {
                body: written_line(&record).into(),
                severity: None,
                trace_id: None,
                span_id: None,
                attrs: record.attrs.into_iter().filter(|(name, _)| name.as_ref() != OF_THE_RECORD).collect(),
                ..record
            },
        }
    }
}

/// What the service writes to its file: where it runs, only its shipper knows.
fn written_line(record: &LogRecord) -> String {
    let thread = record.attrs.iter().find(|(name, _)| name.as_ref() == OF_THE_RECORD);
    serde_json::json!({
        "timestamp": record.ts.to_string(),
        "level": record.severity,
        "thread": thread.map(|(_, value)| value),
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "message": record.body,
    })
    .to_string()
}

/// The last hour that counts as closed holds all records.
fn make_bodies(shape: Shape, lines: usize, records_per_request: usize) -> Bodies {
    let start_secs = (unix_secs() / HOUR_SECS - 2) * HOUR_SECS;
    let portions = lines.div_ceil(PORTION_LINES).max(1);
    // A portion ends near its span, not exactly there.
    let span_nanos = HOUR_SECS * 1_000_000_000 * 9 / 10 / portions as i64;
    let mut bodies = Bodies { requests: Vec::new(), lines: 0, text_bytes: 0, json_bytes: 0 };
    for portion in 0..portions {
        let logs = service_logs::generate(Extent {
            lines: PORTION_LINES.min(lines - portion * PORTION_LINES),
            start_nanos: start_secs * 1_000_000_000 + portion as i64 * span_nanos,
            span_nanos,
            seed: 0x9e37_79b9_7f4a_7c15 ^ (portion as u64) << 32,
        });
        bodies.lines += logs.records.len();
        bodies.json_bytes += logs.json_bytes;
        let records: Vec<LogRecord> = logs.records.into_iter().map(|record| shape.of(record)).collect();
        bodies.text_bytes += records.iter().map(|record| record.body.len() as u64).sum::<u64>();
        let requests = records.chunks(records_per_request).map(|records| otlp_logs::body(records).into());
        bodies.requests.extend(requests);
    }
    bodies
}

async fn measure(bodies: &Arc<Bodies>, senders: usize, dir: &Path) -> Figures {
    let table = dir.join("lake/logs");
    let server = Evenkeel::start(dir, LOAD_CONFIG, TOKEN, &[]);
    let process = server.id();
    let (started, cpu_before) = (clock(), cpu_secs(&process));
    let mut latencies = send(bodies, senders, &server.base).await;
    let secs = started.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let cpu = cpu_secs(&process) - cpu_before;
    let flushed = table_size(&table);
    assert_eq!(flushed.rows, bodies.lines as i64, "every record is in a file");
    let peak_rss_mib = rss_mib(&process, "VmHWM:");
    drop(server);

    let server = Evenkeel::start(dir, MERGE_CONFIG, TOKEN, &[]);
    let process = server.id();
    let mut merged = table_size(&table);
    for _ in 0..MERGE_SECS_MAX {
        if merged.flush_files == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        merged = table_size(&table);
    }
    assert_eq!((merged.rows, merged.flush_files), (bodies.lines as i64, 0), "the hour is merged");
    latencies.sort();
    Figures {
        secs,
        cpu_secs: cpu,
        peak_rss_mib,
        ack_p50_ms: quantile_ms(&latencies, 0.5),
        ack_p99_ms: quantile_ms(&latencies, 0.99),
        flushed,
        merged,
        merge_cpu_secs: cpu_secs(&process),
    }
}

/// Sends every body once, each sender the next one as soon as it has an answer. How long each took.
async fn send(bodies: &Arc<Bodies>, senders: usize, base: &str) -> Vec<Duration> {
    let (next, client) = (Arc::new(AtomicUsize::new(0)), reqwest::Client::new());
    let sender = || {
        let (next, bodies, client) = (next.clone(), bodies.clone(), client.clone());
        let url = format!("{base}/v1/logs");
        async move {
            let mut latencies = Vec::new();
            while let Some(body) = bodies.requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = clock();
                post(&client, &url, body).await;
                latencies.push(sent.elapsed());
            }
            latencies
        }
    };
    let tasks: Vec<_> = (0..senders).map(|_| tokio::spawn(sender())).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("a sender ends"));
    }
    latencies
}

/// Until it is taken: an overloaded server is asked again after a pause.
async fn post(client: &reqwest::Client, url: &str, body: &[u8]) {
    loop {
        let request = client.post(url).bearer_auth(TOKEN).header("content-type", "application/x-protobuf");
        let answer = request.body(body.to_vec()).send().await.expect("the server answers");
        let status = answer.status();
        let said = answer.bytes().await.expect("an answer is whole");
        if status.is_success() {
            assert!(said.is_empty(), "no record is refused: {}", String::from_utf8_lossy(&said));
            return;
        }
        let is_temporary = status.as_u16() == 429 || status.is_server_error();
        assert!(is_temporary, "{status}: {}", String::from_utf8_lossy(&said));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn json(bodies: &Bodies, figures: &Figures, senders: usize) -> serde_json::Value {
    let (text, json_lines) = (bodies.text_bytes as f64, bodies.json_bytes as f64);
    let share = |size: TableSize, of: f64| size.bytes as f64 / of;
    serde_json::json!({
        "records": bodies.lines,
        "text_bytes": bodies.text_bytes,
        "json_line_bytes": bodies.json_bytes,
        "senders": senders,
        "optimised": !cfg!(debug_assertions),
        "text_mb_per_sec": text / 1e6 / figures.secs,
        "records_per_sec": bodies.lines as f64 / figures.secs,
        "cpu_secs_per_text_gb": figures.cpu_secs / text * 1e9,
        "text_mb_per_cpu_sec": text / 1e6 / figures.cpu_secs,
        "json_line_mb_per_cpu_sec": json_lines / 1e6 / figures.cpu_secs,
        "cpu_micros_per_record": figures.cpu_secs * 1e6 / bodies.lines as f64,
        "peak_rss_mib": figures.peak_rss_mib.round(),
        "ack_p50_ms": figures.ack_p50_ms,
        "ack_p99_ms": figures.ack_p99_ms,
        "flushed_share_of_text": share(figures.flushed, text),
        "flushed_share_of_json_lines": share(figures.flushed, json_lines),
        "merged_share_of_text": share(figures.merged, text),
        "merged_share_of_json_lines": share(figures.merged, json_lines),
        "merge_cpu_secs_per_text_gb": figures.merge_cpu_secs / text * 1e9,
    })
}

fn print_table(result: &serde_json::Value) {
    for (name, value) in result.as_object().into_iter().flatten() {
        match value.as_f64().filter(|_| !value.is_u64()) {
            Some(number) => println!("{name:<32}{number:>16.3}"),
            None => println!("{name:<32}{:>16}", value.to_string()),
        }
    }
}

fn scratch_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("evenkeel-logs-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
}

#[allow(clippy::disallowed_methods)] // the records have to be of an hour that is just over
fn unix_secs() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}
