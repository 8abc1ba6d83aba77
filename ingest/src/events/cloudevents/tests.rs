//! CloudEvents in their three modes, from `tests/data/cloudevents`.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::events::Events;
use crate::receiver::tests::{NOW, head};
use crate::{Decoded, Dialect, FamilyTypes, IngestError, IngestLimits};

fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloudevents").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn try_decode(headers: &[(&str, &str)], body: &[u8]) -> Result<Decoded, IngestError> {
    let (families, limits) = (FamilyTypes::default(), IngestLimits::default());
    let context = Context {
        limits: &limits,
        source: "events:ci",
        now: NOW,
        families: &families,
        known: &crate::KnownSeries::new(0),
    };
    let parts = head(headers);
    Events.check_head(&parts)?;
    Events.decode(&parts, body, &context)
}

fn structured(text: &str) -> Decoded {
    try_decode(&[("content-type", "application/cloudevents+json; charset=utf-8")], text.as_bytes()).unwrap()
}

fn problems(decoded: &Decoded) -> String {
    let faults = decoded.rejections.faults().iter();
    faults.map(|fault| format!("{} {:?}: {}\n", fault.index, fault.pointer, fault.message)).collect()
}

fn told(event: &Event) -> String {
    format!(
        "{}\n{} {} {:?} {:?} {:?} {}\n{}",
        event.event_id,
        event.kind,
        event.subject_id,
        event.service,
        event.env,
        event.actor,
        event.valid_at,
        event.payload
    )
}

fn check(decoded: &Decoded, expect: Expect) {
    assert_eq!(problems(decoded), "");
    expect.assert_eq(&decoded.batch.events.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_structured_deploy_is_a_deploy_and_keeps_its_extensions() {
    check(
        &structured(&file("deploy.json")),
        expect![[r#"
            /ci/pipelines/checkout|A234-1234-1234
            deploy checkout@1.4.2 Some("checkout") Some("prod") Some("ci") 2027-01-15T07:54:00Z
            {"cloudevent":{"datacontenttype":"application/json","id":"A234-1234-1234","source":"/ci/pipelines/checkout","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","type":"deploy"},"finished_at":"2027-01-15T07:54:00Z","started_at":"2027-01-15T07:50:00Z","status":"succeeded","version":"1.4.2"}"#]],
    );
}

#[test]
fn the_same_event_in_binary_mode_is_the_same() {
    let structured = structured(&file("deploy.json")).batch.events.remove(0);
    let json: Value = serde_json::from_str(&file("deploy.json")).unwrap();
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "A234-1234-1234"),
        ("ce-source", "/ci/pipelines/checkout"),
        ("ce-type", "deploy"),
        ("ce-subject", "checkout%401.4.2"),
        ("ce-time", "2027-01-15T07:54:00Z"),
        ("ce-service", "checkout"),
        ("ce-env", "\"pro\\d\""),
        ("ce-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("content-type", "application/json"),
    ];
    let binary = try_decode(&headers, json["data"].to_string().as_bytes()).unwrap();
    assert_eq!(binary.batch.events, [structured]);
}

#[test]
fn headers_are_unquoted_and_percent_decoded_once() {
    let text = |header: &str| header_text(header.as_bytes());
    assert_eq!(text("Euro%20%E2%82%AC%20%F0%9F%98%80").as_deref(), Some("Euro € 😀"));
    assert_eq!(text("%2541").as_deref(), Some("%41"), "one round");
    assert_eq!(text(r#""a \"b\" %20c""#).as_deref(), Some(r#"a "b"  c"#));
    for wrong in ["%", "%4", "%zz", "%ff", r#""a\""#] {
        assert_eq!(text(wrong), None, "{wrong}");
    }
}

#[test]
fn a_batch_keeps_the_good_ones_and_points_into_the_others() {
    let good = r#"{"specversion": "1.0", "id": "1", "source": "/s", "type": "com.Example/Drill v1", "data": [1, 2]}"#;
    let bad = r#"{"specversion": "0.3", "source": "not a uri", "id": "", "time": "soon", "type": "deploy",
                  "data": {"version": 4}}"#;
    let text = format!("[{good}, {bad}, 7, {good}]");
    let decoded =
        try_decode(&[("content-type", "application/cloudevents-batch+json")], text.as_bytes()).unwrap();
    assert_eq!((decoded.rows, decoded.batch.events.len()), (4, 2));
    assert_eq!(decoded.batch.events[0].event_id, decoded.batch.events[1].event_id);
    assert_eq!(decoded.batch.events[0].kind.as_str(), "com.example_drill_v1");
    assert_eq!(decoded.batch.events[0].service, None);
    assert_eq!(decoded.batch.events[0].payload["data"], json!([1, 2]));
    expect![[r#"
        1 "/specversion": is "0.3"; only 1.0 is spoken here
        1 "/source": is not a URI reference
        1 "/id": must not be empty
        1 "/time": "soon" is not an RFC 3339 time such as 2026-01-31T09:00:00Z
        1 "/service": is missing: name the service by the extension `service` or by a member of the data
        2 "": must be an object, not a number
    "#]]
    .assert_eq(&problems(&decoded));
}

#[test]
fn checked_payloads_are_checked_and_our_own_kinds_stay_ours() {
    let event = |event_type: &str, data: &str| {
        structured(&format!(
            r#"{{"specversion": "1.0", "id": "1", "source": "/s", "type": "{event_type}", "service": "chat", {data}}}"#
        ))
    };
    let deploy = event("deploy", r#""data": {"version": 4, "started_at": "yesterday"}"#);
    expect![[r#"
        0 "/data/version": must be text, not a number
        0 "/data/status": is missing
        0 "/data/started_at": "yesterday" is not an RFC 3339 time such as 2026-01-31T09:00:00Z
    "#]]
    .assert_eq(&problems(&deploy));
    expect![[r#"
        0 "/data": must be an object, not text
        0 "/data/version": is missing
        0 "/data/status": is missing
    "#]]
    .assert_eq(&problems(&event("deploy", r#""data": "1.4""#)));
    let page = problems(&event("Page", r#""data": {}"#));
    assert_eq!(page, "0 \"/type\": events of kind page are written by Evenkeel alone\n");
    let own = problems(&event(
        "incident",
        r#""subject": "INC-7", "data": {"title": "x", "started_at": "2027-01-01T00:00:00Z"}"#,
    ));
    assert!(own.starts_with("0 \"/subject\": ids such as INC-1 belong"), "{own}");
}

#[test]
fn data_in_other_forms_is_kept() {
    let payload = |members: &str| {
        let decoded = structured(&format!(
            r#"{{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "time": null, {members}}}"#
        ));
        assert_eq!(problems(&decoded), "");
        let event = decoded.batch.events.into_iter().next().unwrap();
        assert_eq!(event.valid_at, NOW, "an event without a time happened on arrival");
        let mut payload = event.payload.as_object().unwrap().clone();
        payload.remove(KEPT);
        Value::Object(payload)
    };
    assert_eq!(payload(r#""data": null"#), json!({}));
    assert_eq!(payload(r#""datacontenttype": "text/plain", "data": "hi""#), json!({"data": "hi"}));
    // {"a": 1}
    assert_eq!(payload(r#""data_base64": "eyJhIjogMX0=""#), json!({"a": 1}));
    assert_eq!(
        payload(r#""datacontenttype": "text/xml", "data_base64": "PGEvPg==""#),
        json!({"data": "<a/>"})
    );
    assert_eq!(
        payload(r#""datacontenttype": "image/png", "data_base64": "iVBORw==""#),
        json!({"data_base64": "iVBORw=="})
    );
    let wrong = |members: &str| {
        problems(&structured(&format!(
            r#"{{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", {members}}}"#
        )))
    };
    assert_eq!(
        wrong(r#""data": 1, "data_base64": "eyJhIjogMX0=""#),
        "0 \"/data_base64\": stands beside data; only one of them may\n"
    );
    assert!(wrong(r#""data_base64": "%""#).starts_with("0 \"/data_base64\": is not base64"));
    assert!(wrong(r#""data_base64": "e30K", "datacontenttype": "application/json""#).is_empty());
    assert!(wrong(r#""data_base64": "WzE=""#).starts_with("0 \"/data_base64\": holds no JSON"));
}

#[test]
fn a_source_tells_equal_ids_apart() {
    let id = |source: &str| {
        let text = format!(r#"{{"specversion": "1.0", "id": "1", "source": "{source}", "type": "t"}}"#);
        structured(&text).batch.events.remove(0).event_id
    };
    assert_ne!(id("/a"), id("/b"));
    assert_eq!(id("/a"), id("/a"));
}

#[test]
fn a_cdevents_deploy_knows_service_version_and_environment() {
    let decoded = structured(&file("cdevents-service-deployed.json"));
    assert_eq!(problems(&decoded), "");
    let event = &decoded.batch.events[0];
    assert_eq!((event.kind.as_str(), event.service.as_deref()), ("deploy", Some("matchmaking")));
    assert_eq!(event.env.as_deref(), Some("prod"));
    let payload = &event.payload;
    assert_eq!((&payload["version"], &payload["status"]), (&json!("2.4.0"), &json!("succeeded")));
    assert_eq!(
        (&payload["started_at"], &payload["finished_at"]),
        (&Value::Null, &json!("2027-01-15T07:54:00Z"))
    );
    assert_eq!(payload["customData"]["pipeline"], "nightly");
    assert_eq!(payload["subject"]["id"], "deployment/matchmaking");
}

#[test]
fn cdevents_tell_an_incident_in_two_events() {
    let read = |name: &str| {
        let decoded = structured(&file(name));
        assert_eq!(problems(&decoded), "");
        decoded.batch.events.into_iter().next().unwrap()
    };
    let (began, ended) = (read("cdevents-incident-detected.json"), read("cdevents-incident-resolved.json"));
    assert_eq!(began.subject_id, "/monitoring|incident-77");
    assert_eq!(began.subject_id, ended.subject_id);
    assert_ne!(began.event_id, ended.event_id);
    assert_eq!(began.service.as_deref(), Some("matchmaking"));
    let state = |event: &Event| {
        ["title", "started_at", "resolved_at", "state", "source"]
            .map(|name| event.payload[name].as_str().map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        state(&began),
        [
            some("Response time above 10ms"),
            some("2027-01-15T07:30:00Z"),
            None,
            some("triage"),
            some("imported")
        ]
    );
    assert_eq!(state(&ended), [None, None, some("2027-01-15T07:50:00Z"), some("resolved"), some("imported")]);
}

#[test]
fn cdevents_without_their_members_are_told_where() {
    let event = |data: &str| {
        problems(&structured(&format!(
            r#"{{"specversion": "1.0", "id": "1", "source": "/s", "type": "dev.cdevents.service.deployed.0.2.0", "data": {data}}}"#
        )))
    };
    assert_eq!(event("7"), "0 \"/data\": must be an object with the members context and subject\n");
    assert_eq!(event("{}"), "0 \"/data/subject\": must be an object\n");
    assert_eq!(event(r#"{"subject": {}}"#), "0 \"/data/subject/id\": is missing\n");
    assert_eq!(
        event(r#"{"subject": {"id": "a", "content": {}}}"#),
        "0 \"/data/subject/content/artifactId\": is missing\n"
    );
}

#[test]
fn bodies_and_modes_that_cannot_be_read() {
    let refused =
        |headers: &[(&str, &str)], body: &str| try_decode(headers, body.as_bytes()).unwrap_err().to_string();
    let batch = [("content-type", "application/cloudevents-batch+json")];
    assert_eq!(refused(&batch, "{}"), "the body is not a JSON array; a batch is one");
    let one = [("content-type", "application/cloudevents+json")];
    assert!(refused(&one, "{} {}").starts_with("the body is not JSON: trailing characters"));
    assert!(refused(&one, &"[".repeat(100_000)).contains("json_depth_max"));
    let avro = refused(&[("content-type", "application/cloudevents+avro")], "");
    assert!(avro.contains("send application/cloudevents+json"), "{avro}");
    // Half an event in headers is one that lacks something.
    let half = try_decode(&[("ce-id", "%ff")], b"").unwrap();
    assert_eq!(problems(&half), "0 \"/id\": header ce-id is not percent-encoded UTF-8\n");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let headers = [("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t"), ("ce-specversion", "1.0")];
    let deep = try_decode(&headers, deep.as_bytes()).unwrap();
    assert_eq!(problems(&deep), "0 \"/data_base64\": holds JSON that nests deeper than 64 levels\n");
}
