//! Time that does not count.

use super::*;

#[test]
fn maintenance_does_not_count_and_can_be_taken_back() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        let now = second(630);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        tick(&evaluator, now).await;
        let counts = || (evaluator.statuses()[0].good, evaluator.statuses()[0].total);
        assert_eq!(counts(), (Some(171.0), Some(190.0)));
        let tell = async |seq: i64, payload: serde_json::Value| {
            let told =
                crate::testing::event(telemetry::EventKind::MAINTENANCE, "db-upgrade", seq, now, payload);
            bench.events(vec![told]).await;
            evaluator.tick(now).await.unwrap();
        };
        // Said afterwards: the slices of five minutes are out, as if they had not been due.
        let period = |effect: Option<&str>| serde_json::json!({"title": "Upgrade", "started_at": second(120), "finished_at": second(420), "effect": effect});
        tell(1, period(None)).await;
        assert_eq!(counts(), (Some(81.0), Some(90.0)));
        let excluded = evaluator.excluded_times("checkout", now).unwrap();
        assert_eq!((excluded[0].title.as_str(), excluded[0].to), ("Upgrade", second(420)));
        tell(2, period(Some("count_as_good"))).await;
        assert_eq!(counts(), (Some(181.0), Some(190.0)));
        tell(3, serde_json::json!({"status": "cancelled"})).await;
        assert_eq!(counts(), (Some(171.0), Some(190.0)));
        // What was measured never changed.
        assert_eq!(bench.rows("SELECT max(rev), sum(total) FROM slo_slices").await, ["0,190.0"]);
    });
}
