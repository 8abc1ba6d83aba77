//! Where the series of a row group are, and when their samples were taken.
//!
//! Compacted files say that in pages of a whole row group, which are tiny on the disk and large when they
//! are unpacked. What they say is small again when it is told by series: the first row of each, and its
//! times, which it shares with most of its neighbours. So it is kept, within a bound, and a query for a
//! few series unpacks their values and nothing else.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use hashlink::LruCache;
use parking_lot::Mutex;

use super::runs::run_end;

/// Rows of a row group by series, in file order.
#[derive(Debug, PartialEq)]
pub(super) struct Directory {
    runs: Vec<DirectoryRun>,
    /// Microseconds; each as many as its runs have rows.
    times: Vec<Box<[i64]>>,
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
    /// Of two columns of a row group; `None` when it would not be much smaller than they are.
    pub(super) fn of(ids: &[i64], times: &[i64]) -> Option<Directory> {
        let bytes_max = size_of_val(ids) + size_of_val(times);
        let (mut runs, mut vectors): (Vec<DirectoryRun>, Vec<Box<[i64]>>) = (Vec::new(), Vec::new());
        let mut known: HashMap<&[i64], u32> = HashMap::new();
        let (mut at, mut bytes, mut last) = (0, 0, None);
        while at < ids.len() {
            let rows = at..run_end(ids, at);
            let own = &times[rows.clone()];
            let vector = match last {
                // As a rule its neighbour's.
                Some((vector, before)) if before == own => vector,
                _ => *known.entry(own).or_insert_with(|| {
                    bytes += size_of_val(own);
                    vectors.push(own.into());
                    vectors.len() as u32 - 1
                }),
            };
            last = Some((vector, own));
            runs.push(DirectoryRun { id: ids[at], first_row: at as u32, times: vector });
            bytes += size_of::<DirectoryRun>();
            if bytes > bytes_max / WORTH_PART {
                return None;
            }
            at = rows.end;
        }
        Some(Directory { runs, times: vectors })
    }

    /// The series at a place, its rows, and its times; `None` beyond the last.
    pub(super) fn run(&self, place: usize) -> Option<(i64, Range<usize>, &[i64])> {
        let run = self.runs.get(place)?;
        let (first_row, times) = (run.first_row as usize, &self.times[run.times as usize]);
        Some((run.id, first_row..first_row + times.len(), times))
    }

    fn bytes(&self) -> usize {
        size_of::<Directory>()
            + size_of_val(&self.runs[..])
            + self.times.iter().map(|times| size_of_val(times) + size_of_val(&times[..])).sum::<usize>()
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

    /// What is known of a row group; made from its columns where nothing is.
    pub(super) fn get_or_make<E>(
        &self,
        file: &Arc<str>,
        group: usize,
        columns: impl FnOnce() -> Result<(Vec<i64>, Vec<i64>), E>,
    ) -> Result<Option<Arc<Directory>>, E> {
        let place = (file.clone(), group);
        if let Some(known) = self.kept.lock().by_place.get(&place) {
            return Ok(known.clone());
        }
        // Two may make the same one at the same time; the second replaces the first.
        let (ids, times) = columns()?;
        let made = Directory::of(&ids, &times).map(Arc::new);
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

    #[test]
    fn series_that_were_scraped_together_share_their_times() {
        let (ids, times) = columns(6, 100);
        let directory = Directory::of(&ids, &times).unwrap();
        assert_eq!((directory.runs.len(), directory.times.len()), (6, 2));
        for series in 0..6 {
            let rows = 100 * series..100 * series + 100;
            assert_eq!(directory.run(series), Some((series as i64, rows.clone(), &times[rows])));
        }
        assert_eq!(directory.run(6), None);
    }

    #[test]
    fn rows_that_share_nothing_have_none() {
        let (ids, _) = columns(6, 100);
        let times: Vec<i64> = (0..600).collect();
        assert_eq!(Directory::of(&ids, &times), None);
        let (ids, times) = columns(600, 1);
        assert_eq!(Directory::of(&ids, &times), None);
    }

    #[test]
    fn the_ones_used_last_are_kept_within_the_bound() {
        let (ids, times) = columns(6, 100);
        let file: Arc<str> = "day.parquet".into();
        let one = entry_bytes(&(file.clone(), 0), Directory::of(&ids, &times).as_ref());
        let directories = Directories::new(2 * one as u64);
        let mut made = Vec::new();
        for group in [0, 1, 0, 2, 0, 1] {
            let columns = || {
                made.push(group);
                Ok::<_, Infallible>((ids.clone(), times.clone()))
            };
            assert!(directories.get_or_make(&file, group, columns).unwrap().is_some());
        }
        assert_eq!(made, [0, 1, 2, 1]);
        assert_eq!(directories.kept.lock().bytes, 2 * one);
    }
}
