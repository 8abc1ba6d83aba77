//! Golden requests (`tests/data/otlp`), bad input, and answers in both formats: what all subjects need.

mod answers;
mod hostile;
mod json;
mod logs;
mod metrics;

use expect_test::{Expect, expect};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use telemetry::{Limit, LogRecord, Timestamp, is_stale};

use super::*;
use crate::receiver::tests::{NOW, head};
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

/// Log records of a request.
fn records(decoded: &Decoded) -> Vec<LogRecord> {
    assert!(decoded.batch.logs.is_empty());
    decoded.batch.log_rows.records().collect()
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
    for log in records(decoded) {
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
