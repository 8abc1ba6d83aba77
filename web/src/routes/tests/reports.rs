//! Recovery, delivery and impact over HTTP: the numbers of the SQL functions.

use serde_json::{Value, json};

use super::world::World;
use crate::Role;

#[tokio::test]
async fn deployments_of_a_time_are_reported() {
    let world = World::new().await;
    let (sender, viewer) = (world.token(Role::Ingest).await, world.token(Role::Viewer).await);
    for (id, status) in [("d1", "succeeded"), ("d2", "rolled_back")] {
        let at = "2026-11-23T01:00:00Z";
        let payload = json!({"version": id, "status": status, "finished_at": at});
        let deploy = json!({"id": id, "kind": "deploy", "service": "checkout", "at": at, "payload": payload});
        let answer = world.post(&sender, "/api/events", deploy).await;
        assert_eq!(answer.ok()["accepted"], 1);
    }
    let path = "/api/delivery?from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z&by=service";
    let report = world.get(&viewer, path).await.ok();
    assert_eq!(report["to"], "2026-11-24T00:00:00Z");
    let rows = report["rows"].as_array().unwrap();
    let own = rows.iter().find(|row| row["service"] == "checkout").unwrap();
    assert_eq!(
        (&own["deployments"], &own["failed_deployments"], &own["change_fail_rate"]),
        (&json!(2), &json!(1), &json!(0.5))
    );
    let sql = "SELECT deployments, change_fail_rate FROM delivery_metrics('2026-11-23', '2026-11-24', 'service') \
               WHERE service = 'checkout'";
    let in_sql = world.post(&viewer, "/api/sql", json!({"query": sql})).await.ok();
    assert_eq!(in_sql["rows"], json!([[2, 0.5]]));
    // Before anything was known.
    let before = path.replace("by=service", "as_of=2026-11-22T00:00:00Z");
    let none = &world.get(&viewer, &before).await.ok()["rows"][0];
    assert_eq!((&none["deployments"], &none["change_fail_rate"]), (&json!(0), &Value::Null));
    world.get(&sender, path).await.problem(403);
}

#[tokio::test]
async fn nothing_to_say_is_null_and_not_zero() {
    let world = World::new().await;
    let viewer = world.token(Role::Viewer).await;
    let report = world.get(&viewer, "/api/recovery").await.ok();
    assert_eq!(report["to"], "2026-11-23T02:00:00Z");
    assert_eq!(report["from"], "2026-10-24T02:00:00Z");
    let row = &report["rows"][0];
    assert_eq!(
        (&row["incidents"], &row["service"], &row["precision"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    let nothing = json!({"n": 0, "open": 0, "missing": 0, "negative": 0,
        "mean_secs": null, "median_secs": null, "p90_secs": null});
    assert_eq!((&row["restore"], &row["mtbf_secs"]), (&nothing, &Value::Null));
    let impact = world.get(&viewer, "/api/impact").await.ok();
    assert_eq!(impact["incidents"], json!([]));
    let row = &impact["rows"][0];
    assert_eq!((&row["incidents"], &row["user_minutes"]), (&json!(0), &json!({"total": null, "unknown": 0})));
    let problem = world.get(&viewer, "/api/impact?by=region").await.problem(400);
    assert!(problem.contains("\"region\" is nothing to group by"), "{problem}");
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_said() {
    let world = World::new().await;
    let viewer = world.token(Role::Viewer).await;
    let refused =
        async |query: &str| world.get(&viewer, &format!("/api/recovery?{query}")).await.problem(400);
    assert!(refused("from=soon").await.contains("soon"));
    assert_eq!(refused("from=2026-11-24T00:00:00Z").await, "it is not before `to`");
    assert!(refused("by=region").await.contains("\"region\" is nothing to group by"));
    assert!(refused("width=month").await.contains("the width \"month\" is no interval"));
    assert!(refused("width=1%20day&time_zone=Mars/Base").await.contains("Mars/Base"));
    assert!(refused("until=now").await.contains("until"));
}
