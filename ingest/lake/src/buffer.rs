//! The write buffer: rows that are in the log and not yet in tables.
//!
//! A buffer is filled under the state's lock, then frozen by a flush and only read from then on.
//! Samples are kept as small rows and become Arrow batches when somebody looks at them; samples that
//! may repeat an older one (not newer than the series' last) are kept apart as *late*, so that the
//! others are known to be unique and a reader merges only where it must.

pub mod logs;
pub mod samples;
pub mod slots;
pub mod sorted;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::columns::{self, SeriesRow};
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::{SeriesEntry, SeriesIndex};
use logs::LogBuffer;
use samples::SampleBuffer;
use slots::SlotSet;
use telemetry::Identity;
use telemetry::time::MICROS_PER_DAY;

/// The first sample of a series on a day: becomes a row of `metric_series`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesDay {
    pub slot: u32,
    pub day: i32,
    pub first_ts: i64,
    /// The last sample of the day, as far as known.
    pub last_ts: i64,
}

/// Rows of all tables.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    pub samples: SampleBuffer,
    pub late: SampleBuffer,
    pub series: Vec<SeriesDay>,
    pub logs: LogBuffer,
    /// Batches of the other tables, by [`Table::index`].
    rows: [Vec<RecordBatch>; Table::COUNT],
    row_count: u64,
    row_bytes: u64,
}

impl Buffer {
    pub fn push_rows(&mut self, table: Table, batch: RecordBatch) {
        self.row_count += batch.num_rows() as u64;
        self.row_bytes += batch.get_array_memory_size() as u64;
        self.rows[table.index()].push(batch);
    }

    pub fn rows(&self) -> u64 {
        self.samples.len() as u64
            + self.late.len() as u64
            + self.series.len() as u64
            + self.logs.len()
            + self.row_count
    }

    /// Memory, roughly: what the bound and the flush threshold count.
    pub fn bytes(&self) -> u64 {
        const SERIES_ROW_BYTES: u64 = 16;
        self.samples.bytes()
            + self.late.bytes()
            + self.series.len() as u64 * SERIES_ROW_BYTES
            + self.logs.bytes()
            + self.row_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    pub fn has_rows_of(&self, table: Table) -> bool {
        match table {
            Table::MetricSamples => !self.samples.is_empty() || !self.late.is_empty(),
            Table::MetricSeries => !self.series.is_empty(),
            Table::Logs => !self.logs.is_empty(),
            _ => !self.rows[table.index()].is_empty(),
        }
    }

    /// What a reader of one table needs, cheap enough to be taken under the lock.
    pub fn view(&mut self, table: Table) -> BufferView {
        match table {
            Table::MetricSamples => {
                self.samples.settle();
                self.late.settle();
                BufferView::Samples {
                    samples: Box::new(self.samples.clone()),
                    late: Box::new(self.late.clone()),
                }
            }
            Table::MetricSeries => BufferView::Series(self.series.clone()),
            Table::Logs => {
                self.logs.settle();
                BufferView::Logs(Box::new(self.logs.clone()))
            }
            _ => {
                // Many requests of a few rows each: keep the list of batches short.
                let batches = &mut self.rows[table.index()];
                if batches.len() > BATCHES_MAX
                    && let Ok(one) = arrow::compute::concat_batches(&table.schema(), batches.iter())
                {
                    *batches = vec![one];
                }
                BufferView::Rows(batches.clone())
            }
        }
    }

    pub fn batches_of(&self, table: Table) -> &[RecordBatch] {
        &self.rows[table.index()]
    }
}

const BATCHES_MAX: usize = 64;

/// Rows of one table at one moment.
#[derive(Debug)]
pub enum BufferView {
    Samples { samples: Box<SampleBuffer>, late: Box<SampleBuffer> },
    Series(Vec<SeriesDay>),
    Logs(Box<LogBuffer>),
    Rows(Vec<RecordBatch>),
}

impl BufferView {
    /// As Arrow, oldest rows first. Sample batches are sorted by metric, series and time.
    pub fn batches(&self, index: &SeriesIndex) -> Result<Vec<RecordBatch>, LakeError> {
        match self {
            BufferView::Samples { samples, late } => {
                let mut batches = samples.batches(index)?;
                batches.extend(late.batches(index)?);
                Ok(batches)
            }
            BufferView::Series(days) if days.is_empty() => Ok(Vec::new()),
            BufferView::Series(days) => Ok(vec![series_batch(days, index)?]),
            BufferView::Logs(logs) => logs.batches(),
            BufferView::Rows(batches) => Ok(batches.clone()),
        }
    }

    /// As [`BufferView::batches`], of samples those of some series alone.
    pub fn batches_of(&self, wanted: &SlotSet, index: &SeriesIndex) -> Result<Vec<RecordBatch>, LakeError> {
        match self {
            BufferView::Samples { samples, late } => {
                let batches = [samples.batch_of(wanted, index)?, late.batch_of(wanted, index)?];
                Ok(batches.into_iter().flatten().collect())
            }
            _ => self.batches(index),
        }
    }

    /// The time range of samples that may repeat others.
    pub fn late_range(&self) -> Option<(i64, i64)> {
        match self {
            BufferView::Samples { late, .. } => late.time_range(),
            _ => None,
        }
    }
}

/// Rows of `metric_series` in file order, as far as the samples of the day are known by now.
pub fn series_batch(days: &[SeriesDay], index: &SeriesIndex) -> Result<RecordBatch, LakeError> {
    let entries = entries_of(days, index);
    Ok(columns::series_rows(&series_rows(days, &entries))?)
}

/// The series of some days, in their order.
pub fn entries_of(days: &[SeriesDay], index: &SeriesIndex) -> Vec<Arc<SeriesEntry>> {
    let slots: Vec<u32> = days.iter().map(|day| day.slot).collect();
    index.entries_of(&slots)
}

/// As [`series_batch`], row by row.
pub fn series_rows<'a>(days: &[SeriesDay], entries: &'a [Arc<SeriesEntry>]) -> Vec<SeriesRow<'a>> {
    let row = |(day, entry): (&SeriesDay, &'a Arc<SeriesEntry>)| {
        let newest = entry.last_ts().micros();
        let is_newest_day = newest.div_euclid(MICROS_PER_DAY) == i64::from(day.day);
        SeriesRow {
            id: entry.id.get(),
            labels: &entry.labels,
            meta: &entry.meta,
            source: &entry.source,
            first_ts: day.first_ts,
            last_ts: if is_newest_day { newest } else { day.last_ts },
        }
    };
    let mut rows: Vec<SeriesRow<'a>> = days.iter().zip(entries).map(row).collect();
    // Names are few and rows are many: each name is compared once, and rows are by the ranks of names.
    let named = || rows.iter().map(|row| Identity::of(row.labels));
    let metrics = ranks(named().map(|identity| identity.metric));
    let services = ranks(named().map(|identity| identity.service));
    rows.sort_by_cached_key(|row| {
        let identity = Identity::of(row.labels);
        (metrics[identity.metric], services[&identity.service], row.id)
    });
    rows
}

/// Each value's place in their order.
fn ranks<T: Copy + Ord + Hash>(
    values: impl Iterator<Item = T>,
) -> HashMap<T, u32, foldhash::fast::RandomState> {
    let mut ranks: HashMap<T, u32, _> = values.map(|value| (value, 0)).collect();
    let mut ordered: Vec<(&T, &mut u32)> = ranks.iter_mut().collect();
    ordered.sort_unstable_by_key(|(value, _)| **value);
    for (place, (_, rank)) in (0..).zip(ordered) {
        *rank = place;
    }
    ranks
}
