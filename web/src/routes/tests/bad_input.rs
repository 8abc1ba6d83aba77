//! Garbage: each kind gets a problem document that names what and where, and the server stays up.

use http::{Method, StatusCode};
use serde_json::json;

use super::world::{As, Trouble, World, request};
use crate::{Role, WebConfig};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn bodies_that_are_not_what_they_say() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let send = async |headers: &[(&'static str, &str)], body: &str| {
        world.send(request(Method::POST, &who, "/api/sql", headers, body.to_owned())).await
    };
    assert!(send(&[JSON], "{").await.problem(400).contains("not valid JSON"));
    assert!(send(&[JSON], "\u{1}\u{2}").await.problem(400).contains("not valid JSON"));
    assert_eq!(
        send(&[], "{}").await.problem(415),
        "the body is of no content type, expected application/json"
    );
    assert!(send(&[("content-type", "text/xml")], "<a/>").await.problem(415).contains("text/xml"));

    let unknown = send(&[JSON], r#"{"query": "SELECT 1", "limit": 1}"#).await;
    assert!(unknown.problem(400).contains("unknown field `limit`"));
    assert_eq!(unknown.json()["errors"][0]["pointer"], "/limit");
    let missing = send(&[JSON], "{}").await;
    missing.problem(400);
    assert_eq!(missing.json()["errors"][0]["pointer"], "/query");

    let deep = format!(r#"{{"query": {}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(send(&[JSON], &deep).await.problem(400).contains("json_depth_max"));
    assert_eq!(send(&[JSON], r#"{"query": "SELECT 1 AS one"}"#).await.ok()["rows"], json!([[1]]));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_length() {
    let config = WebConfig { api_body_bytes_max: 100, ..WebConfig::default() };
    let world = World::with(config).await;
    let who = world.token(Role::Viewer).await;
    let body = json!({"query": "x".repeat(200)});
    assert_eq!(world.post(&who, "/api/sql", body).await.problem(413), "the body is longer than 100 bytes");
    let form = "token=".to_owned() + &"x".repeat(10_000);
    world.form(&As::Nobody, "/login", &form).await.problem(413);
}

#[tokio::test]
async fn sql_that_is_wrong_writes_or_asks_for_an_unknown_format() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let sql = async |query: &str| world.post(&who, "/api/sql", json!({ "query": query })).await;
    let wrong = sql("SELEC 1").await;
    assert!(wrong.problem(400).contains("syntax error"));
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/query");
    assert!(sql("SELECT * FROM nowhere").await.problem(400).contains("nowhere"));
    assert!(sql("DROP TABLE logs").await.problem(400).contains("not allowed"));
    assert!(sql("SELECT 1; SELECT 2").await.problem(400).contains("one statement at a time"));
    sql("").await.problem(400);
    let headers = [JSON, ("accept", "image/png")];
    let body = json!({"query": "SELECT 1"}).to_string();
    let answer = world.send(request(Method::POST, &who, "/api/sql", &headers, body)).await;
    assert!(answer.problem(406).contains("text/csv"));
}

#[tokio::test]
async fn unknown_paths_are_problems_below_mounts_and_never_the_dashboard() {
    let world = World::new().await;
    let who = world.token(Role::Admin).await;
    for path in [
        "/api",
        "/api/nothing",
        "/api/slos/x/y/z",
        "/assets/none.js",
        "/prometheus/nothing",
        "/v1/nothing",
        "/alertmanager/api/v2/alerts",
        "/loki/api/v1/query_range",
        "/opsgenie/v2/alerts",
        "/pagerduty/v2/enqueue",
        "/p/x/y",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer =
                world.send(request(method.clone(), &who, path, &[("accept", "text/html")], "")).await;
            let status = answer.status;
            assert!(
                status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}: {status}"
            );
            answer.problem(status.as_u16());
        }
    }
    let answer = world.send(request(Method::PUT, &who, "/api/slos", &[], "")).await;
    assert_eq!(answer.problem(405), "this path does not know the method");
}

#[tokio::test]
async fn values_of_fields_are_checked_where_they_stand() {
    let world = World::new().await;
    let who = world.token(Role::Responder).await;
    let pointer = |answer: &super::world::Answer| answer.json()["errors"][0]["pointer"].clone();

    let answer = world.post(&who, "/api/incidents", json!({"title": "x", "severity": "SEV9"})).await;
    assert_eq!(answer.problem(400), "\"SEV9\" is not SEV1 to SEV5");
    assert_eq!(pointer(&answer), "/severity");
    let answer = world.post(&who, "/api/incidents", json!({"title": " ", "severity": "SEV3"})).await;
    answer.problem(400);
    assert_eq!(pointer(&answer), "/title");
    let answer = world.get(&who, "/api/incidents?state=closed").await;
    answer.problem(400);
    assert_eq!(pointer(&answer), "?state");
    let answer = world.get(&who, "/readyz?role=cook").await;
    assert!(answer.problem(400).contains("\"cook\" is not a role"));

    assert!(world.get(&who, "/api/incidents/INC-7").await.problem(404).contains("INC-7"));
    world.get(&who, "/api/incidents/drop%20table").await.problem(404);
    world.get(&who, "/api/slos/none").await.problem(404);
    world.get(&who, "/api/slos/none/history").await.problem(404);
    world.get(&who, "/api/runbooks/none").await.problem(404);
    world.get(&who, "/api/runs/RUN-9").await.problem(404);
    world.get(&who, "/api/retrospectives/RETRO-9").await.problem(404);
    world.post(&who, "/api/incidents/INC-7/acknowledge", json!({})).await.problem(404);
    world.get(&who, "/api/inbox").await.problem(404);
}

#[tokio::test]
async fn a_panic_is_a_problem_that_keeps_its_text_to_the_log() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    world.health.fail(Trouble::Panics);
    let answer = world.get(&who, "/api/status").await;
    assert_eq!(answer.problem(500), "the cause is in the server's log");
    assert!(!answer.text().contains("secret"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(world.get(&who, "/api/alerts").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_handler_that_hangs_is_given_up() {
    let config = WebConfig { request_timeout: std::time::Duration::from_millis(20), ..WebConfig::default() };
    let world = World::with(config).await;
    let who = world.token(Role::Viewer).await;
    world.health.fail(Trouble::NeverAnswers);
    assert_eq!(world.get(&who, "/api/status").await.problem(503), "no answer within 20ms");
    world.get(&As::Nobody, "/readyz").await.problem(503);
}

#[tokio::test]
async fn over_the_bound_on_requests_clients_are_told_to_come_again() {
    let config = WebConfig { api_requests_max: 0, ..WebConfig::default() };
    let world = World::with(config).await;
    let who = world.token(Role::Admin).await;
    let answer = world.get(&who, "/api/alerts").await;
    assert!(answer.problem(503).contains("web.api_requests_max"));
    assert_eq!(answer.header("retry-after"), "1");
    // Probes and telemetry have room of their own.
    assert_eq!(world.get(&As::Nobody, "/healthz").await.status, StatusCode::OK);
    assert_eq!(world.post(&who, "/v1/metrics", json!({})).await.status, StatusCode::OK);
}
