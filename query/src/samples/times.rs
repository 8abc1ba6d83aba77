//! When the samples of a run were taken, small where they were taken at regular times.
//!
//! What is scraped every 15 s has a day's 5 760 times in one stretch, and another one after each gap.
//! Times that keep no step are kept as they are.

use std::ops::Range;

use super::runs::Window;

/// Ascending, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Times {
    len: usize,
    kept: Kept,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kept {
    Regular(Box<[Stretch]>),
    Each(Box<[i64]>),
}

/// Times with one step between them, up to the next stretch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stretch {
    /// How many times are before it.
    before: usize,
    first: i64,
    /// More than zero, except where the stretch is a single time.
    step: i64,
}

impl Times {
    pub(super) fn of(times: &[i64]) -> Times {
        let stretches_max = size_of_val(times) / size_of::<Stretch>();
        let kept = match stretches(times, stretches_max) {
            Some(stretches) => Kept::Regular(stretches.into_boxed_slice()),
            None => Kept::Each(times.into()),
        };
        Times { len: times.len(), kept }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// On the heap.
    pub(super) fn bytes(&self) -> usize {
        match &self.kept {
            Kept::Regular(stretches) => size_of_val(&**stretches),
            Kept::Each(times) => size_of_val(&**times),
        }
    }

    /// Which of them are wanted.
    pub(super) fn within(&self, window: Window) -> Range<usize> {
        match &self.kept {
            Kept::Regular(_) => {
                let start = self.count_until(window.after);
                start..start.max(self.count_until(window.until))
            }
            Kept::Each(times) => window.of(times),
        }
    }

    /// How many of regular times are not after a moment.
    fn count_until(&self, moment: i64) -> usize {
        let Kept::Regular(stretches) = &self.kept else { return 0 };
        let next = stretches.partition_point(|stretch| stretch.first <= moment);
        let Some(stretch) = next.checked_sub(1).map(|last| &stretches[last]) else { return 0 };
        let end = stretches.get(next).map_or(self.len, |next| next.before);
        let steps = moment.abs_diff(stretch.first).checked_div(stretch.step.unsigned_abs()).unwrap_or(0);
        let steps = usize::try_from(steps).unwrap_or(usize::MAX);
        stretch.before.saturating_add(steps).saturating_add(1).min(end)
    }

    /// Appends those of a range.
    pub(super) fn append(&self, range: Range<usize>, into: &mut Vec<i64>) {
        let stretches = match &self.kept {
            Kept::Regular(stretches) => stretches,
            Kept::Each(times) => return into.extend_from_slice(&times[range]),
        };
        let first = stretches.partition_point(|stretch| stretch.before <= range.start).saturating_sub(1);
        for (at, stretch) in stretches.iter().enumerate().skip(first) {
            let end = stretches.get(at + 1).map_or(self.len, |next| next.before).min(range.end);
            let begin = stretch.before.max(range.start);
            if begin >= end {
                return;
            }
            let steps = (begin - stretch.before) as i64..(end - stretch.before) as i64;
            into.extend(steps.map(|number| stretch.first + number * stretch.step));
        }
    }
}

/// `None` when there are more than so many.
fn stretches(times: &[i64], max: usize) -> Option<Vec<Stretch>> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut before = 0;
    while let Some(first) = times.get(before) {
        if found.len() == max {
            return None;
        }
        let step_to = |next: &i64| next.checked_sub(*first).filter(|step| *step > 0);
        let step = times.get(before + 1).and_then(step_to).unwrap_or(0);
        found.push(Stretch { before, first: *first, step });
        let rest = &times[before..];
        let goes_on = |pair: &&[i64]| step > 0 && pair[1].checked_sub(pair[0]) == Some(step);
        before += 1 + rest.windows(2).take_while(goes_on).count();
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of times and steps between them.
    fn ascending(steps: &[i64]) -> Vec<i64> {
        let add = |at: &mut i64, step: &i64| {
            *at += step;
            Some(*at)
        };
        steps.iter().scan(-1_000, add).collect()
    }

    #[test]
    fn a_day_of_scrapes_with_a_gap_is_two_stretches() {
        let scrapes: Vec<i64> = (0..5_760).filter(|scrape| !(100..150).contains(scrape)).collect();
        let times: Vec<i64> = scrapes.iter().map(|scrape| 7 + 15_000_000 * scrape).collect();
        let kept = Times::of(&times);
        assert_eq!((kept.len(), kept.bytes()), (5_710, 2 * size_of::<Stretch>()));
        let window = Window { after: times[90], until: times[110] };
        assert_eq!(kept.within(window), 91..111);
    }

    #[test]
    fn times_without_a_step_are_kept_as_they_are() {
        let times: Vec<i64> = (0..100).map(|n| n * n).collect();
        assert_eq!(Times::of(&times).bytes(), 800);
        assert_eq!(Times::of(&[]).bytes(), 0);
        let all = Window { after: i64::MIN, until: i64::MAX };
        assert_eq!(Times::of(&[i64::MIN + 1, 0, i64::MAX]).within(all), 0..3);
    }

    proptest! {
        #[test]
        fn they_are_what_they_were(
            steps in prop::collection::vec(prop_oneof![8 => Just(15_i64), 1 => 0_i64..40], 0..120),
            (after, until) in (-1_100_i64..900, -1_100_i64..900),
            ends in (0.0..1.0, 0.0..1.0),
        ) {
            let times = ascending(&steps);
            let kept = Times::of(&times);
            prop_assert!(kept.bytes() <= size_of_val(&times[..]));
            let window = Window { after, until: until.max(after) };
            let (found, expected) = (kept.within(window), window.of(&times));
            prop_assert_eq!(&times[found], &times[expected]);
            let at = |share: f64| (share * times.len() as f64) as usize;
            let range = at(ends.0).min(at(ends.1))..at(ends.0).max(at(ends.1));
            let mut appended = vec![3];
            kept.append(range.clone(), &mut appended);
            prop_assert_eq!(&appended[1..], &times[range]);
        }
    }
}
