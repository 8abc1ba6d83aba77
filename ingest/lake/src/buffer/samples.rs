//! Samples in memory: small rows in chunks; a full chunk becomes an Arrow batch at most once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;

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
    batch: OnceLock<RecordBatch>,
}

impl Chunk {
    fn batch(&self, index: &SeriesIndex, batch_bytes: &AtomicU64) -> Result<RecordBatch, LakeError> {
        if let Some(batch) = self.batch.get() {
            return Ok(batch.clone());
        }
        let batch = sorted_batch(&self.rows, index)?;
        let keep = || {
            batch_bytes.fetch_add(batch.get_array_memory_size() as u64, Ordering::Relaxed);
            batch
        };
        Ok(self.batch.get_or_init(keep).clone())
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
        }
    }

    fn close_chunk(&mut self) {
        let rows = std::mem::take(&mut self.open);
        self.closed_rows += rows.len();
        self.chunks.push(Arc::new(Chunk { rows, batch: OnceLock::new() }));
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

    /// All rows in log order.
    pub fn rows(&self) -> impl Iterator<Item = &SampleRow> + Clone {
        self.chunks.iter().flat_map(|chunk| &chunk.rows).chain(&self.open)
    }
}

fn sorted_batch(rows: &[SampleRow], index: &SeriesIndex) -> Result<RecordBatch, LakeError> {
    let sorted = SortedSamples::of(rows.iter(), index);
    Ok(columns::with_partition(Table::MetricSamples, sorted.columns(0..sorted.len()))?)
}
