//! Golden requests (`tests/data/otlp`), bad input, and answers in both formats.

use std::time::Duration;

use expect_test::{Expect, expect};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use telemetry::{STALE_NAN_BITS, Timestamp, is_stale};

use super::*;
use crate::receiver::tests::{NOW, body, head, ingest_with};
use crate::{FamilyTypes, IngestLimits, Receipt};

const NOW_NANOS: u64 = NOW.micros() as u64 * 1_000;

const METRICS: &str = include_str!("../../tests/data/otlp/metrics.json");
const LOGS: &str = include_str!("../../tests/data/otlp/logs.json");
const TRACES: &str = include_str!("../../tests/data/otlp/traces.json");

fn json_head() -> Parts {
    head(&[("content-type", "application/json")])
}

fn protobuf_head() -> Parts {
    head(&[("content-type", "application/x-protobuf")])
}

fn decode(
    dialect: &dyn Dialect,
    parts: &Parts,
    body: &[u8],
    limits: &IngestLimits,
) -> Result<Decoded, IngestError> {
    let families = FamilyTypes::default();
    dialect.decode(
        parts,
        body,
        &Context {
            limits,
            source: "otlp:test",
            now: NOW,
            families: &families,
            known: &crate::KnownSeries::new(0),
        },
    )
}

fn decode_json(dialect: &dyn Dialect, body: &str) -> Result<Decoded, IngestError> {
    decode(dialect, &json_head(), body.as_bytes(), &IngestLimits::default())
}

fn show(decoded: &Decoded) -> String {
    let mut text = format!("rows {}\n", decoded.rows);
    for series in &decoded.batch.series {
        let kind = series.meta.metric_type.as_str();
        let delta = if series.meta.delta { " delta" } else { "" };
        let unit = series.meta.unit.as_deref().unwrap_or("-");
        text += &format!("{} [{kind}{delta} {unit}]", series.labels);
        for sample in &series.samples {
            let value = if is_stale(sample.value) { "stale".to_owned() } else { sample.value.to_string() };
            text += &format!(" {value}@{}", sample.ts);
        }
        if let Some(start) = series.start {
            text += &format!(" since {start}");
        }
        text += "\n";
    }
    for series in &decoded.batch.histograms {
        let delta = if series.meta.delta { " delta" } else { "" };
        text += &format!("{} [native {}{delta}]", series.labels, series.meta.metric_type.as_str());
        for it in &series.histograms {
            let side = |side: &telemetry::Buckets| side.indexed().collect::<Vec<_>>();
            text += &format!(
                " count={} sum={} schema={} zero={}<={} +{:?} -{:?}@{}",
                it.count,
                it.sum,
                it.schema,
                it.zero_count,
                it.zero_threshold,
                side(&it.positive),
                side(&it.negative),
                it.ts
            );
        }
        text += &format!(" since {:?}\n", series.start);
    }
    for series in &decoded.batch.exemplars {
        for it in &series.exemplars {
            text += &format!("exemplar {} {}@{} of {}\n", it.labels, it.value, it.ts, series.labels);
        }
    }
    for log in &decoded.batch.logs {
        text += &format!(
            "{} +{}ns service={:?} env={:?} host={:?} severity={:?} trace={:?} span={:?} body={:?}\n",
            log.ts,
            log.ts_ns_rem,
            log.service,
            log.env,
            log.host,
            log.severity,
            log.trace_id,
            log.span_id,
            log.body
        );
        for (key, value) in &log.attrs {
            text += &format!("  {key}={value}\n");
        }
    }
    for entry in decoded.rejections.ledger("s") {
        text += &format!("rejected {} {}: {}\n", entry.reason.as_str(), entry.count, entry.sample);
    }
    text
}

fn check(dialect: &dyn Dialect, json: &str, expect: Expect) {
    expect.assert_eq(&show(&decode_json(dialect, json).unwrap()));
}

#[test]
fn metrics_become_prometheus_series() {
    check(
        &OtlpMetrics,
        METRICS,
        expect![[r#"
            rows 9
            http_server_requests_total{deployment_environment_name="prod", http_response_status_code="200", http_route="/cart", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [counter {request}] 42@2027-01-15T08:00:00.123Z since 2027-01-15T07:43:20Z
            http_server_requests_total{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [counter {request}] 1.5@2027-01-15T08:00:00Z
            queue_change{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [gauge delta -] -3@2027-01-15T08:00:00Z
            memory_utilization_ratio{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [gauge 1] 0.25@2027-01-15T08:00:00Z
            memory_utilization_ratio{deployment_environment_name="prod", gone="true", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [gauge 1] stale@2027-01-15T08:00:00Z
            http_server_request_duration_seconds_bucket{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", le="0.1", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [histogram s] 1@2027-01-15T08:00:00Z since 2027-01-15T07:43:20Z
            http_server_request_duration_seconds_bucket{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", le="2.5", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [histogram s] 4@2027-01-15T08:00:00Z since 2027-01-15T07:43:20Z
            http_server_request_duration_seconds_bucket{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", le="+Inf", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [histogram s] 6@2027-01-15T08:00:00Z since 2027-01-15T07:43:20Z
            http_server_request_duration_seconds_sum{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [histogram s] 1.75@2027-01-15T08:00:00Z since 2027-01-15T07:43:20Z
            http_server_request_duration_seconds_count{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [histogram s] 6@2027-01-15T08:00:00Z since 2027-01-15T07:43:20Z
            rpc_latency_milliseconds{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", quantile="0.5", service_name="checkout"} [summary ms] 20@2027-01-15T08:00:00Z
            rpc_latency_milliseconds{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", quantile="0.99", service_name="checkout"} [summary ms] 40@2027-01-15T08:00:00Z
            rpc_latency_milliseconds_sum{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [summary ms] 100@2027-01-15T08:00:00Z
            rpc_latency_milliseconds_count{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [summary ms] 4@2027-01-15T08:00:00Z
            target_info{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", process_pid="4711"} [info -] 1@2027-01-15T08:00:00Z 1@2027-01-15T08:00:00.123Z
            sizes{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"} [native histogram] count=12 sum=31.5 schema=8 zero=2<=0.001 +[(0, 1.0), (1, 2.0), (2, 4.0)] -[(4, 3.0)]@2027-01-15T08:00:00Z since Some(2027-01-15T07:43:20Z)
            exemplar {span_id="eee19b7ec3c1b174", trace_id="5b8efff798038103d269b633813fc60c", user_id="7"} 0.2@2027-01-15T07:59:59.5Z of http_server_request_duration_seconds_bucket{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", le="2.5", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"}
            exemplar {} 9@2027-01-15T08:00:00Z of http_server_request_duration_seconds_bucket{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", le="+Inf", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"}
            exemplar {} 1.5@2027-01-15T08:00:00Z of sizes{deployment_environment_name="prod", instance="checkout-0", job="shop/checkout", otel_scope_name="http.lib", otel_scope_team="web", otel_scope_version="1.2.0", service_name="checkout"}
            rejected unsupported 1: metric "sizes": scale -5 is coarser than -4, the coarsest that is stored
            rejected invalid_payload 1: an exemplar: it has no value
        "#]],
    );
}

#[test]
fn log_records_keep_everything_they_say() {
    check(
        &OtlpLogs,
        LOGS,
        expect![[r#"
            rows 4
            2027-01-15T08:00:00.123456Z +789ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=Some("ERROR") trace=Some("5b8efff798038103d269b633813fc60c") span=Some("eee19b7ec3c1b174") body="payment failed"
              deployment.environment=prod
              host.name=overridden
              items=["a",2]
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
              user.id=7
            2027-01-15T08:00:01Z +0ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=Some("INFO2") trace=None span=None body="{\"event\":\"login\",\"ok\":true,\"raw\":\"AP8=\"}"
              deployment.environment=prod
              event.name=user.login
              host.name=node-7
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
            2027-01-15T08:00:00Z +0ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=None trace=None span=None body="2.5"
              deployment.environment=prod
              host.name=node-7
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
            2027-01-15T08:00:00Z +0ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=None trace=None span=None body=""
              deployment.environment=prod
              host.name=node-7
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
        "#]],
    );
}

#[test]
fn spans_are_counted_and_not_stored() {
    check(
        &OtlpTraces,
        TRACES,
        expect![[r#"
            rows 2
            rejected unsupported 2: spans are not stored yet
        "#]],
    );
}

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

fn text_attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

fn point(value: f64, time_unix_nano: u64, attributes: Vec<KeyValue>) -> NumberDataPoint {
    let value = Some(number_data_point::Value::AsDouble(value));
    NumberDataPoint { value, time_unix_nano, attributes, ..NumberDataPoint::default() }
}

fn gauge(name: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    Metric { name: name.into(), data: Some(Data::Gauge(Gauge { data_points })), ..Metric::default() }
}

fn request_of(metrics: Vec<Metric>, resource: Vec<KeyValue>, scope: Vec<KeyValue>) -> Vec<u8> {
    let scope =
        InstrumentationScope { name: "lib".into(), attributes: scope, ..InstrumentationScope::default() };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource = Some(Resource { attributes: resource, ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn check_metrics(metrics: Vec<Metric>, expect: Expect) {
    let decoded = decode(
        &OtlpMetrics,
        &protobuf_head(),
        &request_of(metrics, vec![], vec![]),
        &IngestLimits::default(),
    );
    expect.assert_eq(&show(&decoded.unwrap()));
}

#[test]
fn bad_points_are_refused_one_by_one_with_their_metric() {
    let no_value = NumberDataPoint { time_unix_nano: NOW_NANOS, ..NumberDataPoint::default() };
    let histogram = |bounds: &[f64], counts: &[u64]| {
        let point = HistogramDataPoint {
            time_unix_nano: NOW_NANOS,
            explicit_bounds: bounds.to_vec(),
            bucket_counts: counts.to_vec(),
            ..HistogramDataPoint::default()
        };
        let data = Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 });
        Metric { name: "h".into(), data: Some(data), ..Metric::default() }
    };
    check_metrics(
        vec![
            gauge("fine", vec![point(1.0, NOW_NANOS, vec![])]),
            gauge("no.value", vec![no_value]),
            gauge("no.time", vec![point(1.0, 0, vec![])]),
            gauge("///", vec![point(1.0, NOW_NANOS, vec![]), point(2.0, NOW_NANOS, vec![])]),
            gauge("bad.key", vec![point(1.0, NOW_NANOS, vec![text_attribute("ключ", "v")])]),
            gauge("long", vec![point(1.0, NOW_NANOS, vec![text_attribute("k", &"x".repeat(10_000))])]),
            Metric { name: "nothing".into(), ..Metric::default() },
            histogram(&[1.0, 2.0], &[1, 2]),
            histogram(&[2.0, 1.0], &[1, 2, 3]),
            histogram(&[f64::NAN], &[1, 2]),
        ],
        expect![[r#"
            rows 11
            fine{otel_scope_name="lib"} [gauge -] 1@2027-01-15T08:00:00Z
            rejected invalid_labels 3: metric "///": the name holds no letter or digit that a metric name may have
            rejected too_old 1: metric "no.time": the time is not set (1970-01-01T00:00:00Z)
            rejected over_limit 1: metric "long": series long{k="xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: the value of label "k" is longer than 8192 bytes (label_value_bytes_max)
            rejected invalid_payload 5: metric "no.value": the data point has no value
        "#]],
    );
}

#[test]
fn attributes_that_become_one_label_are_joined_and_identity_wins() {
    let attributes = vec![
        text_attribute("a_b", "second"),
        text_attribute("a.b", "first"),
        text_attribute("job", "forged"),
        text_attribute("__name__", "forged"),
        text_attribute("service_name", "from the point"),
        text_attribute("empty", ""),
    ];
    let resource = vec![text_attribute("service.name", "api"), text_attribute("job", "also forged")];
    let body = request_of(vec![gauge("x", vec![point(1.0, NOW_NANOS, attributes)])], resource, vec![]);
    let decoded = decode(&OtlpMetrics, &protobuf_head(), &body, &IngestLimits::default()).unwrap();
    expect![[r#"
        rows 1
        x{a_b="first;second", job="api", otel_scope_name="lib", service_name="from the point"} [gauge -] 1@2027-01-15T08:00:00Z
        target_info{job="api"} [info -] 1@2027-01-15T08:00:00Z
    "#]]
    .assert_eq(&show(&decoded));
}

#[test]
fn every_nan_keeps_its_bits() {
    let payload = f64::from_bits(0x7ff8_dead_beef_0001);
    let stale = f64::from_bits(STALE_NAN_BITS);
    let points = vec![point(payload, NOW_NANOS, vec![]), point(stale, NOW_NANOS + 1_000_000, vec![])];
    let body = request_of(vec![gauge("x", points)], vec![], vec![]);
    let decoded = decode(&OtlpMetrics, &protobuf_head(), &body, &IngestLimits::default()).unwrap();
    let bits: Vec<u64> =
        decoded.batch.series[0].samples.iter().map(|sample| sample.value.to_bits()).collect();
    assert_eq!(bits, [0x7ff8_dead_beef_0001, STALE_NAN_BITS]);
}

#[test]
fn target_info_covers_the_span_of_a_request_and_is_bounded() {
    let hour = 3_600_000_000_000;
    let resource = vec![text_attribute("service.name", "api"), text_attribute("os.type", "linux")];
    let info_samples = |hours: u64| {
        let points = vec![point(1.0, NOW_NANOS - hours * hour, vec![]), point(1.0, NOW_NANOS, vec![])];
        let body = request_of(vec![gauge("x", points)], resource.clone(), vec![]);
        let decoded = decode(&OtlpMetrics, &protobuf_head(), &body, &IngestLimits::default()).unwrap();
        let info =
            decoded.batch.series.iter().find(|series| series.labels.metric() == "target_info").unwrap();
        assert_eq!(info.samples.last().unwrap().ts, NOW);
        info.samples.len()
    };
    assert_eq!(info_samples(0), 1);
    assert_eq!(info_samples(1), 25);
    assert_eq!(info_samples(24 * 365), 576);
}

#[test]
fn a_small_request_cannot_expand_without_bound() {
    let scope = (0..100).map(|n| text_attribute(&format!("k{n}"), &"v".repeat(1_000))).collect();
    let points = (0..10_000).map(|n| point(1.0, NOW_NANOS + n, vec![])).collect();
    let body = request_of(vec![gauge("x", points)], vec![], scope);
    assert!(body.len() < 1 << 20);
    let limits = IngestLimits { decoded_bytes_max: 10 << 20, ..IngestLimits::default() };
    let error = decode(&OtlpMetrics, &protobuf_head(), &body, &limits).unwrap_err();
    assert!(matches!(error, IngestError::TooLarge { name: "decoded_bytes_max", .. }));
}

#[test]
fn shared_labels_over_a_limit_refuse_their_points_at_once() {
    let scope = (0..200).map(|n| text_attribute(&format!("k{n}"), "v")).collect();
    let points = (0..1_000).map(|n| point(1.0, NOW_NANOS + n, vec![])).collect();
    let body = request_of(vec![gauge("x", points)], vec![], scope);
    let decoded = decode(&OtlpMetrics, &protobuf_head(), &body, &IngestLimits::default()).unwrap();
    expect![[r#"
        rows 1000
        rejected over_limit 1000: metric "x": 201 labels, 128 are allowed (labels_per_series_max)
    "#]]
    .assert_eq(&show(&decoded));
}

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
        Err(IngestError::Malformed(text)) => text,
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

fn partly_stored() -> Outcome {
    let refused = vec![telemetry::Rejection {
        source: "otlp:x".into(),
        reason: RejectReason::TooOld,
        count: 2,
        sample: "up{} at 1999-01-01T00:00:00Z".into(),
    }];
    Ok(Receipt { rows: 3, refused, ..Receipt::default() })
}

#[test]
fn success_is_empty_and_partial_success_counts() {
    let answer = OtlpMetrics.answer(&json_head(), &Ok(Receipt::default()));
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]));
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    let answer = OtlpMetrics.answer(&protobuf_head(), &Ok(Receipt::default()));
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 0));
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/x-protobuf");

    let message = "too_old (2): up{} at 1999-01-01T00:00:00Z";
    let answer = OtlpMetrics.answer(&protobuf_head(), &partly_stored());
    let partial = ExportMetricsPartialSuccess { rejected_data_points: 2, error_message: message.into() };
    assert_eq!(
        ExportMetricsServiceResponse::decode(answer.body().clone()).unwrap(),
        ExportMetricsServiceResponse { partial_success: Some(partial) }
    );
    let json = |dialect: &dyn Dialect| {
        serde_json::from_slice::<serde_json::Value>(dialect.answer(&json_head(), &partly_stored()).body())
            .unwrap()
    };
    assert_eq!(
        json(&OtlpLogs),
        json!({"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": message}})
    );
    assert_eq!(json(&OtlpTraces), json!({"partialSuccess": {"rejectedSpans": "2", "errorMessage": message}}));
}

#[test]
fn errors_are_rpc_statuses_in_the_format_of_the_request() {
    let overloaded: Outcome =
        Err(IngestError::Overloaded { what: "the WAL is full".into(), retry_after: Duration::from_secs(3) });
    let answer = OtlpLogs.answer(&protobuf_head(), &overloaded);
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[RETRY_AFTER]),
        (429, &HeaderValue::from_static("3"))
    );
    let status = RpcStatus::decode(answer.body().clone()).unwrap();
    assert_eq!((status.code, status.message.as_str()), (14, "overloaded: the WAL is full; try again in 3s"));

    let answer = OtlpLogs.answer(&json_head(), &Err(IngestError::Malformed("no".into())));
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (400, &br#"{"code":3,"message":"no"}"#[..]));
}

#[tokio::test]
async fn over_http_both_compressions_and_wrong_heads() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(LOGS.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::encode_all(LOGS.as_bytes(), 1).unwrap();
    for (encoding, packed) in [("identity", LOGS.as_bytes().to_vec()), ("gzip", gzip), ("zstd", zstd)] {
        let parts =
            head(&[("content-type", "application/json; charset=utf-8"), ("content-encoding", encoding)]);
        let answer = ingest.receive(&OtlpLogs, parts, body(&packed), "sdk").await;
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]), "{encoding}");
    }
    {
        let batches = sink.batches.lock();
        assert_eq!(batches.iter().map(|(batch, ..)| batch.logs.len()).collect::<Vec<_>>(), [4, 4, 4]);
        assert!(batches[0].2.is_some(), "logs carry a key");
        assert!(
            batches.iter().all(|(_, _, key)| *key == batches[0].2),
            "of the plain body, however it was packed"
        );
    }
    for (content_type, encoding) in [("text/plain", "identity"), ("application/json", "br"), ("", "gzip")] {
        let parts = head(&[("content-type", content_type), ("content-encoding", encoding)]);
        let answer = ingest.receive(&OtlpLogs, parts, body(LOGS.as_bytes()), "sdk").await;
        assert_eq!(answer.status().as_u16(), 415, "{content_type} {encoding}");
        let error: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(error["code"], 3);
    }
}

#[tokio::test]
async fn spans_reach_the_ledger_and_the_answer() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let answer = ingest.receive(&OtlpTraces, json_head(), body(TRACES.as_bytes()), "sdk").await;
    assert_eq!(answer.status().as_u16(), 200);
    let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        answer,
        json!({"partialSuccess": {
            "rejectedSpans": "2",
            "errorMessage": "unsupported (2): spans are not stored yet",
        }})
    );
    let batches = sink.batches.lock();
    assert_eq!(batches[0].0.rejections[0].source, "otlp_traces:sdk");
    assert_eq!(batches[0].0.rejections[0].count, 2);
}

#[test]
fn observed_time_is_the_second_choice() {
    let decoded = decode_json(&OtlpLogs, LOGS).unwrap();
    let times: Vec<Timestamp> = decoded.batch.logs.iter().map(|log| log.ts).collect();
    assert_eq!(times[1], Timestamp::from_secs(1_800_000_001));
    assert_eq!((times[2], times[3]), (NOW, NOW));
}
