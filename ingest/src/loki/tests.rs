//! From a body as a client sends it to records and an answer.

use std::time::Duration;

use prost::Message;
use telemetry::{Limit, LogRecord, RejectReason, Rejection, Timestamp};

use super::protobuf::generated::{self, PushRequest};
use super::*;
use crate::receiver::tests::{NOW, body, head, ingest_with};
use crate::{FamilyTypes, IngestLimits, Receipt};

const JSON: (&str, &str) = ("content-type", "application/json");

fn decode_with(headers: &[(&str, &str)], body: &[u8], limits: &IngestLimits) -> Result<Decoded, IngestError> {
    let families = FamilyTypes::default();
    let context = Context {
        limits,
        source: "loki:test",
        now: NOW,
        families: &families,
        known: &crate::KnownSeries::new(0),
    };
    LokiPush.decode(&head(headers), body, &context)
}

fn decode_json(text: &str) -> Result<Decoded, IngestError> {
    decode_with(&[JSON], text.as_bytes(), &IngestLimits::default())
}

fn decode_protobuf(request: &PushRequest) -> Decoded {
    decode_with(&[], &request.encode_to_vec(), &IngestLimits::default()).unwrap()
}

fn records(decoded: &Decoded) -> Vec<LogRecord> {
    decoded.batch.log_rows.records().collect()
}

fn attrs(record: &LogRecord) -> Vec<(&str, &str)> {
    record.attrs.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect()
}

fn faults(decoded: &Decoded) -> Vec<&str> {
    decoded.rejections.faults().iter().map(|fault| fault.message.as_str()).collect()
}

#[test]
fn what_python_logging_loki_sends() {
    let text = r#"{"streams": [{"stream": {"application": "shop", "severity": "warning", "logger": "cart"},
        "values": [["1800000000123456789", "stock is low: 3 of \"café\""]]}]}"#;
    let decoded = decode_json(text).unwrap();
    let all = records(&decoded);
    let [record] = &all[..] else { panic!("{decoded:?}") };
    assert_eq!(record.ts, Timestamp::from_micros(1_800_000_000_123_456));
    assert_eq!(record.ts_ns_rem, 789);
    assert_eq!(&*record.body, "stock is low: 3 of \"café\"");
    assert_eq!((record.severity.as_deref(), record.service.as_deref()), (Some("WARNING"), None));
    assert_eq!(attrs(record), [("application", "shop"), ("logger", "cart"), ("severity", "warning")]);
    assert_eq!((decoded.rows, decoded.never_a_retry), (1, false));
}

/// Its default, the format of 2018.
#[test]
fn what_python_logging_loki_sends_unless_it_is_told_otherwise() {
    let text = r#"{"streams": [{"labels": "{application=\"shop\",severity=\"warning\"}", "entries": [
        {"ts": "2027-01-15T09:00:00.123456+01:00", "line": "stock is low"},
        {"line": "and lower", "ts": "soon"}]}]}"#;
    let decoded = decode_json(text).unwrap();
    let all = records(&decoded);
    let [record] = &all[..] else { panic!("{decoded:?}") };
    assert_eq!(record.ts, Timestamp::parse_rfc3339("2027-01-15T08:00:00.123456Z").unwrap());
    assert_eq!((&*record.body, record.severity.as_deref()), ("stock is low", Some("WARNING")));
    assert_eq!(attrs(record), [("application", "shop"), ("severity", "warning")]);
    assert!(decoded.rows == 2 && faults(&decoded)[0].contains("\"soon\""), "{:?}", faults(&decoded));
    let unreadable =
        r#"{"streams": [{"labels": "{oops}", "entries": [{"ts": "2027-01-15T08:00:00Z", "line": "x"}]}]}"#;
    assert!(faults(&decode_json(unreadable).unwrap())[0].contains("oops"));
    let without_line =
        r#"{"streams": [{"labels": "{a=\"b\"}", "entries": [{"ts": "2027-01-15T08:00:00Z"}]}]}"#;
    assert!(decode_json(without_line).unwrap_err().to_string().contains("missing field `line`"));
}

#[test]
fn metadata_is_an_attribute_and_wins_over_labels() {
    let text = r#"{"streams": [{"stream": {"job": "shop/cart", "level": "info", "env": "prod", "host": "h1"},
        "values": [
          ["1800000000000000000", "plain"],
          ["1800000000000000001", "with", {"level": "error", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "span_id": "00f067aa0ba902b7", "attempt": 3, "last": true}],
          ["1800000000000000002", "null", null]]}]}"#;
    let decoded = decode_json(text).unwrap();
    let all = records(&decoded);
    let [plain, with, null] = &all[..] else { panic!("{decoded:?}") };
    assert_eq!(plain.service.as_deref(), Some("cart"));
    assert_eq!((plain.env.as_deref(), plain.host.as_deref()), (Some("prod"), Some("h1")));
    assert_eq!((plain.severity.as_deref(), with.severity.as_deref()), (Some("INFO"), Some("ERROR")));
    assert_eq!(plain.trace_id, None);
    assert_eq!(with.trace_id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(with.span_id.as_deref(), Some("00f067aa0ba902b7"));
    assert!(attrs(with).contains(&("attempt", "3")) && attrs(with).contains(&("last", "true")));
    assert_eq!(attrs(plain), attrs(null));
}

#[test]
fn the_order_of_members_does_not_matter_and_unknown_ones_are_passed_over() {
    let text = r#"{"note": {"a": [1]}, "streams": [{"values": [["1000", "x"]], "hash": 7, "stream": {"service": "a"}}]}"#;
    let decoded = decode_json(text).unwrap();
    assert_eq!(records(&decoded)[0].service.as_deref(), Some("a"));
    assert_eq!(decode_json(r#"{"streams": []}"#).unwrap().rows, 0);
}

#[test]
fn what_promtail_sends() {
    let entry = |seconds, nanos, line: &str, metadata: &[(&str, &str)]| generated::EntryAdapter {
        timestamp: Some(generated::Timestamp { seconds, nanos }),
        line: line.into(),
        structured_metadata: metadata
            .iter()
            .map(|(name, value)| generated::LabelPairAdapter { name: (*name).into(), value: (*value).into() })
            .collect(),
    };
    let decoded = decode_protobuf(&PushRequest {
        streams: vec![
            generated::StreamAdapter {
                labels: r#"{service_name="cart", filename="C:\\log\\\"a\""}"#.into(),
                entries: vec![
                    entry(1_800_000_000, 999_999_999, "one", &[("detected_level", "debug")]),
                    entry(-1, 1, "before 1970", &[]),
                ],
            },
            generated::StreamAdapter { labels: "{oops}".into(), entries: vec![entry(1, 0, "two", &[])] },
        ],
    });
    let all = records(&decoded);
    let [one, before] = &all[..] else { panic!("{decoded:?}") };
    assert_eq!((one.ts.micros(), one.ts_ns_rem), (1_800_000_000_999_999, 999));
    assert_eq!((one.service.as_deref(), one.severity.as_deref()), (Some("cart"), Some("DEBUG")));
    assert_eq!(attrs(one)[1], ("filename", "C:\\log\\\"a\""));
    assert_eq!((before.ts.micros(), before.ts_ns_rem), (-1_000_000, 1));
    assert_eq!(faults(&decoded), [r#"stream 1, entry 0: the labels "{oops}": a = is missing at byte 5"#]);
    assert_eq!(decoded.rows, 3);
}

#[test]
fn bad_entries_are_named_and_their_neighbours_kept() {
    let limits = IngestLimits { log_body_bytes_max: 4, ..IngestLimits::default() };
    let text = r#"{"streams": [
        {"stream": {"app": "a"}, "values": [["1800000000000000000", "ok"], ["soon", "x"], ["1000", "longer"]]},
        {"stream": {"": "a"}, "values": [["1800000000000000000", "x"]]},
        {"stream": {"app": "b"}, "values": [["0", "x"], ["99999999999999999999999999999", "far"]]}]}"#;
    let decoded = decode_with(&[JSON], text.as_bytes(), &limits).unwrap();
    assert_eq!(decoded.rows, 6);
    let kept: Vec<&str> = decoded.batch.log_rows.bodies().iter().collect();
    assert_eq!(kept, ["ok", "far"]);
    assert_eq!(
        faults(&decoded),
        [
            r#"stream 0 {app="a"}, entry 1: the time "soon" is not nanoseconds since 1970"#,
            r#"stream 0 {app="a"}, entry 2: the body is longer than 4 bytes (log_body_bytes_max)"#,
            r#"stream 1 {="a"}, entry 0: a label has an empty name"#,
            r#"stream 2 {app="b"}, entry 0: the time is not set (1970-01-01T00:00:00Z)"#,
        ]
    );
}

#[test]
fn a_body_that_is_no_push_request_is_refused_with_its_place() {
    let check = |text: &str, says: &str| match decode_json(text) {
        Err(error @ (IngestError::Malformed(_) | IngestError::OverLimit(_))) => {
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
        other => panic!("{text}: {other:?}"),
    };
    check("", "not a Loki push request: EOF");
    check("[]", "expected an object with streams");
    check("{}", "missing field `streams`");
    check(r#"{"streams": [{"values": []}]}"#, "missing field `stream`");
    check(r#"{"streams": [{"stream": {"a": []}}]}"#, "expected a string");
    check(r#"{"streams": [{"stream": {}, "values": [["1"]]}]}"#, "stream 0, entry 0: invalid length 1");
    check(
        r#"{"streams": [{"stream": {}, "values": [["1", "x"], ["1", "x", {}, 4]]}]}"#,
        "stream 0, entry 1: ",
    );
    check(r#"{"streams": [{"stream": {}, "values": [["1", {"msg": "x"}]]}]}"#, "expected a string");
    check(r#"{"streams": [{"stream": {}, "values": [["1", "x"]]}"#, "EOF");
    check(r#"{"streams": []} {}"#, "trailing characters");
    check(&format!(r#"{{"streams": {}}}"#, "[".repeat(100_000)), "json_depth_max");
    let many =
        format!(r#"{{"streams": [{{"stream": {{{}"b":""}}}}]}}"#, "\"a\":\"\",".repeat(push::PAIRS_MAX));
    check(&many, "more than 10000 labels");
    let truncated = PushRequest { streams: vec![generated::StreamAdapter::default(); 3] }.encode_to_vec();
    let error = decode_with(&[], &truncated[..5], &IngestLimits::default()).unwrap_err();
    assert!(error.to_string().starts_with("not a Loki push request, stream 1, entry 0: "), "{error}");
}

#[test]
fn a_request_cannot_expand_without_bound() {
    let refused = |limits: IngestLimits, text: &str| match decode_with(&[JSON], text.as_bytes(), &limits) {
        Err(IngestError::TooLarge { limit, .. }) => limit,
        other => panic!("{other:?}"),
    };
    let two = r#"{"streams": [{"stream": {"a": "0123456789"}, "values": [["1", "x"], ["2", "y"]]}]}"#;
    let rows = IngestLimits { rows_per_request_max: 1, ..IngestLimits::default() };
    assert_eq!(refused(rows.clone(), two), Limit::RowsPerRequest);
    assert_eq!(refused(rows, r#"{"streams": [{"stream": {}}, {"stream": {}}]}"#), Limit::RowsPerRequest);
    let bytes = IngestLimits { decoded_bytes_max: 60, ..IngestLimits::default() };
    assert_eq!(refused(bytes, two), Limit::DecodedBytes);
}

async fn send(headers: &[(&str, &str)], bytes: &[u8]) -> (u16, String, Option<u128>, usize) {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let answer = ingest.receive(&LokiPush, head(headers), body(bytes), "promtail").await;
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    let batches = sink.batches.lock();
    let (logs, key) = batches.first().map_or((0, None), |(batch, _, key)| (batch.log_count(), *key));
    (answer.status().as_u16(), text, key, logs)
}

const PUSH: &str = r#"{"streams": [{"stream": {"a": "b"}, "values": [["1800000000000000000", "x"]]}]}"#;

#[tokio::test]
async fn every_packing_that_clients_use_is_taken() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(PUSH.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(PUSH.as_bytes()).unwrap();
    let deflate = deflate.finish().unwrap();
    let protobuf = PushRequest {
        streams: vec![generated::StreamAdapter {
            labels: "{a=\"b\"}".into(),
            entries: vec![generated::EntryAdapter {
                timestamp: Some(generated::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
                line: "x".into(),
                ..generated::EntryAdapter::default()
            }],
        }],
    };
    let snappy = snap::raw::Encoder::new().compress_vec(&protobuf.encode_to_vec()).unwrap();
    let protobuf_type = ("content-type", "application/x-protobuf");
    for (headers, bytes) in [
        (&[JSON][..], PUSH.as_bytes()),
        (&[("content-type", "application/json; charset=utf-8")], PUSH.as_bytes()),
        (&[JSON, ("content-encoding", "gzip")], &gzip),
        (&[JSON, ("content-encoding", "deflate")], &deflate),
        (&[protobuf_type, ("content-encoding", "snappy")], &snappy),
        (&[protobuf_type], &snappy),
        (&[], &snappy),
    ] {
        let (status, text, key, logs) = send(headers, bytes).await;
        assert_eq!((status, text.as_str(), logs), (204, "", 1), "{headers:?}");
        assert!(key.is_some(), "a retry of the same body is known");
    }
}

#[tokio::test]
async fn other_packings_and_types_are_named() {
    for (headers, says) in [
        (&[("content-type", "text/plain")][..], "send application/json or application/x-protobuf"),
        (&[JSON, ("content-encoding", "snappy")], "\"snappy\" is not understood here"),
        (&[("content-encoding", "gzip")], "\"gzip\" is not understood here"),
        (&[JSON, ("content-encoding", "br")], "\"br\" is not understood here"),
    ] {
        let (status, text, ..) = send(headers, PUSH.as_bytes()).await;
        assert_eq!(status, 415, "{headers:?}: {text}");
        assert!(text.contains(says), "{text}");
    }
    let (status, text, ..) = send(&[], PUSH.as_bytes()).await;
    assert_eq!(status, 400);
    assert!(text.contains("not a valid snappy block"), "{text}");
}

#[tokio::test]
async fn the_tenant_is_an_attribute_and_makes_another_batch() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    for tenant in ["", "a", "b"] {
        let headers = [JSON, ("x-scope-orgid", tenant)];
        let answer = ingest.receive(&LokiPush, head(&headers), body(PUSH.as_bytes()), "t").await;
        assert_eq!(answer.status().as_u16(), 204);
    }
    {
        let batches = sink.batches.lock();
        let tenant_of = |record: LogRecord| {
            let found = record.attrs.into_iter().find(|(key, _)| &**key == "tenant");
            found.map(|(_, value)| value)
        };
        let tenants: Vec<Option<Box<str>>> =
            batches.iter().map(|(batch, ..)| tenant_of(batch.log_rows.record(0))).collect();
        assert_eq!(tenants, [None, Some("a".into()), Some("b".into())]);
        assert!(batches[0].2 != batches[1].2 && batches[1].2 != batches[2].2);
    }
    let long = "x".repeat(151);
    let headers = [JSON, ("x-scope-orgid", long.as_str())];
    let answer = ingest.receive(&LokiPush, head(&headers), body(PUSH.as_bytes()), "t").await;
    assert_eq!(answer.status().as_u16(), 400);
}

#[tokio::test]
async fn otlp_through_lokis_door_has_the_tenant_and_otlps_answer() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let logs = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1800000000000000000",
        "body": {"stringValue": "x"}}]}]}]}"#;
    let headers = [JSON, ("x-scope-orgid", "a")];
    let answer = ingest.receive(&LokiOtlpLogs, head(&headers), body(logs.as_bytes()), "t").await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]));
    let (batch, source, _) = &sink.batches.lock()[0];
    let record = batch.log_rows.records().next().unwrap();
    assert_eq!((attrs(&record), source.as_str()), (vec![("tenant", "a")], "loki_otlp:t"));
}

#[tokio::test]
async fn entries_that_the_lake_refuses_are_a_400_and_overload_is_not() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let push = async || {
        let answer = ingest.receive(&LokiPush, head(&[JSON]), body(PUSH.as_bytes()), "t").await;
        let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap(), wait)
    };
    *sink.rejections.lock() = vec![Rejection {
        source: String::new(),
        reason: RejectReason::TooOld,
        count: 1,
        sample: "log record at 1970".into(),
    }];
    let (status, text, _) = push().await;
    assert_eq!(
        (status, text.as_str()),
        (400, "none of 1 entries was stored. too_old (1): log record at 1970\n")
    );
    let overloaded = IngestError::Overloaded {
        what: "full".into(),
        limit: None,
        retry_after: Duration::from_millis(1_500),
    };
    *sink.refuse_with.lock() = Some(overloaded);
    let (status, text, wait) = push().await;
    assert_eq!(
        (status, text.as_str(), wait.as_deref()),
        (429, "overloaded: full; try again in 1s500ms\n", Some("2"))
    );
    let stopped = IngestError::Unavailable {
        what: "the disk is full".into(),
        limit: None,
        retry_after: Duration::from_secs(30),
    };
    *sink.refuse_with.lock() = Some(stopped);
    assert_eq!(push().await.0, 503);
}

#[test]
fn an_answer_without_complaints_is_empty() {
    let answer = LokiPush.answer(&head(&[]), &Ok(Receipt { rows: 2, ..Receipt::default() }));
    assert_eq!((answer.status().as_u16(), answer.body().len()), (204, 0));
    assert!(!answer.headers().contains_key("content-type"));
}
