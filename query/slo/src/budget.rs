//! The algebra of error budgets, exact.
//!
//! With the target T the budget is B = 1 - T; of n valid events, b bad: error rate e = b/n,
//! consumed = e/B, remaining = 1 - e/B, signed and never clamped. Nothing valid (n = 0) is NULL,
//! never 100 % and never 0 %. Sources: Google SRE Workbook chapter 5; OpenSLO v1 for the methods.

mod spent;

use std::time::Duration;

use telemetry::Timestamp;

use crate::decimal::{Decimal, Fraction, Ratio, compare_products};
use crate::error::SloError;
use crate::objective::{BudgetingMethod, Evaluation, Objective, Slo};
use crate::series::{Coverage, SliceSeries};
use crate::window::WindowSpan;
pub use spent::spent_at;

/// Good and total as integers, `parts` to one unit (an event or a time slice).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub good: i128,
    pub total: i128,
    pub parts: i128,
}

impl Tally {
    /// Whole events or slices.
    pub fn units(good: i128, total: i128) -> Tally {
        Tally { good, total, parts: 1 }
    }

    pub fn bad(&self) -> i128 {
        self.total - self.good
    }

    /// Good over total; `None` without anything valid.
    pub fn sli(&self) -> Option<Fraction> {
        (self.total != 0).then(|| Fraction::new(self.good, self.total))
    }

    /// Bad over total; `None` without anything valid.
    pub fn error_rate(&self) -> Option<Fraction> {
        (self.total != 0).then(|| Fraction::new(self.bad(), self.total))
    }

    pub fn in_units(&self, parts: i128) -> f64 {
        Fraction::new(parts, self.parts).to_f64()
    }
}

/// What of an error budget is spent and left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub target: Ratio,
    pub tally: Tally,
    /// The total that the budget is a share of: `tally.total`, or the whole period's slices.
    pub budget_total: i128,
}

impl Budget {
    /// Against what was seen up to now; the rule for events.
    pub fn to_date(tally: Tally, target: Ratio) -> Budget {
        Budget { target, tally, budget_total: tally.total }
    }

    /// Against all slices of the period, past and to come; the rule for time in a calendar window.
    pub fn full_period(tally: Tally, target: Ratio, period_units: i128) -> Budget {
        Budget { target, tally, budget_total: period_units * tally.parts }
    }

    /// Bad units that the target allows.
    pub fn allowed(&self) -> Option<Fraction> {
        self.target.budget().checked_mul(Fraction::new(self.budget_total, self.tally.parts))
    }

    /// Share of the budget that is spent; `None` without anything valid.
    pub fn consumed(&self) -> Option<Fraction> {
        if self.tally.total == 0 || self.budget_total == 0 {
            return None;
        }
        Fraction::new(self.tally.bad(), self.budget_total).checked_div(self.target.budget())
    }

    /// Share of the budget that is left: 1 untouched, 0 spent, negative overspent.
    pub fn remaining(&self) -> Option<Fraction> {
        Fraction::ONE.checked_sub(self.consumed()?)
    }

    /// Whether nothing is left; `None` without anything valid.
    pub fn is_spent(&self) -> Option<bool> {
        self.has_spent(Fraction::ONE)
    }

    /// Whether at least this share of the budget is spent, exactly; `None` without anything valid.
    pub fn has_spent(&self, share: Fraction) -> Option<bool> {
        if self.tally.total == 0 || self.budget_total == 0 {
            return None;
        }
        // bad / (budget_total * B) >= share, both sides multiplied with all denominators.
        let budget = self.target.budget();
        let scale = budget.denominator().unsigned_abs().checked_mul(share.denominator().unsigned_abs())?;
        let allowed = budget.numerator().unsigned_abs().checked_mul(share.numerator().unsigned_abs())?;
        let order = compare_products(
            [self.tally.bad().unsigned_abs(), scale],
            [self.budget_total.unsigned_abs(), allowed],
        );
        Some(order.is_ge())
    }

    /// Bad units that may still happen; negative when overspent.
    pub fn remaining_units(&self) -> Option<Fraction> {
        self.consumed()?;
        self.allowed()?.checked_sub(Fraction::new(self.tally.bad(), self.tally.parts))
    }
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// Everything was measured, nothing happened.
    NoTraffic,
    /// Nothing was measured.
    Gap,
}

impl NoData {
    pub fn name(self) -> &'static str {
        match self {
            NoData::NoTraffic => "no_traffic",
            NoData::Gap => "gap",
        }
    }
}

/// How evaluation treats time; one for an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A slice is settled when it is this old.
    pub evaluation_delay: Duration,
    /// With a watermark older than this the numbers are frozen.
    pub stale_after: Duration,
    /// A burn window of which less than this share is measured decides nothing.
    pub coverage_floor: Fraction,
    /// Valid and bad events that the long window of a tier must hold for it to fire.
    pub min_total: u64,
    pub min_bad: u64,
}

impl Policy {
    /// As one SLO has it, where it says so.
    pub fn with(self, own: &Evaluation) -> Policy {
        Policy {
            evaluation_delay: own.delay.unwrap_or(self.evaluation_delay),
            coverage_floor: own.coverage_floor.map_or(self.coverage_floor, Decimal::to_fraction),
            min_total: own.min_total.unwrap_or(self.min_total),
            min_bad: own.min_bad.unwrap_or(self.min_bad),
            ..self
        }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            evaluation_delay: Duration::from_secs(30),
            stale_after: Duration::from_secs(300),
            // 5 %: an hour decides after three minutes of data, and a scrape interval of ten
            // slices still counts as measured.
            coverage_floor: Fraction::new(1, 20),
            min_total: 0,
            min_bad: 0,
        }
    }
}

/// An objective's budget at its watermark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetStatus {
    pub span: WindowSpan,
    /// The budget to answer with: to date for events, full period for time in calendar windows.
    pub budget: Budget,
    /// The same against what was seen up to now.
    pub to_date: Budget,
    pub coverage: Coverage,
    pub no_data: Option<NoData>,
    /// The watermark is older than [`Policy::stale_after`].
    pub is_stale: bool,
}

/// The budget of `objective` as of the newest settled slice. Without any slice the window ends at
/// `now` and everything is a gap.
pub fn status(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    now: Timestamp,
    policy: &Policy,
) -> Result<BudgetStatus, SloError> {
    let watermark = series.watermark(now, policy.evaluation_delay);
    let is_stale = watermark.is_none_or(|mark| now.since(mark) > policy.stale_after);
    let at = watermark.unwrap_or_else(|| now.minus(policy.evaluation_delay));
    Ok(BudgetStatus { is_stale, ..status_at(slo, objective, series, at)? })
}

/// The budget of `objective` over the window that ends at `at`.
pub fn status_at(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    at: Timestamp,
) -> Result<BudgetStatus, SloError> {
    let span = slo.window.span_at(at)?;
    let ending = series.ending_at(span.end);
    let (tally, coverage) =
        if slo.window.is_rolling() { ending.back(span.period()) } else { ending.since(span.start) };
    let to_date = Budget::to_date(tally, objective.target);
    let period_units = period_units(slo, series, &span);
    let budget = period_units.map_or(to_date, |units| Budget::full_period(tally, objective.target, units));
    let no_data = match tally.total {
        0 if coverage.slices > 0 => Some(NoData::NoTraffic),
        0 => Some(NoData::Gap),
        _ => None,
    };
    Ok(BudgetStatus { span, budget, to_date, coverage, no_data, is_stale: false })
}

/// Time slices of a whole calendar period, without those that are excluded; `None` where budgets are
/// shares of what was seen.
fn period_units(slo: &Slo, series: &SliceSeries, span: &WindowSpan) -> Option<i128> {
    let is_to_date = slo.window.is_rolling() || slo.method == BudgetingMethod::Occurrences;
    let width = series.cell_width().filter(|_| !is_to_date)?;
    let period = span.period().saturating_sub(series.removed(span.start, span.period_end));
    Some((period.as_micros() / width.as_micros().max(1)) as i128)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> Ratio {
        Ratio::new(text.parse::<Decimal>().unwrap()).unwrap()
    }

    #[test]
    fn nothing_valid_is_null() {
        let budget = Budget::to_date(Tally::units(0, 0), target("0.999"));
        assert_eq!((budget.consumed(), budget.remaining(), budget.remaining_units()), (None, None, None));
        assert_eq!(budget.tally.sli(), None);
    }

    #[test]
    fn a_target_of_six_nines_and_a_half_keeps_its_half() {
        let budget = Budget::to_date(Tally::units(10_000_000 - 5, 10_000_000), target("0.9999995"));
        assert_eq!(budget.remaining(), Some(Fraction::ZERO));
        let budget = Budget::to_date(Tally::units(10_000_000 - 6, 10_000_000), target("0.9999995"));
        assert_eq!(budget.remaining(), Some(Fraction::new(-1, 5)));
    }

    proptest! {
        #[test]
        fn consumed_and_remaining_are_one_whole(good in 0_i128..10_i128.pow(18), bad in 0_i128..10_i128.pow(18), digits in 0_u32..1_000_000) {
            prop_assume!(good + bad > 0);
            let target = Ratio::new(Decimal::of(digits, 6)).unwrap();
            let budget = Budget::to_date(Tally { good, total: good + bad, parts: 1000 }, target);
            let (consumed, remaining) = (budget.consumed().unwrap(), budget.remaining().unwrap());
            prop_assert_eq!(Fraction::ONE.checked_sub(remaining).unwrap(), consumed);
            // Overspent exactly when the target is missed.
            prop_assert_eq!(remaining.is_negative(), budget.tally.sli().unwrap() < target.decimal().to_fraction());
        }
    }
}
