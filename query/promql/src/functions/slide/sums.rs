//! Sums of sliding windows: two stacks of compensated sums.

use super::Edge;
use crate::functions::windows::{Slide, Window};
use crate::numbers::KahanSum;

/// However values up to this are added up, no partial sum overflows.
const TAME_MAX: f64 = 1e290;

/// The sum of a window as that of two parts: `older[n]` sums up the last `n + 1` samples before `middle`,
/// `newer` those from there on. Nothing is ever subtracted, so nothing is left behind of a large value
/// that has gone.
pub(in crate::functions) struct Sums {
    edge: Edge,
    older: Vec<KahanSum>,
    middle: usize,
    newer: KahanSum,
    /// Behind the last value that is infinite, not a number or too large. While it is in the window, the
    /// whole window is summed up in its order.
    wild_until: usize,
    /// Of the sum and the number of samples.
    finish: fn(KahanSum, usize) -> f64,
    whole: fn(&[f64]) -> f64,
}

impl Sums {
    /// `whole` computes the same from all values.
    pub(in crate::functions) fn slide(
        finish: fn(KahanSum, usize) -> f64,
        whole: fn(&[f64]) -> f64,
    ) -> Box<dyn Slide> {
        let newer = KahanSum::default();
        Box::new(Sums {
            edge: Edge::default(),
            older: Vec::new(),
            middle: 0,
            newer,
            wild_until: 0,
            finish,
            whole,
        })
    }

    /// All of the window becomes older.
    fn rebuild(&mut self, window: &Window<'_>) {
        let mut sum = KahanSum::default();
        let sums = window.values.iter().rev().map(|value| {
            sum.add(*value);
            sum
        });
        self.older.clear();
        self.older.extend(sums);
        self.middle = window.low + window.values.len();
        self.newer = KahanSum::default();
    }
}

impl Slide for Sums {
    fn value(&mut self, window: &Window<'_>, _: &[f64]) -> Option<f64> {
        for at in self.edge.entering(window) {
            let value = window.values[at - window.low];
            if value.is_nan() || value.abs() > TAME_MAX {
                self.wild_until = at + 1;
            }
            self.newer.add(value);
        }
        if window.low < self.wild_until {
            // What has been summed up is of no use: the next window without it starts anew.
            self.middle = 0;
            return Some((self.whole)(window.values));
        }
        if window.low >= self.middle {
            self.rebuild(window);
        }
        let mut sum = self.older[self.middle - window.low - 1];
        sum.add(self.newer.sum);
        sum.compensation += self.newer.compensation;
        Some((self.finish)(sum, window.values.len()))
    }
}
