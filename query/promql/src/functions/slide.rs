//! What functions of windows remember from one step to the next, so that a long window costs what enters
//! and leaves it and not what it holds.
//!
//! Counter resets, changes, extremes and quantiles come out bit by bit as from the whole window. Sums are
//! compensated partial sums put together, which may differ from one compensated sum in the last bit.

use std::collections::VecDeque;
use std::ops::Range;

use super::windows::{Slide, Window};

mod sorted;
mod sums;

pub(super) use sorted::Sorted;
pub(super) use sums::Sums;

/// Windows that share a sample, from which on looking at what enters and leaves is cheaper.
pub(super) const CHEAP_FROM: i64 = 2;
/// The same for sums and sorted windows, which do more for each sample.
pub(super) const COSTLY_FROM: i64 = 8;

/// What has been seen of a series.
#[derive(Default)]
struct Edge(usize);

impl Edge {
    /// The positions in the window that no window before had.
    fn entering(&mut self, window: &Window<'_>) -> Range<usize> {
        let end = window.low + window.values.len();
        let from = self.0.max(window.low);
        self.0 = end;
        from..end
    }
}

/// Positions whose sample differs from the one before it in some way; both are in the window.
#[derive(Default)]
struct Marks {
    edge: Edge,
    marks: VecDeque<usize>,
}

impl Marks {
    fn follow(&mut self, window: &Window<'_>, differ: fn(f64, f64) -> bool) {
        for at in self.edge.entering(window) {
            let inside = at - window.low;
            if inside > 0 && differ(window.values[inside - 1], window.values[inside]) {
                self.marks.push_back(at);
            }
        }
        while self.marks.front().is_some_and(|at| *at <= window.low) {
            self.marks.pop_front();
        }
    }
}

/// The change of a counter, which starts again from zero where it falls.
pub(super) struct Resets {
    marks: Marks,
    finish: fn(&Window<'_>, f64) -> Option<f64>,
}

impl Resets {
    /// `finish` gets the change over the window's samples.
    pub(super) fn slide(finish: fn(&Window<'_>, f64) -> Option<f64>) -> Box<dyn Slide> {
        Box::new(Resets { marks: Marks::default(), finish })
    }
}

impl Slide for Resets {
    fn value(&mut self, window: &Window<'_>, _: &[f64]) -> Option<f64> {
        self.marks.follow(window, |before, value| value < before);
        let values = window.values;
        let mut change = values[values.len() - 1] - values[0];
        // In their order: this is the sum that walking the window makes.
        for at in &self.marks.marks {
            change += values[at - window.low - 1];
        }
        (self.finish)(window, change)
    }
}

/// How many samples differ from the one before.
pub(super) struct Differences {
    marks: Marks,
    differ: fn(f64, f64) -> bool,
}

impl Differences {
    pub(super) fn slide(differ: fn(f64, f64) -> bool) -> Box<dyn Slide> {
        Box::new(Differences { marks: Marks::default(), differ })
    }
}

impl Slide for Differences {
    fn value(&mut self, window: &Window<'_>, _: &[f64]) -> Option<f64> {
        self.marks.follow(window, self.differ);
        Some(self.marks.marks.len() as f64)
    }
}

/// The most extreme sample: those that may become it yet, best first.
pub(super) struct Extreme {
    edge: Edge,
    candidates: VecDeque<(usize, f64)>,
    /// Whether a later sample makes an earlier one useless.
    beats: fn(f64, f64) -> bool,
    /// Of the position in the window, if any sample is a number.
    finish: fn(&Window<'_>, Option<usize>) -> f64,
}

impl Extreme {
    pub(super) fn slide(
        beats: fn(f64, f64) -> bool,
        finish: fn(&Window<'_>, Option<usize>) -> f64,
    ) -> Box<dyn Slide> {
        Box::new(Extreme { edge: Edge::default(), candidates: VecDeque::new(), beats, finish })
    }
}

impl Slide for Extreme {
    fn value(&mut self, window: &Window<'_>, _: &[f64]) -> Option<f64> {
        for at in self.edge.entering(window) {
            let value = window.values[at - window.low];
            if value.is_nan() {
                continue;
            }
            while self.candidates.back().is_some_and(|(_, last)| (self.beats)(value, *last)) {
                self.candidates.pop_back();
            }
            self.candidates.push_back((at, value));
        }
        while self.candidates.front().is_some_and(|(at, _)| *at < window.low) {
            self.candidates.pop_front();
        }
        let best = self.candidates.front().map(|(at, _)| at - window.low);
        Some((self.finish)(window, best))
    }
}

#[cfg(test)]
mod tests;
