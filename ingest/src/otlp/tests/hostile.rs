//! Bodies that mean harm.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::ArrayValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use super::*;

#[test]
fn a_value_that_nests_too_deeply_is_refused_by_name() {
    let mut value = AnyValue { value: Some(Value::IntValue(1)) };
    for _ in 0..40 {
        value = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![value] })) };
    }
    let deep = KeyValue { key: "deep".into(), value: Some(value.clone()), ..KeyValue::default() };
    check_metrics(
        vec![gauge("x", vec![point(1.0, NOW_NANOS, vec![deep])])],
        expect![[r#"
            rows 1
            rejected over_limit 1: metric "x": attribute "deep" nests deeper than 32 levels (value_depth_max)
        "#]],
    );
    let log_records = vec![
        LogRecord { body: Some(value), ..LogRecord::default() },
        LogRecord { time_unix_nano: 1, ..LogRecord::default() },
    ];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }],
    };
    let decoded =
        decode(&OtlpLogs, &protobuf_head(), &request.encode_to_vec(), &IngestLimits::default()).unwrap();
    expect![[r#"
        rows 2
        rejected too_old 1: log record 1: the time is not set (1970-01-01T00:00:00Z)
        rejected over_limit 1: log record 0: body nests deeper than 32 levels (value_depth_max)
    "#]]
    .assert_eq(&show(&decoded));
}

#[test]
fn garbage_is_refused_with_a_reason() {
    let limits = IngestLimits::default();
    let text = |parts: &Parts, body: &[u8]| match decode(&OtlpMetrics, parts, body, &limits) {
        Err(error @ (IngestError::Malformed(_) | IngestError::OverLimit(_))) => error.to_string(),
        other => panic!("{other:?}"),
    };
    expect!["not an OTLP JSON request: EOF while parsing a value at line 1 column 0"]
        .assert_eq(&text(&json_head(), b""));
    let error = text(&json_head(), br#"{"resourceMetrics": 7}"#);
    assert!(error.contains("invalid type") && error.contains("line 1"), "{error}");
    let error = text(&json_head(), "[".repeat(1_000_000).as_bytes());
    assert!(error.contains("json_depth_max"), "{error}");
    let error = text(&protobuf_head(), b"\xff\xff\xff\xff\xff");
    assert!(error.starts_with("not an OTLP protobuf request"), "{error}");
    // 200 messages inside each other.
    let mut tower = vec![0x0a, 0x00];
    for _ in 0..200 {
        let mut outer = vec![0x2a];
        prost::encoding::encode_varint(tower.len() as u64, &mut outer);
        outer.append(&mut tower);
        tower = outer;
    }
    let log_with_tower = [&[0x0a, 0x80, 0x08][..], &vec![0x12; 1024]].concat();
    text(&protobuf_head(), &log_with_tower);
    assert!(
        ExportLogsServiceRequest::decode(&tower[..]).is_ok(),
        "field 5 of a request is unknown and skipped"
    );
}
