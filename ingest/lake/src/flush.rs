//! From the frozen buffer to files and commits, table by table.
//!
//! Order: store files durably, commit with the log's id and the checkpoint's position, swap what
//! readers see, and only when all tables are done let go of the log. A table whose commit failed stays
//! pending: its rows stay in memory and in the log, and the next flush tries again.
//!
//! The files of the next table are made while those of one are stored. A flush takes one core, so that
//! ingest and queries have the others; during a replay, which nobody can query, it takes what there is.

mod logs;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{
    LexicographicalComparator, SortColumn, SortOptions, concat_batches, lexsort_to_indices, partition,
    take_arrays, take_record_batch,
};
use arrow::datatypes::TimestampMicrosecondType;
use futures::future::try_join_all;
use telemetry::Timestamp;
use telemetry::time::{MICROS_PER_DAY, MICROS_PER_HOUR};
use tokio::task::JoinHandle;

use crate::buffer::samples::SampleBuffer;
use crate::buffer::sorted::{Places, SortedSamples};
use crate::buffer::{Buffer, SeriesDay, entries_of, series_rows};
use crate::columns::{self, SeriesRow};
use crate::commit::Purpose;
use crate::error::LakeError;
use crate::file::FileKind;
use crate::lake::Inner;
use crate::schema::Table;
use crate::series::SeriesIndex;
use crate::state::Frozen;
use crate::wal::group_commit::Request;
use crate::writer::{Effort, FileWriter, NewFile, ROW_GROUP_ROWS};

/// What a flush wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    pub tables: u64,
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// The sequence of in-order rows of a flush. Late rows of the same flush get the next number: they
/// came after what they repeat.
pub fn sequence_of(position: i64) -> i64 {
    position.saturating_mul(2)
}

impl Inner {
    /// Flushes what is buffered now, and what an earlier flush left behind.
    pub(crate) async fn flush(&self) -> Result<FlushReport, LakeError> {
        self.replay.check()?;
        let _one_at_a_time = self.flushing.lock().await;
        let mut report = FlushReport::default();
        self.flush_all(&mut report).await?;
        Ok(report)
    }

    /// The caller holds `flushing`.
    pub(crate) async fn flush_all(&self, report: &mut FlushReport) -> Result<(), LakeError> {
        #[allow(clippy::disallowed_methods)] // measures how long the flush took
        let started = std::time::Instant::now();
        let mut flushed = Ok(());
        if let Some(left_behind) = self.state.frozen() {
            flushed = self.flush_frozen(left_behind, report).await;
        }
        if flushed.is_ok()
            && let Some(frozen) = self.freeze().await?
        {
            flushed = self.flush_frozen(frozen, report).await;
        }
        self.metrics.flush_seconds.observe(started.elapsed().as_secs_f64());
        self.metrics.flushed_rows.inc_by(report.rows);
        self.metrics.flushed_bytes.inc_by(report.bytes);
        self.measure_backlog();
        if self.backlog.is_high(&self.config) {
            self.compact_now.notify_one();
        }
        match flushed {
            Ok(()) => self.replay_room.store(0, Ordering::Relaxed),
            Err(_) => {
                self.metrics.flush_failures.inc();
            }
        }
        flushed
    }

    async fn freeze(&self) -> Result<Option<Frozen>, LakeError> {
        let (answer, frozen) = tokio::sync::oneshot::channel();
        self.send(Request::Freeze { now: self.clock.now(), answer }).await?;
        frozen.await.map_err(|_| LakeError::TaskStopped("WAL writer"))?
    }

    /// Brings every pending table of a frozen buffer into files. Goes on after a table fails, so that
    /// one broken table does not hold back the others, and returns the first error.
    pub(crate) async fn flush_frozen(
        &self,
        frozen: Frozen,
        report: &mut FlushReport,
    ) -> Result<(), LakeError> {
        let mut failed = None;
        let cores = self.cores();
        let mut waiting = Table::ALL.into_iter().filter(|table| frozen.pending[table.index()]);
        let mut making = VecDeque::new();
        loop {
            // Two tables at once, if there are cores for it: the series of a flush and their samples.
            while making.len() < cores.min(2)
                && let Some(table) = waiting.next()
            {
                making.push_back((table, self.make_files(table, &frozen, cores)));
            }
            let Some((table, made)) = making.pop_front() else { break };
            let made = made.await.map_err(|_| LakeError::TaskStopped("flush writer")).flatten();
            if let Some(table) = waiting.next() {
                making.push_back((table, self.make_files(table, &frozen, cores)));
            }
            if let Err(error) = self.flush_table(table, &frozen, made, report).await {
                tracing::error!(
                    table = table.name(),
                    error = &error as &dyn std::error::Error,
                    "flush failed; the rows stay in memory and in the log"
                );
                failed.get_or_insert(error);
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.wal
            .release_before(frozen.checkpoint)
            .map_err(|error| LakeError::io("cannot release segments of the", "WAL", error))
    }

    /// How many cores a flush may use.
    fn cores(&self) -> usize {
        /// More do not help: the log is not read any faster.
        const CORES_MAX: usize = 4;

        let is_alone = !self.replay.is_over();
        let available = if is_alone { std::thread::available_parallelism().ok() } else { None };
        available.map_or(1, NonZeroUsize::get).min(CORES_MAX)
    }

    fn make_files(
        &self,
        table: Table,
        frozen: &Frozen,
        cores: usize,
    ) -> JoinHandle<Result<Vec<NewFile>, LakeError>> {
        let (buffer, state, position) = (frozen.buffer.clone(), self.state.clone(), frozen.position);
        tokio::task::spawn_blocking(move || files_of(table, &buffer, position, &state.series, cores))
    }

    async fn flush_table(
        &self,
        table: Table,
        frozen: &Frozen,
        made: Result<Vec<NewFile>, LakeError>,
        report: &mut FlushReport,
    ) -> Result<(), LakeError> {
        let mut log = self.logs[table.index()].lock().await;
        if !log.has_position(frozen.position).await? {
            let stored = try_join_all(made?.into_iter().map(|file| log.store(file))).await?;
            report.tables += 1;
            report.files += stored.len() as u64;
            report.rows += stored.iter().map(|file| file.rows).sum::<u64>();
            report.bytes += stored.iter().map(|file| file.bytes).sum::<u64>();
            let purpose = Purpose::Append(Some(frozen.position));
            log.commit(stored, &[], purpose, self.clock.now()).await?;
        }
        self.publish(&log).await
    }
}

/// The files of one table's frozen rows, in memory.
fn files_of(
    table: Table,
    buffer: &Arc<Buffer>,
    position: i64,
    index: &SeriesIndex,
    cores: usize,
) -> Result<Vec<NewFile>, LakeError> {
    let sequence = sequence_of(position);
    match table {
        Table::MetricSamples => {
            let mut files = sample_files(&buffer.samples, FileKind::Flush, sequence, index, cores)?;
            files.extend(sample_files(&buffer.late, FileKind::Late, sequence + 1, index, cores)?);
            Ok(files)
        }
        Table::MetricSeries => series_files(&buffer.series, sequence, index, cores),
        Table::Logs => logs::log_files(buffer.logs.parts(), sequence),
        _ => {
            let mut rows = concat_batches(&table.schema(), buffer.batches_of(table))?;
            if table.sort_key_is_unique() {
                rows = latest_rows(table, &rows)?;
            }
            split_into_files(table, &rows, FileKind::Flush, sequence, Effort::Flush)
        }
    }
}

/// Rows that are worth a core of their own.
const PART_ROWS_MIN: usize = 1 << 20;
const SERIES_PART_ROWS_MIN: usize = 1 << 17;

/// One file per day; of many rows one for each core.
fn series_files(
    days: &[SeriesDay],
    sequence: i64,
    index: &SeriesIndex,
    cores: usize,
) -> Result<Vec<NewFile>, LakeError> {
    let table = Table::MetricSeries;
    let entries = entries_of(days, index);
    let rows = series_rows(days, &entries);
    let make = |rows: &[SeriesRow<'_>]| {
        split_into_files(table, &columns::series_rows(rows)?, FileKind::Flush, sequence, Effort::Flush)
    };
    let parts = (rows.len() / SERIES_PART_ROWS_MIN).clamp(1, cores);
    let mut parts = rows.chunks(rows.len().div_ceil(parts).max(1));
    let own = parts.next();
    std::thread::scope(|scope| {
        let others: Vec<_> = parts.map(|rows| scope.spawn(move || make(rows))).collect();
        let mut files = own.map_or(Ok(Vec::new()), make)?;
        for other in others {
            files.extend(other.join().map_err(|_| LakeError::TaskStopped("flush writer"))??);
        }
        Ok(files)
    })
}

/// One file per hour; of many rows one for each core, which sorts and writes them.
fn sample_files(
    samples: &SampleBuffer,
    kind: FileKind,
    sequence: i64,
    index: &SeriesIndex,
    cores: usize,
) -> Result<Vec<NewFile>, LakeError> {
    let hours = hours_of(samples);
    let mut files = Vec::with_capacity(hours.len());
    for &hour in &hours {
        let is_one = hours.len() == 1;
        let places = Places::of(samples.pieces(), |row| is_one || hour_of(row.ts) == hour, index);
        let partition = Table::MetricSamples.partition_value(Timestamp::from_micros(hour * MICROS_PER_HOUR));
        let make = |rows| {
            let sorted = places.sorted(rows);
            index.count_flushed(sorted.rows_by_metric().into_iter());
            sample_file(&sorted, &partition, kind, sequence)
        };
        let mut parts = places.parts((places.len() / PART_ROWS_MIN).clamp(1, cores));
        let own = parts.pop();
        std::thread::scope(|scope| {
            let others: Vec<_> = parts.into_iter().map(|rows| scope.spawn(|| make(rows))).collect();
            files.extend(own.map(make).transpose()?);
            for other in others {
                files.push(other.join().map_err(|_| LakeError::TaskStopped("flush writer"))??);
            }
            Ok::<_, LakeError>(())
        })?;
    }
    Ok(files)
}

fn hour_of(micros: i64) -> i64 {
    micros.div_euclid(MICROS_PER_HOUR)
}

/// The hours that have rows.
fn hours_of(samples: &SampleBuffer) -> BTreeSet<i64> {
    let Some((first, last)) = samples.time_range() else { return BTreeSet::new() };
    if hour_of(first) == hour_of(last) {
        return BTreeSet::from([hour_of(first)]);
    }
    let mut hours = BTreeSet::new();
    let mut seen = None;
    for row in samples.rows() {
        // Rows of one hour stand together, mostly.
        let hour = hour_of(row.ts);
        if seen != Some(hour) {
            hours.insert(hour);
            seen = Some(hour);
        }
    }
    hours
}

fn sample_file(
    sorted: &SortedSamples,
    partition: &str,
    kind: FileKind,
    sequence: i64,
) -> Result<NewFile, LakeError> {
    let mut writer = FileWriter::new(Table::MetricSamples, Effort::Flush)?;
    for start in (0..sorted.len()).step_by(ROW_GROUP_ROWS) {
        writer.write_samples(&sorted.row_group(start..sorted.len().min(start + ROW_GROUP_ROWS)))?;
    }
    writer.finish(partition, kind, sequence)
}

/// Sorts rows (with all columns of the table) and writes a file per partition, and per hour where the
/// table's files must not cross one.
pub fn split_into_files(
    table: Table,
    rows: &RecordBatch,
    kind: FileKind,
    sequence: i64,
    effort: Effort,
) -> Result<Vec<NewFile>, LakeError> {
    let sorted = sort_rows(table, rows)?;
    let times_at = table.file_schema().index_of(table.time_column())?;
    let times = sorted.column(times_at).as_primitive::<TimestampMicrosecondType>();
    let by_hour = table.is_hourly() && kind != FileKind::Day;
    let unit = if by_hour { MICROS_PER_HOUR } else { MICROS_PER_DAY };

    // Rows by unit of time, then units by file: a month's file holds many days.
    let mut units: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (row, time) in (0..).zip(times.values()) {
        units.entry(time.div_euclid(unit)).or_default().push(row);
    }
    let mut groups: BTreeMap<(String, i64), Vec<u32>> = BTreeMap::new();
    for (at, rows) in units {
        let partition = table.partition_value(Timestamp::from_micros(at.saturating_mul(unit)));
        let group = groups.entry((partition, if by_hour { at } else { 0 })).or_default();
        group.extend(rows);
    }
    let file_columns: Vec<usize> = (0..table.file_schema().fields().len()).collect();
    let sorted = sorted.project(&file_columns)?;
    let mut files = Vec::with_capacity(groups.len());
    for ((partition, _hour), mut group) in groups {
        let mut writer = FileWriter::new(table, effort)?;
        if group.len() == sorted.num_rows() {
            writer.write(&sorted)?;
        } else {
            group.sort_unstable();
            writer.write(&take_record_batch(&sorted, &UInt32Array::from(group))?)?;
        }
        files.push(writer.finish(&partition, kind, sequence)?);
    }
    Ok(files)
}

/// Of rows with one key the last one, so that a file holds each key once.
fn latest_rows(table: Table, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let mut keys = sort_keys(table, rows)?;
    let key_columns: Vec<ArrayRef> = keys.iter().map(|key| key.values.clone()).collect();
    let places: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..rows.num_rows() as u32));
    keys.push(SortColumn { values: places, options: None });
    let order = lexsort_to_indices(&keys, None)?;
    let sorted_keys = take_arrays(&key_columns, &order, None)?;
    let runs = partition(&sorted_keys)?.ranges();
    let last: UInt32Array = runs.iter().map(|run| order.value(run.end - 1)).collect();
    Ok(take_record_batch(rows, &last)?)
}

fn sort_rows(table: Table, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let keys = sort_keys(table, rows)?;
    let order = LexicographicalComparator::try_new(&keys)?;
    if (1..rows.num_rows()).all(|row| order.compare(row - 1, row).is_le()) {
        return Ok(rows.clone());
    }
    Ok(take_record_batch(rows, &lexsort_to_indices(&keys, None)?)?)
}

fn sort_keys(table: Table, rows: &RecordBatch) -> Result<Vec<SortColumn>, LakeError> {
    let options = Some(SortOptions { descending: false, nulls_first: true });
    let mut keys = Vec::new();
    for name in table.sort_columns() {
        let values = rows.column(rows.schema_ref().index_of(name)?).clone();
        keys.push(SortColumn { values, options });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use telemetry::{Labels, SeriesMeta};

    use super::*;
    use crate::series::limits::SeriesLimits;

    #[test]
    fn many_series_become_a_sorted_file_for_each_core() {
        let index = SeriesIndex::default();
        let count = 2 * SERIES_PART_ROWS_MIN as u32 + 1;
        let set = |at: u32| Labels::new([("__name__", "m"), ("n", at.to_string().as_str())]).unwrap();
        let sets: Vec<Labels> = (0..count).map(set).collect();
        let meta = SeriesMeta::default();
        index.resolve(sets.iter().map(|set| (set, &meta)), "test", &SeriesLimits::NONE);
        let day = |slot: u32| SeriesDay { slot, day: 0, first_ts: 0, last_ts: 0 };
        let days: Vec<SeriesDay> = (0..count).map(day).collect();
        let id = |file: &NewFile, last: bool| {
            let stats = &file.file.stats["series_id"];
            if last { stats.max.clone().unwrap() } else { stats.min.clone().unwrap() }
        };
        for (cores, expected) in [(1, 1), (2, 2), (4, 2)] {
            let files = series_files(&days, 1, &index, cores).unwrap();
            assert_eq!(files.len(), expected);
            assert_eq!(files.iter().map(|file| file.file.rows).sum::<u64>(), u64::from(count));
            assert!(files.windows(2).all(|two| id(&two[0], true) < id(&two[1], false)));
        }
        assert!(series_files(&[], 1, &index, 2).unwrap().is_empty());
    }
}
