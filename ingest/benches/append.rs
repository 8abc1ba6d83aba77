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
use telemetry::{Clock, SystemClock};

#[path = "../../benches/load/arguments.rs"]
mod arguments;
#[path = "../../benches/load/process.rs"]
mod process;
#[path = "../../benches/load/series.rs"]
mod series;

use arguments::number;
use process::{cpu_secs, rss_mib};
use series::{SAMPLES_PER_REQUEST, SCRAPE_INTERVAL_MS};

fn main() {
    let (series, rounds, senders) =
        (number("--series", 200_000), number("--rounds", 20), number("--senders", 8));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(SystemClock);
    let end_ms = clock.now().millis();
    let config = LakeConfig { dir: dir.path().to_owned(), ..LakeConfig::default() };
    let lake = runtime.block_on(Lake::open(config, clock.clone())).expect("the lake opens");
    let ingest = Ingest::new(Arc::new(lake.clone()), IngestLimits::default(), clock);

    let before_series = rss_mib("self", "VmRSS:");
    let mut totals = (0.0, 0.0, 0_usize);
    for round in 0..rounds {
        let timestamp = end_ms - (rounds - round) as i64 * SCRAPE_INTERVAL_MS;
        let bodies = bodies(series, round, timestamp);
        let (started, cpu) = (clock_now(), cpu_secs("self"));
        runtime.block_on(send(&ingest, bodies, senders));
        let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu_secs("self") - cpu);
        if round == 0 {
            println!("first round: {:.2} µs of CPU per new series", cpu * 1e6 / series as f64);
            let per_series = (rss_mib("self", "VmRSS:") - before_series) * 1_048_576.0 / series as f64;
            println!("memory after it: {per_series:.0} bytes per series, its sample included");
        } else {
            totals = (totals.0 + wall, totals.1 + cpu, totals.2 + series);
        }
    }
    let (started, cpu) = (clock_now(), cpu_secs("self"));
    runtime.block_on(lake.flush()).expect("a flush");
    println!("last flush: {:.2} s, {:.2} s of CPU", started.elapsed().as_secs_f64(), cpu_secs("self") - cpu);
    let (wall, cpu, samples) = totals;
    println!(
        "{:.0} samples/s, {:.2} s of CPU per million samples (flushes in between included), peak {:.0} MiB",
        samples as f64 / wall,
        cpu * 1e6 / samples as f64,
        rss_mib("self", "VmHWM:")
    );
}

/// One point in time of every series, half of them counters, half gauges.
fn bodies(series: usize, round: usize, timestamp: i64) -> Vec<Bytes> {
    let all: Vec<usize> = (0..series).collect();
    let mut encoder = snap::raw::Encoder::new();
    let value = |at: usize| {
        let step = (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 100;
        if series::is_counter(at) { (round * step) as f64 } else { step as f64 / 10.0 }
    };
    let mut body = |chunk: &[usize]| {
        let samples = chunk.iter().map(|&at| (at, value(at)));
        Bytes::from(series::body(&mut encoder, samples, timestamp))
    };
    all.chunks(SAMPLES_PER_REQUEST).map(&mut body).collect()
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

#[allow(clippy::disallowed_methods)] // measures durations
fn clock_now() -> Instant {
    Instant::now()
}
