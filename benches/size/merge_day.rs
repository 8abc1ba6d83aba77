//! One day of many rows in an hour's file each, merged into day files: how fast, and in how much memory.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use lake::Table;
use telemetry::{Batch, Labels, ManualClock, Sample, SeriesMeta, SeriesSamples, Timestamp};

use crate::lake_run;
use crate::process::{cpu_secs, rss_mib};
use crate::random::Random;

pub struct DayMerge {
    pub rows: u64,
    pub secs: f64,
    pub cpu_secs: f64,
    pub peak_rss_mib: f64,
}

const SERIES: u64 = 10_000;
const HOURS: i64 = 24;
const HOUR_MS: i64 = 3_600_000;
/// 2026-11-23T00:00:00Z.
const START_MS: i64 = 1_795_392_000_000;

/// Writes the day, and merges it in a child, whose memory is that of the merge alone.
pub async fn measure(rows: u64, dir: &Path) -> DayMerge {
    write(rows, dir).await;
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).arg("--merge").arg(dir).output().expect("the child runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(|number| number.parse::<f64>());
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or_else(|| panic!("{output:?}"));
    DayMerge { rows: next() as u64, secs: next(), cpu_secs: next(), peak_rss_mib: next() }
}

async fn write(rows: u64, dir: &Path) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(START_MS + HOURS * HOUR_MS)));
    let lake = lake_run::open(dir, &clock).await;
    let mut random = Random(0x1234_5678_9abc_def1);
    let per_series = (rows / SERIES / HOURS as u64).max(1) as i64;
    let mut values = vec![0.0; SERIES as usize];
    for hour in 0..HOURS {
        let series = (0..SERIES).map(|number| {
            let labels = [
                ("__name__", format!("metric_{}_total", number % 100)),
                ("instance", format!("host-{}.example:9100", number / 100)),
            ];
            let value = &mut values[number as usize];
            let samples = (0..per_series).map(|at| {
                *value += random.below(100) as f64;
                let ts_ms = START_MS + hour * HOUR_MS + at * HOUR_MS / per_series;
                Sample { ts: Timestamp::from_millis(ts_ms), value: *value }
            });
            SeriesSamples {
                samples: samples.collect(),
                labels: Labels::new(labels).expect("labels with names"),
                meta: SeriesMeta::default(),
                start: None,
            }
        });
        let batch = Batch { series: series.collect(), ..Batch::default() };
        lake.import(batch).await.expect("the lake takes history");
    }
    lake.shutdown().await.expect("the lake closes");
}

/// The child: prints rows, seconds, CPU seconds and peak memory.
pub async fn merge(dir: &Path) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(START_MS + 3 * HOURS * HOUR_MS)));
    let lake = lake_run::open(dir, &clock).await;
    let before = lake.snapshot(Table::MetricSamples).await.expect("a snapshot");
    assert_eq!(before.files.len() as i64, HOURS);
    let cpu_before = cpu_secs("self");
    #[allow(clippy::disallowed_methods)] // measures how long the merge takes
    let started = Instant::now();
    lake.compact().await.expect("the day is merged");
    let secs = started.elapsed().as_secs_f64();
    let after = lake.snapshot(Table::MetricSamples).await.expect("a snapshot");
    assert!(after.files.len() < before.files.len() && after.rows() == before.rows());
    println!("{} {secs} {} {}", after.rows(), cpu_secs("self") - cpu_before, rss_mib("self", "VmHWM:"));
    lake.shutdown().await.expect("the lake closes");
}
