//! How a start goes with a long log: when the first write is taken, how fast the log is replayed, and
//! what that takes.
//!
//! `cargo bench -p lake --bench replay`. `EVENKEEL_REPLAY_SERIES` (1 000 000) and
//! `EVENKEEL_REPLAY_ROUNDS` (40, about 1 GB of log) set the size; with `EVENKEEL_REPLAY_KNOWN=1` the
//! series are in their table already and not in the log. Nothing above the lake is involved. The log is
//! written by a process of its own, so that the peak of memory is that of the replay.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lake::{Ack, Lake, LakeConfig};
use telemetry::{
    Batch, KnownSample, Labels, ManualClock, Sample, SeriesMeta, SeriesRef, SeriesSamples, Timestamp,
};

const BATCH: usize = 10_000;
const INTERVAL_SECS: i64 = 15;
/// 2026-11-23T10:00:00Z
const START_SECS: i64 = 1_795_428_000;
/// Names the directory to fill, for the process that does it.
const FILL: &str = "EVENKEEL_REPLAY_FILL";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match std::env::var_os(FILL) {
        Some(dir) => runtime.block_on(fill(Path::new(&dir))),
        None => runtime.block_on(run()),
    }
}

async fn run() {
    let dir = tempfile::tempdir().expect("a directory");
    let started = now();
    let filled = Command::new(std::env::current_exe().expect("this program")).env(FILL, dir.path()).status();
    assert!(filled.expect("it runs").success(), "the log is written");
    let (series, rounds) = size();
    println!(
        "{} series, {} samples written in {:.1} s",
        series,
        series * rounds,
        started.elapsed().as_secs_f64()
    );

    let mut config = LakeConfig { disk_free_min_percent: 0.0, ..config(dir.path()) };
    config.ack = Ack::Durable;
    config.flush_bytes = LakeConfig::default().flush_bytes;
    config.buffer_bytes_max = LakeConfig::default().buffer_bytes_max;
    config.wal.replay_wait = Duration::ZERO;
    let clock = Arc::new(ManualClock::at(last_round(rounds)));
    let started = now();
    let lake = Lake::open(config, clock).await.expect("the lake opens");
    let opened = started.elapsed();
    let bytes = lake.health().replay.map_or(0, |replay| replay.total_bytes);
    let labels = Labels::new([("__name__", "first_write")]).expect("labels");
    let samples = vec![Sample { ts: Timestamp::from_secs(START_SECS), value: 1.0 }];
    let first = SeriesSamples { labels, meta: SeriesMeta::default(), start: None, samples };
    lake.append(Batch { series: vec![first], ..Batch::default() }).await.expect("the write is taken");
    println!(
        "open after {:.2} s, first write acknowledged after {:.2} s, {} MB of log to read",
        opened.as_secs_f64(),
        started.elapsed().as_secs_f64(),
        bytes / 1_000_000
    );
    lake.replayed().await.expect("the log is whole");
    let took = started.elapsed().as_secs_f64();
    println!(
        "replayed after {took:.1} s: {:.0} MB/s, {:.1} million samples/s, {:.1} CPU-seconds, peak memory {} MiB",
        bytes as f64 / 1e6 / took,
        (series * rounds) as f64 / 1e6 / took,
        cpu_seconds(),
        peak_kib() / 1024
    );
    assert_eq!(lake.series().len(), series + 1);
    lake.shutdown().await.expect("the lake closes");
}

fn size() -> (usize, usize) {
    (setting("EVENKEEL_REPLAY_SERIES", 1_000_000), setting("EVENKEEL_REPLAY_ROUNDS", 40))
}

fn last_round(rounds: usize) -> Timestamp {
    Timestamp::from_secs(START_SECS + rounds.saturating_sub(1) as i64 * INTERVAL_SECS)
}

/// Writes the log as senders do, and leaves it without a flush.
async fn fill(dir: &Path) {
    let (series, rounds) = size();
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(START_SECS)));
    let lake = Lake::open(config(dir), clock.clone()).await.expect("the lake opens");
    let mut refs: Vec<SeriesRef> = Vec::with_capacity(series);
    for from in (0..series).step_by(BATCH) {
        let ts = Timestamp::from_secs(START_SECS);
        let named = (from..series.min(from + BATCH)).map(|number| SeriesSamples {
            labels: Labels::new([
                ("__name__", format!("metric_{}", number % 500)),
                ("instance", format!("host-{:05}:9100", number / 500)),
                ("job", "node".to_owned()),
                ("region", "eu-1".to_owned()),
            ])
            .expect("labels"),
            meta: SeriesMeta::default(),
            start: None,
            samples: vec![Sample { ts, value: number as f64 }],
        });
        let batch = Batch { series: named.collect(), ..Batch::default() };
        let appended = lake.append(batch).await.expect("the lake takes it");
        refs.extend(appended.series.into_iter().map(|series| series.expect("every series was taken")));
    }
    if setting("EVENKEEL_REPLAY_KNOWN", 0) > 0 {
        lake.flush().await.expect("the series are stored");
    }
    for round in 1..rounds {
        let ts = Timestamp::from_secs(START_SECS + round as i64 * INTERVAL_SECS);
        clock.set(ts);
        for part in refs.chunks(BATCH) {
            let sample = |(at, series): (usize, &SeriesRef)| KnownSample {
                series: *series,
                sample: Sample { ts, value: (round * at) as f64 / 7.0 },
            };
            let known = part.iter().enumerate().map(sample).collect();
            lake.append(Batch { known, ..Batch::default() }).await.expect("the lake takes it");
        }
    }
}

/// Nothing is flushed and nothing is refused.
fn config(dir: &Path) -> LakeConfig {
    let never = Duration::from_secs(1_000_000);
    let mut config = LakeConfig {
        dir: dir.to_owned(),
        ack: Ack::Written,
        flush_interval: never,
        compact_interval: never,
        flush_bytes: u64::MAX / 4,
        buffer_bytes_max: u64::MAX / 4,
        disk_free_min_percent: 0.0,
        ..LakeConfig::default()
    };
    config.wal.bytes_max = u64::MAX / 4;
    config
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[allow(clippy::disallowed_methods)] // measures
fn now() -> Instant {
    Instant::now()
}

/// Of all threads, in user and kernel mode.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name is in parentheses and may hold spaces; the times are the 12th and 13th field after.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
