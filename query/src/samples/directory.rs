//! Where the series of a row group are, and when their samples were taken.
//!
//! Compacted files say that in pages of a whole row group, which are tiny on the disk and large when they
//! are unpacked. What they say is small again when it is told by series: the first row of each, and its
//! times, which have a step ([`times`](super::times)) or are shared with most of its neighbours. So it is
//! kept, within a bound, and a query for a few series unpacks their values and nothing else.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use hashlink::LruCache;
use parking_lot::Mutex;

use super::file::BATCH_ROWS;
use super::runs::run_end;
use super::times::Times;
use super::wanted::Wanted;

/// Rows of a row group by series, in file order.
#[derive(Debug, PartialEq)]
pub(super) struct Directory {
    runs: Vec<DirectoryRun>,
    /// Places of runs, by the number of their series.
    by_id: Vec<u32>,
    /// Each as many as its runs have rows.
    times: Vec<Arc<Times>>,
}

#[derive(Debug, PartialEq)]
struct DirectoryRun {
    id: i64,
    first_row: u32,
    times: u32,
}

/// What is not worth keeping takes more than this part of the two columns.
const WORTH_PART: usize = 4;

impl Directory {
    /// Of two columns of a row group with so many rows, which `read` appends a range of at a time; `None`
    /// when it would not be much smaller than they are.
    pub(super) fn of<E>(
        rows: usize,
        mut read: impl FnMut(Range<usize>, &mut Vec<i64>, &mut Vec<i64>) -> Result<(), E>,
    ) -> Result<Option<Directory>, E> {
        let mut builder = Builder::default();
        let bytes_max = 2 * rows * size_of::<i64>() / WORTH_PART;
        let (mut ids, mut times) = (Vec::new(), Vec::new());
        for start in (0..rows).step_by(BATCH_ROWS) {
            ids.clear();
            times.clear();
            read(start..rows.min(start + BATCH_ROWS), &mut ids, &mut times)?;
            let mut at = 0;
            while at < ids.len() {
                let end = run_end(&ids, at);
                builder.push(ids[at], start + at, &times[at..end]);
                at = end;
            }
            if builder.bytes > bytes_max {
                return Ok(None);
            }
        }
        builder.end_run();
        Ok((builder.bytes <= bytes_max).then(|| builder.finish()))
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Where the wanted series are, ascending. For few: each is searched for.
    pub(super) fn places_of(&self, wanted: &Wanted) -> Vec<usize> {
        let mut places = Vec::new();
        for id in wanted.ids() {
            let first = self.by_id.partition_point(|place| self.runs[*place as usize].id < *id);
            let same = self.by_id[first..].iter().take_while(|place| self.runs[**place as usize].id == *id);
            places.extend(same.map(|place| *place as usize));
        }
        places.sort_unstable();
        places
    }

    /// The series at a place, its rows, and its times; `None` beyond the last.
    pub(super) fn run(&self, place: usize) -> Option<(i64, Range<usize>, &Times)> {
        let run = self.runs.get(place)?;
        let (first_row, times) = (run.first_row as usize, &self.times[run.times as usize]);
        Some((run.id, first_row..first_row + times.len(), times))
    }

    fn bytes(&self) -> usize {
        size_of::<Directory>()
            + size_of_val(&self.runs[..])
            + size_of_val(&self.by_id[..])
            + self.times.iter().map(|times| times_bytes(times)).sum::<usize>()
    }
}

fn times_bytes(times: &Times) -> usize {
    size_of::<Arc<Times>>() + size_of::<Times>() + times.bytes()
}

/// A directory of the rows so far.
#[derive(Default)]
struct Builder {
    runs: Vec<DirectoryRun>,
    times: Vec<Arc<Times>>,
    known: HashMap<Arc<Times>, u32>,
    bytes: usize,
    /// The series that is being read, its first row, and its times so far.
    open: Option<(i64, usize)>,
    own: Vec<i64>,
}

impl Builder {
    fn push(&mut self, id: i64, first_row: usize, times: &[i64]) {
        if self.open.is_none_or(|(open, _)| open != id) {
            self.end_run();
            self.open = Some((id, first_row));
        }
        self.own.extend_from_slice(times);
    }

    fn end_run(&mut self) {
        let Some((id, first_row)) = self.open.take() else { return };
        let own = Times::of(&self.own);
        // As a rule neighbours were scraped together.
        let times = match self.known.get(&own) {
            Some(times) => *times,
            None => {
                let (own, times) = (Arc::new(own), self.times.len() as u32);
                self.bytes += times_bytes(&own);
                self.times.push(own.clone());
                self.known.insert(own, times);
                times
            }
        };
        self.runs.push(DirectoryRun { id, first_row: first_row as u32, times });
        self.bytes += size_of::<DirectoryRun>() + size_of::<u32>();
        self.own.clear();
    }

    fn finish(self) -> Directory {
        let mut by_id: Vec<u32> = (0..self.runs.len() as u32).collect();
        by_id.sort_unstable_by_key(|place| (self.runs[*place as usize].id, *place));
        Directory { runs: self.runs, by_id, times: self.times }
    }
}

/// A file's path in its table, and the number of a row group.
type Place = (Arc<str>, usize);

/// The directories that were used last, within a bound. Files never change, so nothing here is ever wrong.
#[derive(Debug)]
pub(crate) struct Directories {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// `None` for row groups that are not worth one.
    by_place: LruCache<Place, Option<Arc<Directory>>>,
    bytes: usize,
}

impl Directories {
    /// `query.promql.directory_bytes_max`; 0 keeps none.
    pub(crate) fn new(bytes_max: u64) -> Directories {
        let kept = Kept { by_place: LruCache::new_unbounded(), bytes: 0 };
        Directories { bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX), kept: Mutex::new(kept) }
    }

    pub(super) fn is_off(&self) -> bool {
        self.bytes_max == 0
    }

    /// How many row groups something is known of.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.lock().by_place.len()
    }

    /// Whether half of the room is taken: the rest is for what queries ask for.
    pub(super) fn is_half_full(&self) -> bool {
        self.kept.lock().bytes > self.bytes_max / 2
    }

    /// Whether something is known of a row group. That counts as no use of it.
    pub(super) fn has(&self, file: &Arc<str>, group: usize) -> bool {
        self.kept.lock().by_place.contains_key(&(file.clone(), group))
    }

    /// What is known of a row group already; `Some(None)`: that it is not worth a directory.
    pub(super) fn known(&self, file: &Arc<str>, group: usize) -> Option<Option<Arc<Directory>>> {
        self.kept.lock().by_place.get(&(file.clone(), group)).cloned()
    }

    /// What is known of a row group; made where nothing is.
    pub(super) fn get_or_make<E>(
        &self,
        file: &Arc<str>,
        group: usize,
        make: impl FnOnce() -> Result<Option<Directory>, E>,
    ) -> Result<Option<Arc<Directory>>, E> {
        if let Some(known) = self.known(file, group) {
            return Ok(known);
        }
        let place = (file.clone(), group);
        // Two may make the same one at the same time; the second replaces the first.
        let made = make()?.map(Arc::new);
        self.kept.lock().keep(place, made.clone(), self.bytes_max);
        Ok(made)
    }
}

impl Kept {
    fn keep(&mut self, place: Place, directory: Option<Arc<Directory>>, bytes_max: usize) {
        self.bytes += entry_bytes(&place, directory.as_deref());
        if let Some(before) = self.by_place.insert(place.clone(), directory) {
            self.bytes -= entry_bytes(&place, before.as_deref());
        }
        while self.bytes > bytes_max {
            let Some((place, oldest)) = self.by_place.remove_lru() else { break };
            self.bytes -= entry_bytes(&place, oldest.as_deref());
        }
    }
}

fn entry_bytes(place: &Place, directory: Option<&Directory>) -> usize {
    2 * size_of::<(Place, Option<Arc<Directory>>)>() + place.0.len() + directory.map_or(0, Directory::bytes)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn columns(series: i64, rows: i64) -> (Vec<i64>, Vec<i64>) {
        (0..series).flat_map(|id| (0..rows).map(move |row| (id, 1_000 * row + id % 2))).unzip()
    }

    fn of(ids: &[i64], times: &[i64]) -> Option<Directory> {
        let read = |rows: Range<usize>, into_ids: &mut Vec<i64>, into_times: &mut Vec<i64>| {
            into_ids.extend_from_slice(&ids[rows.clone()]);
            into_times.extend_from_slice(&times[rows]);
            Ok::<_, Infallible>(())
        };
        Directory::of(ids.len(), read).unwrap()
    }

    #[test]
    fn series_that_were_scraped_together_share_their_times() {
        // Within a batch, and across the borders of several.
        for rows in [100, 7_000] {
            let (ids, times) = columns(6, rows as i64);
            let directory = of(&ids, &times).unwrap();
            assert_eq!((directory.runs.len(), directory.times.len()), (6, 2));
            for series in 0..6 {
                let own = rows * series..rows * (series + 1);
                let own_times = Times::of(&times[own.clone()]);
                assert_eq!(directory.run(series), Some((series as i64, own, &own_times)));
            }
            assert_eq!(directory.run(6), None);
        }
    }

    #[test]
    fn rows_that_share_nothing_have_none() {
        let (ids, _) = columns(6, 100);
        let times: Vec<i64> = (0..600).map(|row| row * row).collect();
        assert_eq!(of(&ids, &times), None);
        let (ids, times) = columns(600, 1);
        assert_eq!(of(&ids, &times), None);
    }

    #[test]
    fn the_ones_used_last_are_kept_within_the_bound() {
        let (ids, times) = columns(6, 100);
        let file: Arc<str> = "day.parquet".into();
        let one = entry_bytes(&(file.clone(), 0), of(&ids, &times).as_ref());
        let directories = Directories::new(2 * one as u64);
        let mut made = Vec::new();
        for group in [0, 1, 0, 2, 0, 1] {
            let make = || {
                made.push(group);
                Ok::<_, Infallible>(of(&ids, &times))
            };
            assert!(directories.get_or_make(&file, group, make).unwrap().is_some());
        }
        assert_eq!(made, [0, 1, 2, 1]);
        assert_eq!(directories.kept.lock().bytes, 2 * one);
    }
}
