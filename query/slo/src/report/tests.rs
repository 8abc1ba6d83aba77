//! Rows of `slo_status` from slices by hand.

use telemetry::SloSlice;

use super::*;
use crate::{catalog, openslo};

const OBJECTIVE: &str = r#"
apiVersion: openslo/v1
kind: Service
metadata: {name: shop}
spec: {}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout, displayName: Checkout works}
spec:
  service: shop
  indicator:
    metadata: {name: checkout-ratio}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: 'sum(http_requests_total{code!~"5.."})'}}}
        total: {metricSource: {type: Prometheus, spec: {query: sum(http_requests_total)}}}
  timeWindow: [{duration: 7d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"#;

pub(crate) fn slo() -> Slo {
    parse(OBJECTIVE)
}

/// The same objective over calendar days.
pub(crate) fn daily_slo() -> Slo {
    let calendar =
        "{duration: 1d, isRolling: false, calendar: {startTime: '1970-01-01 00:00:00', timeZone: UTC}}";
    parse(&OBJECTIVE.replace("{duration: 7d, isRolling: true}", calendar))
}

fn parse(text: &str) -> Slo {
    let (documents, defects) = openslo::parse_documents("slo.yaml", text, openslo::Mode::Strict);
    assert_eq!(defects, []);
    let (slos, defects) = catalog::resolve(documents);
    // A day is too short for the default tiers, which is a warning.
    assert!(defects.iter().all(|defect| !defect.is_error()), "{defects:?}");
    slos.into_iter().next().unwrap()
}

/// One slice a minute: `(good, total)`.
pub(crate) fn series(counts: &[(i64, i64)]) -> SliceSeries {
    let mut series = SliceSeries::new(slo().objectives[0].counting);
    for (index, (good, total)) in counts.iter().enumerate() {
        let slice = SloSlice {
            slo_id: "checkout/1".into(),
            generation: 1,
            group_key: String::new(),
            slice_start: Timestamp::from_secs(index as i64 * 60),
            slice_secs: 60,
            good_milli: good * 1000,
            total_milli: total * 1000,
            coverage: 1.0,
            rev: 0,
            recorded_at: Timestamp::EPOCH,
        };
        series.apply(&slice).unwrap();
    }
    series
}

fn status_at(counts: &[(i64, i64)], now_secs: i64) -> SloStatus {
    let slo = slo();
    let now = Timestamp::from_secs(now_secs);
    status(&slo, &slo.objectives[0], &series(counts), now, &Policy::default()).unwrap().0
}

#[test]
fn the_row_carries_the_contract_names() {
    let mut counts = vec![(100, 100); 1440];
    counts.extend(vec![(90, 100); 12]);
    let row = status_at(&counts, 1452 * 60 + 30);
    expect_test::expect![[r#"
        {
          "slo": "checkout",
          "objective": "1",
          "display_name": "Checkout works",
          "service": "shop",
          "window": "7d",
          "group": "",
          "method": "Occurrences",
          "target": 0.99,
          "good": 145080.0,
          "total": 145200.0,
          "bad": 120.0,
          "allowed_bad": 1452.0,
          "sli": 0.9991735537190083,
          "consumed": 0.08264462809917356,
          "error_budget_remaining": 0.9173553719008265,
          "error_budget_remaining_units": 1332.0,
          "error_budget_remaining_secs": 5548.165289256199,
          "error_budget_remaining_to_date": 0.9173553719008265,
          "burn_rate_1h": 2.0,
          "burn_rate_6h": 0.3333333333333333,
          "coverage": 0.14404761904761904,
          "clamped_slices": 0,
          "state": "healthy",
          "no_data": null,
          "as_of": "1970-01-02T00:12:00Z",
          "exhausted_in_secs": 277408,
          "exhausted_at": "1970-01-05T05:15:28.264462Z",
          "exhausted_in_pace_secs": 302400,
          "exhausted_in_fixed_window_secs": 277408,
          "exhausted_in_rolling_secs": 277408,
          "burn_windows": [
            {
              "severity": "page",
              "long": "1h",
              "short": "5m",
              "burn_long": 2.0,
              "burn_short": 10.0,
              "threshold": 16.8,
              "state": "quiet",
              "budget_used": 0.011904761904761904
            },
            {
              "severity": "page",
              "long": "6h",
              "short": "30m",
              "burn_long": 0.3333333333333333,
              "burn_short": 4.0,
              "threshold": 5.6,
              "state": "quiet",
              "budget_used": 0.011904761904761904
            },
            {
              "severity": "ticket",
              "long": "1d",
              "short": "2h",
              "burn_long": 0.08333333333333333,
              "burn_short": 1.0,
              "threshold": 2.8,
              "state": "quiet",
              "budget_used": 0.011904761904761904
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&row).unwrap());
}

#[test]
fn states_in_the_order_of_the_page() {
    let state = |counts: &[(i64, i64)], now| status_at(counts, now).state;
    assert_eq!(state(&[], 100), SloState::NoData);
    assert_eq!(state(&[(0, 0); 10], 630), SloState::NoData);
    assert_eq!(state(&[(100, 100); 10], 600 + 301), SloState::Frozen);
    assert_eq!(state(&[(100, 100); 10], 600 + 300), SloState::Healthy);
    assert_eq!(state(&[(98, 100); 10], 630), SloState::Breached);
    // Exactly spent: the target is met, and nothing is left.
    assert_eq!(state(&[(99, 100); 10], 630), SloState::AtRisk);
    assert_eq!(status_at(&[(99, 100); 10], 630).error_budget_remaining, Some(0.0));
}

#[test]
fn no_data_is_null_and_says_why() {
    let gap = status_at(&[], 100);
    assert_eq!((gap.good, gap.total, gap.allowed_bad, gap.as_of), (None, None, None, None));
    assert_eq!((gap.no_data, gap.coverage), (Some(NoData::Gap), 0.0));
    let silent = status_at(&[(0, 0); 10], 630);
    assert_eq!((silent.good, silent.total, silent.sli), (Some(0.0), Some(0.0), None));
    assert_eq!((silent.error_budget_remaining, silent.burn_rate_1h), (None, None));
    assert_eq!(silent.no_data, Some(NoData::NoTraffic));
    assert!(silent.burn_windows.iter().all(|window| window.state == BurnState::Unknown));
}

#[test]
fn frozen_numbers_decide_no_alert() {
    let mut counts = vec![(100, 100); 1440];
    counts.extend(vec![(0, 100); 60]);
    let fresh = status_at(&counts, 1500 * 60 + 30);
    assert_eq!(fresh.burn_windows[0].state, BurnState::Firing);
    let frozen = status_at(&counts, 1500 * 60 + 301);
    assert_eq!(frozen.burn_windows[0].state, BurnState::Unknown);
    assert_eq!(frozen.as_of, Some(Timestamp::from_secs(1500 * 60)));
    assert_eq!(frozen.sli, fresh.sli);
}

#[test]
fn a_spent_budget_says_when_it_was_spent() {
    let exhausted = |counts: &[(i64, i64)]| {
        let row = status_at(counts, counts.len() as i64 * 60 + 30);
        (row.exhausted_in_secs, row.exhausted_at.map(Timestamp::secs))
    };
    // k bad minutes after 100 good ones spend 10k of the allowed 100 + k events: at k = 12.
    let mut counts = vec![(100, 100); 100];
    counts.extend(vec![(90, 100); 11]);
    assert_ne!(exhausted(&counts).0, Some(0));
    counts.push((90, 100));
    assert_eq!(exhausted(&counts), (Some(0), Some(112 * 60)));
    // It does not move with the clock, however much more is overspent.
    counts.extend(vec![(90, 100); 30]);
    assert_eq!(exhausted(&counts), (Some(0), Some(112 * 60)));
    // Good minutes win the budget back; the next time is another time.
    counts.extend(vec![(100, 100); 600]);
    assert_eq!(exhausted(&counts).1, None, "nothing burns");
    let recovered = counts.len() as i64;
    counts.extend(vec![(0, 100); 60]);
    let (in_secs, at) = exhausted(&counts);
    assert_eq!(in_secs, Some(0));
    // 4.2 % of 742 minutes were bad (420 events); with k more all bad: 420 + 100k >= 742 + k.
    assert_eq!(at, Some((recovered + 4) * 60));
    // Spent since the first slice, and spent for longer than the window knows.
    assert_eq!(exhausted(&[(98, 100); 10]), (Some(0), Some(60)));
    assert_eq!(exhausted(&vec![(98, 100); 7 * 1440 + 5]), (Some(0), None));
}

#[test]
fn a_calendar_budget_is_spent_within_its_period() {
    let slo = daily_slo();
    let mut counts = vec![(98, 100); 1440];
    counts.extend(vec![(100, 100); 10]);
    counts.extend(vec![(0, 100); 10]);
    let now = Timestamp::from_secs(counts.len() as i64 * 60 + 30);
    let row = status(&slo, &slo.objectives[0], &series(&counts), now, &Policy::default()).unwrap().0;
    assert_eq!(row.exhausted_at, Some(Timestamp::from_secs(1451 * 60)));
}

#[test]
fn history_is_null_where_nothing_was_measured() {
    let slo = slo();
    let series = series(&[(99, 100), (100, 100)]);
    let times = [0, 60, 120, 8 * 86_400].map(Timestamp::from_secs);
    let points = history(&slo, &slo.objectives[0], &series, times).unwrap();
    let remaining: Vec<Option<f64>> = points.iter().map(|point| point.error_budget_remaining).collect();
    assert_eq!(remaining, [None, Some(0.0), Some(0.5), None]);
    assert_eq!(points[0].total, None);
}
