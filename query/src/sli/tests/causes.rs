//! What ate the budget, from the lake: in the report and in SQL, for a time in the past and as it was
//! known on a day.

use serde_json::{Value, json};
use telemetry::{Event, EventKind};

use super::*;
use crate::testing::event;

fn at_minute(minute: u64) -> Timestamp {
    second(60 * minute)
}

fn told(kind: EventKind, id: &str, recorded: u64, payload: Value) -> Event {
    Event { service: Some("checkout".into()), ..event(kind, id, 1, at_minute(recorded), payload) }
}

/// Ten minutes of a hundred requests each; of these five are bad in the minutes 2 to 5 and 8.
async fn burnt(bench: &Bench) -> Arc<SloEvaluator> {
    let bad = [0.0, 0.0, 5.0, 5.0, 5.0, 5.0, 0.0, 0.0, 5.0, 0.0];
    let (mut total, mut good) = (vec![(second(0), 0.0)], vec![(second(0), 0.0)]);
    for (minute, bad) in bad.into_iter().enumerate() {
        let until = at_minute(minute as u64 + 1);
        total.push((until, total[minute].1 + 100.0));
        good.push((until, good[minute].1 + 100.0 - bad));
    }
    bench.samples(&[("__name__", "requests_total")], &total).await;
    bench.samples(&[("__name__", "good_total")], &good).await;
    let mut elsewhere = told(
        EventKind::INCIDENT,
        "INC-9",
        10,
        json!({"title": "Elsewhere",
        "started_at": at_minute(0), "restored_at": at_minute(10)}),
    );
    elsewhere.service = Some("mail".into());
    let mut staging = told(
        EventKind::DEPLOY,
        "d-2",
        3,
        json!({"status": "succeeded",
        "finished_at": at_minute(3)}),
    );
    staging.env = Some("staging".into());
    bench
        .events(vec![
            told(
                EventKind::DEPLOY,
                "d-1",
                2,
                json!({"version": "v7", "status": "succeeded",
                "finished_at": at_minute(2)}),
            ),
            told(
                EventKind::INCIDENT,
                "INC-1",
                9,
                json!({"title": "Slow", "started_at": at_minute(3),
                "restored_at": at_minute(5)}),
            ),
            told(
                EventKind::INCIDENT,
                "INC-2",
                9,
                json!({"title": "None", "state": "declined",
                "started_at": at_minute(3)}),
            ),
            elsewhere,
            staging,
        ])
        .await;
    // The slice of the last request is settled.
    let now = second(660);
    let evaluator = evaluator(bench, ratio(GOOD, TOTAL, true), now).await;
    tick(&evaluator, now).await;
    evaluator
}

const COLUMNS: &str = "SELECT kind, id, title, started_at, ended_at, bad FROM";

#[test]
fn the_same_causes_are_in_sql_and_in_the_report() {
    run(async {
        let bench = Bench::new().await;
        let evaluator = burnt(&bench).await;
        let rows = bench.rows(&format!("{COLUMNS} budget_causes('checkout')")).await;
        let expected = [
            "deploy,d-1,v7,2026-11-23T11:02:00Z,2026-11-23T11:10:30Z,25.0",
            "incident,INC-1,Slow,2026-11-23T11:03:00Z,2026-11-23T11:05:00Z,10.0",
            "unexplained,,,2026-11-16T11:10:30Z,2026-11-23T11:10:30Z,0.0",
        ];
        assert_eq!(rows, expected);
        let query = ReportQuery {
            slo: "checkout".into(),
            objective: None,
            group: String::new(),
            at: None,
            recorded_by: None,
            windows: Vec::new(),
            window: None,
        };
        let spent = evaluator.report(&query).await.unwrap().unwrap().spent;
        let shares: Vec<_> = spent.causes.iter().map(|cause| cause.amount.budget_share).collect();
        assert_eq!(shares, [Some(0.25), Some(0.1)]);
        let in_sql =
            "SELECT budget_share, bad_share FROM budget_causes('checkout/1') WHERE kind = 'incident'";
        assert_eq!(bench.rows(in_sql).await, ["0.1,0.4"]);
        assert_eq!(bench.rows("SELECT * FROM budget_causes('none')").await.len(), 0);
        assert_eq!(bench.rows("SELECT * FROM budget_causes('checkout/2')").await.len(), 0);
    });
}

#[test]
fn causes_are_told_for_a_time_in_the_past_and_as_they_were_known() {
    run(async {
        let bench = Bench::new().await;
        let _evaluator = burnt(&bench).await;
        // After four minutes and a half the incident goes on.
        let then = "2026-11-23T11:04:30Z";
        assert_eq!(
            bench.rows(&format!("{COLUMNS} budget_causes('checkout', '{then}')")).await,
            [
                "deploy,d-1,v7,2026-11-23T11:02:00Z,2026-11-23T11:04:30Z,10.0",
                "incident,INC-1,Slow,2026-11-23T11:03:00Z,2026-11-23T11:04:30Z,10.0",
                "unexplained,,,2026-11-16T11:04:30Z,2026-11-23T11:04:30Z,0.0",
            ]
        );
        // What had been recorded by then: no slice and no incident, so there was nothing to explain.
        assert_eq!(
            bench
                .rows(&format!("SELECT kind, bad FROM budget_causes('checkout', '{then}', '', '{then}')"))
                .await,
            ["unexplained,0.0"]
        );
    });
}

#[test]
fn a_burn_rate_is_told_over_any_window() {
    run(async {
        let bench = Bench::new().await;
        let evaluator = burnt(&bench).await;
        let now = second(660);
        let rate = |minutes: u64| {
            let window = Duration::from_secs(60 * minutes);
            evaluator.burn_rate("checkout", "1", "", window, now).map(|rate| (rate * 1_000.0).round())
        };
        // A tenth may be bad; 25 of 1000 are, and 25 of the newest 900.
        let status = evaluator.statuses()[0].clone();
        assert_eq!(rate(60), status.burn_rate_1h.map(|rate| (rate * 1_000.0).round()));
        assert_eq!((rate(60), rate(9)), (Some(250.0), Some(278.0)));
        assert_eq!(evaluator.burn_rate("checkout", "2", "", Duration::from_secs(60), now), None);
        assert_eq!(evaluator.burn_rate("checkout", "1", "none", Duration::from_secs(60), now), None);
    });
}
