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

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[path = "../load/arguments.rs"]
mod arguments;
#[path = "../load/client.rs"]
mod client;
#[path = "../load/evenkeel.rs"]
mod evenkeel;
mod figures;
#[path = "../load/latencies.rs"]
mod latencies;
#[path = "../load/peers.rs"]
mod peers;
#[path = "../load/process.rs"]
mod process;
#[path = "../load/rounds.rs"]
mod rounds;
#[path = "../load/senders.rs"]
mod senders;
#[path = "../load/series.rs"]
mod series;

use arguments::number;
use client::Client;
use evenkeel::{Evenkeel, TableSize, table_size};
use figures::{Figures, print_table};
use latencies::{clock, quantile_ms};
use process::{cpu_secs, rss_mib};
use rounds::Rounds;
use senders::{Answers, Bodies, send_fast, send_on_time};
use series::{SAMPLES_PER_REQUEST, SCRAPE_INTERVAL_MS};

const TOKEN: &str = "a-token-for-the-benchmark";
/// Senders overtake each other.
const PROMETHEUS_SETTINGS: &str = "storage: {tsdb: {out_of_order_time_window: 1d}}\n";
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
    let ours = Evenkeel::start(&dir.join("evenkeel"), "lake: {flush_interval: 5s}\n", TOKEN, &[]);
    let client = Client::new(format!("{}/prometheus/api/v1/write", ours.base), Some(TOKEN));
    let mut all = vec![runtime.block_on(measure("evenkeel (durable)", &ours.id(), &client, &load))];
    let flushed = settled_size(&dir.join("evenkeel/lake/metric_samples"));
    let bytes_per_sample = flushed.bytes as f64 / flushed.rows as f64;
    drop(ours);
    type Start = fn(&Path) -> peers::Peer;
    let peers: [(&'static str, Start); 2] = [
        ("victoria-metrics", peers::victoria_metrics),
        ("prometheus", |dir| peers::prometheus(dir, PROMETHEUS_SETTINGS)),
    ];
    for (name, start) in peers {
        let peer = start(&dir.join(name));
        let client = Client::new(format!("{}/api/v1/write", peer.base), None);
        all.push(runtime.block_on(measure(name, &peer.id(), &client, &load)));
    }
    if let Err(error) = std::fs::remove_dir_all(&dir) {
        eprintln!("{} was not removed: {error}", dir.display());
    }

    print_table(&all);
    println!("evenkeel: {bytes_per_sample:.2} bytes per sample after flush");
    let [ours, peers @ ..] = all.as_slice() else { return };
    let ratios: serde_json::Map<String, serde_json::Value> =
        peers.iter().map(|peer| (peer.name.to_owned(), ours.ratios_to(peer))).collect();
    let figures: serde_json::Map<String, serde_json::Value> =
        all.iter().map(|figures| (figures.name.to_owned(), figures.json())).collect();
    let result = serde_json::json!({
        "series": load.series, "samples": load.samples, "senders": load.senders,
        "latency_secs": load.latency_secs, "optimised": !cfg!(debug_assertions),
        "systems": figures, "evenkeel_to": ratios,
        "evenkeel_bytes_per_sample_after_flush": bytes_per_sample,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results/remote_write.json");
    std::fs::write(path, format!("{result:#}\n")).expect("the result can be written");
}

/// Bodies that were made before.
struct Prepared {
    bodies: Vec<Vec<u8>>,
    next: AtomicUsize,
}

impl Prepared {
    fn new(bodies: Vec<Vec<u8>>) -> Arc<Prepared> {
        Arc::new(Prepared { bodies, next: AtomicUsize::new(0) })
    }
}

impl Bodies for Prepared {
    fn next(&self) -> Option<Vec<u8>> {
        self.bodies.get(self.next.fetch_add(1, Ordering::Relaxed)).cloned()
    }
}

/// Both phases. Real time ends the data, so that no receiver refuses it as too old or too new.
async fn measure(name: &'static str, process: &str, client: &Client, load: &Load) -> Figures {
    let rounds_count = load.samples.div_ceil(load.series) as i64;
    let mut rounds = Rounds::new(load.series);
    // Room for the second phase.
    let mut timestamp = unix_ms() - (4 * rounds_count + 10) * SCRAPE_INTERVAL_MS;
    let mut bodies = Vec::new();
    for _ in 0..rounds_count {
        bodies.extend(rounds.at(timestamp));
        timestamp += SCRAPE_INTERVAL_MS;
    }
    let (sent, bodies) = (rounds_count as usize * load.series, Prepared::new(bodies));
    let answers = Arc::new(Answers::default());
    let (started, cpu_before) = (clock(), cpu_secs(process));
    send_fast(client, &bodies, load.senders, &answers).await;
    let busy = started.elapsed();
    tokio::time::sleep(SETTLE).await;
    let cpu = cpu_secs(process) - cpu_before;
    drop(bodies);
    let (fast, _refused) = answers.take();

    let samples_per_sec = sent as f64 / busy.as_secs_f64();
    let period = Duration::from_secs_f64(2.0 * SAMPLES_PER_REQUEST as f64 / samples_per_sec);
    let requests = (load.latency_secs as f64 / period.as_secs_f64()).ceil() as usize;
    let mut bodies = Vec::with_capacity(requests);
    while bodies.len() < requests {
        bodies.extend(rounds.at(timestamp));
        timestamp += SCRAPE_INTERVAL_MS;
    }
    bodies.truncate(requests);
    send_on_time(client, &Prepared::new(bodies), period, &answers).await;
    let (slow, _refused) = answers.take();
    Figures {
        name,
        samples_per_sec,
        request_p50_ms: quantile_ms(&fast, 0.5),
        request_p99_ms: quantile_ms(&fast, 0.99),
        cpu_secs_per_million: cpu / sent as f64 * 1e6,
        ack_p50_ms: quantile_ms(&slow, 0.5),
        ack_p99_ms: quantile_ms(&slow, 0.99),
        peak_rss_mib: rss_mib(process, "VmHWM:"),
    }
}

/// Waits until the table stops growing.
fn settled_size(table: &Path) -> TableSize {
    let (mut before, mut same) = (TableSize::default(), 0);
    while same < 8 {
        std::thread::park_timeout(Duration::from_secs(1));
        let now = table_size(table);
        same = if now == before && now.bytes > 0 { same + 1 } else { 0 };
        before = now;
    }
    before
}

fn scratch_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("evenkeel-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    dir
}

#[allow(clippy::disallowed_methods)] // the data has to end now
fn unix_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
