//! Remote write, acknowledged: Evenkeel beside Prometheus' receiver, same bodies, same run, loopback.
//!
//! `cargo bench --bench remote_write` needs Debian's `prometheus` (`make setup-test`) and prints a
//! table with the ratio; the figures go to `benches/results/remote_write.json`. Evenkeel's answers
//! are durable (fsync before the answer), Prometheus' are not. Bytes per sample are those of the
//! Parquet files of `metric_samples` after the last flush.
//!
//! `-- --series 10000 --samples 5000000 --senders 4` change the load.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prost::Message;

const TOKEN: &str = "a-token-for-the-benchmark";
/// What a scrape of one host sends, and about what Prometheus puts into a request.
const SAMPLES_PER_REQUEST: usize = 2_000;
const SCRAPE_INTERVAL_MS: i64 = 15_000;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

struct Load {
    series: usize,
    samples: usize,
    senders: usize,
}

/// One system's figures.
struct Figures {
    samples_per_sec: f64,
    request_p50_ms: f64,
    request_p99_ms: f64,
    peak_rss_mib: f64,
    cpu_secs_per_million: f64,
}

fn main() {
    let load = Load {
        series: argument("--series", 10_000),
        samples: argument("--samples", 5_000_000),
        senders: argument("--senders", 4),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // Real time ends the data, so that no receiver refuses it as too old or too new.
    let end_ms = unix_ms();
    let bodies = Arc::new(bodies(&load, end_ms));
    println!(
        "{} samples of {} series in {} requests, {} senders",
        load.samples,
        load.series,
        bodies.len(),
        load.senders
    );

    let dir = scratch_dir();
    let ours = Evenkeel::start(&dir.join("evenkeel"));
    let evenkeel =
        runtime.block_on(send(&ours.write_url, Some(TOKEN), &bodies, load.senders, ours.process.id()));
    let bytes_per_sample = ours.bytes_per_sample(load.samples);
    drop(ours);
    let peer = Prometheus::start(&dir.join("prometheus"));
    let prometheus = runtime.block_on(send(&peer.write_url, None, &bodies, load.senders, peer.process.id()));
    drop(peer);
    if let Err(error) = std::fs::remove_dir_all(&dir) {
        eprintln!("{} was not removed: {error}", dir.display());
    }

    println!(
        "\n{:<22}{:>16}{:>10}{:>10}{:>12}{:>16}",
        "", "samples/s", "p50 ms", "p99 ms", "peak MiB", "CPU s/million"
    );
    for (name, figures) in [("evenkeel (durable)", &evenkeel), ("prometheus", &prometheus)] {
        println!(
            "{name:<22}{:>16.0}{:>10.1}{:>10.1}{:>12.0}{:>16.2}",
            figures.samples_per_sec,
            figures.request_p50_ms,
            figures.request_p99_ms,
            figures.peak_rss_mib,
            figures.cpu_secs_per_million
        );
    }
    println!("{:<22}{:>15.2}x", "ratio", evenkeel.samples_per_sec / prometheus.samples_per_sec);
    println!("evenkeel: {bytes_per_sample:.2} bytes per sample after flush");
    let result = serde_json::json!({
        "series": load.series, "samples": load.samples, "senders": load.senders,
        "optimised": !cfg!(debug_assertions),
        "evenkeel": json(&evenkeel), "prometheus": json(&prometheus),
        "ratio_samples_per_sec": evenkeel.samples_per_sec / prometheus.samples_per_sec,
        "evenkeel_bytes_per_sample_after_flush": bytes_per_sample,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results/remote_write.json");
    std::fs::write(path, format!("{result:#}\n")).expect("the result can be written");
}

fn json(figures: &Figures) -> serde_json::Value {
    serde_json::json!({
        "samples_per_sec": figures.samples_per_sec.round(),
        "request_p50_ms": figures.request_p50_ms,
        "request_p99_ms": figures.request_p99_ms,
        "peak_rss_mib": figures.peak_rss_mib.round(),
        "cpu_secs_per_million_samples": figures.cpu_secs_per_million,
    })
}

fn argument(name: &str, default: usize) -> usize {
    let mut args = std::env::args();
    args.find(|arg| arg == name)
        .and_then(|_| args.next())
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// The load as compressed request bodies: each request is one point in time of a run of series, half
/// of them counters, half gauges that move in small steps.
fn bodies(load: &Load, end_ms: i64) -> Vec<Vec<u8>> {
    let rounds = load.samples.div_ceil(load.series);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut values = vec![0.0_f64; load.series];
    let mut bodies = Vec::new();
    let mut encoder = snap::raw::Encoder::new();
    for round in 0..rounds {
        let timestamp = end_ms - (rounds - round) as i64 * SCRAPE_INTERVAL_MS;
        for chunk in (0..load.series).collect::<Vec<_>>().chunks(SAMPLES_PER_REQUEST) {
            let timeseries = chunk
                .iter()
                .map(|&at| {
                    let step = random() % 100;
                    values[at] += if at.is_multiple_of(2) { step as f64 } else { step as f64 / 10.0 - 4.95 };
                    TimeSeries {
                        labels: labels_of(at),
                        samples: vec![Sample { value: values[at], timestamp }],
                    }
                })
                .collect();
            let body = WriteRequest { timeseries }.encode_to_vec();
            bodies.push(encoder.compress_vec(&body).expect("a body can be compressed"));
        }
    }
    bodies
}

fn labels_of(series: usize) -> Vec<Label> {
    let label = |name: &str, value: String| Label { name: name.to_owned(), value };
    let kind = if series.is_multiple_of(2) { "total" } else { "bytes" };
    vec![
        label("__name__", format!("node_metric_{}_{kind}", series % 100)),
        label("device", format!("device-{}", series / 100 % 10)),
        label("instance", format!("host-{}.example:9100", series / 1_000)),
        label("job", "node".to_owned()),
    ]
}

/// Sends every body once, in order per sender; an answer other than 2xx is repeated after a pause.
async fn send(
    url: &str,
    token: Option<&str>,
    bodies: &Arc<Vec<Vec<u8>>>,
    senders: usize,
    pid: u32,
) -> Figures {
    let next = Arc::new(AtomicU64::new(0));
    let http = reqwest::Client::new();
    let started = clock();
    let cpu_before = cpu_secs(pid);
    let mut tasks = Vec::new();
    for _ in 0..senders {
        let (next, bodies, http, url) = (next.clone(), bodies.clone(), http.clone(), url.to_owned());
        let token = token.map(str::to_owned);
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                loop {
                    let sent = clock();
                    let mut request = http
                        .post(&url)
                        .header("content-type", "application/x-protobuf")
                        .header("content-encoding", "snappy")
                        .header("x-prometheus-remote-write-version", "0.1.0")
                        .body(body.clone());
                    if let Some(token) = &token {
                        request = request.bearer_auth(token);
                    }
                    let answer = request.send().await.expect("the server answers");
                    let status = answer.status();
                    if status.is_success() {
                        latencies.push(sent.elapsed());
                        break;
                    }
                    assert!(
                        status.as_u16() == 429 || status.is_server_error(),
                        "{status}: {}",
                        answer.text().await.unwrap_or_default()
                    );
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            latencies
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("a sender ends"));
    }
    let took = started.elapsed().as_secs_f64();
    latencies.sort();
    let quantile = |q: f64| latencies[((latencies.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    let samples = (bodies.len() * SAMPLES_PER_REQUEST) as f64;
    Figures {
        samples_per_sec: samples / took,
        request_p50_ms: quantile(0.5),
        request_p99_ms: quantile(0.99),
        peak_rss_mib: peak_rss_mib(pid),
        cpu_secs_per_million: (cpu_secs(pid) - cpu_before) / samples * 1e6,
    }
}

/// A child that is ended when it goes out of scope.
struct Process(Child);

impl Process {
    fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

struct Evenkeel {
    process: Process,
    write_url: String,
    tables: PathBuf,
}

impl Evenkeel {
    fn start(dir: &Path) -> Evenkeel {
        std::fs::create_dir_all(dir).expect("a directory");
        let config = dir.join("evenkeel.yaml");
        std::fs::write(&config, "lake: {flush_interval: 5s}\n").expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args([
                "serve",
                "--http-listen",
                "127.0.0.1:0",
                "--otlp-http-listen",
                "off",
                "--otlp-grpc-listen",
                "off",
                "--postgres-listen",
                "off",
            ])
            .arg("--config")
            .arg(&config)
            .arg("--data-dir")
            .arg(dir)
            .env("EVENKEEL_ADMIN_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .spawn()
            .expect("evenkeel starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let base = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening: HTTP on ").map(str::to_owned))
            .expect("evenkeel says where it listens");
        Evenkeel {
            process: Process(child),
            write_url: format!("{base}/prometheus/api/v1/write"),
            tables: dir.join("lake/metric_samples"),
        }
    }

    /// Waits until the files of the table stop growing.
    fn bytes_per_sample(&self, samples: usize) -> f64 {
        let mut before = 0;
        let mut same = 0;
        while same < 8 {
            std::thread::park_timeout(Duration::from_secs(1));
            let bytes = parquet_bytes(&self.tables);
            same = if bytes == before && bytes > 0 { same + 1 } else { 0 };
            before = bytes;
        }
        before as f64 / samples as f64
    }
}

fn parquet_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => parquet_bytes(&entry.path()),
            Ok(_) if entry.path().extension().is_some_and(|extension| extension == "parquet") => {
                entry.metadata().map_or(0, |m| m.len())
            }
            _ => 0,
        })
        .sum()
}

struct Prometheus {
    process: Process,
    write_url: String,
}

impl Prometheus {
    fn start(dir: &Path) -> Prometheus {
        std::fs::create_dir_all(dir).expect("a directory");
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, "storage: {tsdb: {out_of_order_time_window: 1d}}\n").expect("a file");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--web.enable-remote-write-receiver", "--log.level=error"])
            .spawn()
            .expect("prometheus is installed (make setup-test)");
        let deadline = clock();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(deadline.elapsed() < Duration::from_secs(30), "prometheus does not listen");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Prometheus { process: Process(child), write_url: format!("http://127.0.0.1:{port}/api/v1/write") }
    }
}

fn scratch_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("evenkeel-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
}

/// User and system time of a process.
fn cpu_secs(pid: u32) -> f64 {
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // The state is no number, so utime and stime are the 10th and 11th that are left.
    fields.get(10).zip(fields.get(11)).map_or(0.0, |(user, system)| (user + system) / TICKS_PER_SEC)
}

fn peak_rss_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

#[allow(clippy::disallowed_methods)] // measures durations
fn clock() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods)] // the data has to end now
fn unix_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
