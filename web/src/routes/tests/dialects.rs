//! Telemetry in through its dialects, and out through SQL and the Prometheus API.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{As, NOW_SECS, World, request};
use crate::Role;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Two gauges by OTLP/HTTP with JSON.
async fn send_metrics(world: &World) {
    let who = world.token(Role::Ingest).await;
    let point = |region: &str, value: f64| {
        json!({
            "timeUnixNano": format!("{NOW_SECS}000000000"),
            "asDouble": value,
            "attributes": [{"key": "region", "value": {"stringValue": region}}],
        })
    };
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "chat"}}]},
        "scopeMetrics": [{"metrics": [{
            "name": "players", "gauge": {"dataPoints": [point("eu", 40.0), point("us", 2.5)]},
        }]}],
    }]});
    let answer = world.post(&who, "/v1/metrics", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

async fn prometheus(world: &World, who: &As, path: &str) -> (StatusCode, Value) {
    let answer = world.get(who, &format!("/prometheus/api/v1/{path}")).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn what_otlp_acknowledged_can_be_queried_at_once() {
    let world = World::new().await;
    send_metrics(&world).await;
    let who = world.token(Role::Viewer).await;
    let (status, answer) =
        prometheus(&world, &who, &format!("query?query=sum(players)&time={NOW_SECS}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer,
        json!({"status": "success", "data": {"resultType": "vector",
            "result": [{"metric": {}, "value": [NOW_SECS, "42.5"]}]}})
    );
    let form = format!("query=players&start={NOW_SECS}&end={}&step=60", NOW_SECS + 60);
    let path = "/prometheus/api/v1/query_range";
    let range = world.send(request(Method::POST, &who, path, &[FORM], form)).await.ok();
    assert_eq!(range["data"]["resultType"], "matrix");
    let regions: Vec<&Value> = range["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| &series["metric"]["region"])
        .collect();
    assert_eq!(regions, ["eu", "us"]);
    let sql = json!({"query": "SELECT labels['region'] AS region, value FROM metrics ORDER BY region"});
    assert_eq!(world.post(&who, "/api/sql", sql).await.ok()["rows"], json!([["eu", 40.0], ["us", 2.5]]));
}

#[tokio::test]
async fn editors_find_series_labels_and_values() {
    let world = World::new().await;
    send_metrics(&world).await;
    let who = world.token(Role::Viewer).await;
    let (_, values) = prometheus(&world, &who, "label/region/values").await;
    assert_eq!(values, json!({"status": "success", "data": ["eu", "us"]}));
    let (_, values) =
        prometheus(&world, &who, "label/region/values?match[]=players%7Bregion!=%22eu%22%7D").await;
    assert_eq!(values["data"], json!(["us"]));
    let (_, names) = prometheus(&world, &who, "labels?match[]=players").await;
    assert!(names["data"].as_array().unwrap().contains(&json!("region")), "{names}");
    let (_, series) = prometheus(&world, &who, "series?match[]=players&limit=1").await;
    assert_eq!(series["data"].as_array().unwrap().len(), 1);
    assert_eq!(series["warnings"], json!(["results truncated due to limit"]));
    let (_, metadata) = prometheus(&world, &who, "metadata?metric=players").await;
    assert_eq!(metadata["data"]["players"][0]["type"], "gauge");
    let (_, build) = prometheus(&world, &who, "status/buildinfo").await;
    assert!(build["data"]["version"].is_string() && build["data"].get("features").is_none());
}

#[tokio::test]
async fn promql_errors_have_their_class_and_status() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let health = prometheus(&world, &who, "query?query=1%2B1&time=4").await;
    assert_eq!(health.1["data"], json!({"resultType": "scalar", "result": [4, "2"]}));
    for (path, says) in [
        ("query", "\"query\""),
        ("query?query=sum(", ""),
        ("query?query=up&time=soon", "\"time\""),
        ("query_range?query=up&start=10&end=5&step=1", "end timestamp must not be before start time"),
        ("query_range?query=up&start=0&end=1&step=0", "zero or negative"),
        ("query_range?query=up&start=0&end=1000000&step=1", "exceeded maximum resolution"),
        ("series", "match[]"),
        ("series?match[]=sum(up)", "match[]"),
    ] {
        let (status, answer) = prometheus(&world, &who, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        assert_eq!(
            (&answer["status"], &answer["errorType"]),
            (&json!("error"), &json!("bad_data")),
            "{path}"
        );
        assert!(answer["error"].as_str().unwrap().contains(says), "{path}: {answer}");
    }
}

#[tokio::test]
async fn events_are_rows_of_their_views_and_results_come_in_every_format() {
    let world = World::new().await;
    let sender = world.token(Role::Ingest).await;
    let deploy = json!({"id": "d1", "kind": "deploy", "service": "checkout", "at": "2026-11-23T01:00:00Z",
        "payload": {"version": "v7", "status": "succeeded", "started_at": "2026-11-23T01:00:00Z"}});
    let answer = world.post(&sender, "/api/events", deploy).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], 1);

    let who = world.token(Role::Viewer).await;
    let body = json!({"query": "SELECT version, status FROM deploys"}).to_string();
    let ask = async |accept: &str| {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        world.send(request(Method::POST, &who, "/api/sql", &headers, body.clone())).await
    };
    assert_eq!(ask("text/csv").await.text().replace('\r', ""), "version,status\nv7,succeeded\n");
    assert_eq!(ask("application/x-ndjson").await.text(), "{\"version\":\"v7\",\"status\":\"succeeded\"}\n");
    let arrow = ask("application/vnd.apache.arrow.stream").await;
    assert_eq!(arrow.header("content-type"), "application/vnd.apache.arrow.stream");
    assert_eq!(&arrow.body[..4], [0xff; 4], "the continuation marker of a stream");

    let services = world.get(&who, "/api/services").await.ok();
    assert_eq!(
        services["services"][0]["last_change"],
        json!({"deploy_id": services["services"][0]["last_change"]["deploy_id"], "version": "v7",
            "status": "succeeded", "at": "2026-11-23T01:00:00Z"})
    );
}

#[tokio::test]
async fn telemetry_that_is_garbage_is_answered_in_its_dialect() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    let send = async |path: &str, content_type: &str, body: &'static str| {
        let headers = [("content-type", content_type)];
        world.send(request(Method::POST, &who, path, &headers, body)).await.status.as_u16()
    };
    assert_eq!(send("/v1/metrics", "application/json", "{").await, 400);
    assert_eq!(send("/v1/metrics", "text/plain", "x").await, 415);
    assert_eq!(send("/v1/logs", "application/x-protobuf", "\u{7f}\u{7f}").await, 400);
    assert_eq!(send("/prometheus/api/v1/write", "application/x-protobuf", "not snappy").await, 415);
    assert_eq!(send("/api/events", "application/json", "[[[").await, 400);
}
