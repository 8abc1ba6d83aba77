//! One objective, from OTLP counters to the API: the same numbers as in SQL, and never 100 % for
//! nothing.

use http::StatusCode;
use serde_json::{Value, json};
use telemetry::{Clock, Timestamp};

use super::world::{MINUTE, NOW_SECS, World};
use crate::Role;

const OBJECTIVE: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout-errors, displayName: Checkout answers}
spec:
  service: checkout
  budgetingMethod: Occurrences
  timeWindow: [{duration: 7d, isRolling: true}]
  indicator:
    metadata: {name: answers}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: prometheus, spec: {query: 'sum(good_total)'}}}
        total: {metricSource: {type: prometheus, spec: {query: 'sum(requests_total)'}}}
  objectives: [{target: 0.9}]
"#;

async fn load_objective(world: &World) {
    let (documents, _) = slo::openslo::parse_documents("slo.yaml", OBJECTIVE, slo::openslo::Mode::Lenient);
    let (slos, defects) = slo::catalog::resolve(documents);
    assert!(defects.iter().all(|defect| !defect.is_error()), "{defects:?}");
    world.state.slos.set_catalog(slos, world.clock.now()).await.unwrap();
}

/// Sends what the two counters stand at now.
async fn send_counters(world: &World, good: u64, total: u64) {
    let who = world.admin();
    let counter = |name: &str, value: u64| {
        let nanos = format!("{}000000000", world.clock.now().secs());
        let start = format!("{}000000000", NOW_SECS - 3600);
        json!({"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
            {"startTimeUnixNano": start, "timeUnixNano": nanos, "asInt": value.to_string()},
        ]}})
    };
    let metrics = [counter("good", good), counter("requests", total)];
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{ "metrics": metrics }]}]});
    let answer = world.post(&who, "/v1/metrics", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn an_objective_without_traffic_has_no_numbers() {
    let world = World::new().await;
    load_objective(&world).await;
    let who = world.token(Role::Viewer).await;
    let slo = world.get(&who, "/api/slos/checkout-errors").await.ok();
    assert_eq!((&slo["slo"], &slo["state"]), (&json!("checkout-errors"), &json!("no_data")));
    assert!(
        slo["sli"].is_null() && slo["error_budget_remaining"].is_null() && slo["good"].is_null(),
        "{slo}"
    );
    assert_eq!((&slo["target"], &slo["window"]), (&json!(0.9), &json!("7d")));
    assert_eq!((&slo["method"], &slo["alerts"]), (&json!("Occurrences"), &json!(true)));
    assert_eq!(slo["objectives"].as_array().unwrap().len(), 1);
    assert_eq!(slo["definition"]["file"], "slo.yaml");
    assert_eq!(slo["burn_windows"][0]["state"], "unknown");
    let history = world.get(&who, "/api/slos/checkout-errors/history").await.ok();
    assert_eq!(history, json!({"points": [], "incidents": [], "deploys": [], "projection": []}));
    let path = "/api/slos/checkout-errors/history";
    world.get(&who, &format!("{path}?from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z")).await.problem(400);
    world.get(&who, &format!("{path}?from=yesterday")).await.problem(400);
    world.get(&who, &format!("{path}?objective=none")).await.problem(404);
}

#[tokio::test]
async fn the_api_and_sql_carry_the_same_numbers() {
    let world = World::new().await;
    for minute in 0..10_u64 {
        send_counters(&world, 95 * minute, 100 * minute).await;
        world.clock.advance(MINUTE);
    }
    load_objective(&world).await;
    world.state.slos.tick(world.clock.now()).await.unwrap();

    let who = world.token(Role::Viewer).await;
    let slo = world.get(&who, "/api/slos/checkout-errors").await.ok();
    assert!(slo["total"].as_f64().unwrap() > 0.0, "{slo}");
    assert!((slo["sli"].as_f64().unwrap() - 0.95).abs() < 0.01, "{slo}");
    assert!((slo["error_budget_remaining"].as_f64().unwrap() - 0.5).abs() < 0.1, "{slo}");
    let names =
        ["good", "total", "sli", "error_budget_remaining", "burn_rate_1h", "coverage", "state", "as_of"];
    let sql = format!("SELECT {} FROM slo_status", names.join(", "));
    let row = &world.post(&who, "/api/sql", json!({ "query": sql })).await.ok()["rows"][0];
    let from_api: Vec<&Value> = names.iter().map(|name| &slo[name]).collect();
    assert_eq!(row.as_array().unwrap().iter().collect::<Vec<_>>(), from_api);

    let list = world.get(&who, "/api/slos").await.ok();
    assert_eq!(list["slos"][0]["sli"], slo["sli"]);
    let services = world.get(&who, "/api/services").await.ok();
    assert_eq!(services["services"][0]["worst_slo"]["sli"], slo["sli"]);
    assert_eq!(services["services"][0]["slo_count"], 1);
    let history = world.get(&who, "/api/slos/checkout-errors/history?points=5").await.ok();
    let points = history["points"].as_array().unwrap();
    assert!(!points.is_empty() && points.len() <= 5, "{history}");
    assert_eq!(points.last().unwrap()["sli"], slo["sli"]);

    // The dashed line goes on where the history ends; at half the rate that the target allows it never
    // reaches zero, so it ends after a window.
    let projection = history["projection"].as_array().unwrap();
    assert_eq!(projection[0]["at"], slo["as_of"]);
    assert_eq!(projection[0]["error_budget_remaining"], slo["error_budget_remaining"]);
    let time = |text: &Value| Timestamp::parse_rfc3339(text.as_str().unwrap()).unwrap();
    let end = projection.last().unwrap();
    assert!(slo["exhausted_at"].is_null(), "{slo}");
    assert_eq!(time(&end["at"]).since(time(&slo["as_of"])).as_secs(), 7 * 86_400);
    let value = |name: &str| end[name].as_f64().unwrap();
    assert!(value("low") <= value("error_budget_remaining"), "{end}");
    assert!(value("error_budget_remaining") <= value("high"), "{end}");
    let before = world.clock.now().minus(2 * MINUTE);
    let path = format!("/api/slos/checkout-errors/history?to={before}");
    assert_eq!(world.get(&who, &path).await.ok()["projection"], json!([]));
}

#[tokio::test]
async fn a_report_tells_what_ate_the_budget() {
    let world = World::new().await;
    for minute in 0..10_u64 {
        send_counters(&world, 95 * minute, 100 * minute).await;
        world.clock.advance(MINUTE);
    }
    load_objective(&world).await;
    world.state.slos.tick(world.clock.now()).await.unwrap();
    let who = world.admin();
    let declared = json!({"title": "Nobody can pay", "service": "checkout", "severity": "SEV3"});
    world.post(&who, "/api/incidents", declared).await;
    let path = "/api/slos/checkout-errors/report";
    let report = world.get(&who, &format!("{path}?windows=1h,6h")).await.ok();
    let slo = world.get(&who, "/api/slos/checkout-errors").await.ok();
    for name in ["good", "total", "bad", "error_budget_remaining", "exhausted_in_pace_secs"] {
        assert_eq!(report["status"][name], slo[name], "{name}");
    }
    assert_eq!(report["burn"][0]["window"], "1h");
    assert_eq!(report["burn"][0]["burn_rate"], slo["burn_rate_1h"]);
    // The incident began when everything was over: what was bad happened during none.
    assert_eq!(report["spent"]["causes"], json!([]));
    assert_eq!(report["spent"]["unexplained_bad"], report["spent"]["bad"]);
    assert_eq!((&report["groups"], &report["excluded"]), (&json!([]), &json!([])));
    // Nothing had been recorded long ago.
    let then = world.get(&who, &format!("{path}?reported_on=2020-01-01T00:00:00Z")).await.ok();
    assert!(then["status"]["total"].is_null(), "{then}");
    world.get(&who, &format!("{path}?windows=soon")).await.problem(400);
    world.get(&who, &format!("{path}?group=none")).await.problem(404);
    world.get(&who, "/api/slos/none/report").await.problem(404);
}

#[tokio::test]
async fn a_backfill_is_begun_and_followed() {
    let world = World::new().await;
    for minute in 0..10_u64 {
        send_counters(&world, 95 * minute, 100 * minute).await;
        world.clock.advance(MINUTE);
    }
    load_objective(&world).await;
    let who = world.admin();
    let path = "/api/slos/checkout-errors/backfills";
    assert_eq!(world.get(&who, path).await.ok(), json!({"backfills": []}));
    world
        .post(&who, path, json!({"from": "2026-11-24T00:00:00Z", "to": "2026-11-23T00:00:00Z"}))
        .await
        .problem(400);
    world.post(&who, "/api/slos/none/backfills", json!({})).await.problem(404);
    // From the oldest data on.
    let begun = world.post(&who, path, json!({})).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text());
    let ended = loop {
        let backfill = world.get(&who, path).await.ok()["backfills"][0].clone();
        if !backfill["ended_at"].is_null() {
            break backfill;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&ended["state"], &ended["error"]), (&json!("done"), &Value::Null));
    assert!(ended["written"].as_u64().unwrap() >= 9, "{ended}");
    let slo = world.get(&who, "/api/slos/checkout-errors").await.ok();
    assert!((slo["sli"].as_f64().unwrap() - 0.95).abs() < 0.01, "{slo}");
    // Who asked for what stays on record.
    let sql = "SELECT seq, json_text(payload, 'state') FROM events WHERE kind = 'slo_backfill' ORDER BY seq";
    let told = world.post(&who, "/api/sql", json!({ "query": sql })).await.ok();
    assert_eq!(told["rows"], json!([[1, "waiting"], [2, "done"]]));
}
