//! OTLP's JSON mapping, read into the generated protobuf types.
//!
//! Written out instead of using the generated types' own mapping, which drops a metric silently when
//! one of its numbers is malformed, refuses `"NaN"`, and stumbles over unknown or left-out members.
//! Here: unknown members are ignored, null and left-out ones are defaults, 64-bit integers are
//! numbers or text, special floats are text, ids are hex, and an error has its line and column.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use serde::de::{Deserialize, Deserializer, IgnoredAny};

mod scalars;

use scalars::{Base64, Hex, Number};

/// A request that can be read from OTLP JSON.
pub(crate) trait FromJson: Sized {
    fn from_json(body: &[u8]) -> Result<Self, serde_json::Error>;
}

impl FromJson for ExportMetricsServiceRequest {
    fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        let request: MetricsRequest = serde_json::from_slice(body)?;
        Ok(ExportMetricsServiceRequest { resource_metrics: all(request.resource_metrics) })
    }
}

impl FromJson for ExportLogsServiceRequest {
    fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        let request: LogsRequest = serde_json::from_slice(body)?;
        Ok(ExportLogsServiceRequest { resource_logs: all(request.resource_logs) })
    }
}

/// Spans are counted, not read: each comes out empty.
impl FromJson for ExportTraceServiceRequest {
    fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        let request: TracesRequest = serde_json::from_slice(body)?;
        Ok(ExportTraceServiceRequest { resource_spans: all(request.resource_spans) })
    }
}

fn all<A: Into<B>, B>(list: Vec<A>) -> Vec<B> {
    list.into_iter().map(Into::into).collect()
}

/// Null is the default, as everywhere in protobuf's JSON.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Declares the JSON form of messages: members in camel case, each with a default and nullable.
macro_rules! messages {
    ($($(#[$doc:meta])* $vis:vis $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        $vis struct $name {
            $(#[serde(deserialize_with = "nullable")] $field: $type,)*
        }
    )*};
}

mod exponential;

use exponential::{Exemplar, ExponentialHistogram};

messages! {
    MetricsRequest { resource_metrics: Vec<ResourceMetrics> }
    ResourceMetrics { resource: Resource, scope_metrics: Vec<ScopeMetrics>, schema_url: String }
    ScopeMetrics { scope: Option<Scope>, metrics: Vec<Metric>, schema_url: String }
    Metric {
        name: String,
        description: String,
        unit: String,
        gauge: Option<Numbers>,
        sum: Option<Numbers>,
        histogram: Option<Histogram>,
        exponential_histogram: Option<ExponentialHistogram>,
        summary: Option<Summary>,
    }
    /// A gauge or a sum.
    Numbers { data_points: Vec<NumberPoint>, aggregation_temporality: i32, is_monotonic: bool }
    NumberPoint {
        attributes: Vec<Attribute>,
        start_time_unix_nano: Number<u64>,
        time_unix_nano: Number<u64>,
        flags: u32,
        exemplars: Vec<Exemplar>,
        as_double: Option<Number<f64>>,
        as_int: Option<Number<i64>>,
    }
    Histogram { data_points: Vec<HistogramPoint>, aggregation_temporality: i32 }
    HistogramPoint {
        attributes: Vec<Attribute>,
        start_time_unix_nano: Number<u64>,
        time_unix_nano: Number<u64>,
        flags: u32,
        exemplars: Vec<Exemplar>,
        count: Number<u64>,
        sum: Option<Number<f64>>,
        bucket_counts: Vec<Number<u64>>,
        explicit_bounds: Vec<Number<f64>>,
    }
    Summary { data_points: Vec<SummaryPoint> }
    SummaryPoint {
        attributes: Vec<Attribute>,
        start_time_unix_nano: Number<u64>,
        time_unix_nano: Number<u64>,
        flags: u32,
        count: Number<u64>,
        sum: Number<f64>,
        quantile_values: Vec<Quantile>,
    }
    Quantile { quantile: Number<f64>, value: Number<f64> }

    LogsRequest { resource_logs: Vec<ResourceLogs> }
    ResourceLogs { resource: Resource, scope_logs: Vec<ScopeLogs>, schema_url: String }
    ScopeLogs { scope: Option<Scope>, log_records: Vec<LogRecord>, schema_url: String }
    LogRecord {
        time_unix_nano: Number<u64>,
        observed_time_unix_nano: Number<u64>,
        severity_number: i32,
        severity_text: String,
        body: Option<Any>,
        attributes: Vec<Attribute>,
        flags: u32,
        trace_id: Hex,
        span_id: Hex,
        event_name: String,
    }

    TracesRequest { resource_spans: Vec<ResourceSpans> }
    ResourceSpans { scope_spans: Vec<ScopeSpans> }
    ScopeSpans { spans: Vec<IgnoredAny> }

    Resource { attributes: Vec<Attribute> }
    Scope { name: String, version: String, attributes: Vec<Attribute> }
    Attribute { key: String, value: Option<Any> }
    /// One of its members, or none.
    Any {
        string_value: Option<String>,
        bool_value: Option<bool>,
        int_value: Option<Number<i64>>,
        double_value: Option<Number<f64>>,
        array_value: Option<AnyList>,
        kvlist_value: Option<AnyMap>,
        bytes_value: Option<Base64>,
    }
    AnyList { values: Vec<Any> }
    AnyMap { values: Vec<Attribute> }
}

impl From<ResourceMetrics> for metrics::ResourceMetrics {
    fn from(json: ResourceMetrics) -> Self {
        metrics::ResourceMetrics {
            resource: Some(json.resource.into()),
            scope_metrics: all(json.scope_metrics),
            schema_url: json.schema_url,
        }
    }
}

impl From<ScopeMetrics> for metrics::ScopeMetrics {
    fn from(json: ScopeMetrics) -> Self {
        metrics::ScopeMetrics {
            scope: json.scope.map(Into::into),
            metrics: all(json.metrics),
            schema_url: json.schema_url,
        }
    }
}

impl From<Metric> for metrics::Metric {
    fn from(json: Metric) -> Self {
        use metrics::metric::Data;
        let gauge = |gauge: Numbers| Data::Gauge(metrics::Gauge { data_points: all(gauge.data_points) });
        let sum = |sum: Numbers| {
            Data::Sum(metrics::Sum {
                data_points: all(sum.data_points),
                aggregation_temporality: sum.aggregation_temporality,
                is_monotonic: sum.is_monotonic,
            })
        };
        let histogram = |histogram: Histogram| {
            Data::Histogram(metrics::Histogram {
                data_points: all(histogram.data_points),
                aggregation_temporality: histogram.aggregation_temporality,
            })
        };
        let summary =
            |summary: Summary| Data::Summary(metrics::Summary { data_points: all(summary.data_points) });
        let data = json.gauge.map(gauge);
        let data = data.or_else(|| json.sum.map(sum));
        let data = data.or_else(|| json.histogram.map(histogram));
        let data =
            data.or_else(|| json.exponential_histogram.map(|it| Data::ExponentialHistogram(it.into())));
        let data = data.or_else(|| json.summary.map(summary));
        metrics::Metric {
            name: json.name,
            description: json.description,
            unit: json.unit,
            data,
            ..metrics::Metric::default()
        }
    }
}

impl From<NumberPoint> for metrics::NumberDataPoint {
    fn from(json: NumberPoint) -> Self {
        use metrics::number_data_point::Value;
        let double = json.as_double.map(|number| Value::AsDouble(number.0));
        metrics::NumberDataPoint {
            attributes: all(json.attributes),
            start_time_unix_nano: json.start_time_unix_nano.0,
            time_unix_nano: json.time_unix_nano.0,
            exemplars: all(json.exemplars),
            flags: json.flags,
            value: double.or_else(|| json.as_int.map(|number| Value::AsInt(number.0))),
        }
    }
}

impl From<HistogramPoint> for metrics::HistogramDataPoint {
    fn from(json: HistogramPoint) -> Self {
        metrics::HistogramDataPoint {
            attributes: all(json.attributes),
            start_time_unix_nano: json.start_time_unix_nano.0,
            time_unix_nano: json.time_unix_nano.0,
            count: json.count.0,
            sum: json.sum.map(|sum| sum.0),
            bucket_counts: json.bucket_counts.iter().map(|count| count.0).collect(),
            explicit_bounds: json.explicit_bounds.iter().map(|bound| bound.0).collect(),
            exemplars: all(json.exemplars),
            flags: json.flags,
            ..metrics::HistogramDataPoint::default()
        }
    }
}

impl From<SummaryPoint> for metrics::SummaryDataPoint {
    fn from(json: SummaryPoint) -> Self {
        use metrics::summary_data_point::ValueAtQuantile;
        let quantile = |at: &Quantile| ValueAtQuantile { quantile: at.quantile.0, value: at.value.0 };
        metrics::SummaryDataPoint {
            attributes: all(json.attributes),
            start_time_unix_nano: json.start_time_unix_nano.0,
            time_unix_nano: json.time_unix_nano.0,
            count: json.count.0,
            sum: json.sum.0,
            quantile_values: json.quantile_values.iter().map(quantile).collect(),
            flags: json.flags,
        }
    }
}

impl From<ResourceLogs> for logs::ResourceLogs {
    fn from(json: ResourceLogs) -> Self {
        logs::ResourceLogs {
            resource: Some(json.resource.into()),
            scope_logs: all(json.scope_logs),
            schema_url: json.schema_url,
        }
    }
}

impl From<ScopeLogs> for logs::ScopeLogs {
    fn from(json: ScopeLogs) -> Self {
        logs::ScopeLogs {
            scope: json.scope.map(Into::into),
            log_records: all(json.log_records),
            schema_url: json.schema_url,
        }
    }
}

impl From<LogRecord> for logs::LogRecord {
    fn from(json: LogRecord) -> Self {
        logs::LogRecord {
            time_unix_nano: json.time_unix_nano.0,
            observed_time_unix_nano: json.observed_time_unix_nano.0,
            severity_number: json.severity_number,
            severity_text: json.severity_text,
            body: json.body.map(Into::into),
            attributes: all(json.attributes),
            flags: json.flags,
            trace_id: json.trace_id.0,
            span_id: json.span_id.0,
            event_name: json.event_name,
            ..logs::LogRecord::default()
        }
    }
}

impl From<ResourceSpans> for trace::ResourceSpans {
    fn from(json: ResourceSpans) -> Self {
        trace::ResourceSpans { scope_spans: all(json.scope_spans), ..trace::ResourceSpans::default() }
    }
}

impl From<ScopeSpans> for trace::ScopeSpans {
    fn from(json: ScopeSpans) -> Self {
        let spans = vec![trace::Span::default(); json.spans.len()];
        trace::ScopeSpans { spans, ..trace::ScopeSpans::default() }
    }
}

impl From<Resource> for resource::Resource {
    fn from(json: Resource) -> Self {
        resource::Resource { attributes: all(json.attributes), ..resource::Resource::default() }
    }
}

impl From<Scope> for common::InstrumentationScope {
    fn from(json: Scope) -> Self {
        common::InstrumentationScope {
            name: json.name,
            version: json.version,
            attributes: all(json.attributes),
            ..common::InstrumentationScope::default()
        }
    }
}

impl From<Attribute> for common::KeyValue {
    fn from(json: Attribute) -> Self {
        common::KeyValue { key: json.key, value: json.value.map(Into::into), ..common::KeyValue::default() }
    }
}

impl From<Any> for common::AnyValue {
    fn from(json: Any) -> Self {
        use common::any_value::Value;
        let value = json.string_value.map(Value::StringValue);
        let value = value.or(json.bool_value.map(Value::BoolValue));
        let value = value.or(json.int_value.map(|number| Value::IntValue(number.0)));
        let value = value.or(json.double_value.map(|number| Value::DoubleValue(number.0)));
        let value = value.or(json.bytes_value.map(|bytes| Value::BytesValue(bytes.0)));
        let value = value.or_else(|| {
            json.array_value.map(|list| Value::ArrayValue(common::ArrayValue { values: all(list.values) }))
        });
        let value = value.or_else(|| {
            json.kvlist_value.map(|map| Value::KvlistValue(common::KeyValueList { values: all(map.values) }))
        });
        common::AnyValue { value }
    }
}
