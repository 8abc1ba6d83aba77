//! What windows over the slices hold.
//!
//! Invariant: a window's sums are those up to its end less those up to its start. Slices follow each other
//! at even distances as a rule, so where a time lies among them is computed, and searched for only where
//! a gap or a change of width makes that wrong.

use std::ops::Range;
use std::time::Duration;

use telemetry::Timestamp;

use super::packed::{Packed, Sums};
use super::{Coverage, EVENT_PARTS, STRIDE, SliceSeries};
use crate::budget::Tally;

/// Windows that all end at one time: what they have in common is added up once.
#[derive(Clone, Copy)]
pub struct Ending<'s> {
    series: &'s SliceSeries,
    end: Timestamp,
    sums: Sums,
}

impl<'s> Ending<'s> {
    pub fn series(&self) -> &'s SliceSeries {
        self.series
    }

    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// The newest `length`: [`SliceSeries::tally_back`] with its coverage.
    pub fn back(&self, length: Duration) -> (Tally, Coverage) {
        match &self.series.cells {
            Some(cells) => {
                // A time slice is the least that can be judged.
                let covered = length.max(self.series.cell_width().unwrap_or_default());
                let (_, coverage) = self.events_since(self.end.minus(covered));
                (cells.tally_back(self.end.micros(), length.as_micros() as i64), coverage)
            }
            None => self.events_since(self.end.minus(length)),
        }
    }

    /// Everything after `start`: [`SliceSeries::tally`] with its coverage.
    pub fn since(&self, start: Timestamp) -> (Tally, Coverage) {
        let (events, coverage) = self.events_since(start);
        match &self.series.cells {
            Some(cells) => (cells.tally(start.micros(), self.end.micros()), coverage),
            None => (events, coverage),
        }
    }

    fn events_since(&self, start: Timestamp) -> (Tally, Coverage) {
        let first = self.series.sums_up_to(start.micros());
        (
            events_between(&first, &self.sums),
            self.series.coverage_between(start, self.end, &first, &self.sums),
        )
    }
}

fn events_between(first: &Sums, last: &Sums) -> Tally {
    Tally { good: last.good - first.good, total: last.total - first.total, parts: EVENT_PARTS }
}

impl SliceSeries {
    /// Slices that end by `micros`.
    pub(super) fn count_up_to(&self, micros: i64) -> usize {
        let computed = self.computed_count(micros);
        computed.unwrap_or_else(|| self.slices.partition_point(|slice| slice.end_micros() <= micros))
    }

    /// The same where everything later is as wide as the newest slice and has no gap.
    fn computed_count(&self, micros: i64) -> Option<usize> {
        let newest = self.slices.back()?;
        let later = newest.end_micros().saturating_sub(micros);
        if later <= 0 {
            return Some(self.slices.len());
        }
        let width = newest.end_micros() - newest.start_micros();
        let count = self.slices.len().checked_sub(usize::try_from((later - 1) / width + 1).ok()?)?;
        let is_after = self.slices[count].end_micros() > micros;
        let is_before = count.checked_sub(1).is_none_or(|last| self.slices[last].end_micros() <= micros);
        (is_after && is_before).then_some(count)
    }

    fn sums_up_to(&self, micros: i64) -> Sums {
        let count = self.count_up_to(micros);
        let mark = count.saturating_sub(1) / STRIDE;
        let mut sums = self.marks[mark];
        self.slices.range(mark * STRIDE..count).for_each(|slice| sums.add(slice));
        sums
    }

    /// The windows that end at `end`.
    pub fn ending_at(&self, end: Timestamp) -> Ending<'_> {
        Ending { series: self, end, sums: self.sums_up_to(end.micros()) }
    }

    /// Good and total over `(start, end]` in the units of the objective's method.
    pub fn tally(&self, start: Timestamp, end: Timestamp) -> Tally {
        match &self.cells {
            Some(cells) => cells.tally(start.micros(), end.micros()),
            None => self.events(start, end),
        }
    }

    /// [`SliceSeries::tally`] over the newest `length` up to `end`. Time slices are whole ones: a slice
    /// that `end` cuts has no verdict yet, and at least one is always asked for.
    pub fn tally_back(&self, end: Timestamp, length: Duration) -> Tally {
        match &self.cells {
            Some(cells) => cells.tally_back(end.micros(), length.as_micros() as i64),
            None => self.events(end.minus(length), end),
        }
    }

    /// Good and total events over `(start, end]`, whatever the method.
    pub fn events(&self, start: Timestamp, end: Timestamp) -> Tally {
        events_between(&self.sums_up_to(start.micros()), &self.sums_up_to(end.micros()))
    }

    /// The time slices that end in `(start, end]`, by their start in micros: whether each was good. Empty
    /// where the method has none; slices that count as nothing are left out.
    pub fn verdicts(&self, start: Timestamp, end: Timestamp) -> Vec<(i64, bool)> {
        self.cells.as_ref().map(|cells| cells.verdicts(start.micros(), end.micros())).unwrap_or_default()
    }

    /// The slices that end in `(start, end]`, as positions for [`SliceSeries::end_of`].
    pub(crate) fn positions(&self, start: Timestamp, end: Timestamp) -> Range<usize> {
        self.count_up_to(start.micros())..self.count_up_to(end.micros())
    }

    /// End of the slice at a position. Panics beyond the last.
    pub(crate) fn end_of(&self, position: usize) -> Timestamp {
        self.slices[position].end()
    }

    /// What each window that ends with a slice in `[first, last]` has at the least and at the most: what is
    /// in all of them, and what is in any. They are `length` long, or begin at `start`.
    pub(crate) fn tally_bounds(
        &self,
        start: Timestamp,
        (first, last): (Timestamp, Timestamp),
        length: Option<Duration>,
    ) -> (Tally, Tally) {
        let Some(length) = length else { return (self.tally(start, first), self.tally(start, last)) };
        // Windows over time slices end where the last whole one does.
        let width = self.cell_width();
        let whole = |end: Timestamp| width.map_or(end, |width| end.floor_to(width));
        let length = width.map_or(length, |width| length.max(width));
        let (first, last) = (whole(first), whole(last));
        let in_all = self.tally(last.minus(length).min(first), first);
        (in_all, self.tally(first.minus(length), last))
    }

    /// The tallies over the window of `length` that ends with each slice, newest first, from the slice
    /// that ends by `end` on; `None` for windows that begin at `start`, whatever their end.
    pub fn tallies_back(
        &self,
        start: Timestamp,
        end: Timestamp,
        length: Option<Duration>,
    ) -> impl Iterator<Item = (Timestamp, Tally)> {
        let begin_of = move |end: Timestamp| length.map_or(start, |length| end.minus(length));
        let mut newest = self.count_up_to(end.micros());
        // The newest window as a whole; from there on, what each later one has not.
        let end = newest.checked_sub(1).map(|last| self.slices[last].end());
        let begin = end.map_or(start, |end| begin_of(end).min(end));
        let mut oldest = self.count_up_to(begin.micros());
        let Tally { mut good, mut total, .. } =
            end.map_or(self.events(begin, begin), |end| self.events(begin, end));
        std::iter::from_fn(move || {
            let end = self.slices.get(newest.checked_sub(1)?)?.end();
            if self.cells.is_some() {
                newest -= 1;
                let tally = match length {
                    Some(length) => self.tally_back(end, length),
                    None => self.tally(start, end),
                };
                return Some((end, tally));
            }
            let begin = begin_of(end).micros();
            while let Some(slice) =
                oldest.checked_sub(1).map(|at| self.slices[at]).filter(|slice| slice.end_micros() > begin)
            {
                good += i128::from(slice.good);
                total += i128::from(slice.total);
                oldest -= 1;
            }
            let tally = Tally { good, total, parts: EVENT_PARTS };
            newest -= 1;
            good -= i128::from(self.slices[newest].good);
            total -= i128::from(self.slices[newest].total);
            Some((end, tally))
        })
    }

    /// Removed time counts neither as measured nor as elapsed.
    pub fn coverage(&self, start: Timestamp, end: Timestamp) -> Coverage {
        self.coverage_between(start, end, &self.sums_up_to(start.micros()), &self.sums_up_to(end.micros()))
    }

    fn coverage_between(&self, start: Timestamp, end: Timestamp, first: &Sums, last: &Sums) -> Coverage {
        let micros = |micros: i64| Duration::from_micros(micros.max(0) as u64);
        let removed = self.exclusions.removed_micros(start.micros(), end.micros());
        Coverage {
            measured: micros(last.measured_micros - first.measured_micros),
            elapsed: end.since(start).saturating_sub(micros(removed)),
            slices: last.slices.saturating_sub(first.slices),
            empty: last.empty.saturating_sub(first.empty),
            clamped: last.clamped.saturating_sub(first.clamped),
        }
    }

    /// Time in `[start, end)` that exclusions take out.
    pub fn removed(&self, start: Timestamp, end: Timestamp) -> Duration {
        Duration::from_micros(self.exclusions.removed_micros(start.micros(), end.micros()).unsigned_abs())
    }

    /// End of the newest measured slice that is at least `delay` old.
    pub fn watermark(&self, now: Timestamp, delay: Duration) -> Option<Timestamp> {
        let count = self.count_up_to(now.minus(delay).micros());
        count.checked_sub(1).map(|last| self.slices[last].end())
    }

    /// End of the newest slice, settled or not: where evaluation goes on.
    pub fn newest_end(&self) -> Option<Timestamp> {
        self.slices.back().map(Packed::end)
    }

    /// End of the newest slice that is wider than `width`.
    pub fn newest_end_wider_than(&self, width: Duration) -> Option<Timestamp> {
        self.slices.iter().rev().find(|slice| slice.width() > width).map(Packed::end)
    }

    pub fn oldest_start(&self) -> Option<Timestamp> {
        self.slices.front().map(Packed::start)
    }

    /// Start and end of the slices that begin in `[start, end)`, oldest first.
    pub fn slices_in(
        &self,
        start: Timestamp,
        end: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.slices_from(start, end).map(|slice| (slice.start(), slice.end()))
    }

    /// Start and events of the slices that begin in `[start, end)`, oldest first.
    pub(crate) fn events_in(
        &self,
        start: Timestamp,
        end: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Tally)> {
        let events = |slice: &Packed| Tally {
            good: i128::from(slice.good),
            total: i128::from(slice.total),
            parts: EVENT_PARTS,
        };
        self.slices_from(start, end).map(move |slice| (slice.start(), events(slice)))
    }

    fn slices_from(&self, start: Timestamp, end: Timestamp) -> impl Iterator<Item = &Packed> {
        let first = self.slices.partition_point(|slice| slice.start_micros() < start.micros());
        self.slices.range(first..).take_while(move |slice| slice.start_micros() < end.micros())
    }

    /// Width of a time slice where the method has them; burn windows are never shorter.
    pub fn cell_width(&self) -> Option<Duration> {
        self.cells.as_ref().map(|cells| Duration::from_micros(cells.width_micros() as u64))
    }
}
