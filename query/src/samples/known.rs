//! A row group whose directory is known: of its columns only the values are read.

use std::ops::Range;
use std::sync::Arc;

use datafusion::parquet::errors::ParquetError;

use super::directory::Directory;
use super::file::BATCH_ROWS;
use super::runs::{Run, RunBatch, Window};
use super::values::ValuePages;
use super::wanted::Wanted;

pub(super) struct KnownGroup {
    directory: Arc<Directory>,
    values: ValuePages,
    /// The run of the directory that comes next ...
    place: usize,
    /// ... and how many of its wanted samples were taken already.
    taken: usize,
}

impl KnownGroup {
    pub(super) fn new(directory: Arc<Directory>, values: ValuePages) -> KnownGroup {
        KnownGroup { directory, values, place: 0, taken: 0 }
    }

    /// Puts the next runs into an empty batch. `false` when there are no more.
    pub(super) fn read_runs(
        &mut self,
        wanted: &Wanted,
        window: Window,
        batch: &mut RunBatch,
    ) -> Result<bool, ParquetError> {
        let mut found: Vec<(u32, Range<usize>)> = Vec::new();
        let mut guess = 0;
        while batch.times.len() < BATCH_ROWS {
            let Some((id, rows, times)) = self.directory.run(self.place) else { break };
            let Some(rank) = wanted.rank_of(id, guess) else {
                self.place += 1;
                continue;
            };
            guess = rank + 1;
            let kept = window.of(times);
            let begin = kept.start + self.taken;
            let end = kept.end.min(begin + BATCH_ROWS - batch.times.len());
            if begin < end {
                found.push((rank, rows.start + begin..rows.start + end));
                batch.times.extend_from_slice(&times[begin..end]);
            }
            (self.place, self.taken) =
                if end == kept.end { (self.place + 1, 0) } else { (self.place, end - kept.start) };
        }
        let mut places = Vec::with_capacity(found.len());
        let rows = found.iter().map(|(_, rows)| rows.clone());
        self.values.read_all(rows, &mut batch.values, |place| places.push(place))?;
        let mut times_begin = 0;
        batch.runs.extend(found.into_iter().zip(places).map(|((rank, rows), values)| {
            let times = times_begin..times_begin + rows.len();
            times_begin = times.end;
            Run { rank, times, values }
        }));
        Ok(!batch.runs.is_empty())
    }
}
