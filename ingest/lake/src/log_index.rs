//! A search index over log lines, inside the Parquet files that hold them.
//!
//! Every [`BLOCK_ROWS`] rows of a row group have a filter that knows the words of their bodies and their
//! attributes, as `key=value`. The filters stand behind the columns of their row group, where no Parquet
//! reader looks; the footer's metadata says under [`METADATA_KEY`] where their directory is. The file stays
//! one file to every reader, to vacuum, backup and copies. `docs/file-layout.md` has the figures.
//!
//! A filter never denies what is there. Files without an index (flush files are read for an hour) may hold
//! anything.

mod filter;
mod words;

use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::file::metadata::ParquetMetaData;

use crate::error::LakeError;
use filter::{FilterBuilder, SLOT_BYTES, slot_holds, slot_of};

pub use filter::Mark;
pub use words::{fold, is_word_char, words};

/// Rows that share a filter. Half as many cost a tenth more room, twice as many make a rare word cost
/// twice the reading.
pub const BLOCK_ROWS: usize = 8_192;

/// `<offset> <length>` of the directory.
pub const METADATA_KEY: &str = "evenkeel.log_index.v1";

/// Rows, offset of the filter, slots of the filter.
const ENTRY_BYTES: usize = 4 + 8 + 4;

/// What is known about the blocks of a file, in the order of their rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogIndex {
    blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    rows: u32,
    offset: u64,
    slots: u32,
}

/// A run of rows, and whether what was asked for may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRun {
    pub rows: usize,
    pub may_match: bool,
}

impl LogIndex {
    /// The index of a file; `None` when it has none.
    pub async fn read(
        store: &dyn ObjectStore,
        location: &Path,
        metadata: &ParquetMetaData,
    ) -> Result<Option<LogIndex>, LakeError> {
        let Some(range) = directory(metadata) else { return Ok(None) };
        let content = store.get_range(location, range).await?;
        let index = LogIndex::decode(&content);
        let rows: u64 = index.blocks.iter().map(|block| u64::from(block.rows)).sum();
        // Another program may have rewritten the file and kept what it did not understand.
        let is_whole = i64::try_from(rows) == Ok(metadata.file_metadata().num_rows());
        Ok(is_whole.then_some(index))
    }

    /// Where rows may be that have, for each of `wanted`, one of its marks. Covers all rows of the file.
    /// Reads 32 bytes for each mark and block that is still in question.
    pub async fn find(
        &self,
        store: &dyn ObjectStore,
        location: &Path,
        wanted: &[Vec<Mark>],
    ) -> Result<Vec<RowRun>, LakeError> {
        let mut open: Vec<bool> = vec![true; self.blocks.len()];
        for any_of in wanted {
            let asked: Vec<usize> = (0..open.len()).filter(|at| open[*at]).collect();
            let ranges: Vec<Range<u64>> = asked
                .iter()
                .flat_map(|at| any_of.iter().map(|mark| self.blocks[*at].slot_range(*mark)))
                .collect();
            let slots = store.get_ranges(location, &ranges).await?;
            for (at, slots) in asked.into_iter().zip(slots.chunks(any_of.len().max(1))) {
                open[at] = slots.iter().zip(any_of).any(|(slot, mark)| slot_holds(slot, *mark));
            }
        }
        Ok(self.runs(&open))
    }

    /// Of the filters in the file.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.slots) * SLOT_BYTES as u64).sum()
    }

    fn runs(&self, open: &[bool]) -> Vec<RowRun> {
        let mut runs: Vec<RowRun> = Vec::new();
        for (block, may_match) in self.blocks.iter().zip(open) {
            let rows = block.rows as usize;
            match runs.last_mut().filter(|run| run.may_match == *may_match) {
                Some(run) => run.rows += rows,
                None => runs.push(RowRun { rows, may_match: *may_match }),
            }
        }
        runs
    }

    fn decode(content: &Bytes) -> LogIndex {
        let number = |entry: &[u8], range: Range<usize>| {
            entry[range].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let blocks = content.chunks_exact(ENTRY_BYTES).map(|entry| Block {
            rows: number(entry, 0..4) as u32,
            offset: number(entry, 4..12),
            slots: number(entry, 12..16) as u32,
        });
        LogIndex { blocks: blocks.collect() }
    }

    fn encode(&self) -> Vec<u8> {
        let entry = |block: &Block| {
            let rows = block.rows.to_le_bytes().into_iter();
            rows.chain(block.offset.to_le_bytes()).chain(block.slots.to_le_bytes())
        };
        self.blocks.iter().flat_map(entry).collect()
    }
}

impl Block {
    fn slot_range(&self, mark: Mark) -> Range<u64> {
        let start = self.offset + u64::from(slot_of(mark, self.slots)) * SLOT_BYTES as u64;
        start..start + SLOT_BYTES as u64
    }
}

fn directory(metadata: &ParquetMetaData) -> Option<Range<u64>> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    let value = entries.iter().find(|entry| entry.key == METADATA_KEY)?.value.as_deref()?;
    let (offset, length) = value.split_once(' ')?;
    let (offset, length): (u64, u64) = (offset.parse().ok()?, length.parse().ok()?);
    Some(offset..offset.checked_add(length)?)
}

/// The index of a file that is being written.
#[derive(Default)]
pub(crate) struct LogIndexWriter {
    index: LogIndex,
}

impl LogIndexWriter {
    /// The filters of a row group that begin at `offset`.
    pub(crate) fn row_group(&mut self, batches: &[RecordBatch], mut offset: u64) -> Vec<u8> {
        let mut content = Vec::new();
        let mut filter = FilterBuilder::default();
        let mut rows = 0_u32;
        let mut end_block = |rows: &mut u32, filter: &mut FilterBuilder| {
            let filter = std::mem::take(filter).finish();
            let slots = (filter.len() / SLOT_BYTES) as u32;
            self.index.blocks.push(Block { rows: std::mem::take(rows), offset, slots });
            offset += filter.len() as u64;
            content.extend(filter);
        };
        for batch in batches {
            for row in 0..batch.num_rows() {
                add_row(&mut filter, batch, row);
                rows += 1;
                if rows as usize == BLOCK_ROWS {
                    end_block(&mut rows, &mut filter);
                }
            }
        }
        if rows > 0 {
            end_block(&mut rows, &mut filter);
        }
        content
    }

    /// The directory, to be written at `offset`, and the footer's metadata that says so.
    pub(crate) fn finish(self, offset: u64) -> (Vec<u8>, String) {
        let directory = self.index.encode();
        let place = format!("{offset} {}", directory.len());
        (directory, place)
    }
}

/// A column of another type than the table's has no marks; [`crate::columns`] makes none.
fn add_row(filter: &mut FilterBuilder, batch: &RecordBatch, row: usize) {
    let body = batch.column_by_name("body").and_then(|column| column.as_string_opt::<i32>());
    if let Some(body) = body {
        words(&fold(body.value(row)), |word| filter.add(Mark::word(word)));
    }
    let Some(attrs) = batch.column_by_name("attrs").and_then(|column| column.as_map_opt()) else { return };
    let (Some(keys), Some(values)) =
        (attrs.keys().as_string_opt::<i32>(), attrs.values().as_string_opt::<i32>())
    else {
        return;
    };
    let entries = attrs.value_offsets()[row] as usize..attrs.value_offsets()[row + 1] as usize;
    for at in entries.filter(|at| values.is_valid(*at)) {
        filter.add(Mark::attribute(keys.value(at), values.value(at)));
    }
}

#[cfg(test)]
mod tests;
