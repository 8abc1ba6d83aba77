//! Samples in memory: small rows in chunks; a full chunk becomes an Arrow batch at most once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use parking_lot::Mutex;

use super::slots::SlotSet;
use super::sorted::SortedSamples;
use crate::columns;
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::SeriesIndex;

/// A sample of a series by its slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRow {
    pub slot: u32,
    /// Microseconds.
    pub ts: i64,
    pub value: f64,
}

/// Rows until a chunk is closed: large enough that a query sees few batches, small enough that the
/// open rest is copied quickly.
const CHUNK_ROWS: usize = 1 << 16;
/// A reader closes the open chunk from this size on, so that the next reader finds it converted.
const SETTLE_ROWS: usize = 1 << 12;
const ROW_BYTES: u64 = size_of::<SampleRow>() as u64;

/// Samples in log order.
#[derive(Clone, Debug, Default)]
pub struct SampleBuffer {
    chunks: Vec<Arc<Chunk>>,
    open: Vec<SampleRow>,
    closed_rows: usize,
    range: Option<(i64, i64)>,
    /// Memory of the batches that readers made of chunks.
    batch_bytes: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Chunk {
    rows: Vec<SampleRow>,
    batch: Mutex<Option<RecordBatch>>,
}

impl Chunk {
    /// Readers who come at the same time wait for the first one's: the panels of a dashboard do.
    fn batch(&self, index: &SeriesIndex, batch_bytes: &AtomicU64) -> Result<RecordBatch, LakeError> {
        let mut made = self.batch.lock();
        if let Some(batch) = &*made {
            return Ok(batch.clone());
        }
        let batch = sorted_batch(&self.rows, index)?;
        batch_bytes.fetch_add(batch.get_array_memory_size() as u64, Ordering::Relaxed);
        *made = Some(batch.clone());
        Ok(batch)
    }
}

impl SampleBuffer {
    pub fn push(&mut self, row: SampleRow) {
        self.range = Some(match self.range {
            Some((first, last)) => (first.min(row.ts), last.max(row.ts)),
            None => (row.ts, row.ts),
        });
        self.open.push(row);
        if self.open.len() >= CHUNK_ROWS {
            self.close_chunk();
            // The next one is likely to become full, too.
            self.open.reserve_exact(CHUNK_ROWS);
        }
    }

    fn close_chunk(&mut self) {
        let rows = std::mem::take(&mut self.open);
        self.closed_rows += rows.len();
        self.chunks.push(Arc::new(Chunk { rows, batch: Mutex::new(None) }));
    }

    /// Makes a following `clone` cheap.
    pub fn settle(&mut self) {
        if self.open.len() >= SETTLE_ROWS {
            self.close_chunk();
        }
    }

    pub fn len(&self) -> usize {
        self.closed_rows + self.open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn bytes(&self) -> u64 {
        self.len() as u64 * ROW_BYTES + self.batch_bytes.load(Ordering::Relaxed)
    }

    pub fn time_range(&self) -> Option<(i64, i64)> {
        self.range
    }

    /// One sorted batch per chunk, oldest first; no (series, time) twice within a batch.
    pub fn batches(&self, index: &SeriesIndex) -> Result<Vec<RecordBatch>, LakeError> {
        let mut batches = Vec::with_capacity(self.chunks.len() + 1);
        for chunk in &self.chunks {
            batches.push(chunk.batch(index, &self.batch_bytes)?);
        }
        if !self.open.is_empty() {
            batches.push(sorted_batch(&self.open, index)?);
        }
        Ok(batches)
    }

    /// The rows of some series as one sorted batch; `None` when there are none. Every row is looked at,
    /// those that are wanted are converted.
    pub fn batch_of(&self, wanted: &SlotSet, index: &SeriesIndex) -> Result<Option<RecordBatch>, LakeError> {
        let rows: Vec<SampleRow> = self.rows().filter(|row| wanted.contains(row.slot)).copied().collect();
        if rows.is_empty() { Ok(None) } else { sorted_batch(&rows, index).map(Some) }
    }

    /// All rows in log order.
    pub fn rows(&self) -> impl Iterator<Item = &SampleRow> + Clone {
        self.chunks.iter().flat_map(|chunk| &chunk.rows).chain(&self.open)
    }

    /// As [`SampleBuffer::rows`], many at once.
    pub fn pieces(&self) -> Vec<&[SampleRow]> {
        self.chunks.iter().map(|chunk| chunk.rows.as_slice()).chain([self.open.as_slice()]).collect()
    }
}

fn sorted_batch(rows: &[SampleRow], index: &SeriesIndex) -> Result<RecordBatch, LakeError> {
    let sorted = SortedSamples::of(rows, index);
    Ok(columns::with_partition(Table::MetricSamples, sorted.columns(0..sorted.len()))?)
}
