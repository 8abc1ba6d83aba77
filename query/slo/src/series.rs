//! The slices of one objective in memory, with sparse running sums: any window costs two binary
//! searches and a few additions.
//!
//! Invariants: slices are sorted, do not overlap, and mark k is the sum of everything before slice
//! `k * STRIDE`, what was dropped included. Appending costs the same on day 1 and on day 90; a late
//! slice or revision costs the slices after it. A slice belongs to the window its *end* lies in. What
//! was not measured has no slice, so a gap can never count as anything. Slices lie here as their
//! exclusions leave them; of those that are touched, what was measured is kept beside them, and so is what
//! was known in time of slices that late data changed.

mod coverage;
mod fold;
mod late;
mod packed;
mod read;

use std::collections::{BTreeMap, VecDeque};

use telemetry::{SloSlice, Timestamp};

use crate::error::SloError;
use crate::exclusions::{Effect, Exclusions};
use crate::objective::Counting;
use crate::timeslices::{CellRule, Cells};
pub use coverage::Coverage;
pub use fold::{WIDE_SLICE, wide_slice};
use late::{Late, overtaken};
use packed::{Packed, Sums};
pub use read::Ending;

/// Parts of one event in a slice's counts.
pub const EVENT_PARTS: i128 = 1_000;

/// Slices between two running sums: what a window adds up by itself at each of its ends.
const STRIDE: usize = 32;

/// What became of a slice handed to [`SliceSeries::apply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Newer than everything before.
    Appended,
    /// Measured late, into a gap.
    Inserted,
    /// Replaced an older revision.
    Revised,
    /// The same or a newer revision was there, or it is older than what is kept.
    Ignored,
}

/// A slice as it was measured, without its exclusions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredSlice {
    /// In thousandths of an event, good at most total.
    pub good_milli: i64,
    pub total_milli: i64,
    pub rev: i32,
}

/// The history of one objective: base slices, and time slices where its method needs them.
#[derive(Clone, Debug)]
pub struct SliceSeries {
    slices: VecDeque<Packed>,
    /// Never empty; see the top of this file.
    marks: VecDeque<Sums>,
    cells: Option<Cells>,
    exclusions: Exclusions,
    /// As measured, by start: the slices that exclusions change.
    measured: BTreeMap<i64, Packed>,
    late: Late,
    /// What ends by then is folded already.
    folded_until: i64,
    /// What ends by then is forgotten.
    forgotten_until: i64,
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
        SliceSeries {
            slices: VecDeque::new(),
            marks: VecDeque::from([Sums::default()]),
            cells,
            exclusions: Exclusions::default(),
            measured: BTreeMap::new(),
            late: Late::default(),
            folded_until: i64::MIN,
            forgotten_until: i64::MIN,
        }
    }

    /// Takes one slice: new, late or a new revision. The caller has chosen objective and generation.
    /// More good than total is clamped and counted in [`Coverage::clamped`].
    pub fn apply(&mut self, slice: &SloSlice) -> Result<Applied, SloError> {
        self.apply_after(slice, false)
    }

    /// The same of a slice that may have been recorded after one that follows it.
    fn apply_after(&mut self, slice: &SloSlice, is_overtaken: bool) -> Result<Applied, SloError> {
        let packed = Packed::of(slice)?;
        if packed.end_micros() <= self.forgotten_until {
            return Ok(Applied::Ignored);
        }
        let index = self.slices.partition_point(|other| other.end_micros() < packed.end_micros());
        let same = self.slices.get(index).filter(|other| other.start_micros() == packed.start_micros());
        if let Some(same) = same {
            if same.width() != packed.width() {
                return Err(SloError::Overlap { start: slice.slice_start });
            }
            if same.rev >= packed.rev {
                return Ok(Applied::Ignored);
            }
            if self.late.is_late(slice) {
                let before = self.measured.get(&same.start_micros()).copied().unwrap_or(*same);
                self.late.note_revised(before);
            }
            self.slices[index] = self.excluded(packed);
            self.resum_from(index);
            return Ok(Applied::Revised);
        }
        let overlaps_before = index > 0 && self.slices[index - 1].end_micros() > packed.start_micros();
        let overlaps_after =
            self.slices.get(index).is_some_and(|after| after.start_micros() < packed.end_micros());
        if overlaps_before || overlaps_after {
            return Err(SloError::Overlap { start: slice.slice_start });
        }
        let is_newest = index == self.slices.len();
        if (is_overtaken || !is_newest) && self.late.is_late(slice) {
            self.late.note_unknown(&packed);
        }
        let packed = self.excluded(packed);
        if is_newest {
            self.slices.push_back(packed);
        } else {
            self.slices.insert(index, packed);
        }
        self.resum_from(index);
        Ok(if is_newest { Applied::Appended } else { Applied::Inserted })
    }

    /// A history in any order, for a start from the tables: sorted once, then applied. Revisions
    /// of the same slice may be among them.
    pub fn extend(&mut self, mut slices: Vec<SloSlice>) -> Vec<SloError> {
        slices.sort_by_key(|slice| (slice.slice_start, slice.slice_secs, slice.rev));
        let overtaken = overtaken(&slices);
        let applied =
            slices.iter().zip(overtaken).map(|(slice, overtaken)| self.apply_after(slice, overtaken));
        applied.filter_map(Result::err).collect()
    }

    /// Replaces the exclusions: what was measured is counted anew where they differ.
    pub fn set_exclusions(&mut self, exclusions: Exclusions) {
        if exclusions == self.exclusions {
            return;
        }
        let mut first = usize::MAX;
        for (start, measured) in std::mem::take(&mut self.measured) {
            let index = self.slices.partition_point(|slice| slice.start_micros() < start);
            if let Some(slice) = self.slices.get_mut(index).filter(|slice| slice.start_micros() == start) {
                *slice = measured;
                first = first.min(index);
            }
        }
        self.exclusions = exclusions;
        for (from, to) in self.exclusions.stretches() {
            let mut index = self.slices.partition_point(|slice| slice.end_micros() <= from);
            while let Some(slice) = self.slices.get(index).copied().filter(|slice| slice.start_micros() < to)
            {
                if !self.measured.contains_key(&slice.start_micros()) {
                    self.slices[index] = self.excluded(slice);
                    first = first.min(index);
                }
                index += 1;
            }
        }
        if first < self.slices.len() {
            self.resum_from(first);
        }
    }

    pub fn exclusions(&self) -> &Exclusions {
        &self.exclusions
    }

    /// What the exclusions leave of a slice; what was measured is put aside.
    fn excluded(&mut self, slice: Packed) -> Packed {
        let effect = self.exclusions.effect(slice.start_micros(), slice.end_micros());
        if effect == Effect::default() {
            self.measured.remove(&slice.start_micros());
            return slice;
        }
        self.measured.insert(slice.start_micros(), slice);
        slice.under(effect)
    }

    /// The slice that begins at `start`, as it was measured.
    pub fn measured_at(&self, start: Timestamp) -> Option<MeasuredSlice> {
        let micros = start.micros();
        let index = self.slices.partition_point(|slice| slice.start_micros() < micros);
        let stored = self.slices.get(index).filter(|slice| slice.start_micros() == micros)?;
        let slice = self.measured.get(&micros).unwrap_or(stored);
        Some(MeasuredSlice { good_milli: slice.good, total_milli: slice.total, rev: i32::from(slice.rev) })
    }

    fn resum_from(&mut self, index: usize) {
        self.mark_from(index);
        self.refold_from(index);
    }

    fn mark_from(&mut self, index: usize) {
        self.marks.truncate(index / STRIDE + 1);
        while self.marks.len() * STRIDE < self.slices.len() {
            let first = (self.marks.len() - 1) * STRIDE;
            let mut sums = self.marks.back().copied().unwrap_or_default();
            self.slices.range(first..first + STRIDE).for_each(|slice| sums.add(slice));
            self.marks.push_back(sums);
        }
    }

    fn refold_from(&mut self, index: usize) {
        let (Some(cells), Some(changed)) = (&mut self.cells, self.slices.get(index)) else { return };
        let from = cells.cell_of_end(changed.end_micros()).max(self.forgotten_until);
        let width = cells.width_micros();
        let first = self.slices.partition_point(|slice| slice.end_micros() <= from);
        let mut folded: Vec<(i64, i128, i128)> = Vec::new();
        for slice in self.slices.range(first..).filter(|slice| !slice.removed) {
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

    /// Without slices, and with everything else that decides how they count.
    fn emptied(&self) -> SliceSeries {
        SliceSeries {
            slices: VecDeque::new(),
            marks: VecDeque::from([Sums::default()]),
            cells: self.cells.as_ref().map(Cells::emptied),
            exclusions: self.exclusions.clone(),
            measured: BTreeMap::new(),
            late: Late::default(),
            ..*self
        }
    }

    pub fn len(&self) -> usize {
        self.slices.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Forgets what ends at or before `time`, in whole time slices where the method has them and in whole
    /// strides of slices. Sums of windows that begin later stay exact.
    pub fn drop_before(&mut self, time: Timestamp) {
        let mut cut = time.micros();
        if let Some(cells) = &mut self.cells {
            cut = cut.div_euclid(cells.width_micros()) * cells.width_micros();
            cells.drop_before(cut);
        }
        if cut <= self.forgotten_until {
            return;
        }
        self.forgotten_until = cut;
        self.late.forget_before(cut);
        // The last stride stays: the marks go on from it.
        let strides = (self.count_up_to(cut) / STRIDE).min(self.marks.len() - 1);
        self.slices.drain(..strides * STRIDE);
        self.marks.drain(..strides);
        if let Some(oldest) = self.slices.front().map(Packed::start_micros) {
            self.measured = self.measured.split_off(&oldest);
        }
    }

    /// Computes every running sum and time slice anew, as from slices that were just read.
    pub fn recompute(&mut self) {
        self.resum_from(0);
    }
}

/// A count as a slice stores it, rounded once, here. `None` for what is no count: NaN, infinity, below
/// zero, or more than a slice can hold.
pub fn thousandths(count: f64) -> Option<i64> {
    let parts = (count * 1_000.0).round();
    // 2^62: sums of two such counts still fit.
    (parts >= 0.0 && parts < (1_i64 << 62) as f64).then_some(parts as i64)
}

#[cfg(test)]
mod tests;
