//! The slices of one objective in memory, with prefix sums: any window costs two binary searches.
//!
//! Invariants: slices are sorted, do not overlap, and the running sums include every slice up to
//! their own. Appending costs the same on day 1 and on day 90; a late slice or revision costs the
//! slices after it. A slice belongs to the window its *end* lies in. What was not measured has no
//! slice, so a gap can never count as anything.

use std::collections::VecDeque;
use std::time::Duration;

use telemetry::{SloSlice, Timestamp};

use crate::budget::Tally;
use crate::error::SloError;
use crate::objective::Counting;
use crate::timeslices::{CellRule, Cells};

/// Parts of one event in a slice's counts.
pub const EVENT_PARTS: i128 = 1_000;

/// What became of a slice handed to [`SliceSeries::apply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Newer than everything before.
    Appended,
    /// Measured late, into a gap.
    Inserted,
    /// Replaced an older revision.
    Revised,
    /// The same or a newer revision was there.
    Ignored,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    good: i128,
    total: i128,
    measured_micros: i64,
    slices: u64,
    empty: u64,
    clamped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    start_micros: i64,
    width_micros: i64,
    good: i64,
    total: i64,
    measured_micros: i64,
    rev: i32,
    clamped: bool,
    /// Up to and including this slice.
    sums: Sums,
}

impl Stored {
    fn end_micros(&self) -> i64 {
        self.start_micros + self.width_micros
    }
}

/// How much of a window was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub measured: Duration,
    pub elapsed: Duration,
    /// Measured slices, and those of them without any event.
    pub slices: u64,
    pub empty: u64,
    /// Slices that reported more good than total events and count as all good.
    pub clamped: u64,
}

impl Coverage {
    /// Measured over elapsed time, 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.elapsed.is_zero() {
            return 0.0;
        }
        (self.measured.as_secs_f64() / self.elapsed.as_secs_f64()).min(1.0)
    }

    /// `measured / elapsed < 1 / divisor`, exactly.
    pub fn is_below_one_in(&self, divisor: u32) -> bool {
        self.measured.as_micros() * u128::from(divisor) < self.elapsed.as_micros()
    }
}

/// The history of one objective: base slices, and time slices where its method needs them.
#[derive(Clone, Debug)]
pub struct SliceSeries {
    slices: VecDeque<Stored>,
    /// Sums of the slices that were dropped from the front.
    dropped: Sums,
    cells: Option<Cells>,
}

impl SliceSeries {
    pub fn new(counting: Counting) -> SliceSeries {
        let cells = match counting {
            Counting::Occurrences => None,
            Counting::Timeslices { width, target, empty } => {
                Some(Cells::new(width, CellRule::AtLeast(target), empty))
            }
            Counting::RatioTimeslices { width, empty } => Some(Cells::new(width, CellRule::Ratio, empty)),
        };
        SliceSeries { slices: VecDeque::new(), dropped: Sums::default(), cells }
    }

    /// Takes one slice: new, late or a new revision. The caller has chosen objective and generation.
    /// More good than total is clamped and counted in [`Coverage::clamped`].
    pub fn apply(&mut self, slice: &SloSlice) -> Result<Applied, SloError> {
        let stored = stored_of(slice)?;
        let index = self.slices.partition_point(|other| other.end_micros() < stored.end_micros());
        if let Some(same) = self.slices.get(index).filter(|other| other.start_micros == stored.start_micros) {
            if same.width_micros != stored.width_micros {
                return Err(SloError::Overlap { start: slice.slice_start });
            }
            if same.rev >= stored.rev {
                return Ok(Applied::Ignored);
            }
            self.slices[index] = stored;
            self.resum_from(index);
            return Ok(Applied::Revised);
        }
        let overlaps_before = index > 0 && self.slices[index - 1].end_micros() > stored.start_micros;
        let overlaps_after =
            self.slices.get(index).is_some_and(|after| after.start_micros < stored.end_micros());
        if overlaps_before || overlaps_after {
            return Err(SloError::Overlap { start: slice.slice_start });
        }
        let is_newest = index == self.slices.len();
        if is_newest {
            self.slices.push_back(stored);
        } else {
            self.slices.insert(index, stored);
        }
        self.resum_from(index);
        Ok(if is_newest { Applied::Appended } else { Applied::Inserted })
    }

    /// A history in any order, for a start from the tables: sorted once, then applied. Revisions
    /// of the same slice may be among them.
    pub fn extend(&mut self, mut slices: Vec<SloSlice>) -> Vec<SloError> {
        slices.sort_by_key(|slice| (slice.slice_start, slice.slice_secs, slice.rev));
        slices.iter().filter_map(|slice| self.apply(slice).err()).collect()
    }

    fn resum_from(&mut self, index: usize) {
        let mut sums = index.checked_sub(1).map_or(self.dropped, |before| self.slices[before].sums);
        for slice in self.slices.range_mut(index..) {
            sums.good += i128::from(slice.good);
            sums.total += i128::from(slice.total);
            sums.measured_micros += slice.measured_micros;
            sums.slices += 1;
            sums.empty += u64::from(slice.total == 0);
            sums.clamped += u64::from(slice.clamped);
            slice.sums = sums;
        }
        self.refold_from(index);
    }

    fn refold_from(&mut self, index: usize) {
        let (Some(cells), Some(changed)) = (&mut self.cells, self.slices.get(index)) else { return };
        let from = cells.cell_of_end(changed.end_micros());
        let width = cells.width_micros();
        let first = self.slices.partition_point(|slice| slice.end_micros() <= from);
        let mut folded: Vec<(i64, i128, i128)> = Vec::new();
        for slice in self.slices.range(first..) {
            let cell = (slice.end_micros() - 1).div_euclid(width) * width;
            match folded.last_mut().filter(|(start, ..)| *start == cell) {
                Some((_, good, total)) => {
                    *good += i128::from(slice.good);
                    *total += i128::from(slice.total);
                }
                None => folded.push((cell, i128::from(slice.good), i128::from(slice.total))),
            }
        }
        cells.refresh(from, folded.into_iter());
    }

    fn sums_up_to(&self, micros: i64) -> Sums {
        let count = self.slices.partition_point(|slice| slice.end_micros() <= micros);
        count.checked_sub(1).map_or(self.dropped, |last| self.slices[last].sums)
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
        let (first, last) = (self.sums_up_to(start.micros()), self.sums_up_to(end.micros()));
        Tally { good: last.good - first.good, total: last.total - first.total, parts: EVENT_PARTS }
    }

    pub fn coverage(&self, start: Timestamp, end: Timestamp) -> Coverage {
        let (first, last) = (self.sums_up_to(start.micros()), self.sums_up_to(end.micros()));
        Coverage {
            measured: Duration::from_micros((last.measured_micros - first.measured_micros).max(0) as u64),
            elapsed: end.since(start),
            slices: last.slices - first.slices,
            empty: last.empty - first.empty,
            clamped: last.clamped - first.clamped,
        }
    }

    /// End of the newest measured slice that is at least `delay` old.
    pub fn watermark(&self, now: Timestamp, delay: Duration) -> Option<Timestamp> {
        let settled = now.minus(delay).micros();
        let count = self.slices.partition_point(|slice| slice.end_micros() <= settled);
        count.checked_sub(1).map(|last| Timestamp::from_micros(self.slices[last].end_micros()))
    }

    /// End of the newest slice, settled or not: where evaluation goes on.
    pub fn newest_end(&self) -> Option<Timestamp> {
        self.slices.back().map(|slice| Timestamp::from_micros(slice.end_micros()))
    }

    pub fn oldest_start(&self) -> Option<Timestamp> {
        self.slices.front().map(|slice| Timestamp::from_micros(slice.start_micros))
    }

    /// Start and end of the slices that begin in `[start, end)`, oldest first.
    pub fn slices_in(
        &self,
        start: Timestamp,
        end: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = self.slices.partition_point(|slice| slice.start_micros < start.micros());
        let until_end = move |slice: &&Stored| slice.start_micros < end.micros();
        self.slices.range(first..).take_while(until_end).map(|slice| {
            let start = Timestamp::from_micros(slice.start_micros);
            (start, start.plus(Duration::from_micros(slice.width_micros.unsigned_abs())))
        })
    }

    /// Ends of the slices up to `end`, newest first.
    pub fn ends_back_from(&self, end: Timestamp) -> impl Iterator<Item = Timestamp> {
        let count = self.slices.partition_point(|slice| slice.end_micros() <= end.micros());
        self.slices.range(..count).rev().map(|slice| Timestamp::from_micros(slice.end_micros()))
    }

    pub fn len(&self) -> usize {
        self.slices.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Width of a time slice where the method has them; burn windows are never shorter.
    pub fn cell_width(&self) -> Option<Duration> {
        self.cells.as_ref().map(|cells| Duration::from_micros(cells.width_micros() as u64))
    }

    /// Forgets what ends at or before `time`, in whole time slices where the method has them. Sums of
    /// windows that begin later stay exact.
    pub fn drop_before(&mut self, time: Timestamp) {
        let mut cut = time.micros();
        if let Some(cells) = &mut self.cells {
            cut = cut.div_euclid(cells.width_micros()) * cells.width_micros();
            cells.drop_before(cut);
        }
        while let Some(slice) = self.slices.front().filter(|slice| slice.end_micros() <= cut) {
            self.dropped = slice.sums;
            self.slices.pop_front();
        }
    }
}

/// A count as a slice stores it, rounded once, here. `None` for what is no count: NaN, infinity, below
/// zero, or more than a slice can hold.
pub fn thousandths(count: f64) -> Option<i64> {
    let parts = (count * 1_000.0).round();
    // 2^62: sums of two such counts still fit.
    (parts >= 0.0 && parts < (1_i64 << 62) as f64).then_some(parts as i64)
}

fn stored_of(slice: &SloSlice) -> Result<Stored, SloError> {
    let width_micros = i64::from(slice.slice_secs) * 1_000_000;
    let start_micros = slice.slice_start.micros();
    let has_end = start_micros.checked_add(width_micros).is_some();
    if width_micros <= 0 || slice.good_milli < 0 || slice.total_milli < 0 || !has_end {
        return Err(SloError::BadSlice { start: slice.slice_start });
    }
    let coverage = if slice.coverage.is_finite() { slice.coverage.clamp(0.0, 1.0) } else { 0.0 };
    Ok(Stored {
        start_micros,
        width_micros,
        good: slice.good_milli.min(slice.total_milli),
        total: slice.total_milli,
        measured_micros: (width_micros as f64 * coverage).round() as i64,
        rev: slice.rev,
        clamped: slice.good_milli > slice.total_milli,
        sums: Sums::default(),
    })
}

#[cfg(test)]
mod tests;
