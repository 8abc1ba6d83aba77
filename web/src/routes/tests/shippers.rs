//! Logs through the doors of Loki and Elasticsearch, read back by SQL.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::world::{As, NOW_SECS, World, request};
use crate::Role;
use crate::state::ReadyRole;

const JSON: (&str, &str) = ("content-type", "application/json");
const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

const BULK: &str = "{\"create\":{\"_index\":\"shop\"}}\n\
                    {\"@timestamp\":\"2026-11-23T01:59:59.123456789Z\",\"message\":\"paid\",\"service\":{\"name\":\"shop\"},\"log\":{\"level\":\"info\"}}\n\
                    {\"create\":{\"_index\":\"shop\"}}\n\
                    {\"@timestamp\":\"2020-01-01T00:00:00Z\",\"message\":\"too old\"}\n";

async fn rows(world: &World, query: &str) -> Value {
    let body = json!({ "query": query });
    world.post(&world.token(Role::Viewer).await, "/api/sql", body).await.ok()["rows"].clone()
}

fn lines(labels: Value, lines: &[(i64, &str)]) -> String {
    let values: Vec<Value> = lines.iter().map(|(nanos, line)| json!([nanos.to_string(), line])).collect();
    json!({"streams": [{"stream": labels, "values": values}]}).to_string()
}

#[tokio::test]
async fn a_loki_push_is_logs_and_a_retry_of_it_is_not() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    let now = NOW_SECS * 1_000_000_000;
    let body = lines(json!({"service": "chat", "level": "warn"}), &[(now + 1, "one"), (now + 2, "two")]);
    let push = async |body: &str| {
        let headers = [JSON, ("x-scope-orgid", "guild-7")];
        world.send(request(Method::POST, &who, "/loki/api/v1/push", &headers, body.to_owned())).await
    };
    for _ in 0..2 {
        let answer = push(&body).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""));
    }
    let query = "SELECT service, severity, body, ts_ns_rem, attrs['tenant'] FROM logs ORDER BY ts_ns_rem";
    assert_eq!(
        rows(&world, query).await,
        json!([["chat", "WARN", "one", 1, "guild-7"], ["chat", "WARN", "two", 2, "guild-7"]])
    );
    let old = lines(json!({"service": "chat"}), &[(now, "three"), (1_000, "from 1970")]);
    let answer = push(&old).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let text = answer.text();
    assert!(text.starts_with("1 of 2 entries were not stored, the others were. too_old (1): "), "{text}");
    assert!(text.contains("log record at 1970-01-01T00:00:00.000001Z of chat: \"from 1970\""), "{text}");
    assert_eq!(rows(&world, "SELECT count(*) FROM logs").await, json!([[3]]));
}

#[tokio::test]
async fn documents_come_one_by_one_as_well() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    let document = r#"{"@timestamp":"2026-11-23T01:59:59Z","message":"paid","service":{"name":"shop"}}"#;
    let send = async |method: Method, path: &str| {
        let answer = world.send(request(method, &who, path, &[JSON], document)).await;
        (answer.status.as_u16(), answer.json())
    };
    // With an id the same document again is a retry, without one it is another.
    for (method, path) in [
        (Method::PUT, "/elastic/shop/_doc/7"),
        (Method::PUT, "/elastic/shop/_doc/7"),
        (Method::POST, "/elastic/shop/_create/8"),
        (Method::POST, "/elastic/shop/_doc"),
        (Method::POST, "/elastic/shop/_doc"),
    ] {
        let (status, answer) = send(method, path).await;
        assert_eq!((status, &answer["_index"], &answer["result"]), (201, &json!("shop"), &json!("created")));
    }
    let query = "SELECT attrs['_id'], service, body, count(*) FROM logs GROUP BY 1, 2, 3 ORDER BY 1";
    assert_eq!(
        rows(&world, query).await,
        json!([["7", "shop", "paid", 1], ["8", "shop", "paid", 1], [null, "shop", "paid", 2]])
    );
    let (status, answer) = send(Method::POST, "/elastic/shop/_update/7").await;
    assert!(status == 404 && answer["error"]["reason"].as_str().unwrap().contains("_doc"), "{answer}");
}

#[tokio::test]
async fn loki_is_ready_when_logs_are_taken() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    let answer = world.get(&who, "/loki/ready").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "ready\n"));
    world.health.say("lake", ReadyRole::Ingest, false);
    assert_eq!(world.get(&who, "/loki/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_bulk_is_answered_item_by_item_and_is_logs() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    for method in [Method::POST, Method::PUT] {
        let answer = world.send(request(method, &who, "/elastic/_bulk", &[NDJSON], BULK)).await.ok();
        // The second time it is a retry: acknowledged, and not stored again.
        assert_eq!(answer["items"][0]["create"]["status"], 201);
    }
    let query = "SELECT service, severity, body, ts_ns_rem, attrs['_index'], attrs['service.name'] FROM logs";
    assert_eq!(rows(&world, query).await, json!([["shop", "INFO", "paid", 789, "shop", "shop"]]));

    let body = "{\"index\":{}}\n{\"message\":\"x\",\"@timestamp\":1795399199000}\n";
    let path = "/elastic/logs-%3Cchat%3E/_bulk";
    let answer = world.send(request(Method::POST, &who, path, &[NDJSON], body)).await.ok();
    assert_eq!(answer["items"][0]["index"]["_index"], "logs-<chat>");
}

#[tokio::test]
async fn the_first_answer_names_the_item_that_is_too_old() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    let answer = world.send(request(Method::POST, &who, "/elastic/_bulk", &[NDJSON], BULK)).await.ok();
    assert_eq!(answer["items"][0]["create"]["status"], 201);
    assert_eq!(answer["items"][1]["create"]["status"], 400);
    assert_eq!(answer["items"][1]["create"]["error"]["reason"], "the record is older than logs are kept");
}

#[tokio::test]
async fn everything_below_the_mount_speaks_elasticsearch() {
    let world = World::new().await;
    let (sender, viewer) = (world.token(Role::Ingest).await, world.token(Role::Viewer).await);
    for (who, method, path, status) in [
        (&sender, Method::GET, "/elastic", 200),
        (&sender, Method::GET, "/elastic/", 200),
        (&sender, Method::HEAD, "/elastic/", 200),
        (&sender, Method::PUT, "/elastic/_index_template/shop", 200),
        (&sender, Method::GET, "/elastic/shop/_search", 404),
        (&sender, Method::PATCH, "/elastic/shop", 405),
        (&sender, Method::POST, "/elastic/_bulk", 200),
        (&viewer, Method::POST, "/elastic/_bulk", 403),
        (&As::Nobody, Method::GET, "/elastic/", 401),
        (&As::Nobody, Method::POST, "/elastic/_bulk", 401),
    ] {
        let vendor = "application/vnd.elasticsearch+json; compatible-with=9";
        let headers = [("accept", vendor)];
        let answer = world.send(request(method.clone(), who, path, &headers, "")).await;
        let line = format!("{method} {path}");
        assert_eq!(answer.status.as_u16(), status, "{line}: {}", answer.text());
        assert_eq!(answer.header("x-elastic-product"), "Elasticsearch", "{line}");
        assert_eq!(
            answer.header("content-type"),
            "application/vnd.elasticsearch+json;compatible-with=9",
            "{line}"
        );
        if status >= 400 {
            let error = answer.json();
            assert_eq!(error["status"], status, "{line}");
            assert!(error["error"]["reason"].as_str().is_some_and(|it| !it.is_empty()), "{line}: {error}");
        }
        if status == 401 {
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{line}");
        }
    }
    let elsewhere = world.get(&sender, "/elasticity").await;
    assert_eq!(elsewhere.header("x-elastic-product"), "");
}

#[tokio::test]
async fn a_listener_of_its_own_has_the_same_at_the_root() {
    let world = World::new().await;
    let As::Token(token) = world.token(Role::Ingest).await else { unreachable!() };
    let router = crate::elastic_router(world.state.clone());
    let send = async |method: Method, path: &str, authorization: &str, body: &'static str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", authorization)
            .header("content-type", "application/json; charset=utf-8");
        let answer = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        assert_eq!(answer.headers()["x-elastic-product"], "Elasticsearch", "{path}");
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let key = format!("ApiKey {token}");
    let (status, info) = send(Method::GET, "/", &key, "").await;
    assert_eq!((status, &info["tagline"]), (200, &json!("You Know, for Search")));
    let (status, answer) = send(Method::POST, "/_bulk?timeout=1m", &key, BULK).await;
    assert_eq!((status, &answer["items"][0]["create"]["status"]), (200, &json!(201)));
    assert_eq!(send(Method::GET, "/shop", &key, "").await.0, 200);
    assert_eq!(send(Method::GET, "/", "ApiKey wrong", "").await.0, 401);
    // Nothing else is served there.
    assert_eq!(send(Method::GET, "/api/session", &key, "").await.0, 404);
    assert_eq!(rows(&world, "SELECT count(*) FROM logs").await, json!([[1]]));
}

#[tokio::test]
async fn a_template_of_any_size_is_read_to_its_end() {
    let world = World::new().await;
    let who = world.token(Role::Ingest).await;
    let template = format!("{{\"template\": \"{}\"}}", "x".repeat(4 << 20));
    let path = "/elastic/_index_template/filebeat";
    let answer = world.send(request(Method::PUT, &who, path, &[JSON], template)).await.ok();
    assert_eq!(answer["acknowledged"], true);
}
