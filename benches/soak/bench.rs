//! The server at its peak for a long time, with all of its work in the background; and with people who
//! look at it.
//!
//! `cargo bench --bench soak` writes for `--minutes 30` as fast as it is acknowledged durably, prints a
//! line a minute (memory, samples, answers, files) and a verdict on the memory of the second half, and
//! writes `benches/results/soak.json`. `-- --scene dashboard` measures what a five-panel dashboard costs
//! ingest and waits for, in `--minutes 8`, and writes `benches/results/dashboard.json`. `-- --scene half`
//! measures answers at half of the peak beside merges, in `--minutes 4`, and writes
//! `benches/results/half.json`.
//!
//! The server's wall clock goes `--speed 60` times as fast (see `target`): an hour of metrics is over in
//! a minute, is merged, joins its day and goes after half a day. `--series 200000`, `--senders 8` and
//! `--dir` (where the server's directory is made) change the rest. Needs `libfaketime` (`make
//! setup-test`) and some 20 GB of disk for the half hour.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[path = "../load/arguments.rs"]
mod arguments;
#[path = "../load/client.rs"]
mod client;
mod curve;
mod dashboard;
#[path = "../load/evenkeel.rs"]
mod evenkeel;
mod half;
#[path = "../load/latencies.rs"]
mod latencies;
mod phase;
#[path = "../load/process.rs"]
mod process;
#[path = "../load/rounds.rs"]
mod rounds;
#[path = "../load/senders.rs"]
mod senders;
#[path = "../load/series.rs"]
mod series;
mod stamped;
mod target;

use arguments::{argument, number};
use curve::Slice;
use evenkeel::table_size;
use latencies::{clock, quantile_ms};
use process::{cpu_secs, rss_mib};
use senders::{Answers, send_fast};
use series::SAMPLES_PER_REQUEST;
use stamped::{Stream, Templates};
use target::{Target, disk_bytes};

/// What all scenes are told.
struct Load {
    series: usize,
    senders: usize,
    speed: u32,
    length: Duration,
    templates: &'static Templates,
}

fn main() {
    let scene = argument("--scene").unwrap_or_else(|| "soak".to_owned());
    let minutes_default = match scene.as_str() {
        "soak" => 30.0,
        "half" => 4.0,
        _ => 8.0,
    };
    let series = number("--series", 200_000);
    let load = Load {
        series,
        senders: number("--senders", 8),
        speed: number("--speed", 60),
        length: Duration::from_secs_f64(number("--minutes", minutes_default) * 60.0),
        templates: Box::leak(Box::new(Templates::new(series))),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut result = match scene.as_str() {
        "soak" => runtime.block_on(soak(&load)),
        "dashboard" => runtime.block_on(dashboard::measure(&load)),
        "half" => runtime.block_on(half::measure(&load)),
        other => panic!("--scene {other}: not soak, dashboard or half"),
    };
    result["series"] = load.series.into();
    result["senders"] = load.senders.into();
    result["speed"] = load.speed.into();
    result["optimised"] = (!cfg!(debug_assertions)).into();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/results/{scene}.json"));
    std::fs::write(path, format!("{result:#}\n")).expect("the result can be written");
}

async fn soak(load: &Load) -> serde_json::Value {
    let target = Target::start(load.speed).await;
    println!(
        "{} series, {} senders, {:.0} minutes, an hour of data in {:.0} s",
        load.series,
        load.senders,
        load.length.as_secs_f64() / 60.0,
        3_600.0 / f64::from(load.speed)
    );
    let answers = Arc::new(Answers::default());
    let stream = Arc::new(Stream::new(load.templates, target.clock, load.length));
    let sending = {
        let (client, answers, senders) = (target.client.clone(), answers.clone(), load.senders);
        tokio::spawn(async move { send_fast(&client, &stream, senders, &answers).await })
    };
    let slices = watch(&target, load.length, &answers).await;
    sending.await.expect("the senders end");
    let mut result = curve::summarise(&slices);
    result["minutes"] = (load.length.as_secs_f64() / 60.0).into();
    result
}

/// A slice a minute, or a sixth of a short run.
async fn watch(target: &Target, length: Duration, answers: &Answers) -> Vec<Slice> {
    let process = target.server.id();
    let secs = length.as_secs();
    let slice_secs = (secs / 6).clamp(1, 60);
    let mut slices = Vec::new();
    let mut slice = Slice::default();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.tick().await;
    Slice::print_head();
    let mut began = (clock(), cpu_secs(&process), cpu_secs("self"));
    for at in 1..=secs {
        second.tick().await;
        slice.rss_mib.push(rss_mib(&process, "VmRSS:"));
        if !at.is_multiple_of(slice_secs) {
            continue;
        }
        let now = (clock(), cpu_secs(&process), cpu_secs("self"));
        let elapsed = (now.0 - began.0).as_secs_f64();
        slice.server_cores = (now.1 - began.1) / elapsed;
        slice.sender_cores = (now.2 - began.2) / elapsed;
        let (latencies, refused) = answers.take();
        slice.ends_secs = at;
        slice.refused = refused;
        slice.samples_per_sec = (latencies.len() * SAMPLES_PER_REQUEST) as f64 / elapsed;
        slice.ack_p50_ms = quantile_ms(&latencies, 0.5);
        slice.ack_p99_ms = quantile_ms(&latencies, 0.99);
        slice.ack_max_ms = quantile_ms(&latencies, 1.0);
        fill_in_lake(&mut slice, target).await;
        slice.print();
        slices.push(std::mem::take(&mut slice));
        began = now;
    }
    slices
}

async fn fill_in_lake(slice: &mut Slice, target: &Target) {
    const MIB: f64 = 1_048_576.0;
    let size = table_size(&target.path("lake/metric_samples"));
    slice.files = size.files;
    slice.flush_files = size.flush_files;
    slice.bytes_per_sample = size.bytes as f64 / size.rows.max(1) as f64;
    slice.disk_mib = disk_bytes(&target.path("")) as f64 / MIB;
    let metrics = target.metrics().await;
    slice.wal_mib = metrics.value("evenkeel_wal_bytes") / MIB;
    slice.buffered_mib = metrics.value("evenkeel_lake_buffered_bytes") / MIB;
    slice.unmerged_files = metrics.value("evenkeel_lake_unmerged_files");
    slice.merges = metrics.value("evenkeel_lake_compaction_seconds_count");
    slice.merged_files = metrics.value("evenkeel_lake_compacted_files_total");
    slice.expired_files = metrics.value("evenkeel_lake_expired_files_total");
    slice.vacuumed_files = metrics.value("evenkeel_lake_vacuumed_files_total");
}
