//! Data points and their labels.

use opentelemetry_proto::tonic::metrics::v1::{Histogram, HistogramDataPoint};
use telemetry::STALE_NAN_BITS;

use super::*;

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
    assert!(matches!(error, IngestError::TooLarge { limit: Limit::DecodedBytes, .. }));
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
