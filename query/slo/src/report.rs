//! The one row that the CLI, the API, SQL and the pages show of an objective.
//!
//! Field names are the contract of the view `slo_status` and of `/api/slos`: ratios are fractions,
//! durations text such as `30d`, unknown is NULL. How the state is chosen, first match wins:
//! 1. `no_data`: nothing valid in the window (no traffic, or a gap); all numbers are NULL.
//! 2. `frozen`: the newest slice is older than 5 minutes; the numbers are those of `as_of`.
//! 3. `breached`: remaining below 0. Exactly 0 still meets the target (SLI = target).
//! 4. `at_risk`: a page or ticket tier fires, or less than a quarter of the budget remains.
//! 5. `healthy`.

use std::time::Duration;

use serde::Serialize;
use telemetry::Timestamp;
use telemetry::time::format_duration;

use crate::budget::{self, Budget, BudgetStatus, NoData, Policy};
use crate::burn::{self, Burn, BurnReading, BurnState, Severity};
use crate::decimal::{Fraction, Ratio};
use crate::error::SloError;
use crate::forecast;
use crate::objective::{Objective, Slo};
use crate::series::SliceSeries;

/// Below this share of the budget an objective is at risk: one quarter.
const AT_RISK_BELOW: (i128, i128) = (1, 4);
/// The two burn rates of the contract view.
pub const BURN_1H: Duration = Duration::from_secs(3_600);
pub const BURN_6H: Duration = Duration::from_secs(6 * 3_600);

/// State of an objective; see the top of this file for how it is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SloState {
    Healthy,
    AtRisk,
    Breached,
    NoData,
    Frozen,
}

impl SloState {
    pub fn name(self) -> &'static str {
        match self {
            SloState::Healthy => "healthy",
            SloState::AtRisk => "at_risk",
            SloState::Breached => "breached",
            SloState::NoData => "no_data",
            SloState::Frozen => "frozen",
        }
    }
}

/// One burn-rate tier as shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BurnWindow {
    pub severity: Severity,
    pub long: String,
    pub short: String,
    pub burn_long: Option<f64>,
    pub burn_short: Option<f64>,
    pub threshold: f64,
    pub state: BurnState,
    /// Share of the period's budget that the long window spent.
    pub budget_used: Option<f64>,
}

/// Everything about one objective at one watermark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SloStatus {
    pub slo: String,
    pub objective: String,
    pub display_name: String,
    pub service: String,
    pub window: String,
    /// The key of the group that this is about; empty without groups.
    pub group: String,
    /// The budgeting method, by its OpenSLO name.
    pub method: &'static str,
    pub target: f64,
    /// In events, or time slices where the method counts those. NULL in a gap.
    pub good: Option<f64>,
    pub total: Option<f64>,
    pub bad: Option<f64>,
    /// Bad units that the target allows: of the total so far, or of the whole calendar period for
    /// time slices.
    pub allowed_bad: Option<f64>,
    pub sli: Option<f64>,
    pub consumed: Option<f64>,
    pub error_budget_remaining: Option<f64>,
    /// The same in events or time slices, signed.
    pub error_budget_remaining_units: Option<f64>,
    /// The same as a share of the whole period's time, in seconds: how long a complete outage may last
    /// under even traffic.
    pub error_budget_remaining_secs: Option<f64>,
    /// The same against what was seen up to now; differs for time slices in a calendar window.
    pub error_budget_remaining_to_date: Option<f64>,
    pub burn_rate_1h: Option<f64>,
    pub burn_rate_6h: Option<f64>,
    /// Measured over elapsed time, 0 to 1.
    pub coverage: f64,
    /// Slices that reported more good than total events.
    pub clamped_slices: u64,
    pub state: SloState,
    pub no_data: Option<NoData>,
    /// The watermark: end of the newest settled slice. NULL when there has been none.
    pub as_of: Option<Timestamp>,
    /// Seconds from `as_of` until the budget is spent at the burn rate of the last hour: the rolling
    /// time for rolling windows, the fixed-window time for calendar windows (NULL when the period
    /// ends first).
    pub exhausted_in_secs: Option<u64>,
    /// When the budget will be spent, `exhausted_in_secs` after `as_of`; once it is spent, when it was
    /// (NULL when that is more than one rolling window ago).
    pub exhausted_at: Option<Timestamp>,
    pub exhausted_in_pace_secs: Option<u64>,
    pub exhausted_in_fixed_window_secs: Option<u64>,
    pub exhausted_in_rolling_secs: Option<u64>,
    pub burn_windows: Vec<BurnWindow>,
}

/// The status of `objective` at `now`, and the exact burn readings that alerts decide by.
pub fn status(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    now: Timestamp,
    policy: &Policy,
) -> Result<(SloStatus, Vec<BurnReading>), SloError> {
    let policy = &policy.with(&slo.evaluation);
    let measured = budget::status(slo, objective, series, now, policy)?;
    let as_of = measured.span.end;
    let readings =
        burn::evaluate(&objective.tiers, series, objective.target, as_of, measured.is_stale, policy);
    let ending = series.ending_at(as_of);
    let burn_1h = Burn::back(&ending, BURN_1H).rate(objective.target);
    let burn_6h = Burn::back(&ending, BURN_6H).rate(objective.target);
    let times = exhaustion(slo, objective, series, &measured, burn_1h);
    let exhausted_at = match measured.budget.is_spent() {
        Some(true) => budget::spent_at(slo, objective, series, &measured.span),
        _ => times.answer.and_then(|time| calendar_time(as_of, time)),
    };

    let budget = &measured.budget;
    let tally = &budget.tally;
    let seen = measured.no_data != Some(NoData::Gap);
    let in_units = |parts: i128| seen.then(|| tally.in_units(parts));
    let shown = |fraction: Option<Fraction>| fraction.map(Fraction::to_f64);
    let row = SloStatus {
        slo: slo.name.clone(),
        objective: objective.name.clone(),
        display_name: display_name(slo, objective),
        service: slo.service.clone(),
        window: slo.window.text().to_owned(),
        group: String::new(),
        method: slo.method.name(),
        target: objective.target.to_f64(),
        good: in_units(tally.good),
        total: in_units(tally.total),
        bad: in_units(tally.bad()),
        allowed_bad: shown(budget.allowed()).filter(|_| seen),
        sli: shown(tally.sli()),
        consumed: shown(budget.consumed()),
        error_budget_remaining: shown(budget.remaining()),
        error_budget_remaining_units: shown(budget.remaining_units()),
        error_budget_remaining_secs: shown(budget.remaining()).map(|remaining| {
            remaining * objective.target.budget().to_f64() * measured.span.period().as_secs_f64()
        }),
        error_budget_remaining_to_date: shown(measured.to_date.remaining()),
        burn_rate_1h: shown(burn_1h),
        burn_rate_6h: shown(burn_6h),
        coverage: measured.coverage.fraction(),
        clamped_slices: measured.coverage.clamped,
        state: state(&measured, &readings),
        no_data: measured.no_data,
        as_of: series.watermark(now, policy.evaluation_delay),
        exhausted_in_secs: times.answer.map(|time| time.as_secs()),
        exhausted_at,
        exhausted_in_pace_secs: times.pace.map(|time| time.as_secs()),
        exhausted_in_fixed_window_secs: times.fixed_window.map(|time| time.as_secs()),
        exhausted_in_rolling_secs: times.rolling.map(|time| time.as_secs()),
        burn_windows: readings
            .iter()
            .map(|reading| burn_window(reading, objective.target, measured.span.period()))
            .collect(),
    };
    Ok((row, readings))
}

fn display_name(slo: &Slo, objective: &Objective) -> String {
    let of_slo = slo.display_name.clone().unwrap_or_else(|| slo.name.clone());
    match &objective.display_name {
        Some(own) if slo.objectives.len() > 1 => format!("{of_slo}: {own}"),
        _ => of_slo,
    }
}

fn state(measured: &BudgetStatus, readings: &[BurnReading]) -> SloState {
    let is_firing = readings.iter().any(|reading| reading.state == BurnState::Firing);
    state_of(measured.budget.remaining(), measured.is_stale, is_firing)
}

/// See the top of this file.
pub fn state_of(remaining: Option<Fraction>, is_stale: bool, is_firing: bool) -> SloState {
    let Some(remaining) = remaining else { return SloState::NoData };
    if is_stale {
        SloState::Frozen
    } else if remaining.is_negative() {
        SloState::Breached
    } else if is_firing || remaining < Fraction::new(AT_RISK_BELOW.0, AT_RISK_BELOW.1) {
        SloState::AtRisk
    } else {
        SloState::Healthy
    }
}

fn burn_window(reading: &BurnReading, target: Ratio, period: Duration) -> BurnWindow {
    let long_rate = reading.long.rate(target);
    BurnWindow {
        severity: reading.tier.severity,
        long: format_duration(reading.tier.long),
        short: format_duration(reading.tier.short),
        burn_long: long_rate.map(Fraction::to_f64),
        burn_short: reading.short.rate(target).map(Fraction::to_f64),
        threshold: reading.tier.threshold.to_f64(),
        state: reading.state,
        budget_used: long_rate
            .and_then(|rate| burn::budget_used(rate, reading.tier.long, period))
            .map(Fraction::to_f64),
    }
}

#[derive(Default)]
struct Exhaustion {
    pace: Option<Duration>,
    fixed_window: Option<Duration>,
    rolling: Option<Duration>,
    answer: Option<Duration>,
}

fn exhaustion(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    measured: &BudgetStatus,
    burn_rate: Option<Fraction>,
) -> Exhaustion {
    let (Some(remaining), Some(rate)) = (measured.budget.remaining(), burn_rate) else {
        return Exhaustion::default();
    };
    let (remaining, rate) = (remaining.to_f64(), rate.to_f64());
    let span = &measured.span;
    let pace = forecast::pace(rate, span.period());
    let fixed_window = forecast::fixed_window(remaining, rate, span.period());
    if slo.window.is_rolling() {
        let rolling =
            forecast::rolling_over(series, &measured.budget, objective.target, rate, span.end, span.period());
        return Exhaustion { pace, fixed_window, rolling, answer: rolling };
    }
    let period_left = span.period_end.since(span.end);
    let answer = fixed_window.filter(|time| *time <= period_left);
    Exhaustion { pace, fixed_window, rolling: None, answer }
}

/// `None` beyond the calendar.
fn calendar_time(from: Timestamp, after: Duration) -> Option<Timestamp> {
    let time = from.plus(after);
    time.to_jiff().map(|_| time)
}

/// One point of a burn-down chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryPoint {
    pub at: Timestamp,
    pub good: Option<f64>,
    pub total: Option<f64>,
    pub sli: Option<f64>,
    pub error_budget_remaining: Option<f64>,
}

/// The budget over the window ending at each of `times`; gaps and silence are NULL.
pub fn history(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    times: impl IntoIterator<Item = Timestamp>,
) -> Result<Vec<HistoryPoint>, SloError> {
    let point = |at: Timestamp| {
        let measured = budget::status_at(slo, objective, series, at)?;
        let Budget { tally, .. } = measured.budget;
        let seen = measured.no_data != Some(NoData::Gap);
        Ok(HistoryPoint {
            at,
            good: seen.then(|| tally.in_units(tally.good)),
            total: seen.then(|| tally.in_units(tally.total)),
            sli: tally.sli().map(Fraction::to_f64),
            error_budget_remaining: measured.budget.remaining().map(Fraction::to_f64),
        })
    };
    times.into_iter().map(point).collect()
}

#[cfg(test)]
pub(crate) mod tests;
