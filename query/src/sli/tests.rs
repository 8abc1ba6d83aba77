//! Slices and statuses from metrics in a lake, tick by tick.

mod backfills;
mod bad_input;
mod causes;
mod exclusions;
mod indicators;
mod whole;

use std::time::Duration;

use slo::openslo::{Mode, parse_documents};
use slo::{SloState, catalog};

use super::*;
use crate::testing::{Bench, at, run};

fn slos(text: &str) -> Vec<Slo> {
    let (documents, defects) = parse_documents("slo.yaml", text, Mode::Lenient);
    assert!(defects.iter().all(|defect| !defect.is_error()), "{defects:?}");
    let (slos, defects) = catalog::resolve(documents);
    assert!(defects.iter().all(|defect| !defect.is_error()), "{defects:?}");
    slos
}

/// A ratio SLO of good over total requests.
fn ratio(good: &str, total: &str, counter: bool) -> Vec<Slo> {
    slos(&format!(
        r#"
apiVersion: openslo/v1
kind: SLO
metadata: {{name: checkout}}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{{duration: 7d, isRolling: true}}]
  indicator:
    metadata: {{name: requests}}
    spec:
      ratioMetric:
        counter: {counter}
        good: {{metricSource: {{type: prometheus, spec: {{query: '{good}'}}}}}}
        total: {{metricSource: {{type: prometheus, spec: {{query: '{total}'}}}}}}
  objectives: [{{target: 0.9}}]
"#
    ))
}

const GOOD: &str = "sum(good_total)";
const TOTAL: &str = "sum(requests_total)";

fn second(secs: u64) -> Timestamp {
    at("2026-11-23T11:00:00Z").plus(Duration::from_secs(secs))
}

async fn evaluator(bench: &Bench, slos: Vec<Slo>, now: Timestamp) -> Arc<SloEvaluator> {
    let evaluator = SloEvaluator::new(bench.engine.clone(), SliConfig::default());
    evaluator.set_catalog(slos, now).await.unwrap();
    evaluator
}

async fn tick(evaluator: &SloEvaluator, now: Timestamp) -> TickReport {
    let report = evaluator.tick(now).await.unwrap();
    assert_eq!(evaluator.problems(), []);
    report
}

/// V11 of the contract: counters that are reset in between.
async fn reset_vector(bench: &Bench) {
    let times = [0, 30, 60, 90].map(second);
    let with = |values: [f64; 4]| times.into_iter().zip(values).collect::<Vec<_>>();
    bench.samples(&[("__name__", "requests_total")], &with([100.0, 150.0, 20.0, 60.0])).await;
    bench.samples(&[("__name__", "good_total")], &with([95.0, 140.0, 18.0, 55.0])).await;
}

#[test]
fn a_reset_counts_from_zero_and_slices_add_up() {
    run(async {
        let bench = Bench::new().await;
        reset_vector(&bench).await;
        let now = second(90 + 30 + 30);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        let report = tick(&evaluator, now).await;
        assert_eq!(report, TickReport { objectives: 1, slices: 4, failed: 0 });
        let status = evaluator.statuses()[0].clone();
        assert_eq!((status.good, status.total), (Some(100.0), Some(110.0)));
        assert_eq!(status.sli.map(|sli| (sli * 1e6).round()), Some(909_091.0));
        assert_eq!(status.as_of, Some(second(120)));
        // The same numbers in SQL, slices included.
        let query = "SELECT slo, objective, good, total, state, as_of FROM slo_status";
        assert_eq!(bench.rows(query).await, ["checkout,1,100.0,110.0,at_risk,2026-11-23T11:02:00Z"]);
        let query = "SELECT slice_start, good, total FROM slo_slices ORDER BY slice_start";
        assert_eq!(
            bench.rows(query).await,
            [
                "2026-11-23T11:00:00Z,0.0,0.0",
                "2026-11-23T11:00:30Z,45.0,50.0",
                "2026-11-23T11:01:00Z,18.0,20.0",
                "2026-11-23T11:01:30Z,37.0,40.0",
            ]
        );
        let query = "SELECT good, total FROM slo_history ORDER BY at DESC LIMIT 1";
        assert_eq!(bench.rows(query).await, ["100.0,110.0"]);
        // A second tick at the same time has nothing to do.
        assert_eq!(tick(&evaluator, now).await.slices, 0);
    });
}

#[test]
fn a_hole_is_a_gap_and_silence_is_none() {
    run(async {
        let bench = Bench::new().await;
        // Samples for two minutes, none for three, then again; nothing grows after the hole.
        let counts: Vec<_> = (0..5)
            .map(|n| (second(30 * n), 10.0 * n as f64))
            .chain((10..15).map(|n| (second(30 * n), 40.0)))
            .collect();
        bench.samples(&[("__name__", "requests_total")], &counts).await;
        bench.samples(&[("__name__", "good_total")], &counts).await;
        let now = second(15 * 30 + 30);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        tick(&evaluator, now).await;
        let rows = bench.rows("SELECT slice_start, total FROM slo_slices ORDER BY slice_start").await;
        assert_eq!(rows.len(), 10, "the slices of the hole are no rows: {rows:?}");
        assert!(rows.iter().all(|row| !row.contains("11:03:")), "{rows:?}");
        // Measured, and nothing happened: a row with 0.
        assert_eq!(rows.last().unwrap(), "2026-11-23T11:07:00Z,0.0");
        let status = evaluator.statuses()[0].clone();
        assert_eq!(status.total, Some(40.0));
        assert!(status.coverage < 0.01);
    });
}

#[test]
fn no_traffic_and_no_data_are_null_and_not_perfect() {
    run(async {
        let bench = Bench::new().await;
        let flat: Vec<_> = (0..20).map(|n| (second(30 * n), 7.0)).collect();
        bench.samples(&[("__name__", "requests_total")], &flat).await;
        let mut catalog = ratio(GOOD, TOTAL, true);
        catalog.extend(ratio("sum(nothing)", "sum(nothing)", true).into_iter().map(|mut slo| {
            slo.name = "absent".to_owned();
            slo
        }));
        let now = second(20 * 30 + 30);
        let evaluator = evaluator(&bench, catalog, now).await;
        tick(&evaluator, now).await;
        let states: Vec<_> = evaluator
            .statuses()
            .iter()
            .map(|row| (row.state, row.sli, row.total, row.burn_rate_1h))
            .collect();
        assert_eq!(states, [(SloState::NoData, None, Some(0.0), None), (SloState::NoData, None, None, None)]);
    });
}

#[test]
fn late_samples_make_a_new_revision() {
    run(async {
        let bench = Bench::new().await;
        let samples: Vec<_> = (0..5).map(|n| (second(30 * n), 10.0 * n as f64)).collect();
        bench.samples(&[("__name__", "requests_total")], &samples).await;
        bench.samples(&[("__name__", "good_total")], &samples[..3]).await;
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), second(180)).await;
        tick(&evaluator, second(180)).await;
        assert_eq!(evaluator.statuses()[0].good, Some(20.0));
        bench.samples(&[("__name__", "good_total")], &samples[3..]).await;
        assert_eq!(tick(&evaluator, second(210)).await.slices, 2);
        assert_eq!(evaluator.statuses()[0].good, Some(40.0));
        let query = "SELECT slice_start, good, rev FROM slo_slices WHERE rev = 1 ORDER BY slice_start";
        assert_eq!(bench.rows(query).await, ["2026-11-23T11:01:30Z,10.0,1", "2026-11-23T11:02:00Z,10.0,1"]);
        // Another process continues with what is stored.
        let successor = super::tests::evaluator(&bench, ratio(GOOD, TOTAL, true), second(210)).await;
        assert_eq!(successor.statuses()[0], evaluator.statuses()[0]);
        assert_eq!(tick(&successor, second(240)).await.slices, 0);
    });
}

#[test]
fn a_new_definition_starts_anew_and_a_new_target_does_not() {
    run(async {
        let bench = Bench::new().await;
        reset_vector(&bench).await;
        let now = second(150);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        tick(&evaluator, now).await;
        let mut stricter = ratio(GOOD, TOTAL, true);
        stricter[0].objectives[0].target = slo::Ratio::new("0.99".parse().unwrap()).unwrap();
        evaluator.set_catalog(stricter, now).await.unwrap();
        assert_eq!(evaluator.statuses()[0].total, Some(110.0));
        assert_eq!(evaluator.statuses()[0].state, SloState::Breached);
        evaluator.set_catalog(ratio(GOOD, "sum(requests_total) by ()", true), now).await.unwrap();
        assert_eq!(evaluator.statuses()[0].total, None);
    });
}

#[test]
fn the_forms_of_an_indicator_agree() {
    run(async {
        let bench = Bench::new().await;
        reset_vector(&bench).await;
        let windowed =
            ratio("sum(rate(good_total[{{.window}}]))", "sum(increase(requests_total[{{.window}}]))", true);
        let now = second(150);
        let evaluator = evaluator(&bench, windowed, now).await;
        tick(&evaluator, now).await;
        let status = evaluator.statuses()[0].clone();
        assert_eq!((status.good, status.total), (Some(100.0), Some(110.0)));

        // Values that are counts of their slice already.
        let evaluator =
            super::tests::evaluator(&bench, ratio("good_total", "requests_total", false), now).await;
        tick(&evaluator, now).await;
        let status = evaluator.statuses()[0].clone();
        assert_eq!((status.good, status.total), (Some(308.0), Some(330.0)));
    });
}

#[test]
fn thresholds_and_raw_ratios_are_measured_per_slice() {
    run(async {
        let bench = Bench::new().await;
        let values = [0.1, 0.2, 0.9, f64::NAN];
        let samples: Vec<_> =
            values.iter().enumerate().map(|(n, v)| (second(30 * n as u64 + 5), *v)).collect();
        bench.samples(&[("__name__", "latency_seconds"), ("host", "a")], &samples).await;
        bench.samples(&[("__name__", "latency_seconds"), ("host", "b")], &samples[..1]).await;
        bench.samples(&[("__name__", "success_ratio")], &samples).await;
        let text = |name: &str, indicator: &str, objective: &str| {
            format!(
                r#"
apiVersion: openslo/v1
kind: SLO
metadata: {{name: {name}}}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{{duration: 7d, isRolling: true}}]
  indicator:
    metadata: {{name: {name}}}
    spec: {indicator}
  objectives: [{objective}]
---"#
            )
        };
        let catalog = slos(&[
            text(
                "latency",
                "{thresholdMetric: {metricSource: {type: prometheus, spec: {query: latency_seconds}}}}",
                "{op: lte, value: 0.5, target: 0.9}",
            ),
            text(
                "raw",
                "{ratioMetric: {counter: false, raw: {metricSource: {type: prometheus, spec: {query: success_ratio}}}, rawType: success}}",
                "{target: 0.9}",
            ),
        ]
        .join("\n"));
        let now = second(180);
        let evaluator = evaluator(&bench, catalog, now).await;
        tick(&evaluator, now).await;
        let rows: Vec<_> =
            evaluator.statuses().iter().map(|row| (row.slo.clone(), row.good, row.total)).collect();
        assert_eq!(rows, [("latency".into(), Some(3.0), Some(4.0)), ("raw".into(), Some(1.2), Some(3.0))]);
    });
}

#[test]
fn a_query_that_returns_several_series_is_named() {
    run(async {
        let bench = Bench::new().await;
        for host in ["a", "b"] {
            bench.samples(&[("__name__", "requests_total"), ("host", host)], &[(second(0), 1.0)]).await;
        }
        let evaluator = evaluator(&bench, ratio(GOOD, "requests_total", true), second(90)).await;
        let report = evaluator.tick(second(90)).await.unwrap();
        assert_eq!(report.failed, 1);
        let [(slo_id, problem)] = &evaluator.problems()[..] else { panic!("one problem") };
        assert_eq!(slo_id, "checkout/1");
        assert!(problem.contains("2 series at once"), "{problem}");
    });
}

/// Counters that grow by ten requests, one of them bad, every half minute.
async fn even_traffic(bench: &Bench, slices: u64) {
    let at = |index: u64| second(30 * index);
    let total: Vec<_> = (0..slices).map(|index| (at(index), 10.0 * index as f64)).collect();
    let good: Vec<_> = (0..slices).map(|index| (at(index), 9.0 * index as f64)).collect();
    bench.samples(&[("__name__", "requests_total")], &total).await;
    bench.samples(&[("__name__", "good_total")], &good).await;
}
