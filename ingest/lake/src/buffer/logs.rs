//! Log records in memory: as they came, request by request; they become an Arrow batch when somebody
//! looks, at most once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use telemetry::LogRows;

use crate::columns;
use crate::error::LakeError;

/// Requests with less share a chunk, so that a reader sees few batches.
const CHUNK_ROWS_MIN: usize = 512;
/// A chunk of small requests is closed at this size ...
const CHUNK_ROWS_MAX: usize = 1 << 13;
/// ... or by a reader from this size on, so that the next reader finds it converted.
const SETTLE_ROWS: usize = 1 << 10;

#[derive(Clone, Debug, Default)]
pub struct LogBuffer {
    chunks: Vec<Arc<Chunk>>,
    open: LogRows,
    closed_rows: u64,
    closed_bytes: u64,
    /// Memory of the batches that readers made of chunks.
    batch_bytes: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Chunk {
    rows: LogRows,
    batch: OnceLock<RecordBatch>,
}

impl LogBuffer {
    pub fn push(&mut self, rows: LogRows) {
        if rows.len() >= CHUNK_ROWS_MIN {
            return self.add_chunk(rows);
        }
        self.open.append(&rows);
        if self.open.len() >= CHUNK_ROWS_MAX {
            self.close();
        }
    }

    fn add_chunk(&mut self, rows: LogRows) {
        self.closed_rows += rows.len() as u64;
        self.closed_bytes += rows.bytes() as u64;
        self.chunks.push(Arc::new(Chunk { rows, batch: OnceLock::new() }));
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.add_chunk(open);
    }

    /// Before a copy is made for a reader.
    pub fn settle(&mut self) {
        if self.open.len() >= SETTLE_ROWS {
            self.close();
        }
    }

    pub fn len(&self) -> u64 {
        self.closed_rows + self.open.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory, with that of the batches that readers made.
    pub fn bytes(&self) -> u64 {
        self.closed_bytes + self.open.bytes() as u64 + self.batch_bytes.load(Ordering::Relaxed)
    }

    /// The rows, in parts.
    pub fn parts(&self) -> impl Iterator<Item = &LogRows> {
        let closed = self.chunks.iter().map(|chunk| &chunk.rows);
        closed.chain(Some(&self.open)).filter(|rows| !rows.is_empty())
    }

    /// As Arrow.
    pub fn batches(&self) -> Result<Vec<RecordBatch>, LakeError> {
        let mut batches = Vec::with_capacity(self.chunks.len() + 1);
        for chunk in &self.chunks {
            batches.push(chunk.batch(&self.batch_bytes)?);
        }
        if !self.open.is_empty() {
            batches.push(columns::log_rows(&self.open)?);
        }
        Ok(batches)
    }
}

impl Chunk {
    fn batch(&self, batch_bytes: &AtomicU64) -> Result<RecordBatch, LakeError> {
        if let Some(batch) = self.batch.get() {
            return Ok(batch.clone());
        }
        let batch = columns::log_rows(&self.rows)?;
        let keep = || {
            batch_bytes.fetch_add(batch.get_array_memory_size() as u64, Ordering::Relaxed);
            batch
        };
        Ok(self.batch.get_or_init(keep).clone())
    }
}

#[cfg(test)]
mod tests {
    use telemetry::{LogRecord, Timestamp};

    use super::*;

    fn rows(first: i64, count: usize) -> LogRows {
        let record = |n: i64| LogRecord {
            ts: Timestamp::from_micros(n),
            service: Some(format!("s{}", n % 3).into()),
            body: n.to_string().into(),
            ..LogRecord::default()
        };
        (first..).take(count).map(record).collect::<Vec<_>>().iter().collect()
    }

    #[test]
    fn large_requests_stay_apart_small_ones_share_and_a_reader_sees_all() {
        let mut buffer = LogBuffer::default();
        buffer.push(rows(0, CHUNK_ROWS_MIN));
        (0..SETTLE_ROWS).for_each(|n| buffer.push(rows(1_000 + n as i64, 1)));
        assert_eq!((buffer.parts().count(), buffer.len()), (2, (CHUNK_ROWS_MIN + SETTLE_ROWS) as u64));
        buffer.settle();
        buffer.push(rows(9_000, 2));
        let before = buffer.bytes();
        let view = buffer.clone();
        let counts: Vec<usize> = view.batches().unwrap().iter().map(RecordBatch::num_rows).collect();
        assert_eq!(counts, [CHUNK_ROWS_MIN, SETTLE_ROWS, 2]);
        assert!(buffer.bytes() > before, "what readers made counts");
        let made = buffer.bytes();
        buffer.batches().unwrap();
        assert_eq!(buffer.bytes(), made, "and is made once");
        let words: Vec<LogRecord> = buffer.parts().nth(1).unwrap().records().take(2).collect();
        assert_eq!(words, rows(1_000, 2).records().collect::<Vec<_>>());
    }
}
