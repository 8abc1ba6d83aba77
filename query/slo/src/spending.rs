//! What ate the budget: the bad events of a window, told apart by when they happened.
//!
//! A cause is a stretch of time that something is responsible for: an incident from its start until the
//! service worked again, a deploy until the next one. Its bad events are those of the slices that end
//! within it. Causes may overlap, and then each is told what happened while it lasted, so their sum may
//! exceed what was spent; what happened during none of them is unexplained. Exact: the same slices and
//! the same budget as the status.

use serde::Serialize;
use telemetry::Timestamp;

use crate::budget::{self, Budget};
use crate::decimal::Fraction;
use crate::error::SloError;
use crate::objective::{Objective, Slo};
use crate::series::SliceSeries;

/// Something that may have spent budget, over `(from, to]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub id: String,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What was spent while one cause lasted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spending {
    pub id: String,
    /// The part of the cause that lies in the window.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Bad events, or time slices where the method counts those.
    pub bad: f64,
    /// As a share of the budget of the window; `None` without a budget.
    pub budget_share: Option<f64>,
    /// As a share of all that was bad in the window; `None` when nothing was.
    pub bad_share: Option<f64>,
}

/// The spending of one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    pub from: Timestamp,
    pub to: Timestamp,
    pub bad: f64,
    /// Bad events that the target allows.
    pub allowed_bad: Option<f64>,
    /// The largest first; causes outside of the window and those without a bad event are left out.
    pub causes: Vec<Spending>,
    /// What happened during no cause.
    pub unexplained: Spending,
}

/// The spending of the window that ends at `at`, by `causes`.
pub fn spending(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    at: Timestamp,
    causes: &[Cause],
) -> Result<Spent, SloError> {
    let measured = budget::status_at(slo, objective, series, at)?;
    let (span, budget) = (measured.span, measured.budget);
    let shown = |id: &str, from: Timestamp, to: Timestamp, bad: i128| Spending {
        id: id.to_owned(),
        from,
        to,
        bad: budget.tally.in_units(bad),
        budget_share: share_of_budget(&budget, bad),
        bad_share: (budget.tally.bad() != 0).then(|| Fraction::new(bad, budget.tally.bad()).to_f64()),
    };
    let bad_in = |from: Timestamp, to: Timestamp| series.tally(from, to).bad();
    let mut clipped: Vec<(&str, Timestamp, Timestamp)> = causes
        .iter()
        .map(|cause| (cause.id.as_str(), cause.from.max(span.start), cause.to.min(span.end)))
        .filter(|(_, from, to)| from < to)
        .collect();
    clipped.sort_by_key(|(_, from, to)| (*from, *to));
    // The bad events of the union: of each cause, what is later than all before it.
    let (mut explained, mut until) = (0, span.start);
    for (_, from, to) in &clipped {
        let from = until.max(*from);
        if from < *to {
            explained += bad_in(from, *to);
            until = *to;
        }
    }
    let mut spent: Vec<(i128, Spending)> = clipped
        .into_iter()
        .map(|(id, from, to)| (bad_in(from, to), id, from, to))
        .filter(|(bad, ..)| *bad > 0)
        .map(|(bad, id, from, to)| (bad, shown(id, from, to, bad)))
        .collect();
    spent.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.from.cmp(&b.1.from)));
    Ok(Spent {
        from: span.start,
        to: span.end,
        bad: budget.tally.in_units(budget.tally.bad()),
        allowed_bad: budget.allowed().map(Fraction::to_f64),
        causes: spent.into_iter().map(|(_, spending)| spending).collect(),
        unexplained: shown("", span.start, span.end, budget.tally.bad() - explained),
    })
}

fn share_of_budget(budget: &Budget, bad: i128) -> Option<f64> {
    budget.consumed()?;
    Some(Fraction::new(bad, budget.budget_total).checked_div(budget.target.budget())?.to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{series, slo};

    #[test]
    fn causes_may_overlap_and_the_rest_is_unexplained() {
        let slo = slo();
        // An hour of minutes with 100 events each: five bad ones in each of minutes 10 to 19 and 40.
        let mut counts = vec![(100, 100); 60];
        counts[10..20].fill((95, 100));
        counts[40] = (95, 100);
        let series = series(&counts);
        let at = |minute: i64| Timestamp::from_secs(minute * 60);
        let cause = |id: &str, from, to| Cause { id: id.into(), from: at(from), to: at(to) };
        let causes = [
            cause("INC-1", 10, 15),
            cause("INC-2", 13, 18),
            cause("quiet", 20, 30),
            cause("long ago", -20_000, -19_000),
        ];
        let spent = spending(&slo, &slo.objectives[0], &series, at(60), &causes).unwrap();
        assert_eq!((spent.bad, spent.allowed_bad), (55.0, Some(60.0)));
        let told: Vec<_> =
            spent.causes.iter().map(|cause| (cause.id.as_str(), cause.bad, cause.budget_share)).collect();
        assert_eq!(told, [("INC-1", 25.0, Some(25.0 / 60.0)), ("INC-2", 25.0, Some(25.0 / 60.0))]);
        // Eight bad minutes in the union of both, of eleven.
        assert_eq!((spent.unexplained.bad, spent.unexplained.bad_share), (15.0, Some(15.0 / 55.0)));
    }
}
