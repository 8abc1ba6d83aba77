//! Logs over HTTP: what goes in by Loki's door is searched, counted and followed.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{As, NOW_SECS, World, request};
use crate::Role;

/// Ten seconds before now, so many nanoseconds later.
fn nanos(offset: i64) -> String {
    ((NOW_SECS - 10) * 1_000_000_000 + offset).to_string()
}

async fn push(world: &World, service: &str, level: &str, lines: &[(i64, &str)]) {
    let values: Vec<Value> = lines.iter().map(|(at, line)| json!([nanos(*at), line])).collect();
    let stream = json!({"service": service, "level": level, "host": "web-1", "region": "eu"});
    let body = json!({"streams": [{"stream": stream, "values": values}]}).to_string();
    let headers = [("content-type", "application/json")];
    let who = world.token(Role::Ingest).await;
    let answer = world.send(request(Method::POST, &who, "/loki/api/v1/push", &headers, body)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
}

async fn get(world: &World, path: &str) -> Value {
    let who = world.token(Role::Viewer).await;
    world.get(&who, path).await.ok()
}

fn bodies(answer: &Value) -> Vec<&str> {
    answer.as_array().unwrap().iter().map(|line| line["body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lines_are_searched_counted_and_shown_in_context() {
    let world = World::new().await;
    push(
        &world,
        "shop",
        "info",
        &[(1, "order 1 placed"), (2, "order 2 placed"), (1_000_003, "order 3 placed")],
    )
    .await;
    push(&world, "shop", "error", &[(2_000_000, "payment for order 2 refused")]).await;
    push(&world, "mail", "warn", &[(3_000_000, "order mail is late")]).await;

    let found = get(&world, "/api/logs?q=order+-placed").await;
    assert_eq!(bodies(&found["lines"]), ["order mail is late", "payment for order 2 refused"]);
    let line = &found["lines"][1];
    assert_eq!(
        (&line["service"], &line["severity"], &line["level"]),
        (&json!("shop"), &json!("ERROR"), &json!("error"))
    );
    assert_eq!(
        (&line["host"], &line["attrs"]["region"], &line["trace_id"]),
        (&json!("web-1"), &json!("eu"), &Value::Null)
    );
    assert_eq!(found["next"], Value::Null);

    let first = get(&world, "/api/logs?service=shop&severity=info&limit=2").await;
    assert_eq!(bodies(&first["lines"]), ["payment for order 2 refused", "order 3 placed"]);
    let next = first["next"].as_str().unwrap();
    let second = get(&world, &format!("/api/logs?service=shop&severity=info&limit=2&after={next}")).await;
    assert_eq!(bodies(&second["lines"]), ["order 2 placed", "order 1 placed"]);
    assert_eq!(second["next"], Value::Null);
    let oldest = get(&world, "/api/logs?direction=forward&limit=1").await;
    assert_eq!(bodies(&oldest["lines"]), ["order 1 placed"]);

    let histogram = get(&world, "/api/logs/histogram?q=order").await;
    assert_eq!((&histogram["total"], &histogram["step_secs"]), (&json!(5), &json!(30)));
    let sum = |level: &str| {
        histogram["bars"].as_array().unwrap().iter().map(|bar| bar[level].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum("info"), sum("warn"), sum("error"), sum("other")), (3, 1, 1, 0));

    let facets = get(&world, "/api/logs/facets").await;
    assert_eq!((&facets["total"], &facets["sampled"]), (&json!(5), &json!(5)));
    assert_eq!(
        facets["columns"][0]["values"],
        json!([{"value": "shop", "lines": 4}, {"value": "mail", "lines": 1}])
    );

    let id = line["id"].as_str().unwrap();
    let context = get(&world, &format!("/api/logs/context?id={id}&service=shop&host=web-1&lines=2")).await;
    assert_eq!(bodies(&context["before"]), ["order 2 placed", "order 3 placed"]);
    assert_eq!(bodies(&context["after"]), [""; 0]);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new().await;
    let who = world.token(Role::Viewer).await;
    for (query, pointer, detail) in [
        ("?q=%22open", "?q", "the quote is not closed (at character 1)"),
        ("?severity=loud", "?severity", "\"loud\" is none of trace, debug, info, warn, error, fatal"),
        ("?trace_id=xyz", "?trace_id", "not 32 hex digits"),
        ("?limit=0", "?limit", "\"0\" is not a number from 1 to 5000"),
        ("?direction=up", "?direction", "\"up\" is neither backward nor forward"),
        ("?after=5", "?after", "\"5\" names no line: take it from an answer as it is"),
        ("?from=2026-11-23T02:00:00Z", "?from", "it is not before `to`"),
    ] {
        let answer = world.get(&who, &format!("/api/logs{query}")).await;
        assert_eq!(answer.problem(400), detail, "{query}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }
    for wrong in ["/api/logs?unknown=1", "/api/logs/facets?limit=1", "/api/logs/export?after=1"] {
        assert!(world.get(&who, wrong).await.problem(400).contains("unknown field"), "{wrong}");
    }
    for twice in ["/api/logs?q=a&q=b", "/api/logs?limit=1&limit=2"] {
        assert!(world.get(&who, twice).await.problem(400).contains("duplicate field"), "{twice}");
    }
    let tail = world.get(&who, "/api/logs/tail?q=~(").await;
    assert!(tail.problem(400).contains("unclosed group"));
}

#[tokio::test]
async fn a_tail_sends_what_is_stored_from_then_on_and_ends_with_the_server() {
    let world = World::new().await;
    push(&world, "shop", "info", &[(1, "before")]).await;
    let who: As = world.token(Role::Viewer).await;
    let tail = request(Method::GET, &who, "/api/logs/tail?service=shop&q=order", &[], "");
    let (status, kind, body) = world.begin(tail).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/event-stream"));
    push(&world, "mail", "info", &[(2, "order mail")]).await;
    push(&world, "shop", "info", &[(3, "order 1"), (4, "cart"), (5, "order 2")]).await;
    world.state.engine.lake().end_followers();
    let text = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    let events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    assert_eq!(events.len(), 1, "{text}");
    let data = events[0].lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert!(events[0].contains("event: lines"), "{text}");
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(bodies(&data["lines"]), ["order 1", "order 2"]);
}
