//! The write path without a socket: remote write bodies through decoder, log, buffer and flush, for
//! profiles. Figures beside the peers are those of `benches/remote_write.rs`.
//!
//! `cargo bench -p ingest --bench append -- --series 200000 --rounds 50 --senders 8`

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, StatusCode};
use ingest::remote_write::RemoteWrite;
use ingest::{Ingest, IngestLimits};
use lake::{Lake, LakeConfig};
use prost::Message;
use telemetry::{Clock, SystemClock};

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

fn main() {
    let (series, rounds, senders) =
        (argument("--series", 200_000), argument("--rounds", 20), argument("--senders", 8));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(SystemClock);
    let end_ms = clock.now().millis();
    let config = LakeConfig { dir: dir.path().to_owned(), ..LakeConfig::default() };
    let lake = runtime.block_on(Lake::open(config, clock.clone())).expect("the lake opens");
    let ingest = Ingest::new(Arc::new(lake.clone()), IngestLimits::default(), clock);

    let before_series = rss_mib("VmRSS:");
    let mut totals = (0.0, 0.0, 0_usize);
    for round in 0..rounds {
        let timestamp = end_ms - (rounds - round) as i64 * SCRAPE_INTERVAL_MS;
        let bodies = bodies(series, round, timestamp);
        let (started, cpu) = (clock_now(), cpu_secs());
        runtime.block_on(send(&ingest, bodies, senders));
        let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu_secs() - cpu);
        if round == 0 {
            println!("first round: {:.2} µs of CPU per new series", cpu * 1e6 / series as f64);
            let per_series = (rss_mib("VmRSS:") - before_series) * 1_048_576.0 / series as f64;
            println!("memory after it: {per_series:.0} bytes per series, its sample included");
        } else {
            totals = (totals.0 + wall, totals.1 + cpu, totals.2 + series);
        }
    }
    let (started, cpu) = (clock_now(), cpu_secs());
    runtime.block_on(lake.flush()).expect("a flush");
    println!("last flush: {:.2} s, {:.2} s of CPU", started.elapsed().as_secs_f64(), cpu_secs() - cpu);
    let (wall, cpu, samples) = totals;
    println!(
        "{:.0} samples/s, {:.2} s of CPU per million samples (flushes in between included), peak {:.0} MiB",
        samples as f64 / wall,
        cpu * 1e6 / samples as f64,
        rss_mib("VmHWM:")
    );
}

/// One point in time of every series, half of them counters, half gauges.
fn bodies(series: usize, round: usize, timestamp: i64) -> Vec<Bytes> {
    let all: Vec<usize> = (0..series).collect();
    let mut encoder = snap::raw::Encoder::new();
    let mut body = |chunk: &[usize]| {
        let one = |&at: &usize| {
            let step = (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 100;
            let value = if at.is_multiple_of(2) { (round * step) as f64 } else { step as f64 / 10.0 };
            TimeSeries { labels: labels_of(at), samples: vec![Sample { value, timestamp }] }
        };
        let plain = WriteRequest { timeseries: chunk.iter().map(one).collect() }.encode_to_vec();
        Bytes::from(encoder.compress_vec(&plain).expect("a body can be compressed"))
    };
    all.chunks(SAMPLES_PER_REQUEST).map(&mut body).collect()
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

async fn send(ingest: &Ingest, bodies: Vec<Bytes>, senders: usize) {
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let sender = || {
        let (ingest, bodies, next) = (ingest.clone(), bodies.clone(), next.clone());
        async move {
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                loop {
                    let (parts, ()) = Request::post("/api/v1/write")
                        .header("content-type", "application/x-protobuf")
                        .header("content-encoding", "snappy")
                        .body(())
                        .expect("a request")
                        .into_parts();
                    let stream = futures::stream::iter([Ok::<_, Infallible>(body.clone())]);
                    let answer = ingest.receive(&RemoteWrite, parts, stream, "bench").await;
                    match answer.status() {
                        StatusCode::NO_CONTENT => break,
                        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        }
                        other => panic!("{other}: {:?}", answer.body()),
                    }
                }
            }
        }
    };
    let tasks: Vec<_> = (0..senders).map(|_| tokio::spawn(sender())).collect();
    for task in tasks {
        task.await.expect("a sender ends");
    }
}

fn argument(name: &str, default: usize) -> usize {
    let mut args = std::env::args();
    args.find(|arg| arg == name)
        .and_then(|_| args.next())
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// User and system time of this process, the making of bodies included where it falls in between.
fn cpu_secs() -> f64 {
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // The state is no number, so utime and stime are the 10th and 11th that are left.
    fields.get(10).zip(fields.get(11)).map_or(0.0, |(user, system)| (user + system) / TICKS_PER_SEC)
}

fn rss_mib(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

#[allow(clippy::disallowed_methods)] // measures durations
fn clock_now() -> Instant {
    Instant::now()
}
