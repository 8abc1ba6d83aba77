//! A Parquet file as a source of runs.
//!
//! Series numbers come first, then the times of wanted series, then the values at wanted times: what
//! is not wanted is left packed. Of compacted files numbers and times are known after the first time
//! ([`directory`](super::directory)). A batch of rows at a time, row groups one after the other.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::parquet::data_type::{DoubleType, Int64Type};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ParquetMetaData;
use object_store::ObjectStore;
use object_store::path::Path;
use tokio::runtime::Handle;

use super::columns::ColumnRows;
use super::directory::{Directories, Directory};
use super::input::Input;
use super::known::KnownGroup;
use super::prune::{GroupRows, Leaves};
use super::runs::{Run, RunBatch, RunSource, Window, run_end};
use super::values::ValuePages;
use super::wanted::Wanted;
use crate::QueryError;

/// Rows that are looked at together: three columns of them stay in a core's own cache.
pub(super) const BATCH_ROWS: usize = 16_384;

/// Where a file's bytes are.
#[derive(Clone)]
pub(super) enum FilePlace {
    Local(PathBuf),
    Store(Arc<dyn ObjectStore>, Path),
}

pub(super) struct FileRuns {
    /// In its table.
    pub(super) path: Arc<str>,
    pub(super) place: FilePlace,
    pub(super) bytes: u64,
    pub(super) metadata: Arc<ParquetMetaData>,
    pub(super) leaves: Leaves,
    pub(super) window: Window,
    /// What is left to read, last row group first.
    pub(super) groups: Vec<GroupRows>,
    /// Of files that stay for a while.
    pub(super) directories: Option<Arc<Directories>>,
    pub(super) input: Option<Input>,
    pub(super) open: Option<OpenGroup>,
    pub(super) ids: Vec<i64>,
}

pub(super) enum OpenGroup {
    Known(Box<KnownGroup>),
    Packed(Box<PackedGroup>),
}

pub(super) struct PackedGroup {
    ids: ColumnRows<Int64Type>,
    times: ColumnRows<Int64Type>,
    values: ColumnRows<DoubleType>,
    /// What is left to read, last rows first.
    rows: Vec<Range<usize>>,
}

impl RunSource for FileRuns {
    fn next_batch(&mut self, wanted: &Wanted, batch: &mut RunBatch) -> Result<bool, QueryError> {
        self.read_batch(wanted, batch).map_err(|error| {
            let cause = DataFusionError::ParquetError(Box::new(error));
            QueryError::Internal(cause.context(format!("reading {}", self.path)))
        })
    }
}

impl FileRuns {
    fn read_batch(&mut self, wanted: &Wanted, batch: &mut RunBatch) -> Result<bool, ParquetError> {
        loop {
            let found = match &mut self.open {
                Some(OpenGroup::Known(group)) => group.read_runs(wanted, self.window, batch)?,
                Some(OpenGroup::Packed(group)) => {
                    group.read_next(wanted, self.window, &mut self.ids, batch)?
                }
                None => false,
            };
            if found {
                return Ok(true);
            }
            let Some(next) = self.groups.pop() else {
                self.open = None;
                return Ok(false);
            };
            self.open = Some(self.open_group(next, wanted)?);
        }
    }

    fn input(&mut self) -> Result<Input, ParquetError> {
        let input = match &self.input {
            Some(input) => input,
            None => self.input.insert(match &self.place {
                FilePlace::Local(path) => Input::local(path, self.bytes)?,
                FilePlace::Store(store, location) => {
                    Input::remote(store.clone(), location.clone(), self.bytes, Handle::current())
                }
            }),
        };
        Ok(input.clone())
    }

    /// Of a row group, unless it is not worth one; made where it is not known. Blocking.
    pub(super) fn directory(&mut self, group: usize) -> Result<Option<Arc<Directory>>, ParquetError> {
        let Some(directories) = self.directories.clone() else { return Ok(None) };
        let input = self.input()?;
        let make = || {
            let column = |leaf: usize| ColumnRows::<Int64Type>::open(&input, &self.metadata, group, leaf);
            let (mut ids, mut times) = (column(self.leaves.series_id)?, column(self.leaves.ts)?);
            let count = self.metadata.row_group(group).num_rows() as usize;
            Directory::of(count, |rows, into_ids, into_times| {
                ids.read(rows.clone(), into_ids)?;
                times.read(rows, into_times)
            })
        };
        directories.get_or_make(&self.path, group, make)
    }

    fn open_group(&mut self, mut rows: GroupRows, wanted: &Wanted) -> Result<OpenGroup, ParquetError> {
        let input = self.input()?;
        if let Some(values) = ValuePages::open(&input, &self.metadata, rows.group, self.leaves.value) {
            if let Some(found) = rows.found.take() {
                return Ok(OpenGroup::Known(Box::new(KnownGroup::of_found(found, values))));
            }
            if let Some(directory) = self.directory(rows.group)? {
                return Ok(OpenGroup::Known(Box::new(KnownGroup::new(directory, values, wanted))));
            }
        }
        let column = |leaf: usize| ColumnRows::open(&input, &self.metadata, rows.group, leaf);
        let (ids, times) = (column(self.leaves.series_id)?, column(self.leaves.ts)?);
        let values = ColumnRows::open(&input, &self.metadata, rows.group, self.leaves.value)?;
        rows.rows.reverse();
        Ok(OpenGroup::Packed(Box::new(PackedGroup { ids, times, values, rows: rows.rows })))
    }
}

impl PackedGroup {
    /// Puts the runs of the next rows into an empty batch. `false` when there are no more rows.
    fn read_next(
        &mut self,
        wanted: &Wanted,
        window: Window,
        ids: &mut Vec<i64>,
        batch: &mut RunBatch,
    ) -> Result<bool, ParquetError> {
        let Some(rows) = self.next_rows() else { return Ok(false) };
        ids.clear();
        self.ids.read(rows.clone(), ids)?;
        self.read_runs(ids, rows.start, wanted, window, batch)?;
        Ok(true)
    }

    /// The next rows to look at.
    fn next_rows(&mut self) -> Option<Range<usize>> {
        let rows = self.rows.pop()?;
        let end = rows.end.min(rows.start + BATCH_ROWS);
        if end < rows.end {
            self.rows.push(end..rows.end);
        }
        Some(rows.start..end)
    }

    /// The runs among rows whose series are `ids` and that begin at `first_row`.
    fn read_runs(
        &mut self,
        ids: &[i64],
        first_row: usize,
        wanted: &Wanted,
        window: Window,
        batch: &mut RunBatch,
    ) -> Result<(), ParquetError> {
        // Rank, rows, and where the times are.
        let mut found: Vec<(u32, Range<usize>, usize)> = Vec::new();
        let (mut at, mut guess) = (0, 0);
        while at < ids.len() {
            let end = run_end(ids, at);
            if let Some(rank) = wanted.rank_of(ids[at], guess) {
                found.push((rank, first_row + at..first_row + end, 0));
                guess = rank + 1;
            }
            at = end;
        }
        let mut places = Vec::with_capacity(found.len());
        let rows = found.iter().map(|(_, rows, _)| rows.clone());
        self.times.read_all(rows, &mut batch.times, |place| places.push(place))?;
        for (run, place) in found.iter_mut().zip(places) {
            run.2 = place;
        }
        found.retain_mut(|(_, rows, place)| {
            let kept = window.of(&batch.times[*place..*place + rows.len()]);
            *place += kept.start;
            *rows = rows.start + kept.start..rows.start + kept.end;
            rows.start < rows.end
        });
        let mut places = Vec::with_capacity(found.len());
        let rows = found.iter().map(|(_, rows, _)| rows.clone());
        self.values.read_all(rows, &mut batch.values, |place| places.push(place))?;
        batch.runs.extend(found.iter().zip(places).map(|((rank, rows, place), values)| Run {
            rank: *rank,
            times: *place..*place + rows.len(),
            values,
        }));
        Ok(())
    }
}
