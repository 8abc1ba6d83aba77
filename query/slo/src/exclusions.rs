//! Time that an SLO does not answer for: planned maintenance and agreed breaks.
//!
//! An exclusion either takes its time out of both sides of the ratio ([`ExclusionEffect::Remove`], the
//! default) or counts what happened in it as good. Overlapping exclusions are one; where both kinds
//! meet, the time is removed. Times are half-open `[from, to)`. A slice that an exclusion covers in
//! part gives up the same part of its counts. What was measured is kept as it is, so that an
//! exclusion can be added, changed and withdrawn afterwards. A gap stays a gap: nothing here turns
//! time without data into good time.

use telemetry::Timestamp;

use crate::objective::ExclusionEffect;

/// One stretch of excluded time; empty when `to` is not after `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    pub from: Timestamp,
    pub to: Timestamp,
    pub effect: ExclusionEffect,
}

/// The exclusions of one SLO, overlaps joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// In micros, sorted, apart from each other.
    removed: Vec<(i64, i64)>,
    /// The same, and apart from those of `removed`.
    as_good: Vec<(i64, i64)>,
}

/// How much of a stretch of time is excluded, in micros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) removed: i64,
    pub(crate) as_good: i64,
}

impl Exclusions {
    pub fn new(exclusions: impl IntoIterator<Item = Exclusion>) -> Exclusions {
        let (mut removed, mut as_good) = (Vec::new(), Vec::new());
        for Exclusion { from, to, effect } in exclusions {
            if from < to {
                let list = match effect {
                    ExclusionEffect::Remove => &mut removed,
                    ExclusionEffect::CountAsGood => &mut as_good,
                };
                list.push((from.micros(), to.micros()));
            }
        }
        let removed = union(removed);
        let as_good = without(&union(as_good), &removed);
        Exclusions { removed, as_good }
    }

    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.as_good.is_empty()
    }

    /// Whether the moment before `at` is excluded: a window that ends at `at` ends in an exclusion.
    pub fn covers_end(&self, at: Timestamp) -> bool {
        let last = at.micros().saturating_sub(1);
        overlap(&self.removed, last, at.micros()) + overlap(&self.as_good, last, at.micros()) > 0
    }

    /// Removed time in `[start, end)`, in micros.
    pub(crate) fn removed_micros(&self, start: i64, end: i64) -> i64 {
        overlap(&self.removed, start, end)
    }

    pub(crate) fn effect(&self, start: i64, end: i64) -> Effect {
        Effect { removed: overlap(&self.removed, start, end), as_good: overlap(&self.as_good, start, end) }
    }

    /// Where a stretch of either kind begins or ends.
    pub(crate) fn edges(&self) -> impl Iterator<Item = i64> + '_ {
        self.removed.iter().chain(&self.as_good).flat_map(|(from, to)| [*from, *to])
    }

    /// The stretches of either kind, oldest first.
    pub(crate) fn stretches(&self) -> Vec<(i64, i64)> {
        union(self.removed.iter().chain(&self.as_good).copied().collect())
    }
}

/// Sorted, and joined where they overlap or touch.
fn union(mut stretches: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    stretches.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::with_capacity(stretches.len());
    for (from, to) in stretches {
        match joined.last_mut().filter(|(_, end)| from <= *end) {
            Some((_, end)) => *end = to.max(*end),
            None => joined.push((from, to)),
        }
    }
    joined
}

/// What of `stretches` lies outside of `taken`; both are unions.
fn without(stretches: &[(i64, i64)], taken: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut left = Vec::new();
    for (from, to) in stretches {
        let mut from = *from;
        let first = taken.partition_point(|(_, end)| *end <= from);
        for (start, end) in taken[first..].iter().take_while(|(start, _)| start < to) {
            if from < *start {
                left.push((from, *start));
            }
            from = from.max(*end);
        }
        if from < *to {
            left.push((from, *to));
        }
    }
    left
}

fn overlap(stretches: &[(i64, i64)], start: i64, end: i64) -> i64 {
    let first = stretches.partition_point(|(_, to)| *to <= start);
    stretches[first..]
        .iter()
        .take_while(|(from, _)| *from < end)
        .map(|(from, to)| (*to).min(end) - (*from).max(start))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusions(stretches: &[(i64, i64, ExclusionEffect)]) -> Exclusions {
        Exclusions::new(stretches.iter().map(|(from, to, effect)| Exclusion {
            from: Timestamp::from_micros(*from),
            to: Timestamp::from_micros(*to),
            effect: *effect,
        }))
    }

    #[test]
    fn overlaps_are_counted_once_and_removal_wins() {
        use ExclusionEffect::{CountAsGood, Remove};
        let both = exclusions(&[
            (10, 20, Remove),
            (15, 30, Remove),
            (30, 40, Remove),
            (5, 50, CountAsGood),
            (60, 60, Remove),
            (80, 70, Remove),
        ]);
        assert_eq!(both.removed, [(10, 40)]);
        assert_eq!(both.as_good, [(5, 10), (40, 50)]);
        assert_eq!(both.effect(0, 100), Effect { removed: 30, as_good: 15 });
        assert_eq!(both.effect(38, 42), Effect { removed: 2, as_good: 2 });
        assert_eq!(both.stretches(), [(5, 50)]);
        let ends = |at| both.covers_end(Timestamp::from_micros(at));
        assert_eq!((ends(5), ends(6), ends(50), ends(51)), (false, true, true, false));
    }
}
