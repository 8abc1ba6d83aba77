//! The golden vectors of the definitions page: `tests/vectors/*.yaml`, numbers as exact text.
//!
//! An expected number is compared after rounding the exact result to as many digits as are written.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use slo::budget::{self, Budget, NoData, Policy, Tally};
use slo::burn::{self, Burn, BurnState, Exceeds};
use slo::dora::{Change, Deploy, DeployIncident, delivery};
use slo::objective::{Counting, EmptyPolicy};
use slo::projection::{self, Rates};
use slo::recovery::{IncidentRecord, Period, Reopening, recovery};
use slo::series::Coverage;
use slo::{Decimal, Fraction, Ratio, SliceSeries, Slo, Window, catalog, forecast, openslo, report};
use telemetry::time::parse_duration;
use telemetry::{SloSlice, Timestamp};

pub(crate) fn read<T: DeserializeOwned>(vector: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(format!("{vector}.yaml"));
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Rounds half away from zero to the digits of `expected` and compares the texts.
pub(crate) fn assert_shows(actual: Option<Fraction>, expected: &str, what: &str) {
    let digits = expected.split_once('.').map_or(0, |(_, behind)| behind.len()) as u32;
    let shown = actual.map_or("null".to_owned(), |actual| {
        let scale = 10_i128.pow(digits);
        let (n, d) = (actual.numerator().abs() * scale, actual.denominator());
        let rounded = (2 * n + d) / (2 * d);
        let sign = if actual.is_negative() && rounded != 0 { "-" } else { "" };
        let behind = if digits == 0 {
            String::new()
        } else {
            format!(".{:0w$}", rounded % scale, w = digits as usize)
        };
        format!("{sign}{}{behind}", rounded / scale)
    });
    assert_eq!(shown, expected, "{what}");
}

fn ratio(text: &str) -> Ratio {
    Ratio::new(text.parse::<Decimal>().unwrap()).unwrap()
}

fn duration(text: &str) -> Duration {
    parse_duration(text).unwrap()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetVector {
    target: String,
    cases: Vec<BudgetCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetCase {
    good: i128,
    total: i128,
    /// Units of the whole period, for time budgets in calendar windows.
    period_units: Option<i128>,
    expect: BTreeMap<String, String>,
}

fn check_budget(vector: &str) {
    let BudgetVector { target, cases } = read(vector);
    for case in cases {
        let tally = Tally::units(case.good, case.total);
        let budget = match case.period_units {
            Some(units) => Budget::full_period(tally, ratio(&target), units),
            None => Budget::to_date(tally, ratio(&target)),
        };
        for (name, expected) in &case.expect {
            let actual = match name.as_str() {
                "sli" => tally.sli(),
                "allowed" => budget.allowed(),
                "consumed" => budget.consumed(),
                "remaining" => budget.remaining(),
                "remaining_units" => budget.remaining_units(),
                "burn" => Burn { tally, coverage: Coverage::default() }.rate(ratio(&target)),
                other => panic!("{vector} asks for {other}"),
            };
            assert_shows(actual, expected, &format!("{vector} {name}"));
        }
    }
}

#[test]
fn v01_algebra() {
    check_budget("v01");
}

#[test]
fn v02_remaining_is_signed() {
    check_budget("v02");
}

#[test]
fn v10_events_to_date_and_time_over_the_full_period() {
    check_budget("v10");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlicesVector {
    target: String,
    slice_secs: i64,
    cases: Vec<SlicesCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlicesCase {
    method: String,
    time_slice_target: Option<String>,
    slices: Vec<SliceRow>,
    expect: BTreeMap<String, String>,
}

/// `at` counts slices from the start of the window.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SliceRow {
    at: i64,
    good: i64,
    total: i64,
    rev: Option<i32>,
}

pub(crate) fn slice_at(start_secs: i64, slice_secs: i64, good: i64, total: i64, rev: i32) -> SloSlice {
    SloSlice {
        slo_id: "vector/1".into(),
        generation: 1,
        group_key: String::new(),
        slice_start: Timestamp::from_secs(start_secs),
        slice_secs: slice_secs as i32,
        good_milli: good * 1000,
        total_milli: total * 1000,
        coverage: 1.0,
        rev,
        recorded_at: Timestamp::EPOCH,
    }
}

pub(crate) fn slo_of(target: &str, window: Window, method: &str) -> Slo {
    let text = format!(
        "apiVersion: openslo/v1
kind: SLO
metadata: {{name: vector}}
spec:
  service: vectors
  indicator:
    metadata: {{name: vector}}
    spec: {{ratioMetric: {{counter: true, good: {{metricSource: {{spec: {{query: good}}}}}}, total: {{metricSource: {{spec: {{query: total}}}}}}}}}}
  budgetingMethod: {method}
  objectives: [{{target: {target}, timeSliceTarget: 0.9, timeSliceWindow: 1m}}]
"
    );
    let (documents, defects) = openslo::parse_documents("vector.yaml", &text, openslo::Mode::Lenient);
    assert!(!defects.iter().any(|defect| defect.is_error()), "{defects:?}");
    let slo = catalog::resolve(documents).0.into_iter().next().unwrap();
    Slo { window, ..slo }
}

/// Every case in slices of one objective; the window is exactly the slices.
fn check_slices(vector: &str) {
    let SlicesVector { target, slice_secs, cases } = read(vector);
    for case in cases {
        let width = Duration::from_secs(slice_secs as u64);
        let counting = match case.method.as_str() {
            "Occurrences" => Counting::Occurrences,
            "Timeslices" => {
                let target = case.time_slice_target.as_deref().unwrap().parse().unwrap();
                Counting::Timeslices { width, target, empty: EmptyPolicy::Exclude }
            }
            _ => Counting::RatioTimeslices { width, empty: EmptyPolicy::Exclude },
        };
        let mut series = SliceSeries::new(counting);
        for row in &case.slices {
            series
                .apply(&slice_at(row.at * slice_secs, slice_secs, row.good, row.total, row.rev.unwrap_or(0)))
                .unwrap();
        }
        let window = Window::rolling(width * 10);
        let slo = slo_of(&target, window, &case.method);
        let end = Timestamp::from_secs(10 * slice_secs);
        let status = budget::status_at(&slo, &slo.objectives[0], &series, end).unwrap();
        for (name, expected) in &case.expect {
            let what = format!("{vector} {} {name}", case.method);
            let coverage = status.coverage;
            match name.as_str() {
                "sli" => assert_shows(status.budget.tally.sli(), expected, &what),
                "remaining" => assert_shows(status.budget.remaining(), expected, &what),
                "coverage" => assert_eq!(coverage.fraction().to_string(), *expected, "{what}"),
                "burn" => {
                    let burn = Burn::over(&series, end, width * 10).rate(slo.objectives[0].target);
                    assert_shows(burn, expected, &what);
                }
                "no_data" => {
                    let reason = status.no_data.map(|reason| match reason {
                        NoData::NoTraffic => "no_traffic",
                        NoData::Gap => "gap",
                    });
                    assert_eq!(reason, Some(expected.as_str()), "{what}");
                }
                "alerts" => {
                    let (row, _) = report::status(
                        &slo,
                        &slo.objectives[0],
                        &series,
                        end.plus(Policy::default().evaluation_delay),
                        &Policy::default(),
                    )
                    .unwrap();
                    assert!(!row.burn_windows.is_empty(), "{what}");
                    let is_kept = row.burn_windows.iter().all(|window| window.state == BurnState::Unknown);
                    assert_eq!(if is_kept { "keep their state" } else { "decide" }, expected, "{what}");
                }
                other => panic!("{vector} asks for {other}"),
            }
        }
    }
}

#[test]
fn v03_no_traffic_and_gap_are_null() {
    check_slices("v03");
}

#[test]
fn v04_three_budgeting_methods() {
    check_slices("v04");
}

#[test]
fn v14_late_data_is_a_revision() {
    check_slices("v14");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdVector {
    target: String,
    cases: Vec<ThresholdCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdCase {
    bad: i128,
    total: i128,
    threshold: String,
    above: bool,
    at_least: bool,
}

#[test]
fn v05_thresholds_are_exact() {
    let ThresholdVector { target, cases } = read("v05");
    for case in cases {
        let tally = Tally::units(case.total - case.bad, case.total);
        let burn = Burn { tally, coverage: Coverage::default() };
        let threshold = case.threshold.parse::<Decimal>().unwrap().to_fraction();
        let holds = |exceeds| burn.exceeds(ratio(&target), threshold, exceeds);
        assert_eq!(holds(Exceeds::Above), Some(case.above), "> {}", case.threshold);
        assert_eq!(holds(Exceeds::AtLeast), Some(case.at_least), ">= {}", case.threshold);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutageVector {
    target: String,
    window: String,
    events_per_slice: i64,
    slice_secs: i64,
    outage_secs: i64,
    /// Per tier: seconds after the start of the outage.
    fires_at: Vec<i64>,
    clears_at: Vec<i64>,
    page_clears_at: i64,
    consumed: String,
}

#[test]
fn v06_an_outage_pages_and_clears() {
    let vector: OutageVector = read("v06");
    let window = Window::rolling(duration(&vector.window));
    let slo = slo_of(&vector.target, window, "Occurrences");
    let objective = &slo.objectives[0];
    let mut series = SliceSeries::new(objective.counting);
    let history_secs = duration(&vector.window).as_secs() as i64;
    let total = vector.events_per_slice;
    for start in (-history_secs..0).step_by(vector.slice_secs as usize) {
        series.apply(&slice_at(start, vector.slice_secs, total, total, 0)).unwrap();
    }
    let (tiers, warnings) = burn::tiers_for(slo.window.nominal(), objective.target);
    assert!(warnings.is_empty());
    let mut firing_at: Vec<Vec<i64>> = vec![Vec::new(); tiers.len()];
    let last = vector.page_clears_at + 600;
    for at in (0..=last).step_by(vector.slice_secs as usize) {
        let as_of = Timestamp::from_secs(at);
        let readings = burn::evaluate(&tiers, &series, objective.target, as_of, false, &Policy::default());
        for (tier, reading) in readings.iter().enumerate() {
            if reading.state == BurnState::Firing {
                firing_at[tier].push(at);
            }
        }
        let good = if at < vector.outage_secs { 0 } else { total };
        series.apply(&slice_at(at, vector.slice_secs, good, total, 0)).unwrap();
    }
    for (tier, (fires, clears)) in vector.fires_at.iter().zip(&vector.clears_at).enumerate() {
        let firing: Vec<i64> = (*fires..*clears).step_by(vector.slice_secs as usize).collect();
        assert_eq!(firing_at[tier], firing, "tier {tier}");
    }
    let pages = tiers.iter().filter(|tier| tier.severity == burn::Severity::Page).count();
    let page_clears = firing_at[..pages].iter().flatten().max().unwrap() + vector.slice_secs;
    assert_eq!(page_clears, vector.page_clears_at);
    let after = Timestamp::from_secs(vector.page_clears_at);
    let status = budget::status_at(&slo, objective, &series, after).unwrap();
    assert_shows(status.budget.consumed(), &vector.consumed, "v06 consumed");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForecastVector {
    window: String,
    remaining: f64,
    burn_rate: f64,
    /// Spent evenly over the window.
    spent: f64,
    pace_days: String,
    fixed_window_days: String,
    rolling_days: String,
}

#[test]
fn v07_three_times_to_exhaustion() {
    let vector: ForecastVector = read("v07");
    let period = duration(&vector.window);
    let expired = |after: Duration| vector.spent * after.as_secs_f64() / period.as_secs_f64();
    let days = |time: Option<Duration>, expected: &str| {
        let digits = expected.split_once('.').map_or(0, |(_, behind)| behind.len());
        assert_eq!(format!("{:.digits$}", time.unwrap().as_secs_f64() / 86_400.0), expected);
    };
    days(forecast::pace(vector.burn_rate, period), &vector.pace_days);
    days(forecast::fixed_window(vector.remaining, vector.burn_rate, period), &vector.fixed_window_days);
    days(forecast::rolling(vector.remaining, vector.burn_rate, period, expired), &vector.rolling_days);

    // The burn-down's dashed line ends where the rolling time says, between half and twice the rate.
    let (start, steps) = (Timestamp::from_secs(0), 60);
    let rate = vector.burn_rate;
    let rates = Rates { expected: rate, slowest: rate / 2.0, fastest: rate * 2.0 };
    let line = projection::line(vector.remaining, rates, period, start, period, expired, steps);
    assert_eq!(line.len(), 61);
    let (first, last) = (line.first().unwrap(), line.last().unwrap());
    assert_eq!((first.at, first.error_budget_remaining), (start, vector.remaining));
    days(Some(last.at.since(start)), &vector.rolling_days);
    let ends = [last.low, last.error_budget_remaining, last.high];
    let expected_ends = [-9.0 / 14.0, 0.0, 4.5 / 14.0];
    for (end, expected) in ends.into_iter().zip(expected_ends) {
        assert!((end - expected).abs() < 1e-9, "{ends:?}");
    }
}

fn calendar_slo(duration: &str, start: &str, zone: &str) -> Window {
    let text = format!(
        "apiVersion: openslo/v1
kind: SLO
metadata: {{name: vector}}
spec:
  service: vectors
  indicator:
    metadata: {{name: vector}}
    spec: {{ratioMetric: {{counter: true, good: {{metricSource: {{spec: {{query: good}}}}}}, total: {{metricSource: {{spec: {{query: total}}}}}}}}}}
  timeWindow: [{{duration: {duration}, isRolling: false, calendar: {{startTime: {start}, timeZone: {zone}}}}}]
  budgetingMethod: Occurrences
  objectives: [{{target: 0.999}}]
"
    );
    let (documents, _) = openslo::parse_documents("vector.yaml", &text, openslo::Mode::Lenient);
    catalog::resolve(documents).0.into_iter().next().unwrap().window
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarVector {
    target: String,
    duration: String,
    start: String,
    zone: String,
    cases: Vec<CalendarCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarCase {
    at: Timestamp,
    minutes: u64,
    allowed_minutes: String,
}

#[test]
fn v08_months_are_as_long_as_the_zone_makes_them() {
    let vector: CalendarVector = read("v08");
    let window = calendar_slo(&vector.duration, &vector.start, &vector.zone);
    for case in vector.cases {
        let minutes = window.span_at(case.at).unwrap().period().as_secs() / 60;
        assert_eq!(minutes, case.minutes, "{}", case.at);
        let tally = Tally::units(1, 1);
        let budget = Budget::full_period(tally, ratio(&vector.target), i128::from(minutes));
        assert_shows(budget.allowed(), &case.allowed_minutes, "v08 allowed");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundaryVector {
    duration: String,
    start: String,
    zone: String,
    boundaries: Vec<Timestamp>,
}

#[test]
fn v09_month_ends_come_back_after_february() {
    let vector: BoundaryVector = read("v09");
    let window = calendar_slo(&vector.duration, &vector.start, &vector.zone);
    let boundaries: Vec<Timestamp> =
        (0..vector.boundaries.len()).map(|k| window.boundary(k as i64).unwrap()).collect();
    assert_eq!(boundaries, vector.boundaries);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecoveryVector {
    from: Timestamp,
    to: Timestamp,
    cases: Vec<RecoveryCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecoveryCase {
    grace: String,
    incidents: Vec<IncidentRow>,
    /// Names of the JSON fields with their values; `restore.n` reaches into a summary.
    expect: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IncidentRow {
    started: Timestamp,
    detected: Option<Timestamp>,
    acknowledged: Option<Timestamp>,
    restored: Option<Timestamp>,
    resolved: Option<Timestamp>,
    reopened: Option<Timestamp>,
    resolved_again: Option<Timestamp>,
}

fn check_recovery(vector_name: &str) {
    let vector: RecoveryVector = read(vector_name);
    for case in vector.cases {
        let record = |row: &IncidentRow| IncidentRecord {
            started_at: row.started,
            detected_at: row.detected,
            acknowledged_at: row.acknowledged,
            restored_at: row.restored,
            resolved_at: row.resolved,
            reopened: row
                .reopened
                .iter()
                .map(|at| Reopening { at: *at, restored_at: None, resolved_at: row.resolved_again })
                .collect(),
            ..IncidentRecord::default()
        };
        let records: Vec<IncidentRecord> = case.incidents.iter().map(record).collect();
        let period = Period { from: vector.from, to: vector.to, now: vector.to };
        let metrics = serde_json::to_value(recovery(&records, period, duration(&case.grace))).unwrap();
        assert_fields(vector_name, &metrics, &case.expect);
    }
}

fn assert_fields(vector: &str, metrics: &serde_json::Value, expect: &BTreeMap<String, f64>) {
    for (name, expected) in expect {
        let pointer = format!("/{}", name.replace('.', "/"));
        let actual = metrics.pointer(&pointer).and_then(serde_json::Value::as_f64);
        let is_close =
            actual.is_some_and(|actual| (actual - expected).abs() < 1e-9 * expected.abs().max(1.0));
        assert!(is_close, "{vector} {name}: {actual:?}, expected {expected}");
    }
}

#[test]
fn v16_incident_metrics() {
    check_recovery("v16");
}

#[test]
fn v17_reopened_within_the_grace() {
    check_recovery("v17");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryVector {
    from: Timestamp,
    to: Timestamp,
    within: String,
    cases: Vec<DeliveryCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryCase {
    deploys: u32,
    /// Per incident: the deploy it names (from 0) and the minutes from that deploy's finish until the
    /// service was normal again (null: still open).
    incidents: Vec<(u32, Option<i64>)>,
    /// Minutes from commit to production, one change each in the first deploys.
    lead_minutes: Vec<i64>,
    expect: BTreeMap<String, f64>,
    expect_null: Vec<String>,
}

#[test]
fn v18_delivery() {
    let vector: DeliveryVector = read("v18");
    let minutes = |count: i64| Duration::from_secs(count as u64 * 60);
    for case in vector.cases {
        let finished_at = |index: u32| vector.from.plus(minutes(60 * i64::from(index)));
        let deploys: Vec<Deploy> = (0..case.deploys)
            .map(|index| Deploy {
                id: index.to_string(),
                service: "shop".into(),
                finished_at: Some(finished_at(index)),
                changes: case
                    .lead_minutes
                    .get(index as usize)
                    .map(|lead| Change {
                        id: format!("change-{index}"),
                        committed_at: Some(finished_at(index).minus(minutes(*lead))),
                    })
                    .into_iter()
                    .collect(),
                ..Deploy::default()
            })
            .collect();
        let incidents: Vec<DeployIncident> = case
            .incidents
            .iter()
            .map(|(deploy, restored)| DeployIncident {
                services: vec!["shop".into()],
                started_at: finished_at(*deploy).plus(minutes(1)),
                restored_at: restored.map(|after| finished_at(*deploy).plus(minutes(after))),
                deploy_id: Some(deploy.to_string()),
            })
            .collect();
        let period = Period { from: vector.from, to: vector.to, now: vector.to };
        let metrics = delivery(&deploys, &incidents, period, duration(&vector.within));
        let metrics = serde_json::to_value(metrics).unwrap();
        assert_fields("v18", &metrics, &case.expect);
        for name in &case.expect_null {
            assert!(metrics[name].is_null(), "v18 {name}");
        }
    }
}
