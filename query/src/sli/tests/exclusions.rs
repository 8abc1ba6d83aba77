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

#[test]
fn what_was_reported_knew_the_maintenance_of_then() {
    run(async {
        let bench = Bench::new().await;
        even_traffic(&bench, 20).await;
        let now = second(630);
        bench.clock.set(now);
        let evaluator = evaluator(&bench, ratio(GOOD, TOTAL, true), now).await;
        tick(&evaluator, now).await;
        let told_at = now.plus(Duration::from_secs(60));
        let period =
            serde_json::json!({"title": "Upgrade", "started_at": second(120), "finished_at": second(420)});
        let told = crate::testing::event(telemetry::EventKind::MAINTENANCE, "db-upgrade", 1, told_at, period);
        bench.clock.set(told_at);
        bench.events(vec![told]).await;
        evaluator.tick(told_at).await.unwrap();
        let total = async |recorded_by: Timestamp| {
            let query = ReportQuery {
                slo: "checkout".into(),
                objective: None,
                group: String::new(),
                at: Some(second(600)),
                recorded_by: Some(recorded_by),
                windows: Vec::new(),
                window: None,
            };
            let report = evaluator.report(&query).await.unwrap().unwrap();
            let of = BudgetOf { slo: "checkout", objective: "1", group: "", window: None };
            let points = evaluator.history_as_of(of, (second(0), second(600)), 1, recorded_by).await;
            let points = points.unwrap().unwrap();
            assert_eq!(points[0].total, report.status.total);
            (report.status.total, report.excluded.len())
        };
        assert_eq!(total(now).await, (Some(190.0), 0));
        assert_eq!(total(told_at).await, (Some(90.0), 1));
    });
}

#[test]
fn old_slices_are_cut_as_they_were_measured() {
    run(async {
        let bench = Bench::new().await;
        let grow = |bad_at: u64| {
            let good = move |n: u64| if n >= bad_at { 10.0 * (n - 1) as f64 } else { 10.0 * n as f64 };
            (0..20).map(move |n| (second(30 * n), good(n))).collect::<Vec<_>>()
        };
        bench.samples(&[("__name__", "requests_total")], &grow(u64::MAX)).await;
        // All of the ten bad ones are in the slice of the fourth half minute.
        bench.samples(&[("__name__", "good_total")], &grow(3)).await;
        let config = SliConfig { base_slices_kept: Duration::from_secs(3_600), ..SliConfig::default() };
        let open = async |now: Timestamp| {
            let evaluator = SloEvaluator::new(bench.engine.clone(), config.clone());
            evaluator.set_catalog(ratio(GOOD, TOTAL, true), now).await.unwrap();
            evaluator
        };
        let counts =
            |it: &SloEvaluator| (it.statuses()[0].good, it.statuses()[0].total, it.statuses()[0].bad);
        let evaluator = open(second(630)).await;
        tick(&evaluator, second(630)).await;
        let now = second(3 * 3_600 + 60);
        bench.clock.set(now);
        for name in ["requests_total", "good_total"] {
            bench.samples(&[("__name__", name)], &[(second(3 * 3_600), 0.0)]).await;
        }
        tick(&evaluator, now).await;
        assert_eq!(counts(&evaluator), (Some(180.0), Some(190.0), Some(10.0)));
        let folded = evaluator.with_slices("checkout", "1", "", slo::SliceSeries::len).unwrap();
        assert!(folded < 10, "{folded}");
        // One of the five minutes of a folded slice, the bad one.
        let period = serde_json::json!({"started_at": second(60), "finished_at": second(120)});
        let told = crate::testing::event(telemetry::EventKind::MAINTENANCE, "restart", 1, now, period);
        bench.events(vec![told]).await;
        tick(&evaluator, now).await;
        let without = (Some(170.0), Some(170.0), Some(0.0));
        assert_eq!(counts(&evaluator), without);
        // A server that starts says the same.
        assert_eq!(counts(&*open(now).await), without);
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
