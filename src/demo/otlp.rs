//! Builds OTLP requests, as any exporter would.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use telemetry::Timestamp;

pub fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.micros()).unwrap_or(0) * 1_000
}

pub fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let attribute = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue((*value).to_owned())) }),
        ..KeyValue::default()
    };
    pairs.iter().map(attribute).collect()
}

fn resource(pairs: &[(&str, &str)]) -> Resource {
    Resource { attributes: attributes(pairs), ..Resource::default() }
}

fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() }
}

/// The metrics of one resource; several make a request.
pub fn resource_metrics(
    resource_attributes: &[(&str, &str)],
    scope_name: &str,
    metrics: Vec<Metric>,
) -> ResourceMetrics {
    ResourceMetrics {
        resource: Some(resource(resource_attributes)),
        scope_metrics: vec![ScopeMetrics {
            scope: Some(scope(scope_name)),
            metrics,
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    }
}

pub fn metrics_request(resource_metrics: Vec<ResourceMetrics>) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest { resource_metrics }
}

pub fn logs_request(
    resource_attributes: &[(&str, &str)],
    scope_name: &str,
    log_records: Vec<LogRecord>,
) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { scope: Some(scope(scope_name)), log_records, ..ScopeLogs::default() }];
    let logs =
        ResourceLogs { resource: Some(resource(resource_attributes)), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }
}

pub fn number(
    pairs: &[(&str, &str)],
    start: Option<Timestamp>,
    at: Timestamp,
    value: f64,
) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(pairs),
        start_time_unix_nano: start.map_or(0, nanos),
        time_unix_nano: nanos(at),
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

/// A cumulative counter.
pub fn counter(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum {
        data_points,
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
        is_monotonic: true,
    };
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(metric::Data::Sum(sum)),
        ..Metric::default()
    }
}

pub fn gauge(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    let data = Some(metric::Data::Gauge(Gauge { data_points }));
    Metric { name: name.to_owned(), unit: unit.to_owned(), data, ..Metric::default() }
}

/// A cumulative histogram with explicit bounds.
pub fn histogram(name: &str, unit: &str, data_points: Vec<HistogramDataPoint>) -> Metric {
    let histogram =
        Histogram { data_points, aggregation_temporality: AggregationTemporality::Cumulative as i32 };
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(metric::Data::Histogram(histogram)),
        ..Metric::default()
    }
}

/// `within` holds cumulative counts, one per bound; OTLP wants them bucket by bucket.
pub fn histogram_point(
    pairs: &[(&str, &str)],
    start: Timestamp,
    at: Timestamp,
    bounds: &[f64],
    within: &[f64],
    count: f64,
    sum: f64,
) -> HistogramDataPoint {
    let cumulative: Vec<u64> =
        within.iter().map(|n| n.floor() as u64).chain([count.floor() as u64]).collect();
    let mut below = 0;
    let bucket_counts = cumulative
        .iter()
        .map(|n| {
            let here = n.saturating_sub(below);
            below = below.max(*n);
            here
        })
        .collect();
    HistogramDataPoint {
        attributes: attributes(pairs),
        start_time_unix_nano: nanos(start),
        time_unix_nano: nanos(at),
        count: count.floor() as u64,
        sum: Some(sum),
        bucket_counts,
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    }
}

pub fn log(at: Timestamp, severity: &str, body: String, pairs: &[(&str, &str)]) -> LogRecord {
    LogRecord {
        time_unix_nano: nanos(at),
        severity_text: severity.to_owned(),
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(body)) }),
        attributes: attributes(pairs),
        ..LogRecord::default()
    }
}
