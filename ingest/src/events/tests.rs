//! Events in, problems by pointer out.

use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::Value;
use telemetry::Timestamp;

use super::*;
use crate::receiver::tests::{NOW, body, head, ingest_with};
use crate::{FamilyTypes, IngestLimits};

fn decode_as(content_type: &str, text: &str, limits: &IngestLimits) -> Result<Decoded, IngestError> {
    let families = FamilyTypes::default();
    let context = Context {
        limits,
        source: "events:ci",
        now: NOW,
        families: &families,
        known: &crate::KnownSeries::new(0),
    };
    Events.decode(&head(&[("content-type", content_type)]), text.as_bytes(), &context)
}

fn decode(text: &str) -> Decoded {
    decode_as("application/json", text, &IngestLimits::default()).unwrap()
}

fn problems(decoded: &Decoded) -> String {
    decoded
        .rejections
        .faults()
        .iter()
        .map(|fault| format!("{} {:?}: {}\n", fault.index, fault.pointer, fault.message))
        .collect()
}

fn check_problems(text: &str, expect: Expect) {
    expect.assert_eq(&problems(&decode(text)));
}

const DEPLOY: &str = r#"{
    "id": "deploy-17", "kind": "deploy", "subject": "checkout@1.4.2", "service": "checkout", "env": "prod",
    "at": "2027-01-15T10:00:00+02:00",
    "payload": {"version": "1.4.2", "status": "succeeded", "started_at": "2027-01-15T07:55:00Z",
                "finished_at": "2027-01-15T10:00:00+02:00", "commits": ["abc", {"id": "def"}], "pipeline": 9}}"#;

#[test]
fn a_deploy_is_kept_with_all_it_says() {
    let decoded = decode(DEPLOY);
    assert_eq!(problems(&decoded), "");
    let event = &decoded.batch.events[0];
    assert_eq!((event.event_id.as_str(), event.subject_id.as_str()), ("deploy-17", "checkout@1.4.2"));
    assert_eq!(
        (event.kind.as_str(), event.service.as_deref(), event.env.as_deref()),
        ("deploy", Some("checkout"), Some("prod"))
    );
    assert_eq!((event.actor.as_deref(), event.severity.as_deref()), (Some("ci"), None));
    assert_eq!((event.recorded_at, event.seq), (NOW, NOW.micros()));
    assert_eq!(event.valid_at, Timestamp::parse_rfc3339("2027-01-15T08:00:00Z").unwrap());
    expect![[r#"{"commits":["abc",{"id":"def"}],"finished_at":"2027-01-15T08:00:00Z","pipeline":9,"started_at":"2027-01-15T07:55:00Z","status":"succeeded","version":"1.4.2"}"#]]
        .assert_eq(&event.payload.to_string());
}

#[test]
fn an_imported_incident_has_the_whole_shape() {
    let decoded = decode(
        r#"{"kind": "incident", "subject": "OLD-9", "service": "chat", "severity": "SEV2", "actor": "importer",
            "at": "2026-03-01T00:00:00Z", "payload": {"title": "Chat down", "started_at": "2026-03-01T00:00:00Z",
            "detected_at": "2026-03-01T00:05:00Z", "restored_at": "2026-03-01T00:40:00Z", "source": "evenkeel"}}"#,
    );
    assert_eq!(problems(&decoded), "");
    let event = &decoded.batch.events[0];
    assert_eq!((event.severity.as_deref(), event.actor.as_deref()), (Some("SEV2"), Some("importer")));
    expect![[r#"
        {
          "acknowledged_at": null,
          "closed_at": null,
          "commander": null,
          "detected_at": "2026-03-01T00:05:00Z",
          "mitigated_at": null,
          "resolved_at": null,
          "restored_at": "2026-03-01T00:40:00Z",
          "severity": "SEV2",
          "source": "imported",
          "started_at": "2026-03-01T00:00:00Z",
          "state": "mitigated",
          "title": "Chat down"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&event.payload).unwrap());
}

#[test]
fn one_array_and_ndjson_are_the_same() {
    let one = |kind: &str| {
        format!(r#"{{"id": "{kind}", "kind": "{kind}", "service": "s", "at": "2027-01-01T00:00:00Z"}}"#)
    };
    let (a, b) = (one("drill"), one("release_note"));
    let ids =
        |decoded: Decoded| decoded.batch.events.into_iter().map(|event| event.event_id).collect::<Vec<_>>();
    let expect = ["drill", "release_note"];
    assert_eq!(ids(decode(&format!(" [{a}, {b}] "))), expect);
    assert_eq!(ids(decode(&format!("{a}\n{b}\n"))), expect);
    let lines = format!("\n{a}\r\n\n{b}");
    assert_eq!(ids(decode_as("application/x-ndjson", &lines, &IngestLimits::default()).unwrap()), expect);
    assert_eq!(decode("[]").rows, 0);
}

#[test]
fn events_without_an_id_get_one_and_order_within_a_request_is_kept() {
    let free =
        r#"{"kind": "drill", "service": "s", "at": "2027-01-01T00:00:00Z", "payload": {"any": ["thing"]}}"#;
    let decoded = decode(&format!("[{free}, {free}]"));
    let [first, second] = &decoded.batch.events[..] else { panic!("two events") };
    assert_ne!(first.event_id, second.event_id);
    assert_eq!(first.event_id.len(), 36);
    assert_eq!(first.subject_id, first.event_id);
    assert!(first.seq < second.seq);
}

#[test]
fn every_problem_of_an_event_is_listed_with_its_place() {
    check_problems(
        r#"[
            {"kind": "deploy", "service": "s", "at": "2027-01-01T00:00:00Z",
             "payload": {"version": 4, "status": "", "started_at": "yesterday", "commits": [1]}},
            {"knid": "deploy", "a/b": 1, "id": 7, "service": "", "at": "2027-13-01T00:00:00Z"},
            7,
            {"kind": "drill", "service": "s", "at": "1970-01-20T00:00:00Z"},
            {"kind": "drill", "service": "s", "at": "2200-01-01T00:00:00Z"},
            {"kind": "drill", "service": "s", "at": "2027-01-01T00:00:00Z", "payload": []},
            {"kind": "page", "service": "s", "at": "2027-01-01T00:00:00Z"},
            {"kind": "incident", "subject": "INC-1", "service": "s", "at": "2027-01-01T00:00:00Z",
             "payload": {"started_at": "2027-01-01T00:00:00Z", "resolved_at": "2026-12-31T00:00:00Z"}},
            {"kind": "maintenance", "service": "s", "at": "2027-01-01T00:00:00Z",
             "payload": {"started_at": "2027-01-02T00:00:00Z", "finished_at": "2027-01-01T00:00:00Z"}},
            {"kind": "dr\u0000ill", "service": "s", "at": "2027-01-01T00:00:00Z"},
            {"kind": "maintenance", "service": "s", "at": "2027-01-01T00:00:00Z",
             "payload": {"rrule": "FREQ=HOURLY", "timezone": "Europe/Berlin"}},
            {"kind": "maintenance", "service": "s", "at": "2027-01-01T00:00:00Z",
             "payload": {"rrule": "FREQ=DAILY", "timezone": "CEST", "finished_at": "2027-01-01T01:00:00Z"}}
        ]"#,
        expect![[r#"
            0 "/payload/version": must be text, not a number
            0 "/payload/status": must not be empty
            0 "/payload/started_at": "yesterday" is not an RFC 3339 time such as 2026-01-31T09:00:00Z
            0 "/payload/commits": commit 0 must be text or an object
            1 "/id": must be text, not a number
            1 "/kind": is missing
            1 "/service": must not be empty
            1 "/at": "2027-13-01T00:00:00Z" is not an RFC 3339 time such as 2026-01-31T09:00:00Z
            1 "/a~1b": is not a member of an event (id, kind, subject, service, env, severity, actor, at, payload)
            1 "/knid": is not a member of an event (id, kind, subject, service, env, severity, actor, at, payload)
            2 "": must be an object, not a number
            3 "/at": 1970-01-20T00:00:00Z is before 2000-01-01T00:00:00Z: is the clock or the unit wrong?
            4 "/at": 2200-01-01T00:00:00Z is after 2028-02-19T08:00:00Z, too far in the future
            5 "/payload": must be an object, not a list
            6 "/kind": events of kind page are written by Evenkeel alone
            7 "/subject": ids such as INC-1 belong to Evenkeel's own incidents; give imported ones another prefix
            7 "/payload/title": is missing
            7 "/payload/resolved_at": is before started_at
            8 "/payload/finished_at": is before started_at
            9 "/kind": holds a control character
            10 "/payload/finished_at": is missing: how long is each time that the rule repeats?
            10 "/payload/rrule": "FREQ=HOURLY" is not a recurrence rule such as FREQ=WEEKLY;BYDAY=SU: FREQ is HOURLY, one of DAILY, WEEKLY, MONTHLY, YEARLY is possible
            11 "/payload/timezone": "CEST" is not an IANA time zone such as Europe/Berlin or UTC
        "#]],
    );
}

#[test]
fn good_events_are_kept_beside_bad_ones_and_each_bad_one_counts_once() {
    let text = format!(r#"[{{"kind": "x"}}, {DEPLOY}, {{}}]"#);
    let decoded = decode(&text);
    assert_eq!((decoded.rows, decoded.batch.events.len()), (3, 1));
    assert_eq!(decoded.rejections.refused("events:ci")[0].count, 2);
}

#[test]
fn a_period_that_is_not_told_follows_from_the_event() {
    let started = |payload: &str| {
        let decoded = decode(&format!(
            r#"{{"kind": "deploy", "service": "s", "at": "2027-01-01T00:00:00Z", "payload": {payload}}}"#
        ));
        assert_eq!(problems(&decoded), "");
        let payload = &decoded.batch.events[0].payload;
        (payload["started_at"].as_str().unwrap().to_owned(), payload["finished_at"].clone())
    };
    assert_eq!(
        started(r#"{"version": "1", "status": "started"}"#),
        ("2027-01-01T00:00:00Z".into(), Value::Null)
    );
    assert_eq!(
        started(r#"{"version": "1", "status": "ok", "finished_at": "2026-12-31T23:00:00Z"}"#),
        ("2026-12-31T23:00:00Z".into(), "2026-12-31T23:00:00Z".into())
    );
}

#[test]
fn a_bad_line_spoils_only_itself() {
    let lines = format!("{}\nnot json\n{{\"kind\":\n", DEPLOY.replace('\n', " "));
    let decoded = decode_as("application/x-ndjson", &lines, &IngestLimits::default()).unwrap();
    assert_eq!((decoded.rows, decoded.batch.events.len()), (3, 1));
    expect![[r#"
        1 "": not JSON: expected ident at line 1 column 2
        2 "": not JSON: EOF while parsing a value at line 1 column 8
    "#]]
    .assert_eq(&problems(&decoded));
}

#[test]
fn bodies_that_are_not_events_at_all() {
    let limits =
        IngestLimits { events_per_request_max: 3, event_payload_bytes_max: 500, ..IngestLimits::default() };
    let refused = |content_type: &str, text: &str| decode_as(content_type, text, &limits).unwrap_err();
    for (text, expect) in [
        ("", "the body is empty; send a JSON object, an array or NDJSON"),
        ("not json", "the body is not JSON: expected ident at line 1 column 2"),
        ("[{}, {}", "the body is not JSON: EOF while parsing a list at line 1 column 7"),
        ("[{}] trailing", "the body is not JSON: trailing characters at line 1 column 6"),
        ("[1,2,3,4]", "the request is too large: the number of events is over 3 (events_per_request_max)"),
        ("1\n2\n3\n4", "the request is too large: the number of events is over 3 (events_per_request_max)"),
    ] {
        assert_eq!(refused("application/json", text).to_string(), expect, "{text}");
    }
    let deep = format!("{}1{}", r#"{"payload":"#.repeat(100_000), "}".repeat(100_000));
    assert!(refused("application/json", &deep).to_string().contains("json_depth_max"));
    assert!(matches!(refused("application/x-ndjson", &"1\n".repeat(4)), IngestError::TooLarge { .. }));
    let long = format!(r#"[{{"kind": "{}"}}]"#, "x".repeat(600));
    let decoded = decode_as("application/json", &long, &limits).unwrap();
    assert_eq!(problems(&decoded), "0 \"\": the event is longer than 500 bytes (event_payload_bytes_max)\n");
}

#[test]
fn other_dialects_on_this_path_are_named() {
    let status =
        |headers: &[(&str, &str)]| Events.check_head(&head(headers)).map_err(|error| error.to_string());
    assert_eq!(status(&[]), Ok(()));
    assert_eq!(status(&[("content-type", "application/cloudevents+json")]), Ok(()));
    assert_eq!(status(&[("content-type", "text/csv"), ("ce-id", "1")]), Ok(()), "the type of its data");
    assert!(status(&[("content-type", "text/csv")]).unwrap_err().contains("text/csv"));
}

#[tokio::test]
async fn the_answer_counts_and_points() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let text = format!(r#"[{DEPLOY}, {{"kind": "deploy"}}]"#);
    let answer = ingest
        .receive(&Events, head(&[("content-type", "application/json")]), body(text.as_bytes()), "ci")
        .await;
    assert_eq!(answer.status().as_u16(), 202);
    let json: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        json,
        json!({"accepted": 1, "rejected": [
            {"index": 1, "pointer": "/service", "message": "is missing"},
            {"index": 1, "pointer": "/at", "message": "is missing"},
        ]})
    );
    let batches = sink.batches.lock();
    assert_eq!((batches[0].0.events.len(), batches[0].0.rejections[0].count), (1, 1));
}

#[test]
fn errors_are_problem_documents() {
    let answer = Events.answer(&head(&[]), &Err(IngestError::Malformed("the body is not JSON".into())));
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    let json: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(json, json!({"title": "Bad Request", "detail": "the body is not JSON", "status": 400}));
    let wait = Duration::from_secs(2);
    let answer = Events.answer(
        &head(&[]),
        &Err(IngestError::Overloaded { what: "full".into(), limit: None, retry_after: wait }),
    );
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[RETRY_AFTER]),
        (429, &HeaderValue::from_static("2"))
    );
}
