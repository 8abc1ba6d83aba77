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
