//! The lake's memory under one lock: buffers, active files, what is known per series.
//!
//! Batches are applied in log order, live and in replay, by the same function; every decision here
//! depends only on what was applied before and on what the tables already have (`committed`), so that a
//! replay ends where the crash began. A row is visible from its application on: in the active buffer,
//! then in the frozen one, then, swapped under this lock, in the table's files.

mod histograms;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use telemetry::time::MICROS_PER_DAY;
use telemetry::{HistogramSample, RejectReason, Rejection, Timestamp};
use xxhash_rust::xxh3::xxh3_128;

use crate::buffer::samples::SampleRow;
use crate::buffer::{Buffer, BufferView, SeriesDay};
use crate::columns;
use crate::commit::ActiveFiles;
use crate::config::LakeConfig;
use crate::error::LakeError;
use crate::log_feed::LogFeed;
use crate::recent::{RecentIds, RetryKeys};
use crate::schema::Table;
use crate::series::cells::Cell;
use crate::series::{SeriesEntry, SeriesIndex};
use crate::wal::payload::{DeltaTotal, PreparedBatch, Starts};

/// See the module's page.
#[derive(Debug)]
pub struct State {
    pub series: SeriesIndex,
    pub log_feed: Arc<LogFeed>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    active: Buffer,
    frozen: Option<Frozen>,
    files: [ActiveFiles; Table::COUNT],
    /// Up to which log position each table has the rows already; rows below are not buffered again.
    committed: [i64; Table::COUNT],
    totals: HashMap<u32, Total, foldhash::fast::RandomState>,
    /// Of delta histograms; the time is that of the last point.
    histogram_totals: HashMap<u32, HistogramSample, foldhash::fast::RandomState>,
    /// Which series have a row in `metric_series`, by day.
    days: BTreeMap<i32, RoaringBitmap>,
    event_ids: RecentIds,
    retry_keys: RetryKeys,
}

#[derive(Clone, Copy, Debug)]
struct Total {
    last_ts: i64,
    total: f64,
}

/// A buffer that is being flushed.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// All rows come from records up to here.
    pub position: i64,
    /// The last checkpoint that is not behind `position`: the log is needed from there on.
    pub checkpoint: i64,
    pub buffer: Arc<Buffer>,
    /// Tables whose rows are not in files yet, by [`Table::index`].
    pub pending: [bool; Table::COUNT],
}

/// Rows of a batch that the lake holds now, stored by it or before it, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Where the batch stands in the log.
    pub position: i64,
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
    pub logs: u64,
    pub events: u64,
    pub slices: u64,
    /// Rows that were stored before.
    pub duplicates: u64,
    pub written: Written,
    /// Samples that replace a different value of the same series and time.
    pub overwritten: u64,
    /// Samples that were not newer than their series.
    pub late: u64,
    /// Points of delta series that were refused.
    pub rejections: Vec<Rejection>,
}

impl Applied {
    /// What the lake made of start times is nobody's row.
    pub fn leave_out(&mut self, starts: Starts) {
        self.samples = self.samples.saturating_sub(starts.samples);
        self.histograms = self.histograms.saturating_sub(starts.histograms);
        self.written = Written {
            samples: self.samples + self.duplicates,
            histograms: self.histograms,
            exemplars: self.exemplars,
        };
    }
}

/// One table at one moment.
pub struct TableView {
    pub active: ActiveFiles,
    /// Oldest first.
    pub buffers: Vec<BufferView>,
}

/// Counts for health and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferUse {
    pub rows: u64,
    pub bytes: u64,
    pub active_bytes: u64,
}

/// Samples whose series are looked at before the first of them is applied: about as many as a core can
/// wait for at once.
const ROWS_AHEAD: usize = 32;

impl State {
    pub fn new(config: &LakeConfig) -> State {
        State {
            series: SeriesIndex::default(),
            log_feed: Arc::new(LogFeed::new(config.log_feed_bytes_max)),
            inner: Mutex::new(Inner {
                active: Buffer::default(),
                frozen: None,
                files: Default::default(),
                committed: [0; Table::COUNT],
                totals: HashMap::default(),
                histogram_totals: HashMap::default(),
                days: BTreeMap::new(),
                event_ids: RecentIds::new(config.event_ids_max),
                retry_keys: RetryKeys::new(config.retry_window, config.retry_keys_max),
            }),
        }
    }

    /// Applies a batch that is in the log at `position`.
    pub fn apply(&self, position: i64, mut batch: PreparedBatch) -> Result<Applied, LakeError> {
        let mut inner = self.inner.lock();
        let mut applied = Applied { position, ..Applied::default() };
        if let Some(key) = batch.retry_key {
            inner.retry_keys.stored(key, batch.at, position);
        }
        inner.apply_samples(position, &batch, &self.series, &mut applied);
        inner.apply_histograms(position, &mut batch, &self.series, &mut applied)?;
        applied.leave_out(batch.starts);
        applied.logs = batch.logs.len() as u64;
        if !batch.logs.is_empty() && position > inner.committed[Table::Logs.index()] {
            self.log_feed.push(&batch.logs);
            inner.active.logs.push(batch.logs);
        }
        for (table, rows) in Table::ALL.into_iter().zip(batch.tables) {
            let Some(rows) = rows else { continue };
            let counter = match table {
                Table::Events => &mut applied.events,
                Table::SloSlices => &mut applied.slices,
                _ => &mut 0,
            };
            *counter = rows.num_rows() as u64;
            if position <= inner.committed[table.index()] {
                continue;
            }
            let rows = if table == Table::Events {
                let fresh = inner.fresh_events(&rows)?;
                applied.events = fresh.num_rows() as u64;
                applied.duplicates += (rows.num_rows() - fresh.num_rows()) as u64;
                fresh
            } else {
                rows
            };
            if rows.num_rows() > 0 {
                inner.active.push_rows(table, rows);
            }
        }
        if !applied.rejections.is_empty() && position > inner.committed[Table::IngestRejections.index()] {
            let rows = columns::rejection_rows(&applied.rejections, batch.at)?;
            inner.active.push_rows(Table::IngestRejections, rows);
        }
        Ok(applied)
    }

    /// Brings back the running totals of a checkpoint.
    pub fn restore_totals(&self, totals: &[DeltaTotal]) {
        let mut inner = self.inner.lock();
        inner.totals.clear();
        for total in totals {
            if let Some(entry) = self.series.get(total.series) {
                inner.totals.insert(entry.slot, Total { last_ts: total.last_ts, total: total.total });
            }
        }
    }

    /// The running totals for a checkpoint.
    pub fn totals(&self) -> Vec<DeltaTotal> {
        let inner = self.inner.lock();
        let slots: Vec<u32> = inner.totals.keys().copied().collect();
        let entries = self.series.entries_of(&slots);
        let total = |slot: &u32| inner.totals[slot];
        let of = |(slot, entry): (&u32, &Arc<SeriesEntry>)| DeltaTotal {
            series: entry.id,
            last_ts: total(slot).last_ts,
            total: total(slot).total,
        };
        slots.iter().zip(&entries).map(of).collect()
    }

    /// Starts a flush: everything applied so far is frozen. `None` when there is nothing, or when an
    /// earlier flush is not complete.
    pub fn freeze(&self, position: i64, checkpoint: i64) -> Option<Frozen> {
        let mut inner = self.inner.lock();
        if inner.frozen.is_some() || inner.active.is_empty() {
            return None;
        }
        let buffer = std::mem::take(&mut inner.active);
        let pending = Table::ALL.map(|table| buffer.has_rows_of(table));
        inner.frozen = Some(Frozen { position, checkpoint, buffer: Arc::new(buffer), pending });
        inner.frozen.clone()
    }

    pub fn frozen(&self) -> Option<Frozen> {
        self.inner.lock().frozen.clone()
    }

    pub fn has_rows_to_flush(&self) -> bool {
        let inner = self.inner.lock();
        inner.frozen.is_some() || !inner.active.is_empty()
    }

    /// Makes new files visible; with `flushed`, in the same moment as the frozen rows disappear.
    pub fn publish(&self, table: Table, active: ActiveFiles, flushed: bool) {
        let mut inner = self.inner.lock();
        inner.files[table.index()] = active;
        if flushed && let Some(frozen) = &mut inner.frozen {
            frozen.pending[table.index()] = false;
            if frozen.pending == [false; Table::COUNT] {
                inner.frozen = None;
            }
        }
    }

    pub fn files_of(&self, table: Table) -> ActiveFiles {
        self.inner.lock().files[table.index()].clone()
    }

    /// At the start: files and committed position of a table.
    pub fn set_committed(&self, table: Table, active: ActiveFiles, position: i64) {
        let mut inner = self.inner.lock();
        inner.files[table.index()] = active;
        inner.committed[table.index()] = position;
    }

    pub fn view(&self, table: Table) -> TableView {
        let mut inner = self.inner.lock();
        let mut buffers = Vec::new();
        if let Some(frozen) = &mut inner.frozen
            && frozen.pending[table.index()]
        {
            // The frozen buffer is shared with the flush; `make_mut` copies it at most once, cheaply.
            buffers.push(Arc::make_mut(&mut frozen.buffer).view(table));
        }
        buffers.push(inner.active.view(table));
        TableView { active: inner.files[table.index()].clone(), buffers }
    }

    pub fn buffer_use(&self) -> BufferUse {
        let inner = self.inner.lock();
        let frozen = inner.frozen.as_ref().map(|frozen| (frozen.buffer.rows(), frozen.buffer.bytes()));
        let (frozen_rows, frozen_bytes) = frozen.unwrap_or_default();
        BufferUse {
            rows: inner.active.rows() + frozen_rows,
            bytes: inner.active.bytes() + frozen_bytes,
            active_bytes: inner.active.bytes(),
        }
    }

    pub fn with_retry_keys<T>(&self, work: impl FnOnce(&mut RetryKeys) -> T) -> T {
        work(&mut self.inner.lock().retry_keys)
    }

    /// At the start: an event that is in files.
    pub fn remember_event(&self, event_id: &str) {
        self.inner.lock().event_ids.insert(xxh3_128(event_id.as_bytes()));
    }

    /// A series has a row in `metric_series` for a day (after an import).
    pub fn remember_series_day(&self, slot: u32, day: i32) -> bool {
        self.inner.lock().days.entry(day).or_default().insert(slot)
    }

    /// Those without a row in `metric_series`.
    pub fn unknown_series_days(&self, days: Vec<SeriesDay>) -> Vec<SeriesDay> {
        let inner = self.inner.lock();
        let known = |day: &SeriesDay| inner.days.get(&day.day).is_some_and(|slots| slots.contains(day.slot));
        days.into_iter().filter(|day| !known(day)).collect()
    }

    /// Before an import: widens what each series covers, and says for each whether the lake may hold
    /// samples at these times already. What arrives from now on at these times counts as late.
    pub fn claim_ranges(&self, ranges: &[(Arc<SeriesEntry>, i64, i64)]) -> Vec<bool> {
        let _inner = self.inner.lock();
        let claim = |(entry, first, last): &(Arc<SeriesEntry>, i64, i64)| {
            let overlaps = *first <= entry.last_ts().micros() && *last >= entry.first_ts().micros();
            entry.cell().cover(*first);
            entry.cell().cover(*last);
            entry.cell().raise_newest(*last);
            overlaps
        };
        ranges.iter().map(claim).collect()
    }

    /// At the start: series have a row in `metric_series` for a day, and may have samples in files between
    /// two times. What is not newer than the later one counts as late.
    pub fn remember_series_days(&self, days: &[SeriesDay]) {
        let mut inner = self.inner.lock();
        let cells = self.series.cells();
        for days in days.chunk_by(|a, b| a.day == b.day) {
            let known = inner.days.entry(days[0].day).or_default();
            for day in days {
                known.insert(day.slot);
                let cell = cells.of(day.slot);
                cell.cover(day.first_ts);
                cell.cover(day.last_ts);
                cell.raise_newest(day.last_ts);
            }
        }
    }
}

impl Inner {
    fn apply_samples(
        &mut self,
        position: i64,
        batch: &PreparedBatch,
        series: &SeriesIndex,
        applied: &mut Applied,
    ) {
        for entry in &batch.undefined {
            entry.cell().set_durable();
        }
        let buffered = position > self.committed[Table::MetricSamples.index()];
        let mut refused = Vec::new();
        // Held until the end: nothing before may ask the index for anything else.
        let cells = series.cells();
        for rows in batch.samples.chunks(ROWS_AHEAD) {
            // Cells that lie anywhere are waited for together, and not one after the other.
            std::hint::black_box(rows.iter().fold(0, |all, row| all ^ cells.of(row.slot).last_ts()));
            for row in rows {
                self.apply_sample(position, cells.of(row.slot), *row, buffered, applied);
            }
        }
        for rows in batch.deltas.chunk_by(|a, b| a.slot == b.slot) {
            let cell = cells.of(rows[0].slot);
            refused.extend(self.apply_deltas(position, cell, rows, buffered, applied));
        }
        drop(cells);
        for (first, count) in refused {
            let entry = &series.entries_of(&[first.slot])[0];
            applied.rejections.push(Rejection {
                source: batch.source.clone(),
                reason: RejectReason::DeltaOutOfOrder,
                count,
                sample: format!("{} at {}", entry.labels, Timestamp::from_micros(first.ts)),
            });
        }
    }

    fn apply_sample(
        &mut self,
        position: i64,
        cell: &Cell,
        row: SampleRow,
        buffered: bool,
        applied: &mut Applied,
    ) {
        let value = row.value.to_bits();
        let newest = cell.newest();
        let in_order = row.ts > newest.ts;
        let same_time = row.ts == newest.ts && newest.value.is_some();
        if same_time && newest.value == Some(value) {
            applied.duplicates += 1;
            return;
        }
        applied.samples += 1;
        if !in_order {
            applied.late += 1;
            applied.overwritten += u64::from(same_time);
        }
        if row.ts >= newest.ts {
            cell.set_newest(row.ts, value);
        }
        let day = row.ts.div_euclid(MICROS_PER_DAY) as i32;
        cell.cover(row.ts);
        if cell.enter_day(day) {
            self.note_day(position, row, day);
        }
        if buffered {
            let buffer = if in_order { &mut self.active.samples } else { &mut self.active.late };
            buffer.push(row);
        }
    }

    fn note_day(&mut self, position: i64, row: SampleRow, day: i32) {
        let first_of_day = self.days.entry(day).or_default().insert(row.slot);
        if first_of_day && position > self.committed[Table::MetricSeries.index()] {
            self.active.series.push(SeriesDay { slot: row.slot, day, first_ts: row.ts, last_ts: row.ts });
        }
    }

    /// Adds up points of a delta series; one that is not newer than the last is refused, so that a
    /// repeated request changes nothing. In a replay the sums begin with those of the checkpoint that the
    /// log begins with, also for points that are in files. Returns the first refused one and how many there are.
    fn apply_deltas(
        &mut self,
        position: i64,
        cell: &Cell,
        rows: &[SampleRow],
        buffered: bool,
        applied: &mut Applied,
    ) -> Option<(SampleRow, u64)> {
        let mut refused = None;
        let mut refused_count = 0;
        for row in rows {
            let total = self.totals.entry(row.slot).or_insert(Total { last_ts: i64::MIN, total: 0.0 });
            if row.ts <= total.last_ts {
                refused_count += 1;
                refused.get_or_insert(*row);
                continue;
            }
            // A stale marker ends the series and is no amount.
            let value = if telemetry::is_stale(row.value) {
                row.value
            } else {
                total.total += row.value;
                total.total
            };
            total.last_ts = row.ts;
            self.apply_sample(position, cell, SampleRow { value, ..*row }, buffered, applied);
        }
        refused.map(|row| (row, refused_count))
    }

    fn fresh_events(
        &mut self,
        rows: &arrow::array::RecordBatch,
    ) -> Result<arrow::array::RecordBatch, LakeError> {
        let at = rows.schema_ref().index_of("event_id")?;
        let ids = rows.column(at).as_string::<i32>();
        let fresh: BooleanArray = ids
            .iter()
            .map(|id| Some(self.event_ids.insert(xxh3_128(id.unwrap_or_default().as_bytes()))))
            .collect();
        if fresh.true_count() == rows.num_rows() {
            Ok(rows.clone())
        } else {
            Ok(filter_record_batch(rows, &fresh)?)
        }
    }
}
