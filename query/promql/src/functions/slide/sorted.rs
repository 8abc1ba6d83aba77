//! Sorted sliding windows, for quantiles.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::Edge;
use crate::functions::windows::{Slide, Window};
use crate::numbers;

/// If more than this part of the window is new, it is sorted again.
const NEW_PART: usize = 8;

pub(in crate::functions) struct Sorted {
    edge: Edge,
    /// In their order of time.
    values: VecDeque<f64>,
    sorted: Vec<f64>,
    /// Of the sorted values and the scalar arguments.
    finish: fn(&[f64], &[f64]) -> f64,
}

impl Sorted {
    pub(in crate::functions) fn slide(finish: fn(&[f64], &[f64]) -> f64) -> Box<dyn Slide> {
        Box::new(Sorted { edge: Edge::default(), values: VecDeque::new(), sorted: Vec::new(), finish })
    }
}

/// NaN first, as quantiles want them; otherwise by bits, so that what left is found again.
fn order(left: &f64, right: &f64) -> Ordering {
    right.is_nan().cmp(&left.is_nan()).then_with(|| left.total_cmp(right))
}

impl Slide for Sorted {
    fn value(&mut self, window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
        let entering = self.edge.entering(window);
        let new = &window.values[entering.start - window.low..];
        let stay = window.values.len() - new.len();
        let leaving = self.values.len() - stay;
        if (new.len() + leaving) * NEW_PART > window.values.len() {
            self.values.clear();
            self.values.extend(window.values);
            self.sorted.clear();
            self.sorted.extend_from_slice(window.values);
            self.sorted.sort_unstable_by(order);
        } else {
            for value in self.values.drain(..leaving) {
                if let Ok(at) = self.sorted.binary_search_by(|other| order(other, &value)) {
                    self.sorted.remove(at);
                }
            }
            for value in new {
                let at = self.sorted.partition_point(|other| order(other, value) == Ordering::Less);
                self.sorted.insert(at, *value);
                self.values.push_back(*value);
            }
        }
        debug_assert!(self.sorted.is_sorted_by(|a, b| numbers::nan_first(a, b) != Ordering::Greater));
        Some((self.finish)(&self.sorted, scalars))
    }
}
