//! Change events as PagerDuty documents them, from `tests/data/pagerduty`.

use std::sync::Arc;

use super::*;
use crate::Ingest;
use crate::receiver::tests::{FakeSink, NOW, body, head, ingest_with};

const KEY: &str = "0123456789abcdef0123456789abcdef";

struct OneKey;

impl IntegrationKeys for OneKey {
    fn integration(&self, key: &str) -> Option<Integration> {
        (key == KEY).then(|| Integration { name: "acme".into(), service: "checkout".into() })
    }
}

fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pagerduty").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn send(ingest: &Ingest, text: &str) -> (u16, Value) {
    let mut parts = head(&[("content-type", "application/json")]);
    parts.extensions.insert(Keyring(Arc::new(OneKey)));
    let answer = ingest.receive(&ChangeEvents, parts, body(text.as_bytes()), "").await;
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

fn events(sink: &FakeSink) -> Vec<Event> {
    sink.batches.lock().iter().flat_map(|(batch, _, _)| batch.events.clone()).collect()
}

#[tokio::test]
async fn a_change_is_kept_for_the_service_of_its_key() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let success = json!({"status": "success", "message": "Change event processed"});
    for _ in 0..2 {
        assert_eq!(send(&ingest, &file("change.json")).await, (202, success.clone()));
    }
    let events = events(&sink);
    assert_eq!(events[0].event_id, events[1].event_id, "the same change");
    let event = &events[0];
    assert_eq!((event.kind.as_str(), event.service.as_deref()), ("change", Some("checkout")));
    assert_eq!(event.actor.as_deref(), Some("acme"));
    assert_eq!(event.valid_at.to_string(), "2027-01-15T07:42:58.315Z");
    assert_eq!(
        event.payload,
        json!({
            "summary": "Build Success - Increase snapshot create timeout to 30 seconds",
            "source": "acme-build-pipeline-tool-default-i-9999",
            "custom_details": {"build_state": "passed", "build_number": "2", "run_time": "1236s"},
            "links": [{"href": "https://ci.example.com/acme/pipeline/2",
                       "text": "View more details in the pipeline"}],
        })
    );
    assert_eq!(sink.batches.lock()[0].1, "pagerduty_change:acme");
}

#[tokio::test]
async fn a_change_that_names_a_version_is_a_deploy() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    assert_eq!(send(&ingest, &file("deploy.json")).await.0, 202);
    let event = &events(&sink)[0];
    assert_eq!((event.kind.as_str(), event.env.as_deref()), ("deploy", Some("prod")));
    let payload = &event.payload;
    assert_eq!((&payload["version"], &payload["status"]), (&json!("3.1.0"), &json!("succeeded")));
    assert_eq!(payload["finished_at"], "2027-01-15T07:42:58Z");
    assert_eq!(payload["started_at"], Value::Null);
}

#[tokio::test]
async fn a_change_without_a_time_happened_on_arrival_and_is_always_new() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let text = json!({"routing_key": KEY, "payload": {"summary": "Restarted"}}).to_string();
    for _ in 0..2 {
        assert_eq!(send(&ingest, &text).await.0, 202);
    }
    let events = events(&sink);
    assert_ne!(events[0].event_id, events[1].event_id);
    assert_eq!(events[0].valid_at, NOW);
}

#[tokio::test]
async fn errors_are_pagerdutys() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let errors = async |text: &str| {
        let (status, answer) = send(&ingest, text).await;
        assert_eq!(
            (status, &answer["status"], &answer["message"]),
            (400, &json!("invalid event"), &json!("Event object is invalid")),
            "{text}"
        );
        answer["errors"].clone()
    };
    assert_eq!(errors("{}").await, json!(["'routing_key' is missing or blank"]));
    assert_eq!(
        errors(r#"{"routing_key": "short"}"#).await,
        json!(["Length of 'routing_key' is incorrect (should be 32 characters)"])
    );
    let unknown = KEY.replace('0', "1");
    assert_eq!(
        errors(&json!({"routing_key": unknown, "payload": {"summary": "x"}}).to_string()).await,
        json!(["Invalid routing key"])
    );
    assert!(sink.batches.lock().is_empty(), "strangers leave nothing behind");
    let with = |payload: Value| json!({"routing_key": KEY, "payload": payload, "links": 7}).to_string();
    assert_eq!(
        errors(&json!({ "routing_key": KEY }).to_string()).await,
        json!(["'payload' is missing or blank"])
    );
    assert_eq!(
        errors(&with(json!({"summary": " ", "timestamp": "soon", "custom_details": 1}))).await,
        json!([
            "'payload.summary' is missing or blank",
            "'payload.timestamp' is not a valid ISO 8601 time",
            "'payload.custom_details' is not an object",
            "'links' is not an array",
        ])
    );
    assert!(errors("[").await[0].as_str().unwrap().starts_with("the body is no JSON object"));
    let old = with(json!({"summary": "x", "timestamp": "1970-01-20T00:00:00Z"})).replace(":7}", ":[]}");
    let (status, answer) = send(&ingest, &old).await;
    assert_eq!(status, 400, "{answer}");
    assert!(events(&sink).is_empty());
}

#[tokio::test]
async fn too_much_is_told_to_slow_down() {
    let limits = IngestLimits { requests_in_flight_max: 0, ..IngestLimits::default() };
    let (ingest, _) = ingest_with(limits);
    let (status, answer) = send(&ingest, &file("change.json")).await;
    assert_eq!((status, &answer["status"]), (429, &json!("throttle exceeded")));
    let (ingest, _) = ingest_with(IngestLimits { hook_body_bytes_max: 10, ..IngestLimits::default() });
    assert_eq!(send(&ingest, &file("change.json")).await.0, 413);
}
