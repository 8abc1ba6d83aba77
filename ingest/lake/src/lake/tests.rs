//! The lake as its callers see it: promises, not parts.

mod columns;
mod compaction;
mod crash;
mod failures;
mod histograms;
mod model;
mod promises;
mod replay;
mod versions;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use telemetry::{
    Batch, Event, EventKind, Labels, LogRecord, ManualClock, Sample, SeriesMeta, SeriesSamples, Timestamp,
};

use super::*;
use crate::config::WalConfig;
use crate::disk::Space;
use crate::faults::Faults;
use crate::open::Hooks;
use crate::read;

/// 2026-11-23T10:00:00Z, whole hour.
const START_SECS: i64 = 1_795_428_000;

fn start() -> Timestamp {
    Timestamp::from_secs(START_SECS)
}

/// A point in time so many seconds after the start.
fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(START_SECS + secs)
}

/// Settings under which nothing happens in the background.
fn quiet(dir: &Path) -> LakeConfig {
    let never = Duration::from_secs(1_000_000_000);
    LakeConfig {
        dir: dir.to_owned(),
        wal: WalConfig { segment_bytes: 16 << 10, ..WalConfig::default() },
        flush_interval: never,
        compact_interval: never,
        disk_free_min_bytes: 0,
        disk_free_min_percent: 0.0,
        ..LakeConfig::default()
    }
}

/// A directory for a lake, in memory where there is room: what reaches the disk is what faults are asked
/// about, and no test waits for it.
fn scratch() -> tempfile::TempDir {
    const ROOM_BYTES: u64 = 1 << 30;
    let memory = Path::new("/dev/shm");
    let has_room = crate::disk::space(memory).is_ok_and(|space| space.free >= ROOM_BYTES);
    if has_room { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

struct Fixture {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    lake: Lake,
}

impl Fixture {
    async fn new() -> Fixture {
        Fixture::with(scratch(), Arc::new(ManualClock::at(start()))).await
    }

    async fn with(dir: tempfile::TempDir, clock: Arc<ManualClock>) -> Fixture {
        let lake = Lake::open(quiet(dir.path()), clock.clone()).await.unwrap();
        Fixture { dir, clock, lake }
    }

    async fn with_config(change: impl FnOnce(&mut LakeConfig)) -> Fixture {
        let (dir, clock) = (scratch(), Arc::new(ManualClock::at(start())));
        let mut config = quiet(dir.path());
        change(&mut config);
        let lake = Lake::open(config, clock.clone()).await.unwrap();
        Fixture { dir, clock, lake }
    }

    async fn with_faults(faults: Faults) -> Fixture {
        let (dir, clock) = (scratch(), Arc::new(ManualClock::at(start())));
        let hooks = Hooks { faults, ..Hooks::default() };
        let lake = crate::open::open(quiet(dir.path()), clock.clone(), hooks).await.unwrap();
        Fixture { dir, clock, lake }
    }

    /// The machine dies now: what is on disk is opened again.
    async fn crash(self) -> Fixture {
        let dir = copy_of(self.dir.path());
        Fixture::with(dir, self.clock.clone()).await
    }

    async fn restart(self) -> Fixture {
        self.lake.shutdown().await.unwrap();
        Fixture::with(self.dir, self.clock).await
    }

    async fn append(&self, series: Vec<SeriesSamples>) -> Appended {
        self.lake.append(Batch { series, ..Batch::default() }).await.unwrap()
    }
}

fn copy_of(dir: &Path) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if path.is_dir() {
                copy(&path, &target);
            } else {
                fs::copy(&path, &target).unwrap();
            }
        }
    }
    let target = scratch();
    copy(dir, target.path());
    target
}

fn labels(name: &str) -> Labels {
    Labels::new([("__name__", "requests_total"), ("job", name)]).unwrap()
}

/// A series with samples at seconds after the start.
fn series(name: &str, samples: &[(i64, f64)]) -> SeriesSamples {
    let samples = samples.iter().map(|(secs, value)| Sample { ts: at(*secs), value: *value }).collect();
    SeriesSamples { labels: labels(name), meta: SeriesMeta::default(), start: None, samples }
}

fn delta_series(name: &str, samples: &[(i64, f64)]) -> SeriesSamples {
    let meta = SeriesMeta { delta: true, ..SeriesMeta::default() };
    SeriesSamples { meta, ..series(name, samples) }
}

fn log(body: &str, secs: i64) -> LogRecord {
    LogRecord { ts: at(secs), body: body.into(), service: Some("api".into()), ..LogRecord::default() }
}

fn event(id: &str) -> Event {
    Event {
        event_id: id.to_owned(),
        kind: EventKind::NOTE,
        subject_id: "INC-1".to_owned(),
        seq: 1,
        valid_at: at(0),
        recorded_at: at(0),
        service: None,
        env: None,
        actor: None,
        severity: None,
        payload: serde_json::json!({"text": id}),
    }
}

/// All rows of a table: (sequence, rows), oldest first.
async fn sources(lake: &Lake, table: Table) -> (TableSnapshot, Vec<RecordBatch>) {
    let snapshot = lake.snapshot(table).await.unwrap();
    let mut files: Vec<_> = snapshot.files.iter().collect();
    files.sort_by_key(|file| file.sequence);
    let mut batches = Vec::new();
    for file in files {
        let mut rows = 0;
        let location = snapshot.location(file).unwrap();
        read::for_each_batch(&snapshot.store, &location, None, |batch| {
            let batch = read::complete(table, &batch)?;
            rows += batch.num_rows() as u64;
            batches.push(batch);
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(rows, file.rows, "the statistics of {}", file.path);
    }
    batches.extend(snapshot.buffered.iter().cloned());
    (snapshot, batches)
}

type Samples = BTreeMap<(String, i64), u64>;

/// What a reader gets who follows the rules of [`TableSnapshot`]: by job and seconds after the start.
async fn read_samples(lake: &Lake) -> Samples {
    let (snapshot, batches) = sources(lake, Table::MetricSamples).await;
    let mut jobs = HashMap::new();
    let mut samples = Samples::new();
    let mut repeated = Vec::new();
    for batch in batches {
        let ids = batch.column_by_name("series_id").unwrap().as_primitive::<Int64Type>();
        let times = batch.column_by_name("ts").unwrap().as_primitive::<TimestampMicrosecondType>();
        let values = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let job = jobs.entry(ids.value(row)).or_insert_with(|| {
                let id = telemetry::SeriesId::from_stored(ids.value(row));
                let entry = lake.series().get(id).expect("every sample's series is known");
                entry.labels.get("job").unwrap().to_owned()
            });
            let ts = Timestamp::from_micros(times.value(row));
            let key = (job.clone(), ts.secs() - START_SECS);
            if samples.insert(key, values.value(row).to_bits()).is_some() {
                repeated.push(ts);
            }
        }
    }
    if let Some((first, last)) = snapshot.late_range() {
        assert!(snapshot.needs_merge());
        assert!(repeated.iter().all(|ts| (first..=last).contains(ts)), "{repeated:?} in {first}..={last}");
    } else {
        assert_eq!(repeated, [], "a snapshot that needs no merge repeats nothing");
    }
    samples
}

fn expect_samples(rows: &[(&str, i64, f64)]) -> Samples {
    rows.iter().map(|(job, secs, value)| (((*job).to_owned(), *secs), value.to_bits())).collect()
}

/// The values of a text column, sorted.
async fn read_texts(lake: &Lake, table: Table, column: &str) -> Vec<String> {
    let (_, batches) = sources(lake, table).await;
    let mut texts = Vec::new();
    for batch in batches {
        let values = batch.column_by_name(column).unwrap().as_string::<i32>();
        texts.extend((0..values.len()).map(|row| values.value(row).to_owned()));
    }
    texts.sort();
    texts
}
