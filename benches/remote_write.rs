//! Remote write, acknowledged: Evenkeel beside VictoriaMetrics and Prometheus' receiver, the same bodies
//! in the same run over loopback.
//!
//! `cargo bench --bench remote_write` needs Debian's `prometheus` and `victoria-metrics` (`make
//! setup-test`), prints a table with the ratios, and writes the figures to
//! `benches/results/remote_write.json`. Two phases for each system: as fast as it answers, for samples per
//! second, processor time (with what is left to do for ten seconds after the last answer) and peak memory;
//! then an open loop at half of that rate, where requests leave
//! on time whether earlier ones are answered or not and a latency counts from the moment a request was
//! due. Evenkeel's answers are durable (fsync before the answer), those of the others are not. Bytes per
//! sample are those of the Parquet files of `metric_samples` after the last flush.
//!
//! `-- --series 200000 --samples 10000000 --senders 8 --latency-secs 20` change the load.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[path = "load/arguments.rs"]
mod arguments;
#[path = "load/process.rs"]
mod process;
#[path = "load/series.rs"]
mod series;

use arguments::number;
use process::{cpu_secs, rss_mib};
use series::{SAMPLES_PER_REQUEST, SCRAPE_INTERVAL_MS};

const TOKEN: &str = "a-token-for-the-benchmark";
/// What a system still has to do with the samples when it has acknowledged the last one (flush, merge)
/// counts as its processor time for so long: twice the flush interval that is set here.
const SETTLE: Duration = Duration::from_secs(10);

struct Load {
    series: usize,
    samples: usize,
    senders: usize,
    /// Length of the phase at half of the rate.
    latency_secs: usize,
}

/// One system's figures.
struct Figures {
    name: &'static str,
    samples_per_sec: f64,
    request_p50_ms: f64,
    request_p99_ms: f64,
    cpu_secs_per_million: f64,
    /// At half of the rate.
    ack_p50_ms: f64,
    ack_p99_ms: f64,
    /// Over both phases.
    peak_rss_mib: f64,
}

fn main() {
    let load = Load {
        series: number("--series", 200_000),
        samples: number("--samples", 10_000_000),
        senders: number("--senders", 8),
        latency_secs: number("--latency-secs", 20),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!(
        "{} samples of {} series in {} requests, {} senders, then {} s at half of the rate",
        load.samples,
        load.series,
        load.samples.div_ceil(load.series) * load.series.div_ceil(SAMPLES_PER_REQUEST),
        load.senders,
        load.latency_secs
    );

    let dir = scratch_dir();
    let ours = Evenkeel::start(&dir.join("evenkeel"));
    let evenkeel = runtime.block_on(measure("evenkeel (durable)", &ours.server, &load));
    let bytes_per_sample = ours.bytes_per_sample();
    drop(ours);
    let mut all = vec![evenkeel];
    type Start = fn(&Path) -> Server;
    let peers: [(&'static str, Start); 2] =
        [("victoria-metrics", victoria_metrics), ("prometheus", prometheus)];
    for (name, start) in peers {
        let server = start(&dir.join(name));
        all.push(runtime.block_on(measure(name, &server, &load)));
    }
    if let Err(error) = std::fs::remove_dir_all(&dir) {
        eprintln!("{} was not removed: {error}", dir.display());
    }

    print_table(&all);
    println!("evenkeel: {bytes_per_sample:.2} bytes per sample after flush");
    let [ours, peers @ ..] = all.as_slice() else { return };
    let ratios: serde_json::Map<String, serde_json::Value> =
        peers.iter().map(|peer| (peer.name.to_owned(), ratios(ours, peer))).collect();
    let figures: serde_json::Map<String, serde_json::Value> =
        all.iter().map(|figures| (figures.name.to_owned(), json(figures))).collect();
    let result = serde_json::json!({
        "series": load.series, "samples": load.samples, "senders": load.senders,
        "latency_secs": load.latency_secs, "optimised": !cfg!(debug_assertions),
        "systems": figures, "evenkeel_to": ratios,
        "evenkeel_bytes_per_sample_after_flush": bytes_per_sample,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results/remote_write.json");
    std::fs::write(path, format!("{result:#}\n")).expect("the result can be written");
}

fn print_table(all: &[Figures]) {
    println!(
        "\n{:<20}{:>12}{:>15}{:>11}{:>10}{:>10}{:>11}{:>11}",
        "", "samples/s", "CPU s/million", "peak MiB", "p50 ms", "p99 ms", "half: p50", "half: p99"
    );
    for it in all {
        println!(
            "{:<20}{:>12.0}{:>15.2}{:>11.0}{:>10.1}{:>10.1}{:>11.1}{:>11.1}",
            it.name,
            it.samples_per_sec,
            it.cpu_secs_per_million,
            it.peak_rss_mib,
            it.request_p50_ms,
            it.request_p99_ms,
            it.ack_p50_ms,
            it.ack_p99_ms
        );
    }
    for peer in &all[1..] {
        println!(
            "{:<20}{:>11.2}x{:>14.2}x{:>10.2}x",
            format!("to {}", peer.name),
            all[0].samples_per_sec / peer.samples_per_sec,
            all[0].cpu_secs_per_million / peer.cpu_secs_per_million,
            all[0].peak_rss_mib / peer.peak_rss_mib
        );
    }
}

fn ratios(ours: &Figures, peer: &Figures) -> serde_json::Value {
    serde_json::json!({
        "samples_per_sec": ours.samples_per_sec / peer.samples_per_sec,
        "cpu": ours.cpu_secs_per_million / peer.cpu_secs_per_million,
        "peak_rss": ours.peak_rss_mib / peer.peak_rss_mib,
    })
}

fn json(figures: &Figures) -> serde_json::Value {
    serde_json::json!({
        "samples_per_sec": figures.samples_per_sec.round(),
        "request_p50_ms": figures.request_p50_ms,
        "request_p99_ms": figures.request_p99_ms,
        "cpu_secs_per_million_samples": figures.cpu_secs_per_million,
        "half_rate_ack_p50_ms": figures.ack_p50_ms,
        "half_rate_ack_p99_ms": figures.ack_p99_ms,
        "peak_rss_mib": figures.peak_rss_mib.round(),
    })
}

/// Makes compressed request bodies: each is one point in time of a run of series, half of them counters,
/// half gauges that move in small steps.
struct Bodies {
    values: Vec<f64>,
    state: u64,
}

impl Bodies {
    fn new(series: usize) -> Bodies {
        Bodies { values: vec![0.0; series], state: 0x2545_f491_4f6c_dd1d }
    }

    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// One scrape of every series.
    fn round(&mut self, timestamp: i64) -> Vec<Vec<u8>> {
        let mut encoder = snap::raw::Encoder::new();
        let mut bodies = Vec::new();
        for first in (0..self.values.len()).step_by(SAMPLES_PER_REQUEST) {
            let chunk = first..self.values.len().min(first + SAMPLES_PER_REQUEST);
            let samples: Vec<(usize, f64)> = chunk.map(|at| (at, self.step(at))).collect();
            bodies.push(series::body(&mut encoder, samples.into_iter(), timestamp));
        }
        bodies
    }

    /// The next value of a series.
    fn step(&mut self, at: usize) -> f64 {
        let step = (self.random() % 100) as f64;
        self.values[at] += if series::is_counter(at) { step } else { step / 10.0 - 4.95 };
        self.values[at]
    }
}

/// Both phases. Real time ends the data, so that no receiver refuses it as too old or too new.
async fn measure(name: &'static str, server: &Server, load: &Load) -> Figures {
    let rounds = load.samples.div_ceil(load.series) as i64;
    let mut bodies = Bodies::new(load.series);
    // Room for the second phase.
    let mut timestamp = unix_ms() - (4 * rounds + 10) * SCRAPE_INTERVAL_MS;
    let mut all = Vec::new();
    for _ in 0..rounds {
        all.extend(bodies.round(timestamp));
        timestamp += SCRAPE_INTERVAL_MS;
    }
    let (sent, all) = (rounds as usize * load.series, Arc::new(all));
    let process = server.process.id().to_string();
    let (started, cpu_before) = (clock(), cpu_secs(&process));
    let mut fast = send_fast(server, &all, load.senders).await;
    let busy = started.elapsed();
    tokio::time::sleep(SETTLE).await;
    let cpu = cpu_secs(&process) - cpu_before;
    drop(all);
    let samples_per_sec = sent as f64 / busy.as_secs_f64();
    let mut slow = send_on_time(server, &mut bodies, timestamp, samples_per_sec / 2.0, load).await;
    Figures {
        name,
        samples_per_sec,
        request_p50_ms: quantile_ms(&mut fast, 0.5),
        request_p99_ms: quantile_ms(&mut fast, 0.99),
        cpu_secs_per_million: cpu / sent as f64 * 1e6,
        ack_p50_ms: quantile_ms(&mut slow, 0.5),
        ack_p99_ms: quantile_ms(&mut slow, 0.99),
        peak_rss_mib: rss_mib(&process, "VmHWM:"),
    }
}

fn quantile_ms(latencies: &mut [Duration], q: f64) -> f64 {
    latencies.sort();
    latencies[((latencies.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3
}

/// Sends every body once, each sender the next one as soon as it has an answer.
async fn send_fast(server: &Server, bodies: &Arc<Vec<Vec<u8>>>, senders: usize) -> Vec<Duration> {
    let next = Arc::new(AtomicU64::new(0));
    let sender = || {
        let (next, bodies, client) = (next.clone(), bodies.clone(), server.client.clone());
        async move {
            let mut latencies = Vec::new();
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                let sent = clock();
                client.send(body).await;
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

/// Sends requests when they are due, at a rate in samples per second. A latency counts from then on.
async fn send_on_time(
    server: &Server,
    bodies: &mut Bodies,
    mut timestamp: i64,
    samples_per_sec: f64,
    load: &Load,
) -> Vec<Duration> {
    let period = Duration::from_secs_f64(SAMPLES_PER_REQUEST as f64 / samples_per_sec);
    let requests = (load.latency_secs as f64 / period.as_secs_f64()).ceil() as usize;
    let mut ready = Vec::with_capacity(requests);
    while ready.len() < requests {
        ready.extend(bodies.round(timestamp));
        timestamp += SCRAPE_INTERVAL_MS;
    }
    ready.truncate(requests);
    let started = tokio::time::Instant::now();
    let mut tasks = Vec::with_capacity(requests);
    for (at, body) in (0_u32..).zip(ready) {
        let due = started + period * at;
        tokio::time::sleep_until(due).await;
        let client = server.client.clone();
        tasks.push(tokio::spawn(async move {
            client.send(&body).await;
            due.elapsed()
        }));
    }
    let mut latencies = Vec::with_capacity(requests);
    for task in tasks {
        latencies.push(task.await.expect("a request ends"));
    }
    latencies
}

/// Where and how requests go.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<&'static str>,
}

impl Client {
    fn new(url: String, token: Option<&'static str>) -> Client {
        Client { http: reqwest::Client::new(), url, token }
    }

    /// Until it is taken: an overloaded server is asked again after a pause.
    async fn send(&self, body: &[u8]) {
        loop {
            let mut request = self
                .http
                .post(&self.url)
                .header("content-type", "application/x-protobuf")
                .header("content-encoding", "snappy")
                .header("x-prometheus-remote-write-version", "0.1.0")
                .body(body.to_vec());
            if let Some(token) = self.token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.expect("the server answers");
            let status = answer.status();
            if status.is_success() {
                return;
            }
            assert!(
                status.as_u16() == 429 || status.is_server_error(),
                "{status}: {}",
                answer.text().await.unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A system under load.
struct Server {
    process: Process,
    client: Client,
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
    server: Server,
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
        let client = Client::new(format!("{base}/prometheus/api/v1/write"), Some(TOKEN));
        Evenkeel {
            server: Server { process: Process(child), client },
            tables: dir.join("lake/metric_samples"),
        }
    }

    /// Waits until the table stops growing.
    fn bytes_per_sample(&self) -> f64 {
        let mut before = (0, 0);
        let mut same = 0;
        while same < 8 {
            std::thread::park_timeout(Duration::from_secs(1));
            let now = self.active();
            same = if now == before && now.0 > 0 { same + 1 } else { 0 };
            before = now;
        }
        before.0 as f64 / before.1 as f64
    }

    /// Bytes and rows of the table's files, as the commits say.
    fn active(&self) -> (i64, i64) {
        let mut files = HashMap::new();
        let entries = std::fs::read_dir(self.tables.join("_delta_log")).into_iter().flatten().flatten();
        let mut commits: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        commits.sort();
        for commit in commits {
            let text = std::fs::read_to_string(commit).unwrap_or_default();
            for action in text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            {
                let path =
                    |action: &serde_json::Value| action["path"].as_str().unwrap_or_default().to_owned();
                if action["add"].is_object() {
                    let add = &action["add"];
                    let stats =
                        serde_json::from_str::<serde_json::Value>(add["stats"].as_str().unwrap_or("{}"));
                    let rows = stats.ok().and_then(|stats| stats["numRecords"].as_i64()).unwrap_or_default();
                    files.insert(path(add), (add["size"].as_i64().unwrap_or_default(), rows));
                }
                files.remove(&path(&action["remove"]));
            }
        }
        files.values().fold((0, 0), |sum, file| (sum.0 + file.0, sum.1 + file.1))
    }
}

fn prometheus(dir: &Path) -> Server {
    std::fs::create_dir_all(dir).expect("a directory");
    let config = dir.join("prometheus.yml");
    std::fs::write(&config, "storage: {tsdb: {out_of_order_time_window: 1d}}\n").expect("a file");
    let port = free_port();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--web.enable-remote-write-receiver", "--log.level=error"]);
    peer(command, port)
}

fn victoria_metrics(dir: &Path) -> Server {
    std::fs::create_dir_all(dir).expect("a directory");
    let port = free_port();
    let mut command = Command::new("victoria-metrics");
    command
        .arg(format!("-storageDataPath={}", dir.join("data").display()))
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .args(["-loggerLevel=ERROR", "-retentionPeriod=1"]);
    peer(command, port)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.expect("a free port").port()
}

/// Both take remote write at the same path.
fn peer(mut command: Command, port: u16) -> Server {
    let process = Process(command.spawn().expect("the peer is installed (make setup-test)"));
    let deadline = clock();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(deadline.elapsed() < Duration::from_secs(30), "the peer does not listen");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Server { process, client: Client::new(format!("http://127.0.0.1:{port}/api/v1/write"), None) }
}

fn scratch_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("evenkeel-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
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
