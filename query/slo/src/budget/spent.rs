//! Since when a budget has been spent.
//!
//! The answer is the newest window that had something left, among thousands that end one slice apart.
//! Neighbours share nearly all of their slices, so a whole stretch of them is known to be spent when what
//! all have in common is bad enough for what any of them holds. Stretches of which that is not known are
//! halved; short ones are gone through. The answer is the same as that of going through all of them.

use std::ops::Range;
use std::time::Duration;

use telemetry::Timestamp;

use super::{Budget, Tally, period_units};
use crate::objective::{Objective, Slo};
use crate::series::SliceSeries;
use crate::window::WindowSpan;

/// So few windows are gone through one by one.
const STRETCH: usize = 32;

/// When the budget that is spent at the end of `span` was spent: the end of the slice after which
/// nothing was left any more. In a calendar window that is within the period. `None` when something
/// is left, and when a rolling budget has been spent for longer than one period: who knows how long.
pub fn spent_at(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    span: &WindowSpan,
) -> Option<Timestamp> {
    let length = slo.window.is_rolling().then(|| span.period());
    let windows =
        Windows { series, objective, start: span.start, length, units: period_units(slo, series, span) };
    let positions = series.positions(span.start, span.end);
    let since = match windows.newest_unspent(positions.clone()) {
        Some(unspent) => unspent + 1,
        // Spent before the oldest of them already.
        None if length.is_some() && positions.start > 0 => return None,
        None => positions.start,
    };
    positions.contains(&since).then(|| series.end_of(since))
}

/// The windows that end with each slice.
struct Windows<'s> {
    series: &'s SliceSeries,
    objective: &'s Objective,
    start: Timestamp,
    /// `None` for windows that all begin at `start`.
    length: Option<Duration>,
    /// Of a whole calendar period; `None` where budgets are shares of what was seen.
    units: Option<i128>,
}

impl Windows<'_> {
    fn is_spent(&self, tally: Tally) -> bool {
        let target = self.objective.target;
        let to_date = Budget::to_date(tally, target);
        let budget = self.units.map_or(to_date, |units| Budget::full_period(tally, target, units));
        budget.is_spent() == Some(true)
    }

    fn newest_unspent(&self, positions: Range<usize>) -> Option<usize> {
        let Range { start, end } = positions;
        let last = end.checked_sub(1).filter(|last| *last >= start)?;
        let ends = (self.series.end_of(start), self.series.end_of(last));
        let (least, most) = self.series.tally_bounds(self.start, ends, self.length);
        // The best that any of them can be: as few bad ones as all have, of as many as any has.
        if self.is_spent(Tally { good: most.total - least.bad(), ..most }) {
            return None;
        }
        if end - start <= STRETCH {
            let tallies = self.series.tallies_back(self.start, ends.1, self.length);
            let unspent = tallies.take(end - start).position(|(_, tally)| !self.is_spent(tally));
            return unspent.map(|back| last - back);
        }
        let middle = start + (end - start) / 2;
        self.newest_unspent(middle..end).or_else(|| self.newest_unspent(start..middle))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telemetry::SloSlice;

    use super::*;
    use crate::budget::status_at;
    use crate::decimal::Decimal;
    use crate::objective::{Counting, EmptyPolicy};
    use crate::report::tests::{daily_slo, slo};

    /// One window after the other, newest first.
    fn one_by_one(
        slo: &Slo,
        objective: &Objective,
        series: &SliceSeries,
        span: &WindowSpan,
    ) -> Option<Timestamp> {
        let mut since = None;
        for position in (0..series.positions(span.start, span.end).end).rev() {
            let end = series.end_of(position);
            if end <= span.start {
                return since.filter(|_| !slo.window.is_rolling());
            }
            if status_at(slo, objective, series, end).unwrap().budget.is_spent() != Some(true) {
                return since;
            }
            since = Some(end);
        }
        since
    }

    proptest! {
        #[test]
        fn stretches_give_the_answer_of_going_through_all(
            // Around the one in a hundred that may be bad, with gaps.
            counts in prop::collection::vec(prop::option::weighted(0.9, (0_i64..4, 50_i64..200)), 1..400),
            is_calendar in any::<bool>(),
            is_timeslices in any::<bool>(),
        ) {
            let mut slo = if is_calendar { daily_slo() } else { slo() };
            if !is_calendar {
                slo.window = crate::Window::rolling(Duration::from_secs(40 * 600));
            }
            let objective = &slo.objectives[0];
            let counting = if is_timeslices {
                let width = Duration::from_secs(1_800);
                Counting::Timeslices { width, target: Decimal::of(99, 2), empty: EmptyPolicy::Exclude }
            } else {
                Counting::Occurrences
            };
            let mut series = SliceSeries::new(counting);
            for (index, (bad, total)) in
                counts.iter().enumerate().filter_map(|(index, counts)| Some((index, (*counts)?)))
            {
                let slice = SloSlice {
                    slo_id: "checkout/1".into(),
                    generation: 1,
                    group_key: String::new(),
                    slice_start: Timestamp::from_secs(index as i64 * 600),
                    slice_secs: 600,
                    good_milli: (total - bad) * 1_000,
                    total_milli: total * 1_000,
                    coverage: 1.0,
                    rev: 0,
                    recorded_at: Timestamp::EPOCH,
                };
                series.apply(&slice).unwrap();
            }
            let span = slo.window.span_at(Timestamp::from_secs(counts.len() as i64 * 600)).unwrap();
            let found = spent_at(&slo, objective, &series, &span);
            prop_assert_eq!(found, one_by_one(&slo, objective, &series, &span));
        }
    }
}
