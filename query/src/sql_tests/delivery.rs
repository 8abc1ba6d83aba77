//! The golden vector of delivery through SQL, from events to numbers; what is a deployment, and what an
//! incident is put down to.

use serde_json::{Value, json};
use telemetry::{Event, EventKind, Timestamp};

use super::reports::{day_request, incident};
use crate::reports::ReportRequest;
use crate::testing::{Bench, at, event, run};
use crate::{QueryConfig, QueryRole};

fn deploy(id: usize, finished: Timestamp, more: &Value) -> Event {
    let mut payload = json!({"version": id.to_string(), "status": "succeeded", "finished_at": finished});
    if let (Some(payload), Some(more)) = (payload.as_object_mut(), more.as_object()) {
        payload.extend(more.clone());
    }
    event(EventKind::DEPLOY, &format!("d-{id}"), 1, finished, payload)
}

fn hours_in(hours: u64) -> Timestamp {
    at("2026-03-02T00:00:00Z").plus(std::time::Duration::from_secs(3_600 * hours))
}

fn minutes_after(time: Timestamp, minutes: u64) -> Timestamp {
    time.plus(std::time::Duration::from_secs(60 * minutes))
}

/// An incident that names a deploy, and the minutes from that deploy's finish to the end.
fn caused_by(id: &str, deploy: usize, finished: Timestamp, restored_after: Option<u64>) -> Event {
    let payload = json!({"title": id, "deploy_id": format!("d-{deploy}"), "started_at": minutes_after(finished, 1),
        "restored_at": restored_after.map(|minutes| minutes_after(finished, minutes))});
    incident(id, 1, minutes_after(finished, 200), payload)
}

const WEEK: &str = "'2026-03-02', '2026-03-09'";

#[test]
fn v18_delivery() {
    run(async {
        let bench = Bench::new().await;
        let none = format!(
            "SELECT deployments, deployments_per_day, change_fail_rate, rework_rate, lead_time_n, recovery_median_secs
             FROM delivery_metrics({WEEK})"
        );
        assert_eq!(bench.rows(&none).await, ["0,0.0,,,0,"]);

        let mut events: Vec<Event> = (0..23).map(|id| deploy(id, hours_in(id as u64), &json!({}))).collect();
        for (number, id) in [2, 2, 2, 5, 9, 20].into_iter().enumerate() {
            events.push(caused_by(&format!("I{number}"), id, hours_in(id as u64), Some(10)));
        }
        bench.events(events).await;
        let rates = format!(
            "SELECT deployments, failed_deployments, round(change_fail_rate, 5), attributed_incidents
             FROM delivery_metrics({WEEK})"
        );
        assert_eq!(bench.rows(&rates).await, ["23,4,0.17391,6"]);
    });
    run(async {
        let bench = Bench::new().await;
        let lead_minutes = [30, 120, 1_560, 3_000];
        let mut events = Vec::new();
        for (id, lead) in lead_minutes.into_iter().enumerate() {
            let finished = hours_in(id as u64);
            let committed = finished.minus(std::time::Duration::from_secs(60 * lead));
            let commits = json!({"commits": [{"id": format!("c{id}"), "timestamp": committed}]});
            events.push(deploy(id, finished, &commits));
        }
        for (id, restored) in [(0, Some(42)), (1, Some(120)), (2, None)] {
            events.push(caused_by(&format!("I{id}"), id, hours_in(id as u64), restored));
        }
        bench.events(events).await;
        let columns = "recovery_median_secs, recovery_n, recovery_open, lead_time_median_secs, lead_time_n";
        let rows = bench.rows(&format!("SELECT {columns} FROM delivery_metrics({WEEK})")).await;
        assert_eq!(rows, ["4860.0,2,1,50400.0,4"]);
    });
}

#[test]
fn an_incident_is_put_down_to_what_was_named_or_to_the_latest_deploy_of_its_service() {
    run(async {
        let bench = Bench::new().await;
        let mut other = deploy(7, hours_in(1), &json!({"rework": true}));
        other.service = Some("cart".into());
        let mut test_stage = deploy(8, hours_in(1), &json!({}));
        test_stage.env = Some("staging".into());
        let within = json!({"title": "Soon", "started_at": hours_in(3)});
        let late = json!({"title": "Late", "started_at": hours_in(40)});
        let named = json!({"deploy_id": "d-7", "incident_id": "named"});
        let misled = json!({"title": "Named", "started_at": hours_in(3)});
        bench
            .events(vec![
                deploy(1, hours_in(1), &json!({})),
                deploy(2, hours_in(2), &json!({})),
                other,
                test_stage,
                incident("soon", 1, hours_in(3), within),
                incident("late", 1, hours_in(40), late),
                incident("named", 1, hours_in(3), misled),
                event(EventKind::new("attribution"), "named", 1, hours_in(4), named),
            ])
            .await;
        let query = |within: &str| {
            format!(
                "SELECT service, deployments, failed_deployments, rework_rate, attributed_incidents, unattributed_incidents
                 FROM delivery_metrics({WEEK}, 'service', '7 days', 'UTC', '{within}') ORDER BY 1"
            )
        };
        assert_eq!(bench.rows(&query("1 day")).await, ["cart,1,1,1.0,0,0", "checkout,2,1,0.0,2,1"]);
        assert_eq!(bench.rows(&query("30 minutes")).await, ["cart,1,1,1.0,0,0", "checkout,2,0,0.0,1,2"]);
        // Before anybody had named it.
        let then = format!(
            "SELECT failed_deployments FROM delivery_metrics_as_of('2026-03-02T03:30:00Z', {WEEK}, 'service')"
        );
        assert_eq!(bench.rows(&then).await, ["0", "1"]);
    });
}

#[test]
fn production_is_what_the_settings_say() {
    run(async {
        let mut config = QueryConfig::default();
        config.reports.production_environments = vec!["Live-EU".into()];
        let bench = Bench::with(config).await;
        let mut elsewhere = deploy(1, hours_in(1), &json!({}));
        elsewhere.env = Some("production".into());
        let mut live = deploy(2, hours_in(2), &json!({}));
        live.env = Some("live-eu".into());
        bench.events(vec![elsewhere, live, deploy(3, hours_in(3), &json!({}))]).await;
        let request = ReportRequest { to: at("2026-03-09T00:00:00Z"), ..day_request() };
        let rows = bench.engine.delivery(&request, QueryRole::Viewer).await.unwrap();
        assert_eq!((rows[0].metrics.deployments, rows[0].severity.as_deref()), (2, None));
    });
}
