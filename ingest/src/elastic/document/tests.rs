//! Documents as shippers make them.

use super::*;
use crate::receiver::tests::NOW;
use crate::{FamilyTypes, KnownSeries};

fn read_with(action: Action, document: &str, limits: &IngestLimits) -> Result<(LogRecord, bool), Refusal> {
    let families = FamilyTypes::default();
    let context = Context {
        limits,
        source: "elastic:test",
        now: NOW,
        families: &families,
        known: &KnownSeries::new(0),
    };
    let operation = Operation { action, index: "logs".into(), id: None, document: document.as_bytes() };
    read(&operation, &context)
}

fn read_document(document: &str) -> (LogRecord, bool) {
    read_with(Action::Create, document, &IngestLimits::default()).unwrap()
}

fn attrs(record: &LogRecord) -> Vec<(&str, &str)> {
    record.attrs.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect()
}

fn check_refused(document: &str, limits: &IngestLimits, expect: (RejectReason, &str)) {
    let (reason, what) = read_with(Action::Create, document, limits).unwrap_err();
    assert_eq!(reason, expect.0, "{what}");
    assert!(what.contains(expect.1), "{what}");
}

#[test]
fn what_filebeat_sends() {
    let (record, timed_on_arrival) = read_document(
        r#"{"@timestamp": "2027-01-15T08:00:00.123Z", "message": "GET /cart 200", "log": {"level": "info",
            "file": {"path": "/var/log/shop.log"}, "offset": 12}, "service": {"name": "shop",
            "environment": "prod"}, "host": {"name": "web-1", "ip": ["10.0.0.1", "::1"]},
            "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"}, "span.id": "00f067aa0ba902b7",
            "ecs": {"version": "8.0.0"}, "event": {"duration": 1.50, "original": null}, "tags": []}"#,
    );
    assert!(!timed_on_arrival);
    assert_eq!(record.ts, Timestamp::parse_rfc3339("2027-01-15T08:00:00.123Z").unwrap());
    assert_eq!(&*record.body, "GET /cart 200");
    assert_eq!((record.service.as_deref(), record.env.as_deref()), (Some("shop"), Some("prod")));
    assert_eq!((record.host.as_deref(), record.severity.as_deref()), (Some("web-1"), Some("INFO")));
    assert_eq!(record.trace_id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(record.span_id.as_deref(), Some("00f067aa0ba902b7"));
    assert_eq!(
        attrs(&record),
        [
            ("_index", "logs"),
            ("ecs.version", "8.0.0"),
            ("event.duration", "1.50"),
            ("host.ip", r#"["10.0.0.1", "::1"]"#),
            ("host.name", "web-1"),
            ("log.file.path", "/var/log/shop.log"),
            ("log.level", "info"),
            ("log.offset", "12"),
            ("service.environment", "prod"),
            ("service.name", "shop"),
            ("span.id", "00f067aa0ba902b7"),
            ("tags", "[]"),
            ("trace.id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ]
    );
}

#[test]
fn what_rsyslog_sends() {
    let (record, _) = read_document(
        r#"{"message":" disk \"sda\" fails","fromhost":"db-1","facility":"daemon","priority":"crit","timereported":"2027-01-15T08:59:59.5+01:00","timegenerated":"2027-01-15T09:00:00.25+01:00"}"#,
    );
    assert_eq!(record.ts, Timestamp::parse_rfc3339("2027-01-15T07:59:59.5Z").unwrap());
    assert_eq!(&*record.body, " disk \"sda\" fails");
    assert_eq!((record.host.as_deref(), record.severity.as_deref()), (Some("db-1"), Some("CRIT")));
    assert!(attrs(&record).contains(&("timegenerated", "2027-01-15T09:00:00.25+01:00")));
}

#[test]
fn a_document_without_time_or_text_gets_both() {
    let (record, timed_on_arrival) = read_document(r#"{"cpu": 0.5, "@timestamp": null, "time": "noon"}"#);
    assert_eq!((record.ts, timed_on_arrival), (NOW, true));
    assert_eq!(&*record.body, r#"{"cpu": 0.5, "@timestamp": null, "time": "noon"}"#);
    assert_eq!(attrs(&record), [("_index", "logs"), ("cpu", "0.5"), ("time", "noon")]);
    assert_eq!(&*read_document(r#"{"msg": "m", "log": "l"}"#).0.body, "m");
    assert_eq!(&*read_document(r#"{"log": "l\n", "msg": 1}"#).0.body, "l\n");
    assert_eq!(&*read_document(r#"{"message": {"a": 1}}"#).0.body, r#"{"a": 1}"#);
    assert_eq!(read_document(r#"{"time": 1800000000000}"#).0.ts, NOW);
}

#[test]
fn dotted_and_nested_keys_are_the_same() {
    let (nested, _) = read_document(r#"{"a": {"b": {"c": true}}, "message": ""}"#);
    let (dotted, _) = read_document(r#"{"a.b": {"c": true}, "message": ""}"#);
    assert_eq!(nested, dotted);
    assert_eq!(attrs(&nested), [("_index", "logs"), ("a.b.c", "true")]);
}

#[test]
fn an_id_of_the_senders_is_an_attribute() {
    let families = FamilyTypes::default();
    let limits = IngestLimits::default();
    let context = Context {
        limits: &limits,
        source: "elastic:test",
        now: NOW,
        families: &families,
        known: &KnownSeries::new(0),
    };
    let operation = Operation {
        action: Action::Index,
        index: "logs".into(),
        id: Some("7".into()),
        document: br#"{"message": "x", "_index": "mine"}"#,
    };
    let (record, _) = read(&operation, &context).unwrap();
    assert_eq!(attrs(&record), [("_id", "7"), ("_index", "logs")]);
}

#[test]
fn what_cannot_be_read_is_named() {
    use RejectReason::{InvalidPayload, OverLimit, Unsupported};
    let limits = IngestLimits::default();
    check_refused("{\"a\": 1", &limits, (InvalidPayload, "not a JSON object: EOF"));
    check_refused("[]", &limits, (InvalidPayload, "expected an object"));
    check_refused("{\"a\": \"\\ud800\"", &limits, (InvalidPayload, "not a JSON object"));
    check_refused(
        "{\"@timestamp\": \"yesterday\"}",
        &limits,
        (InvalidPayload, "@timestamp \"yesterday\" is not a date with a time"),
    );
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    check_refused(&deep, &limits, (OverLimit(Limit::JsonDepth), "json_depth_max"));
    let nested = format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40));
    check_refused(
        &nested,
        &limits,
        (OverLimit(Limit::ValueDepth), "nests deeper than 32 levels (value_depth_max)"),
    );
    let many = format!("{{{}\"a\":1}}", "\"b\":1,".repeat(MEMBERS_MAX));
    check_refused(&many, &limits, (InvalidPayload, "an object of more than 10000 members"));
    let tight = IngestLimits { log_body_bytes_max: 8, attributes_per_log_max: 2, ..IngestLimits::default() };
    check_refused(
        "{\"message\": \"123456789\"}",
        &tight,
        (OverLimit(Limit::LogBodyBytes), "log_body_bytes_max"),
    );
    let three = "{\"message\": \"m\", \"a\": 1, \"b\": 2, \"c\": 3}";
    check_refused(three, &tight, (OverLimit(Limit::AttributesPerLog), "attributes_per_log_max"));
    let long_key = format!("{{\"message\": \"m\", \"{}\": {{}}}}", "k".repeat(2_000));
    check_refused(&long_key, &limits, (OverLimit(Limit::LabelNameBytes), "label_name_bytes_max"));
    for action in [Action::Update, Action::Delete] {
        let (reason, what) = read_with(action, "", &limits).unwrap_err();
        assert_eq!(reason, Unsupported);
        assert_eq!(what, format!("{} is not possible: logs are only appended", action.as_str()));
    }
}
