//! A part of a scan: some series, read from all sources at once and put together chunk by chunk.
//!
//! Sources hand out runs in the order of ranks, so the series that comes next is the least rank that any
//! of them stands at. Sources stand in the order of their times: mostly the samples of a series are
//! then complete and in order when those of all sources have been appended.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use promql::SeriesData;

use super::block::Block;
use super::memory::ScanMemory;
use super::runs::{RunBatch, RunSource};
use super::stop::Stop;
use super::wanted::Wanted;
use crate::QueryError;

/// A source at a run.
pub(super) struct Cursor {
    source: Box<dyn RunSource>,
    /// Of two samples with one time that from the source with the higher one is right.
    sequence: i64,
    batch: RunBatch,
    /// The run that comes next.
    at: usize,
    is_loaded: bool,
}

impl Cursor {
    pub(super) fn new(source: Box<dyn RunSource>, sequence: i64) -> Cursor {
        Cursor { source, sequence, batch: RunBatch::default(), at: 0, is_loaded: false }
    }

    /// Reads ahead to the first run. Blocking.
    pub(super) fn load(&mut self, wanted: &Wanted, stop: &Stop) -> Result<(), QueryError> {
        if self.is_loaded {
            return Ok(());
        }
        self.at = 0;
        self.is_loaded = true;
        loop {
            stop.check()?;
            self.batch.clear();
            if !self.source.next_batch(wanted, &mut self.batch)? || !self.batch.runs.is_empty() {
                return Ok(());
            }
        }
    }

    fn rank(&self) -> Option<u32> {
        self.batch.runs.get(self.at).map(|run| run.rank)
    }

    fn advance(&mut self, wanted: &Wanted, stop: &Stop) -> Result<(), QueryError> {
        self.at += 1;
        if self.at < self.batch.runs.len() {
            return Ok(());
        }
        self.is_loaded = false;
        self.load(wanted, stop)
    }
}

pub(super) struct Part {
    pub(super) wanted: Arc<Wanted>,
    /// By the times of their sources.
    pub(super) cursors: Vec<Cursor>,
    pub(super) memory: ScanMemory,
    /// What the cursors need.
    pub(super) _held: MemoryReservation,
    /// About how many samples there are.
    pub(super) samples_expected: usize,
    /// How many runs are in files, where all of these are on this machine and their directories are known.
    pub(super) runs_at_hand: Option<usize>,
    pub(super) chunk_samples_max: usize,
    /// Nobody wants the chunks any more.
    pub(super) stop: Stop,
    /// A series that did not fit into the last chunk.
    pub(super) begun: Option<Block>,
    /// The last rank that was complete.
    pub(super) done: Option<u32>,
}

/// Up to here a part is read at once, where its scan is planned: handing it from thread to thread and back
/// takes as long as copying so many samples ...
const SMALL_SAMPLES: usize = 1 << 14;
/// ... and as unpacking several pages, each of them in some 25 µs. More of them would hold up other queries
/// on the thread for a millisecond.
const SMALL_RUNS: usize = 32;

impl Part {
    /// Whether reading it takes less time than handing it over.
    pub(super) fn is_small(&self) -> bool {
        let has_few_runs = self.runs_at_hand.is_some_and(|runs| runs <= SMALL_RUNS);
        has_few_runs && self.samples_expected <= SMALL_SAMPLES
    }

    /// The next chunk; `None` at the end. Blocking.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Vec<SeriesData>>, QueryError> {
        for cursor in &mut self.cursors {
            cursor.load(&self.wanted, &self.stop)?;
        }
        let mut block = match self.begun.take() {
            Some(begun) => begun,
            None if self.cursors.iter().all(|cursor| cursor.rank().is_none()) => return Ok(None),
            None => Block::new(&self.memory, self.chunk_samples_max.min(self.samples_expected))?,
        };
        while block.is_empty() || !block.is_full(self.chunk_samples_max) {
            let Some(rank) = self.cursors.iter().filter_map(Cursor::rank).min() else { break };
            self.read_series(rank, &mut block)?;
        }
        self.begun = block.split_off_excess(self.chunk_samples_max)?;
        Ok(Some(block.finish(&self.wanted)))
    }

    /// Whether there are no more chunks; known once the first has been made.
    pub(super) fn is_done(&self) -> bool {
        self.begun.is_none() && self.cursors.iter().all(|cursor| cursor.rank().is_none())
    }

    fn read_series(&mut self, rank: u32, block: &mut Block) -> Result<(), QueryError> {
        if self.done.is_some_and(|done| rank <= done) {
            let message = "a file of metric_samples is not in its order".to_owned();
            return Err(DataFusionError::Internal(message).into());
        }
        for cursor in &mut self.cursors {
            if cursor.rank() != Some(rank) {
                continue;
            }
            block.begin_piece(cursor.sequence);
            while cursor.rank() == Some(rank) {
                let run = &cursor.batch.runs[cursor.at];
                let values = run.values..run.values + run.times.len();
                block.push(&cursor.batch.times[run.times.clone()], &cursor.batch.values[values])?;
                cursor.advance(&self.wanted, &self.stop)?;
            }
        }
        block.end_series(rank);
        self.done = Some(rank);
        Ok(())
    }
}
