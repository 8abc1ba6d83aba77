//! Samples in memory: small rows in chunks; a full chunk becomes an Arrow batch at most once.

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take;

use crate::columns;
use crate::error::LakeError;
use crate::schema::Table;
use crate::series::{SeriesEntry, SeriesIndex};

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
/// A row here plus its share of an Arrow batch.
const ROW_BYTES: u64 = 64;

/// Samples in log order.
#[derive(Clone, Debug, Default)]
pub struct SampleBuffer {
    chunks: Vec<Arc<Chunk>>,
    open: Vec<SampleRow>,
    closed_rows: usize,
    range: Option<(i64, i64)>,
}

#[derive(Debug)]
struct Chunk {
    rows: Vec<SampleRow>,
    batch: OnceLock<RecordBatch>,
}

impl Chunk {
    fn batch(&self, index: &SeriesIndex) -> Result<RecordBatch, LakeError> {
        if let Some(batch) = self.batch.get() {
            return Ok(batch.clone());
        }
        let batch = sorted_batch(self.rows.clone(), index)?;
        Ok(self.batch.get_or_init(|| batch).clone())
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
        self.len() as u64 * ROW_BYTES
    }

    pub fn time_range(&self) -> Option<(i64, i64)> {
        self.range
    }

    /// One sorted batch per chunk, oldest first; no (series, time) twice within a batch.
    pub fn batches(&self, index: &SeriesIndex) -> Result<Vec<RecordBatch>, LakeError> {
        let mut batches = Vec::with_capacity(self.chunks.len() + 1);
        for chunk in &self.chunks {
            batches.push(chunk.batch(index)?);
        }
        if !self.open.is_empty() {
            batches.push(sorted_batch(self.open.clone(), index)?);
        }
        Ok(batches)
    }

    /// All rows in log order.
    pub fn rows(&self) -> Vec<SampleRow> {
        let mut rows = Vec::with_capacity(self.len());
        for chunk in &self.chunks {
            rows.extend_from_slice(&chunk.rows);
        }
        rows.extend_from_slice(&self.open);
        rows
    }
}

/// Distinct series of some rows in file order (metric, then number), and each slot's place in it.
pub struct SeriesOrder {
    pub entries: Vec<Arc<SeriesEntry>>,
    /// Sorted by slot: (slot, place).
    places: Vec<(u32, u32)>,
}

impl SeriesOrder {
    pub fn of(rows: &[SampleRow], index: &SeriesIndex) -> SeriesOrder {
        let mut slots: Vec<u32> = rows.iter().map(|row| row.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        let mut entries = index.entries_of(&slots);
        entries.sort_by(|a, b| a.labels.metric().cmp(b.labels.metric()).then(a.id.cmp(&b.id)));
        let mut places: Vec<(u32, u32)> =
            entries.iter().enumerate().map(|(place, entry)| (entry.slot, place as u32)).collect();
        places.sort_unstable();
        SeriesOrder { entries, places }
    }

    fn place_of(&self, slot: u32) -> u32 {
        let at = self.places.partition_point(|(other, _)| *other < slot);
        self.places[at].1
    }
}

/// A sample that knows its place in file order.
#[derive(Clone, Copy, Debug)]
pub struct PlacedRow {
    pub place: u32,
    pub ts: i64,
    pub value: f64,
}

/// Sorts by file order and keeps the last of rows with one series and time.
pub fn place_and_sort(rows: &[SampleRow], order: &SeriesOrder) -> Vec<PlacedRow> {
    let mut placed = Vec::with_capacity(rows.len());
    let mut known = (u32::MAX, 0);
    for row in rows {
        // Rows of one series often stand together.
        if known.0 != row.slot {
            known = (row.slot, order.place_of(row.slot));
        }
        placed.push(PlacedRow { place: known.1, ts: row.ts, value: row.value });
    }
    // Stable: rows with one key stay in log order, and the last one wins.
    placed.sort_by_key(|row| (row.place, row.ts));
    placed.dedup_by(|later, kept| {
        let same = later.place == kept.place && later.ts == kept.ts;
        if same {
            kept.value = later.value;
        }
        same
    });
    placed
}

/// Columns of `metric_samples` files.
pub fn placed_columns(rows: &[PlacedRow], order: &SeriesOrder) -> Result<Vec<ArrayRef>, LakeError> {
    let metrics = StringArray::from_iter_values(order.entries.iter().map(|entry| entry.labels.metric()));
    let places = UInt32Array::from_iter_values(rows.iter().map(|row| row.place));
    let ids = Int64Array::from_iter_values(rows.iter().map(|row| order.entries[row.place as usize].id.get()));
    Ok(vec![
        take(&metrics, &places, None)?,
        Arc::new(ids),
        columns::timestamps(rows.iter().map(|row| row.ts)),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.value))),
    ])
}

fn sorted_batch(rows: Vec<SampleRow>, index: &SeriesIndex) -> Result<RecordBatch, LakeError> {
    let order = SeriesOrder::of(&rows, index);
    let placed = place_and_sort(&rows, &order);
    Ok(columns::with_partition(Table::MetricSamples, placed_columns(&placed, &order)?)?)
}
