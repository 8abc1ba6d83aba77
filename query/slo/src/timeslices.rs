//! Base slices folded into time slices, each with its verdict, and prefix sums over the verdicts.
//!
//! Cells are aligned to multiples of their width since the epoch. A cell is derived from base slices
//! and never edited: whoever changes a base slice calls [`Cells::refresh`] from that time on, which
//! costs one cell for the newest slice and the cells since for a late one.

use std::collections::VecDeque;
use std::time::Duration;

use crate::budget::Tally;
use crate::decimal::{Decimal, compare_products};
use crate::objective::EmptyPolicy;

/// Parts that one time slice is divided into under RatioTimeslices. The ratio of a slice is rounded
/// to them once, when it is folded; sums are exact from there on.
pub const RATIO_PARTS: i128 = 1_000_000_000_000;

/// When a cell is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellRule {
    /// Good iff good/total is at least this.
    AtLeast(Decimal),
    /// As good as its ratio.
    Ratio,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    start_micros: i64,
    /// Sums of verdicts up to and including this cell.
    good: i128,
    total: i128,
}

/// Verdicts of consecutive measured time slices, oldest first.
#[derive(Clone, Debug)]
pub struct Cells {
    width_micros: i64,
    rule: CellRule,
    empty: EmptyPolicy,
    cells: VecDeque<Cell>,
    /// Sums of the cells that were dropped from the front.
    good_before: i128,
    total_before: i128,
}

impl Cells {
    pub fn new(width: Duration, rule: CellRule, empty: EmptyPolicy) -> Cells {
        let width_micros = (width.as_micros() as i64).max(1);
        Cells { width_micros, rule, empty, cells: VecDeque::new(), good_before: 0, total_before: 0 }
    }

    /// The same rule, before anything was measured.
    pub fn emptied(&self) -> Cells {
        Cells { cells: VecDeque::new(), good_before: 0, total_before: 0, ..*self }
    }

    pub fn width_micros(&self) -> i64 {
        self.width_micros
    }

    /// Start of the cell that a slice ending at `end_micros` belongs to.
    pub fn cell_of_end(&self, end_micros: i64) -> i64 {
        (end_micros - 1).div_euclid(self.width_micros) * self.width_micros
    }

    /// Replaces the cells from `from_micros` (a cell start) on with `folded`: the start, good and
    /// total of every later cell in which anything was measured, oldest first.
    pub fn refresh(&mut self, from_micros: i64, folded: impl Iterator<Item = (i64, i128, i128)>) {
        let keep = self.cells.partition_point(|cell| cell.start_micros < from_micros);
        self.cells.truncate(keep);
        for (start_micros, good, total) in folded {
            let (good_sum, total_sum) = self
                .cells
                .back()
                .map_or((self.good_before, self.total_before), |cell| (cell.good, cell.total));
            let (good, total) = self.verdict(good, total);
            self.cells.push_back(Cell { start_micros, good: good_sum + good, total: total_sum + total });
        }
    }

    fn verdict(&self, good: i128, total: i128) -> (i128, i128) {
        let whole = self.parts();
        if total == 0 {
            return match self.empty {
                EmptyPolicy::Exclude => (0, 0),
                EmptyPolicy::Good => (whole, whole),
                EmptyPolicy::Bad => (0, whole),
            };
        }
        match self.rule {
            CellRule::AtLeast(target) => {
                let target = target.to_fraction();
                let order = compare_products(
                    [good.unsigned_abs(), target.denominator().unsigned_abs()],
                    [target.numerator().unsigned_abs(), total.unsigned_abs()],
                );
                (i128::from(order.is_ge()), 1)
            }
            CellRule::Ratio => ((good * RATIO_PARTS + total / 2) / total, RATIO_PARTS),
        }
    }

    fn parts(&self) -> i128 {
        match self.rule {
            CellRule::AtLeast(_) => 1,
            CellRule::Ratio => RATIO_PARTS,
        }
    }

    /// Verdicts of the cells whose end lies in `(start, end]`.
    pub fn tally(&self, start_micros: i64, end_micros: i64) -> Tally {
        let sums_before = |micros: i64| {
            let count = self
                .cells
                .partition_point(|cell| cell.start_micros.saturating_add(self.width_micros) <= micros);
            match count.checked_sub(1).map(|last| self.cells[last]) {
                Some(cell) => (cell.good, cell.total),
                None => (self.good_before, self.total_before),
            }
        };
        let (first, last) = (sums_before(start_micros), sums_before(end_micros));
        Tally { good: last.0 - first.0, total: last.1 - first.1, parts: self.parts() }
    }

    /// The start of each cell that counts and ends in `(start, end]`, and whether it was all good.
    pub fn verdicts(&self, start_micros: i64, end_micros: i64) -> Vec<(i64, bool)> {
        let end_of = |cell: &Cell| cell.start_micros.saturating_add(self.width_micros);
        let first = self.cells.partition_point(|cell| end_of(cell) <= start_micros);
        let mut before = match first.checked_sub(1).map(|last| self.cells[last]) {
            Some(cell) => (cell.good, cell.total),
            None => (self.good_before, self.total_before),
        };
        let mut verdicts = Vec::new();
        for cell in self.cells.range(first..).take_while(|cell| end_of(cell) <= end_micros) {
            let (good, total) = (cell.good - before.0, cell.total - before.1);
            if total > 0 {
                verdicts.push((cell.start_micros, good == total));
            }
            before = (cell.good, cell.total);
        }
        verdicts
    }

    /// Verdicts of the newest whole cells that end by `end`, as many as fit `length` and at least
    /// one: a cell that is still being filled has no verdict yet.
    pub fn tally_back(&self, end_micros: i64, length_micros: i64) -> Tally {
        let end = end_micros.div_euclid(self.width_micros) * self.width_micros;
        self.tally(end.saturating_sub(length_micros.max(self.width_micros)), end)
    }

    /// Forgets the cells that start before `micros`.
    pub fn drop_before(&mut self, micros: i64) {
        while let Some(cell) = self.cells.front().filter(|cell| cell.start_micros < micros) {
            (self.good_before, self.total_before) = (cell.good, cell.total);
            self.cells.pop_front();
        }
    }
}
