//! The write path of logs without a socket: OTLP bodies through decoder, log, buffer and flush, for
//! profiles. The figures that count are those of `benches/logs.rs`.
//!
//! `cargo bench -p ingest --bench append_logs -- --lines 1000000 --records 1500 --senders 4`

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, StatusCode};
use ingest::otlp::OtlpLogs;
use ingest::{Ingest, IngestLimits};
use lake::{Lake, LakeConfig};
use telemetry::{Clock, SystemClock};

#[path = "../../benches/load/arguments.rs"]
mod arguments;
#[path = "../../benches/load/otlp_logs.rs"]
mod otlp_logs;
#[path = "../../benches/load/process.rs"]
mod process;
#[path = "../../benches/load/random.rs"]
mod random;
#[path = "../../benches/size/service_logs.rs"]
mod service_logs;

use arguments::number;
use process::{cpu_secs, rss_mib};
use service_logs::Extent;

fn main() {
    let (lines, records, senders) =
        (number("--lines", 1_000_000), number("--records", 1_500), number("--senders", 4));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(SystemClock);
    let span_nanos = 600_000_000_000;
    let logs = service_logs::generate(Extent {
        lines,
        start_nanos: clock.now().micros() * 1_000 - span_nanos,
        span_nanos,
        seed: 0x9e37_79b9_7f4a_7c15,
    });
    let (lines, json_bytes) = (logs.records.len(), logs.json_bytes);
    let text_bytes: usize = logs.records.iter().map(|record| record.body.len()).sum();
    let bodies: Vec<Bytes> =
        logs.records.chunks(records).map(|records| otlp_logs::body(records).into()).collect();
    drop(logs);

    let config = LakeConfig { dir: dir.path().to_owned(), ..LakeConfig::default() };
    let lake = runtime.block_on(Lake::open(config, clock.clone())).expect("the lake opens");
    let ingest = Ingest::new(Arc::new(lake.clone()), IngestLimits::default(), clock);
    let (started, cpu) = (clock_now(), cpu_secs("self"));
    runtime.block_on(send(&ingest, bodies, senders));
    let (wall, appended) = (started.elapsed().as_secs_f64(), cpu_secs("self") - cpu);
    runtime.block_on(lake.flush()).expect("a flush");
    let total = cpu_secs("self") - cpu;
    println!(
        "{lines} lines, {:.1} MB/s of text; until the last answer {:.2} s of CPU, flushed {total:.2} s: {:.2} µs per record, \
         {:.1} MB of text and {:.1} MB as JSON lines per second of CPU; peak {:.0} MiB",
        text_bytes as f64 / 1e6 / wall,
        appended,
        total * 1e6 / lines as f64,
        text_bytes as f64 / 1e6 / total,
        json_bytes as f64 / 1e6 / total,
        rss_mib("self", "VmHWM:")
    );
}

async fn send(ingest: &Ingest, bodies: Vec<Bytes>, senders: usize) {
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let sender = || {
        let (ingest, bodies, next) = (ingest.clone(), bodies.clone(), next.clone());
        async move {
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                while !is_taken(&ingest, body).await {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        }
    };
    let tasks: Vec<_> = (0..senders).map(|_| tokio::spawn(sender())).collect();
    for task in tasks {
        task.await.expect("a sender ends");
    }
}

async fn is_taken(ingest: &Ingest, body: &Bytes) -> bool {
    let head = Request::post("/v1/logs").header("content-type", "application/x-protobuf").body(());
    let (parts, ()) = head.expect("a request").into_parts();
    let stream = futures::stream::iter([Ok::<_, Infallible>(body.clone())]);
    let answer = ingest.receive(&OtlpLogs, parts, stream, "bench").await;
    match answer.status() {
        StatusCode::OK => true,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => false,
        other => panic!("{other}: {:?}", answer.body()),
    }
}

#[allow(clippy::disallowed_methods)] // measures durations
fn clock_now() -> Instant {
    Instant::now()
}
