//! Where the present burn leads: the dashed part of a burn-down chart.
//!
//! The line begins at the watermark with what is left and goes on at the burn rate of the last hour,
//! as the times to exhaustion do ([`forecast`]): in a rolling window the spending that leaves it comes
//! back, in a calendar window nothing does. It ends where the budget is spent, else with the calendar
//! period, or one rolling window later, when all that is known now has left. The band around it is
//! the same with the slowest and the fastest of the burn rates that are measured. Nothing follows from
//! no data, and nothing from frozen numbers. For display, hence in `f64`.

use std::time::Duration;

use telemetry::Timestamp;

use crate::budget::{self, BudgetStatus, Policy};
use crate::burn::Burn;
use crate::decimal::Fraction;
use crate::error::SloError;
use crate::forecast;
use crate::objective::{Objective, Slo};
use crate::report::{BURN_1H, BURN_6H};
use crate::series::SliceSeries;

/// One point of a projection; `low <= error_budget_remaining <= high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProjectionPoint {
    pub at: Timestamp,
    pub error_budget_remaining: f64,
    pub low: f64,
    pub high: f64,
}

/// The burn rates to project with, `slowest <= expected <= fastest`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub expected: f64,
    pub slowest: f64,
    pub fastest: f64,
}

/// `steps` steps from the watermark of `objective` on, its present included; empty when there is
/// nothing to project from or to.
pub fn project(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    now: Timestamp,
    policy: &Policy,
    steps: u32,
) -> Result<Vec<ProjectionPoint>, SloError> {
    let policy = policy.with(&slo.evaluation);
    let measured = budget::status(slo, objective, series, now, &policy)?;
    let remaining = measured.budget.remaining().map(Fraction::to_f64);
    let (Some(remaining), Some(rates), false) =
        (remaining, rates(objective, series, &measured), measured.is_stale)
    else {
        return Ok(Vec::new());
    };
    let (span, period) = (&measured.span, measured.span.period());
    if !slo.window.is_rolling() {
        let until = span.period_end.since(span.end);
        return Ok(line(remaining, rates, period, span.end, until, |_| 0.0, steps));
    }
    let expired = |after| forecast::expired(series, &measured.budget, objective.target, span.start, after);
    Ok(line(remaining, rates, period, span.end, period, expired, steps))
}

/// The line from `start` for at most `until`, or to where the expected rate leaves nothing. A budget
/// that is spent already has the whole time to recover in. `expired` as in [`forecast::rolling`].
pub fn line(
    remaining: f64,
    rates: Rates,
    period: Duration,
    start: Timestamp,
    until: Duration,
    expired: impl Fn(Duration) -> f64,
    steps: u32,
) -> Vec<ProjectionPoint> {
    let exhausted = forecast::rolling(remaining, rates.expected, period, &expired);
    let length = exhausted.filter(|after| !after.is_zero()).map_or(until, |after| after.min(until));
    if length.is_zero() || steps == 0 {
        return Vec::new();
    }
    let point = |step: u32| {
        let after = length.mul_f64(f64::from(step) / f64::from(steps));
        let back = expired(after);
        let left = |rate: f64| forecast::left_after(remaining, rate, period, after) + back;
        ProjectionPoint {
            at: start.plus(after),
            error_budget_remaining: left(rates.expected),
            low: left(rates.fastest),
            high: left(rates.slowest),
        }
    };
    (0..=steps).map(point).collect()
}

/// The last hour's rate, between those of all windows that the tiers watch.
fn rates(objective: &Objective, series: &SliceSeries, measured: &BudgetStatus) -> Option<Rates> {
    let over = |length: Duration| {
        Burn::over(series, measured.span.end, length).rate(objective.target).map(Fraction::to_f64)
    };
    let expected = over(BURN_1H)?;
    let lengths = [BURN_1H, BURN_6H].into_iter().chain(objective.tiers.iter().map(|tier| tier.long));
    let (mut slowest, mut fastest) = (expected, expected);
    for rate in lengths.filter_map(over) {
        slowest = slowest.min(rate);
        fastest = fastest.max(rate);
    }
    Some(Rates { expected, slowest, fastest })
}

#[cfg(test)]
mod tests;
