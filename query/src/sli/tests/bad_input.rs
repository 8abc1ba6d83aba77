//! What indicators and clocks should not do.

use super::*;

/// What the tick says is wrong with one objective.
async fn problem_of(good: &str, total: &str) -> String {
    let bench = Bench::new().await;
    even_traffic(&bench, 20).await;
    let evaluator = evaluator(&bench, ratio(good, total, false), second(630)).await;
    let report = evaluator.tick(second(630)).await.unwrap();
    let [(slo_id, problem)] = &evaluator.problems()[..] else { panic!("one problem of {total}") };
    assert_eq!((slo_id.as_str(), report.failed), ("checkout/1", 1));
    problem.clone()
}

#[test]
fn what_is_no_number_of_events_is_named() {
    run(async {
        let infinite = problem_of("good_total", "requests_total / 0").await;
        assert!(infinite.contains("which is no number of events"), "{infinite}");
        let text = problem_of("good_total", r#""ten""#).await;
        assert!(text.contains("ten") && text.contains("string"), "{text}");
    });
}

/// The same of a statement.
async fn problem_of_statement(columns: &str) -> String {
    let bench = Bench::new().await;
    let statement = format!("SELECT {columns} WHERE $from < $to");
    let catalog = slos(&format!(
        r#"
apiVersion: openslo/v1
kind: SLO
metadata: {{name: checkout}}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{{duration: 7d, isRolling: true}}]
  indicator:
    metadata: {{name: rows}}
    spec:
      ratioMetric:
        good: {{metricSource: {{type: sql, spec: {{column: good}}}}}}
        total: {{metricSource: {{type: sql, spec: {{query: "{statement}"}}}}}}
  objectives: [{{target: 0.9}}]
"#
    ));
    let evaluator = evaluator(&bench, catalog, second(630)).await;
    evaluator.tick(second(630)).await.unwrap();
    let [(_, problem)] = &evaluator.problems()[..] else { panic!("one problem of {statement}") };
    assert_eq!(bench.rows("SELECT count(*) FROM slo_slices").await, ["0"]);
    problem.clone()
}

#[test]
fn rows_that_are_no_numbers_are_named_and_not_nothing() {
    run(async {
        let text = problem_of_statement("$from AS ts, 'many' AS total, 1 AS good").await;
        assert!(text.contains(r#"returns "total" as Utf8"#) && text.contains("'many'"), "{text}");
        let text = problem_of_statement("$from AS ts, 2 AS total, 'x' AS good").await;
        assert!(text.contains(r#"returns "good" as Utf8"#), "{text}");
        let text = problem_of_statement("'soon' AS ts, 2 AS total, 1 AS good").await;
        assert!(text.contains(r#"returns "ts" as Utf8"#), "{text}");
        let nan = problem_of_statement("$from AS ts, CAST('NaN' AS DOUBLE) AS total, 1 AS good").await;
        assert!(nan.contains("returns NaN for the slice at 2026-11-23T"), "{nan}");
        let text = problem_of_statement("$from AS ts, 2 AS total").await;
        assert!(text.contains(r#"returns no column "good""#), "{text}");
    });
}

#[test]
fn more_good_than_total_is_all_good_and_counted() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        let now = second(630);
        let evaluator = evaluator(&bench, ratio(TOTAL, GOOD, true), now).await;
        tick(&evaluator, now).await;
        let status = evaluator.statuses()[0].clone();
        assert_eq!((status.sli, status.bad, status.clamped_slices), (Some(1.0), Some(0.0), 19));
        // Measured again it is the same, and no new revision.
        tick(&evaluator, second(660)).await;
        assert_eq!(bench.rows("SELECT max(rev) FROM slo_slices").await, ["0"]);
    });
}

#[test]
fn a_clock_that_jumps_ahead_and_back_loses_and_repeats_nothing() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        let now = second(630);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        let total = || evaluator.statuses()[0].total;
        tick(&evaluator, now).await;
        assert_eq!(total(), Some(190.0));
        // Beyond the window and what is kept of it: the numbers are those of before, and old.
        evaluator.tick(now.plus(Duration::from_secs(20 * 86_400))).await.unwrap();
        assert_eq!((total(), evaluator.statuses()[0].state), (Some(190.0), SloState::Frozen));
        evaluator.tick(now).await.unwrap();
        assert_eq!(total(), Some(190.0));
        even_traffic(&bench, 30).await;
        tick(&evaluator, second(930)).await;
        assert_eq!(total(), Some(290.0));
        // An hour back there is nothing to measure.
        evaluator.tick(second(930).minus(Duration::from_secs(3_600))).await.unwrap();
        tick(&evaluator, second(960)).await;
        assert_eq!(total(), Some(290.0));
        let rows = "SELECT count(*) = count(DISTINCT slice_start), max(rev) FROM slo_slices";
        assert_eq!(bench.rows(rows).await, ["true,0"]);
    });
}
