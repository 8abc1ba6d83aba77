//! Runs: neighbouring rows of one series, which is what all sources of samples are made of.

use std::ops::Range;

use super::wanted::Wanted;
use crate::QueryError;

/// When samples are wanted, in microseconds: after `after`, up to and with `until`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) after: i64,
    pub(super) until: i64,
}

impl Window {
    /// Whether a sample between two times, both ends included, may be wanted.
    pub(super) fn overlaps(&self, first: i64, last: i64) -> bool {
        last > self.after && first <= self.until
    }

    /// Which of some ascending times are wanted.
    pub(super) fn of(&self, times: &[i64]) -> Range<usize> {
        let all_wanted = matches!(times, [first, .., last] | [first @ last]
            if *first > self.after && *last <= self.until);
        if all_wanted {
            return 0..times.len();
        }
        let start = times.partition_point(|time| *time <= self.after);
        start..start + times[start..].partition_point(|time| *time <= self.until)
    }
}

/// Wanted samples of one series, in the columns of a batch: as many values from `values` on as times.
#[derive(Debug, PartialEq)]
pub(super) struct Run {
    pub(super) rank: u32,
    pub(super) times: Range<usize>,
    pub(super) values: usize,
}

/// Some runs of a source. The columns may hold rows between them that nobody wants.
#[derive(Debug, Default)]
pub(super) struct RunBatch {
    /// By ascending rank; none of them is empty.
    pub(super) runs: Vec<Run>,
    /// Microseconds.
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
}

impl RunBatch {
    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.times.clear();
        self.values.clear();
    }
}

/// A file or a batch of the write buffer: sorted by metric, series and time.
pub(super) trait RunSource: Send {
    /// Puts the runs of the next rows into an empty batch; there may be none among them. `false` when
    /// there are no more rows. Blocking.
    fn next_batch(&mut self, wanted: &Wanted, batch: &mut RunBatch) -> Result<bool, QueryError>;
}

/// The first position from `from` on whose id is not below `id`, of ascending ids: doubling steps, for
/// the next one is usually near.
pub(super) fn seek(ids: &[i64], from: usize, id: i64) -> usize {
    let mut reach = 1;
    let mut low = from;
    while low + reach <= ids.len() && ids[low + reach - 1] < id {
        low += reach;
        reach *= 2;
    }
    let high = (low + reach - 1).min(ids.len());
    low + ids[low..high].partition_point(|other| *other < id)
}

/// Where the run that begins at `from` ends. Equal ids stand together and nothing else is known of
/// their order.
pub(super) fn run_end(ids: &[i64], from: usize) -> usize {
    let id = ids[from];
    let mut reach = 1;
    let mut low = from;
    // `low` is in the run. What lies between two equal ids has the same one.
    while low + reach < ids.len() && ids[low + reach] == id {
        low += reach;
        reach *= 2;
    }
    let high = (low + reach).min(ids.len());
    low + ids[low..high].partition_point(|other| *other == id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_is_open_on_the_left() {
        let window = Window { after: 10, until: 20 };
        assert_eq!(window.of(&[9, 10, 11, 20, 21]), 2..4);
        assert_eq!(window.of(&[11, 20]), 0..2);
        assert_eq!(window.of(&[1, 2]), 2..2);
        assert_eq!(window.of(&[]), 0..0);
        assert!(window.overlaps(0, 11) && window.overlaps(20, 30));
        assert!(!window.overlaps(0, 10) && !window.overlaps(21, 30));
    }

    proptest! {
        #[test]
        fn seeking_is_searching(mut ids in prop::collection::vec(0_i64..40, 0..80), from in 0_usize..80, id in 0_i64..41) {
            ids.sort_unstable();
            let from = from.min(ids.len());
            prop_assert_eq!(seek(&ids, from, id), from.max(ids.partition_point(|other| *other < id)));
            if from < ids.len() {
                prop_assert_eq!(run_end(&ids, from), ids.partition_point(|other| *other <= ids[from]));
            }
        }
    }
}
