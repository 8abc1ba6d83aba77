//! Parts of what a composite has spent: by when it happened, and by which member.
//!
//! A part is what the composite would have spent of the same window if only this had been bad. What leaves a
//! rolling window comes back by the same count, and so a composite has a forecast, a projection and causes
//! like other objectives. It has no events of its own: what is bad is told in budgets, of which it has one.

use std::time::Duration;

use slo::budget;
use slo::causes::Cause;
use slo::composite::{CompositeKind, MemberReading};
use slo::forecast;
use slo::report::HistoryPoint;
use slo::spending::{Amount, Spending, Spent};
use slo::{Fraction, SliceSeries};
use telemetry::Timestamp;

use super::merged::Merged;
use super::{Known, View};
use crate::sli::GroupSpending;

/// The window that ends at one time, to be told apart.
pub(super) struct Parts<'v> {
    view: &'v View<'v>,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// Of [`CompositeKind::AnyBad`].
    merged: Option<Merged>,
}

impl<'v> Parts<'v> {
    /// `None` outside of the calendar.
    pub(super) fn of(view: &'v View<'v>, end: Timestamp) -> Option<Parts<'v>> {
        let start = view.slo.window.span_at(end).ok()?.start;
        let is_merged = view.composite.kind == CompositeKind::AnyBad;
        let merged = is_merged.then(|| Merged::over(view, start, end, None));
        Some(Parts { view, start, end, merged })
    }

    /// Share of the budget that was spent in `(from, to]`; of one member's doing where `only` names it.
    fn spent_in(&self, from: Timestamp, to: Timestamp, only: Option<usize>) -> Option<f64> {
        let spent = self.consumed(Some((from, to)), only)?.checked_sub(self.consumed(None, only)?)?;
        Some(spent.to_f64())
    }

    /// What is consumed if only this stretch was bad.
    fn consumed(&self, bad_in: Option<(Timestamp, Timestamp)>, only: Option<usize>) -> Option<Fraction> {
        if let Some(merged) = &self.merged {
            let total = merged.tally(self.start, self.end).total;
            let bad = bad_in.map_or(0, |(from, to)| match only {
                Some(_) => Merged::over(self.view, from, to, only).tally(from, to).bad(),
                None => merged.tally(from, to).bad(),
            });
            let sli = (total != 0).then(|| Fraction::new(total - bad, total))?;
            return Some(self.view.composite.against_target(sli)?.consumed);
        }
        let reading = |(index, known): (usize, &Known<'_>)| {
            let is_asked = only.is_none_or(|only| only == index);
            self.reading(known, bad_in.filter(|_| is_asked))
        };
        let readings: Option<Vec<MemberReading>> =
            self.view.members.iter().enumerate().map(reading).collect();
        Some(self.view.composite.combine(&readings?)?.consumed)
    }

    fn reading(&self, known: &Known<'_>, bad_in: Option<(Timestamp, Timestamp)>) -> Option<MemberReading> {
        let objective = known.tracked.as_ref()?.objective();
        let read = |series: &SliceSeries| {
            let whole = budget::status_at(self.view.slo, objective, series, self.end).ok()?.budget;
            let bad = bad_in.map_or(0, |(from, to)| series.tally(from, to).bad()).min(whole.tally.total);
            let good = whole.tally.total - bad;
            let part = budget::Budget { tally: budget::Tally { good, ..whole.tally }, ..whole };
            Some((part.tally.sli()?, part.consumed()?))
        };
        let numbers = known.read(|series| read(series)).flatten();
        Some(MemberReading {
            weight: known.member.weight,
            budget: objective.target.budget(),
            sli: numbers.map(|(sli, _)| sli),
            consumed: numbers.map(|(_, consumed)| consumed),
        })
    }

    /// The share of the budget that comes back when the first `after` leaves the window.
    pub(super) fn expired(&self, after: Duration) -> f64 {
        let left = self.start.plus(after).min(self.end);
        let all = self.spent_in(self.start, self.end, None);
        all.zip(self.spent_in(left, self.end, None)).map_or(0.0, |(all, rest)| (all - rest).max(0.0))
    }

    /// How long the budget lasts while old spending leaves the rolling window.
    pub(super) fn rolling(&self, remaining: f64, rate: f64) -> Option<Duration> {
        forecast::rolling(remaining, rate, self.view.slo.window.nominal(), |after| self.expired(after))
    }

    /// What ate the budget, by cause; in budgets.
    pub(super) fn spent(&self, causes: &[Cause]) -> Spent {
        let all = self.spent_in(self.start, self.end, None).unwrap_or_default();
        let share_of_all = |part: f64| (all > 0.0).then(|| part / all);
        let mut clipped: Vec<(&Cause, Timestamp, Timestamp)> = causes
            .iter()
            .map(|cause| (cause, cause.from.max(self.start), cause.to.min(self.end)))
            .filter(|(_, from, to)| from < to)
            .collect();
        clipped.sort_by_key(|(_, from, to)| (*from, *to));
        // What the union of all causes has: of each, what is later than all before it.
        let (mut explained, mut until) = (0.0, self.start);
        for (_, from, to) in &clipped {
            let from = until.max(*from);
            if from < *to {
                explained += self.spent_in(from, *to, None).unwrap_or_default();
                until = *to;
            }
        }
        let amount =
            |part: f64| Amount { bad: part, budget_share: Some(part), bad_share: share_of_all(part) };
        let mut causes: Vec<Spending> = Vec::new();
        for (cause, from, to) in clipped {
            let part = self.spent_in(from, to, None).unwrap_or_default();
            if part > 0.0 {
                let (kind, id, title) = (cause.kind, cause.id.clone(), cause.title.clone());
                causes.push(Spending { kind, id, title, from, to, amount: amount(part) });
            }
        }
        causes.sort_by(|a, b| {
            let by_bad = b.amount.bad.total_cmp(&a.amount.bad).then(a.from.cmp(&b.from));
            by_bad.then_with(|| (a.kind, &a.id).cmp(&(b.kind, &b.id)))
        });
        Spent {
            from: self.start,
            to: self.end,
            bad: all,
            allowed_bad: Some(1.0),
            causes,
            unexplained: amount((all - explained).max(0.0)),
        }
    }

    /// What each member did, the worst first; in budgets.
    pub(super) fn by_member(&self) -> Vec<GroupSpending> {
        let all = self.spent_in(self.start, self.end, None).unwrap_or_default();
        let mut members: Vec<GroupSpending> = (0..self.view.members.len())
            .filter_map(|index| {
                let member = self.view.members[index].member;
                let bad = self.spent_in(self.start, self.end, Some(index))?;
                let bad_share = (all > 0.0).then(|| bad / all);
                Some(GroupSpending { group: format!("{}/{}", member.slo, member.objective), bad, bad_share })
            })
            .collect();
        members.sort_by(|a, b| b.bad.total_cmp(&a.bad).then_with(|| a.group.cmp(&b.group)));
        members
    }
}

impl View<'_> {
    /// The budget over the window that ends at each of `times`, oldest first.
    pub(super) fn history(&self, times: &[Timestamp]) -> Vec<HistoryPoint> {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
        let Ok(span) = self.slo.window.span_at(*first) else { return Vec::new() };
        let is_merged = self.composite.kind == CompositeKind::AnyBad;
        let merged = is_merged.then(|| Merged::over(self, span.start, *last, None));
        let combined = |at: Timestamp| match &merged {
            Some(merged) => {
                let sli = merged.tally(self.slo.window.span_at(at).ok()?.start, at).sli()?;
                self.composite.against_target(sli)
            }
            None => self.over(at, None),
        };
        let point = |at: Timestamp| {
            let budget = combined(at);
            HistoryPoint {
                at,
                good: None,
                total: None,
                sli: budget.and_then(|budget| budget.sli).map(Fraction::to_f64),
                error_budget_remaining: budget.and_then(|budget| budget.remaining()).map(Fraction::to_f64),
            }
        };
        times.iter().copied().map(point).collect()
    }
}
