//! OTLP in JSON, of our encoder and of others.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

use super::*;

#[test]
fn protobuf_and_json_say_the_same() {
    // The generated types' own JSON is the second opinion.
    let metrics: ExportMetricsServiceRequest = serde_json::from_str(METRICS).unwrap();
    let logs: ExportLogsServiceRequest = serde_json::from_str(LOGS).unwrap();
    let limits = IngestLimits::default();
    let metrics = decode(&OtlpMetrics, &protobuf_head(), &metrics.encode_to_vec(), &limits).unwrap();
    assert_eq!(show(&metrics), show(&decode_json(&OtlpMetrics, METRICS).unwrap()));
    let logs = decode(&OtlpLogs, &protobuf_head(), &logs.encode_to_vec(), &limits).unwrap();
    assert_eq!(show(&logs), show(&decode_json(&OtlpLogs, LOGS).unwrap()));
}

#[test]
fn json_may_leave_out_what_is_empty() {
    for body in
        ["{}", r#"{"resourceMetrics": []}"#, r#"{"resourceMetrics": [{}]}"#, r#"{"unknown": {"a": [1]}}"#]
    {
        let decoded = decode_json(&OtlpMetrics, body).unwrap();
        assert_eq!(show(&decoded), "rows 0\n", "{body}");
    }
    let decoded = decode(&OtlpMetrics, &protobuf_head(), b"", &IngestLimits::default()).unwrap();
    assert_eq!(decoded.rows, 0);
}

#[test]
fn json_of_other_encoders_is_understood() {
    // An empty list without its `values`, an unknown kind of value, a key without a value.
    let record = r#"{"body": {"arrayValue": {}}, "timeUnixNano": "1800000000000000000", "attributes": [
        {"key": "future", "value": {"decimalValue": {"digits": "1"}}}, {"key": "bare"}, {"key": "n", "value": null}]}"#;
    let body = format!(r#"{{"resourceLogs": [{{"scopeLogs": [{{"logRecords": [{record}]}}]}}]}}"#);
    check(
        &OtlpLogs,
        &body,
        expect![[r#"
        rows 1
        2027-01-15T08:00:00Z +0ns service=None env=None host=None severity=None trace=None span=None body="[]"
          bare=
          future=
          n=
    "#]],
    );
    let points = r#"{"timeUnixNano": "1800000000000000000", "asDouble": "NaN"},
        {"timeUnixNano": "1800000000001000000", "asDouble": "-Infinity"}"#;
    let metric = format!(r#"{{"name": "x", "gauge": {{"dataPoints": [{points}]}}}}"#);
    let body = format!(r#"{{"resourceMetrics": [{{"scopeMetrics": [{{"metrics": [{metric}]}}]}}]}}"#);
    check(
        &OtlpMetrics,
        &body,
        expect![[r#"
        rows 2
        x{} [gauge -] NaN@2027-01-15T08:00:00Z -inf@2027-01-15T08:00:00.001Z
    "#]],
    );
}

#[test]
fn a_malformed_number_in_json_is_an_error_with_its_place() {
    for (point, expect) in [
        (r#"{"asDouble": "many"}"#, "invalid value: string \"many\", expected a number"),
        (r#"{"asInt": 1.5}"#, "invalid value: floating point `1.5`, expected an integer of 64 bits"),
        (r#"{"timeUnixNano": -1}"#, "invalid value: integer `-1`, expected an integer from 0"),
        (r#"{"attributes": 1}"#, "invalid type: integer `1`"),
    ] {
        let metric = format!(r#"{{"name": "x", "gauge": {{"dataPoints": [{point}]}}}}"#);
        let body =
            format!("{{\"resourceMetrics\": [{{\"scopeMetrics\": [{{\"metrics\": [\n{metric}]}}]}}]}}");
        let error = decode_json(&OtlpMetrics, &body).unwrap_err().to_string();
        assert!(error.contains(expect) && error.contains("line 2 column"), "{error}");
    }
    let record = |member: &str| {
        format!(r#"{{"resourceLogs": [{{"scopeLogs": [{{"logRecords": [{{{member}}}]}}]}}]}}"#)
    };
    for (member, expect) in [
        (r#""traceId": "xyz""#, "expected hex digits"),
        (r#""traceId": "abc""#, "expected hex digits"),
        (r#""body": {"bytesValue": "*"}"#, "not base64"),
    ] {
        let error = decode_json(&OtlpLogs, &record(member)).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}
