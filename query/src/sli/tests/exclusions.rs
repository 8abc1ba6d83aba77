//! Time that does not count.

use slo::maintenance::{Maintenance, Repeats};

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
        let excluded = evaluator.excluded_times("checkout").unwrap();
        assert_eq!((excluded[0].title.as_str(), excluded[0].to), ("Upgrade", second(420)));
        tell(2, period(Some("count_as_good"))).await;
        assert_eq!(counts(), (Some(181.0), Some(190.0)));
        tell(3, serde_json::json!({"status": "cancelled"})).await;
        assert_eq!(counts(), (Some(171.0), Some(190.0)));
        // What was measured never changed.
        assert_eq!(bench.rows("SELECT max(rev), sum(total) FROM slo_slices").await, ["0,190.0"]);
    });
}

/// Five minutes a day at two past noon in Berlin.
fn daily() -> Maintenance {
    Maintenance {
        name: "cache-flush".into(),
        title: "The cache is emptied".into(),
        reason: None,
        services: vec!["checkout".into()],
        slos: Vec::new(),
        effect: None,
        from: at("2026-11-20T11:02:00Z"),
        length: Duration::from_secs(300),
        repeats: Some(Repeats { rule: "FREQ=DAILY".into(), timezone: "Europe/Berlin".into() }),
        origin: "maintenance.yaml".into(),
    }
}

#[test]
fn recurring_maintenance_of_a_file_does_not_count_until_the_file_takes_it_back() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        let now = second(630);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        tick(&evaluator, now).await;
        let total = || evaluator.statuses()[0].total;
        assert_eq!(total(), Some(190.0));
        // Known afterwards: today's five minutes from 11:02 on are out.
        evaluator.set_maintenance(&[daily()], now).await.unwrap();
        assert_eq!(total(), Some(90.0));
        let excluded = evaluator.excluded_times("checkout").unwrap();
        let days: Vec<String> = excluded.iter().take(4).map(|time| time.from.to_string()).collect();
        // From its first time on, and as far ahead as a window reaches.
        assert_eq!(
            days,
            ["2026-11-20T11:02:00Z", "2026-11-21T11:02:00Z", "2026-11-22T11:02:00Z", "2026-11-23T11:02:00Z"]
        );
        assert_eq!(excluded[0].actor.as_deref(), Some("configuration"));
        assert!(excluded.len() > 7 && excluded.len() < 20, "{}", excluded.len());
        // The same once more says nothing new; a shorter one is a correction.
        evaluator.set_maintenance(&[daily()], now).await.unwrap();
        let shorter = Maintenance { length: Duration::from_secs(120), ..daily() };
        evaluator.set_maintenance(&[shorter], now).await.unwrap();
        assert_eq!(total(), Some(150.0));
        // Not on this day any more.
        let repeats = Repeats { rule: "FREQ=DAILY;UNTIL=20261122".into(), timezone: "Europe/Berlin".into() };
        evaluator.set_maintenance(&[Maintenance { repeats: Some(repeats), ..daily() }], now).await.unwrap();
        assert_eq!(total(), Some(190.0));
        evaluator.set_maintenance(&[], now).await.unwrap();
        assert_eq!(evaluator.excluded_times("checkout").unwrap(), []);
        let trail = "SELECT seq, actor, json_text(payload, 'status') FROM events WHERE kind = 'maintenance' ORDER BY seq";
        assert_eq!(
            bench.rows(trail).await,
            [
                "1,configuration,planned",
                "2,configuration,planned",
                "3,configuration,planned",
                "4,configuration,cancelled"
            ]
        );
    });
}

#[test]
fn a_recurring_event_is_corrected_by_the_next_one() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        let now = second(630);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        tick(&evaluator, now).await;
        let tell = async |seq: i64, rule: serde_json::Value| {
            let payload = serde_json::json!({
                "started_at": "2026-11-02T11:02:00Z", "finished_at": "2026-11-02T11:07:00Z", "rrule": rule,
                "slos": ["checkout"]
            });
            let told = crate::testing::event(telemetry::EventKind::MAINTENANCE, "weekly", seq, now, payload);
            bench.events(vec![told]).await;
            evaluator.tick(now).await.unwrap();
            evaluator.statuses()[0].total
        };
        // Both are Mondays.
        assert_eq!(tell(1, "FREQ=WEEKLY".into()).await, Some(90.0));
        assert_eq!(tell(2, "FREQ=WEEKLY;INTERVAL=2".into()).await, Some(190.0));
        assert_eq!(tell(3, "FREQ=WEEKLY;COUNT=4".into()).await, Some(90.0));
        // Once, three weeks ago.
        assert_eq!(tell(4, serde_json::Value::Null).await, Some(190.0));
    });
}
