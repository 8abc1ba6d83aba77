//! A set's way through the lake: appended as it would arrive, flushed, merged, read back.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use lake::{FileKind, Lake, LakeConfig, Table, TableSnapshot};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use telemetry::{Batch, Labels, ManualClock, Sample, SeriesId, SeriesMeta, SeriesSamples, Timestamp};

use crate::process::cpu_secs;
use crate::service_logs::ServiceLogs;
use crate::sets::SampleSet;

/// Bytes of a table's files.
pub struct LakeSize {
    pub flushed: u64,
    pub hours: u64,
    pub days: u64,
    /// Of `metric_series`.
    pub series: u64,
    /// What the columns of the day files take, and `footers`.
    pub columns: BTreeMap<String, u64>,
    pub merge_cpu_secs: f64,
}

const FLUSH_INTERVAL_MS: i64 = 60_000;
const RECORDS_PER_APPEND: usize = 1_000;

pub async fn samples(set: &SampleSet, dir: &Path) -> LakeSize {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(set.scrapes[0].ts_ms)));
    let lake = open(dir, &clock).await;
    let labels: Vec<Labels> = set
        .series
        .iter()
        .map(|pairs| Labels::new(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
        .collect::<Result<_, _>>()
        .expect("labels with names");
    let mut flush_at = set.scrapes[0].ts_ms + FLUSH_INTERVAL_MS;
    for scrapes in set.requests() {
        let mut series = Vec::new();
        for scrape in scrapes {
            let ts = Timestamp::from_millis(scrape.ts_ms);
            clock.set(ts);
            series.extend(scrape.samples.iter().map(|(series, value)| SeriesSamples {
                labels: labels[*series].clone(),
                meta: SeriesMeta::default(),
                start: None,
                samples: vec![Sample { ts, value: *value }],
            }));
        }
        let count = series.len() as u64;
        let appended = lake.append(Batch { series, ..Batch::default() }).await.expect("the lake takes it");
        assert_eq!(appended.samples, count);
        let now_ms = scrapes[scrapes.len() - 1].ts_ms;
        if now_ms >= flush_at {
            lake.flush().await.expect("the lake flushes");
            flush_at = now_ms + FLUSH_INTERVAL_MS;
        }
    }
    let size = merge(&lake, Table::MetricSamples, &clock).await;
    check(&lake, set, &labels).await;
    lake.shutdown().await.expect("the lake closes");
    size
}

pub async fn logs(logs: &ServiceLogs, dir: &Path) -> LakeSize {
    let clock = Arc::new(ManualClock::at(logs.records[0].ts));
    let lake = open(dir, &clock).await;
    let mut flush_at = logs.records[0].ts.millis() + FLUSH_INTERVAL_MS;
    for records in logs.records.chunks(RECORDS_PER_APPEND) {
        let now = records[records.len() - 1].ts;
        clock.set(now);
        let batch = Batch { logs: records.to_vec(), ..Batch::default() };
        let appended = lake.append(batch).await.expect("the lake takes the records");
        assert_eq!(appended.logs, records.len() as u64);
        if now.millis() >= flush_at {
            lake.flush().await.expect("the lake flushes");
            flush_at = now.millis() + FLUSH_INTERVAL_MS;
        }
    }
    let size = merge(&lake, Table::Logs, &clock).await;
    lake.shutdown().await.expect("the lake closes");
    size
}

/// Nothing happens but what is asked for.
pub async fn open(dir: &Path, clock: &Arc<ManualClock>) -> Lake {
    let never = Duration::from_secs(1_000_000_000);
    let config = LakeConfig {
        dir: dir.to_owned(),
        flush_interval: never,
        compact_interval: never,
        disk_free_min_bytes: 0,
        disk_free_min_percent: 0.0,
        ..LakeConfig::default()
    };
    Lake::open(config, clock.clone()).await.expect("a lake opens")
}

async fn merge(lake: &Lake, table: Table, clock: &Arc<ManualClock>) -> LakeSize {
    let snapshot = async |table| lake.snapshot(table).await.expect("a snapshot");
    lake.flush().await.expect("the lake flushes");
    let flushed = bytes_of(&snapshot(table).await);
    let cpu_before = cpu_secs("self");
    clock.advance(Duration::from_secs(2 * 3_600));
    lake.compact().await.expect("hours are merged");
    let hours = snapshot(table).await;
    assert!(hours.files.iter().all(|file| file.kind == FileKind::Hour));
    clock.advance(Duration::from_secs(2 * 86_400));
    lake.compact().await.expect("days are merged");
    let merge_cpu_secs = cpu_secs("self") - cpu_before;
    let days = snapshot(table).await;
    assert!(days.files.iter().all(|file| file.kind == FileKind::Day));
    LakeSize {
        flushed,
        hours: bytes_of(&hours),
        days: bytes_of(&days),
        series: bytes_of(&snapshot(Table::MetricSeries).await),
        columns: columns_of(&days),
        merge_cpu_secs,
    }
}

fn bytes_of(snapshot: &TableSnapshot) -> u64 {
    snapshot.files.iter().map(|file| file.bytes).sum()
}

fn readers(snapshot: &TableSnapshot) -> impl Iterator<Item = ParquetRecordBatchReaderBuilder<File>> {
    snapshot.files.iter().map(|file| {
        let location = snapshot.location(file).expect("a location");
        let file = File::open(format!("/{location}")).expect("the file is there");
        ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file")
    })
}

fn columns_of(snapshot: &TableSnapshot) -> BTreeMap<String, u64> {
    let mut columns = BTreeMap::new();
    for reader in readers(snapshot) {
        for column in reader.metadata().row_groups().iter().flat_map(|group| group.columns()) {
            let bytes = u64::try_from(column.compressed_size()).unwrap_or_default();
            *columns.entry(column.column_path().string()).or_insert(0) += bytes;
        }
    }
    let footers = bytes_of(snapshot) - columns.values().sum::<u64>();
    columns.insert("footers".to_owned(), footers);
    columns
}

/// Every sample is there once, with its bits.
async fn check(lake: &Lake, set: &SampleSet, labels: &[Labels]) {
    let numbers: HashMap<&Labels, usize> =
        labels.iter().enumerate().map(|(at, labels)| (labels, at)).collect();
    let mut expected = HashMap::new();
    for scrape in &set.scrapes {
        for (series, value) in &scrape.samples {
            expected.insert((*series, scrape.ts_ms), value.to_bits());
        }
    }
    let snapshot = lake.snapshot(Table::MetricSamples).await.expect("a snapshot");
    assert!(!snapshot.needs_merge() && snapshot.rows() == expected.len() as u64);
    for reader in readers(&snapshot) {
        for batch in reader.build().expect("a reader") {
            let batch = batch.expect("rows");
            let ids = batch.column(1).as_primitive::<Int64Type>();
            let times = batch.column(2).as_primitive::<TimestampMicrosecondType>();
            let values = batch.column(3).as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                let id = SeriesId::from_stored(ids.value(row));
                let entry = lake.series().get(id).expect("a known series");
                let key = (numbers[&entry.labels], times.value(row) / 1_000);
                assert_eq!(expected.remove(&key), Some(values.value(row).to_bits()));
            }
        }
    }
    assert!(expected.is_empty());
}
