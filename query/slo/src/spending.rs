//! What ate the budget: the bad events of a window, told apart by when they happened.
//!
//! The bad events of a [cause](crate::causes) are those of the slices that end while it lasts. Causes may
//! overlap, and then each is told what happened while it lasted, so their sum may exceed what was spent;
//! what happened during none of them is unexplained. Exact: the same slices and the same budget as the
//! status.

use serde::Serialize;
use telemetry::Timestamp;

use crate::budget::{self, Budget};
use crate::causes::{Cause, CauseKind};
use crate::decimal::Fraction;
use crate::error::SloError;
use crate::objective::{Objective, Slo};
use crate::series::SliceSeries;

/// A part of what was bad.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Amount {
    /// Bad events, or time slices where the method counts those.
    pub bad: f64,
    /// As a share of the budget of the window; `None` without a budget.
    pub budget_share: Option<f64>,
    /// As a share of all that was bad in the window; `None` when nothing was.
    pub bad_share: Option<f64>,
}

/// What was spent while one cause lasted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spending {
    pub kind: CauseKind,
    pub id: String,
    pub title: String,
    /// The part of the cause that lies in the window.
    pub from: Timestamp,
    pub to: Timestamp,
    pub amount: Amount,
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
    pub unexplained: Amount,
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
    let amount = |bad: i128| Amount {
        bad: budget.tally.in_units(bad),
        budget_share: share_of_budget(&budget, bad),
        bad_share: (budget.tally.bad() != 0).then(|| Fraction::new(bad, budget.tally.bad()).to_f64()),
    };
    let bad_in = |from: Timestamp, to: Timestamp| series.tally(from, to).bad();
    let mut clipped: Vec<(&Cause, Timestamp, Timestamp)> = causes
        .iter()
        .map(|cause| (cause, cause.from.max(span.start), cause.to.min(span.end)))
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
    let mut spent: Vec<(i128, Spending)> = Vec::new();
    for (cause, from, to) in clipped {
        let bad = bad_in(from, to);
        if bad > 0 {
            let (kind, id, title) = (cause.kind, cause.id.clone(), cause.title.clone());
            spent.push((bad, Spending { kind, id, title, from, to, amount: amount(bad) }));
        }
    }
    spent.sort_by(|a, b| {
        let by_bad = b.0.cmp(&a.0).then(a.1.from.cmp(&b.1.from));
        by_bad.then_with(|| (a.1.kind, &a.1.id).cmp(&(b.1.kind, &b.1.id)))
    });
    Ok(Spent {
        from: span.start,
        to: span.end,
        bad: budget.tally.in_units(budget.tally.bad()),
        allowed_bad: budget.allowed().map(Fraction::to_f64),
        causes: spent.into_iter().map(|(_, spending)| spending).collect(),
        unexplained: amount(budget.tally.bad() - explained),
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
        let cause = |id: &str, from, to| Cause {
            kind: CauseKind::Incident,
            id: id.into(),
            title: String::new(),
            from: at(from),
            to: at(to),
        };
        let causes = [
            cause("INC-1", 10, 15),
            cause("INC-2", 13, 18),
            cause("quiet", 20, 30),
            cause("long ago", -20_000, -19_000),
        ];
        let spent = spending(&slo, &slo.objectives[0], &series, at(60), &causes).unwrap();
        assert_eq!((spent.bad, spent.allowed_bad), (55.0, Some(60.0)));
        let told: Vec<_> =
            spent.causes.iter().map(|it| (it.id.as_str(), it.amount.bad, it.amount.budget_share)).collect();
        assert_eq!(told, [("INC-1", 25.0, Some(25.0 / 60.0)), ("INC-2", 25.0, Some(25.0 / 60.0))]);
        // Eight bad minutes in the union of both, of eleven.
        assert_eq!((spent.unexplained.bad, spent.unexplained.bad_share), (15.0, Some(15.0 / 55.0)));
    }
}
