//! The time slices of all members as one row of verdicts, with running sums.

use std::time::Duration;

use slo::budget::Tally;
use slo::composite::any_bad;
use telemetry::Timestamp;

use super::View;

/// Verdicts over a stretch of time: any window within it costs two searches.
pub(super) struct Merged {
    width: Duration,
    /// Start of each slice in micros, and good and all slices up to and with it.
    sums: Vec<(i64, i128, i128)>,
}

impl Merged {
    /// Of the slices that end in `(start, end]`; of one member alone where `only` names it.
    pub(super) fn over(view: &View<'_>, start: Timestamp, end: Timestamp, only: Option<usize>) -> Merged {
        let is_asked = |index: usize| only.is_none_or(|only| only == index);
        let members: Vec<Vec<(i64, bool)>> = view
            .members
            .iter()
            .enumerate()
            .filter(|(index, _)| is_asked(*index))
            .map(|(_, known)| known.read(|series| series.verdicts(start, end)).unwrap_or_default())
            .collect();
        let widths = view.members.iter().filter_map(|known| known.read(|series| series.cell_width())?);
        let (mut good, mut total) = (0, 0);
        let sums = any_bad(&members, view.composite.missing).into_iter().map(|(start, slice)| {
            (good, total) = (good + slice.good, total + slice.total);
            (start, good, total)
        });
        Merged { sums: sums.collect(), width: widths.max().unwrap_or_default() }
    }

    /// Of the slices that end in `(start, end]`.
    pub(super) fn tally(&self, start: Timestamp, end: Timestamp) -> Tally {
        let up_to = |time: Timestamp| {
            let latest = time.minus(self.width).micros();
            let count = self.sums.partition_point(|(start, ..)| *start <= latest);
            count.checked_sub(1).map_or((0, 0), |last| (self.sums[last].1, self.sums[last].2))
        };
        let (first, last) = (up_to(start), up_to(end));
        Tally::units(last.0 - first.0, last.1 - first.1)
    }
}
