//! A row group whose directory is known: of its columns only the values are read.

use std::ops::Range;
use std::sync::Arc;

use datafusion::parquet::errors::ParquetError;

use super::directory::Directory;
use super::file::BATCH_ROWS;
use super::runs::{Run, RunBatch, Window};
use super::values::ValuePages;
use super::wanted::Wanted;

/// Wanted runs of a directory, of few series.
#[derive(Debug)]
pub(super) struct FoundRuns {
    directory: Arc<Directory>,
    /// Ascending.
    places: Vec<usize>,
    pub(super) samples: usize,
}

impl FoundRuns {
    pub(super) fn of(directory: Arc<Directory>, wanted: &Wanted, window: Window) -> FoundRuns {
        let (mut places, mut samples) = (directory.places_of(wanted), 0);
        places.retain(|place| {
            let of_run = directory.run(*place).map_or(0, |(_, _, times)| times.within(window).len());
            samples += of_run;
            of_run > 0
        });
        FoundRuns { directory, places, samples }
    }

    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }
}

pub(super) struct KnownGroup {
    directory: Arc<Directory>,
    values: ValuePages,
    /// The runs that may be wanted and are left.
    places: Places,
    /// How many of the wanted samples of the next one were taken already.
    taken: usize,
}

/// Runs of a directory.
enum Places {
    /// In their order.
    All(Range<usize>),
    /// Last one first.
    Few(Vec<usize>),
}

/// Searching for a series costs as much as passing so many others by.
const SEARCH_COST: usize = 16;

impl Places {
    fn of(directory: &Directory, wanted: &Wanted) -> Places {
        if wanted.len().saturating_mul(SEARCH_COST) >= directory.len() {
            return Places::All(0..directory.len());
        }
        let mut places = directory.places_of(wanted);
        places.reverse();
        Places::Few(places)
    }

    fn next(&self) -> Option<usize> {
        match self {
            Places::All(places) => places.clone().next(),
            Places::Few(places) => places.last().copied(),
        }
    }

    fn pass(&mut self) {
        match self {
            Places::All(places) => drop(places.next()),
            Places::Few(places) => drop(places.pop()),
        }
    }
}

impl KnownGroup {
    pub(super) fn new(directory: Arc<Directory>, values: ValuePages, wanted: &Wanted) -> KnownGroup {
        let places = Places::of(&directory, wanted);
        KnownGroup { directory, values, places, taken: 0 }
    }

    pub(super) fn of_found(found: FoundRuns, values: ValuePages) -> KnownGroup {
        let FoundRuns { directory, mut places, .. } = found;
        places.reverse();
        KnownGroup { directory, values, places: Places::Few(places), taken: 0 }
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
            let Some(place) = self.places.next() else { break };
            let Some((id, rows, times)) = self.directory.run(place) else { break };
            let Some(rank) = wanted.rank_of(id, guess) else {
                self.places.pass();
                continue;
            };
            guess = rank + 1;
            let kept = times.within(window);
            let begin = kept.start + self.taken;
            let end = kept.end.min(begin + BATCH_ROWS - batch.times.len());
            if begin < end {
                found.push((rank, rows.start + begin..rows.start + end));
                times.append(begin..end, &mut batch.times);
            }
            self.taken = end - kept.start;
            if end == kept.end {
                self.places.pass();
                self.taken = 0;
            }
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
