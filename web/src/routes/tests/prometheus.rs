//! Around the calls of the Prometheus API: browsers of other sites, refusals, parameters, statistics.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Answer, As, NOW_SECS, World, request};
use crate::Role;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ELSEWHERE: (&str, &str) = ("origin", "https://elsewhere.example");
const QUERY: &str = "/prometheus/api/v1/query";

async fn ask(
    world: &World,
    method: Method,
    who: &As,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Answer {
    world.send(request(method, who, path, headers, "")).await
}

#[tokio::test]
async fn browsers_of_other_sites_may_ask_with_a_token() {
    let world = World::new().await;
    let preflight = ask(&world, Method::OPTIONS, &As::Nobody, QUERY, &[ELSEWHERE]).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        "Accept, Authorization, Content-Type, Origin"
    );

    let who = world.token(Role::Viewer).await;
    let path = "/prometheus/api/v1/query?query=1";
    let asked = ask(&world, Method::GET, &who, path, &[ELSEWHERE]).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (StatusCode::OK, "*"));
    assert_eq!(
        asked.header("access-control-allow-credentials"),
        "",
        "a session's cookie is not theirs to use"
    );
    assert_eq!(ask(&world, Method::GET, &who, path, &[]).await.header("access-control-allow-origin"), "");

    // Reading alone, and nothing else of the server.
    for path in ["/prometheus/api/v1/write", "/api/session", "/api/slos"] {
        let preflight = ask(&world, Method::OPTIONS, &As::Nobody, path, &[ELSEWHERE]).await;
        assert_ne!(preflight.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(preflight.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn what_is_refused_before_a_call_begins_comes_in_the_envelope() {
    let world = World::new().await;
    let (viewer, sender) = (world.token(Role::Viewer).await, world.token(Role::Ingest).await);
    for (method, who, path, status, error_type) in [
        (Method::GET, &As::Nobody, QUERY, StatusCode::UNAUTHORIZED, "unauthorized"),
        (Method::GET, &sender, QUERY, StatusCode::FORBIDDEN, "forbidden"),
        (Method::GET, &viewer, "/prometheus/api/v1/nothing", StatusCode::NOT_FOUND, "not_found"),
        (Method::DELETE, &viewer, QUERY, StatusCode::METHOD_NOT_ALLOWED, "bad_data"),
    ] {
        let refused = ask(&world, method, who, path, &[]).await;
        assert_eq!(refused.status, status, "{path}");
        assert_eq!(refused.header("content-type"), "application/json", "{path}");
        let body = refused.json();
        assert_eq!((&body["status"], &body["errorType"]), (&json!("error"), &json!(error_type)), "{path}");
        assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
    let nobody = ask(&world, Method::GET, &As::Nobody, QUERY, &[]).await;
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    // Behind the compression of answers.
    let long = format!("query={}", "1".repeat(world.state.config.api_body_bytes_max));
    let refused = world.send(request(Method::POST, &viewer, QUERY, &[FORM], long)).await;
    assert_eq!(
        (refused.status, &refused.json()["errorType"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("bad_data"))
    );
}

#[tokio::test]
async fn a_form_counts_before_the_query_string() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let path = format!("{QUERY}?query=1&time={NOW_SECS}");
    let answer = world.send(request(Method::POST, &who, &path, &[FORM], "query=2")).await.ok();
    assert_eq!(answer["data"], json!({"resultType": "scalar", "result": [NOW_SECS, "2"]}));
}

#[tokio::test]
async fn statistics_are_for_who_asks() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let stats = async |more: &str| -> Value {
        world.get(&who, &format!("{QUERY}?query=vector(1){more}")).await.ok()["data"]["stats"].clone()
    };
    assert_eq!(stats("").await, Value::Null);
    let told = stats("&stats=all").await;
    assert_eq!(told["samples"], json!({"totalQueryableSamples": 0, "peakSamples": 0}));
    let timings = told["timings"].as_object().expect("timings");
    let names: Vec<&str> = timings.keys().map(String::as_str).collect();
    let expect = [
        "evalTotalTime",
        "execQueueTime",
        "execTotalTime",
        "innerEvalTime",
        "queryPreparationTime",
        "resultSortTime",
    ];
    assert_eq!(names, expect);
    assert!(
        timings.values().all(|time| time.as_f64().is_some_and(|secs| (0.0..60.0).contains(&secs))),
        "{told}"
    );
}

#[tokio::test]
async fn no_time_is_a_query_that_timed_out() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    let answer = world.get(&who, &format!("{QUERY}?query=1&timeout=0")).await;
    assert_eq!(
        (answer.status, &answer.json()["errorType"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("timeout"))
    );
}
