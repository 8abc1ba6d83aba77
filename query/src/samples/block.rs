//! A chunk that is being put together: the samples of whole series, one after the other, in two columns.

use std::sync::Arc;

use datafusion::execution::memory_pool::MemoryReservation;
use promql::{Samples, SeriesData};

use super::memory::ScanMemory;
use super::wanted::Wanted;
use crate::QueryError;

/// Time and value.
const SAMPLE_BYTES: usize = 16;
/// A chunk may be this small when memory is short.
const CHUNK_SAMPLES_MIN: usize = 16_384;

pub(super) struct Block {
    memory: ScanMemory,
    held: MemoryReservation,
    ts_ms: Vec<i64>,
    values: Vec<f64>,
    /// Where each series begins, then the end of the last one.
    offsets: Vec<usize>,
    ranks: Vec<u32>,
    /// Of the series that is being read: where each source's samples begin, and its sequence.
    pieces: Vec<(usize, i64)>,
}

impl Block {
    /// For about so many samples, or fewer when memory is short.
    pub(super) fn new(memory: &ScanMemory, samples: usize) -> Result<Block, QueryError> {
        let least = CHUNK_SAMPLES_MIN.min(samples) * SAMPLE_BYTES;
        let held = memory.reserve_between(least, samples * SAMPLE_BYTES)?;
        let capacity = held.size() / SAMPLE_BYTES;
        Ok(Block {
            memory: memory.clone(),
            held,
            ts_ms: Vec::with_capacity(capacity),
            values: Vec::with_capacity(capacity),
            offsets: vec![0],
            ranks: Vec::new(),
            pieces: Vec::new(),
        })
    }

    /// Samples of complete series.
    pub(super) fn len(&self) -> usize {
        self.offsets[self.offsets.len() - 1]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether another series like the last one would need more memory than there is.
    pub(super) fn is_full(&self, samples_max: usize) -> bool {
        let len = self.len();
        let before = self.offsets.len().checked_sub(2).map_or(0, |at| self.offsets[at]);
        len + (len - before) > samples_max.min(self.held.size() / SAMPLE_BYTES)
    }

    /// The samples of one source that come next are of another than those before.
    pub(super) fn begin_piece(&mut self, sequence: i64) {
        self.pieces.push((self.ts_ms.len(), sequence));
    }

    /// Samples of the series that is being read; times in microseconds, ascending within a piece.
    pub(super) fn push(&mut self, times: &[i64], values: &[f64]) -> Result<(), QueryError> {
        let needed = (self.ts_ms.len() + times.len()) * SAMPLE_BYTES;
        let held = self.held.size();
        if needed > held {
            self.memory.grow(&self.held, (needed - held).max(held / 2))?;
            let capacity = self.held.size() / SAMPLE_BYTES;
            self.ts_ms.reserve_exact(capacity - self.ts_ms.len());
            self.values.reserve_exact(capacity - self.values.len());
        }
        self.ts_ms.extend(times.iter().map(|micros| micros.div_euclid(1_000)));
        self.values.extend_from_slice(values);
        Ok(())
    }

    /// The samples since the last series are those of this one, and all of them.
    pub(super) fn end_series(&mut self, rank: u32) {
        let start = self.len();
        // Mostly sources follow each other in time.
        if !self.ts_ms[start..].is_sorted_by(|earlier, later| earlier < later) {
            self.order(start);
        }
        self.pieces.clear();
        self.ranks.push(rank);
        self.offsets.push(self.ts_ms.len());
    }

    /// Brings samples into order; of two with one time that from the later source stays.
    fn order(&mut self, start: usize) {
        let mut samples: Vec<(i64, i64, f64)> = Vec::with_capacity(self.ts_ms.len() - start);
        let mut ends = self.pieces.iter().skip(1).map(|(begin, _)| *begin);
        for (begin, sequence) in &self.pieces {
            let rows = *begin..ends.next().unwrap_or(self.ts_ms.len());
            samples.extend(rows.map(|row| (self.ts_ms[row], -*sequence, self.values[row])));
        }
        // Stable: within a source the first of several in one millisecond stays.
        samples.sort_by_key(|(ts_ms, later_first, _)| (*ts_ms, *later_first));
        samples.dedup_by_key(|(ts_ms, ..)| *ts_ms);
        self.ts_ms.truncate(start);
        self.values.truncate(start);
        self.ts_ms.extend(samples.iter().map(|(ts_ms, ..)| *ts_ms));
        self.values.extend(samples.iter().map(|(.., value)| *value));
    }

    /// Moves the last series into a block of its own, where it makes this one too long.
    pub(super) fn split_off_excess(&mut self, samples_max: usize) -> Result<Option<Block>, QueryError> {
        if self.len() <= samples_max || self.ranks.len() < 2 {
            return Ok(None);
        }
        let start = self.offsets[self.ranks.len() - 1];
        let mut next = Block::new(&self.memory, samples_max.max(self.len() - start))?;
        next.memory
            .grow(&next.held, ((self.len() - start) * SAMPLE_BYTES).saturating_sub(next.held.size()))?;
        next.ts_ms.extend_from_slice(&self.ts_ms[start..]);
        next.values.extend_from_slice(&self.values[start..]);
        next.offsets.push(next.ts_ms.len());
        next.ranks.extend(self.ranks.pop());
        self.offsets.pop();
        self.ts_ms.truncate(start);
        self.values.truncate(start);
        Ok(Some(next))
    }

    /// The chunk. What it holds stays charged until its last series is dropped.
    pub(super) fn finish(self, wanted: &Wanted) -> Vec<SeriesData> {
        let samples = Samples::split_held(self.ts_ms, self.values, &self.offsets, Arc::new(self.held));
        let series = self.ranks.into_iter().zip(samples);
        series.map(|(rank, samples)| SeriesData { labels: wanted.labels(rank).clone(), samples }).collect()
    }
}
