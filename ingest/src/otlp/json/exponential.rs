//! Exponential histograms, and the exemplars of all kinds of points.

use opentelemetry_proto::tonic::metrics::v1 as metrics;

use super::scalars::{Hex, Number};
use super::{Attribute, all, nullable};

messages! {
    pub(super) ExponentialHistogram { data_points: Vec<ExponentialPoint>, aggregation_temporality: i32 }
    ExponentialPoint {
        attributes: Vec<Attribute>,
        start_time_unix_nano: Number<u64>,
        time_unix_nano: Number<u64>,
        flags: u32,
        exemplars: Vec<Exemplar>,
        count: Number<u64>,
        sum: Option<Number<f64>>,
        scale: i32,
        zero_count: Number<u64>,
        zero_threshold: Number<f64>,
        positive: Option<Buckets>,
        negative: Option<Buckets>,
    }
    Buckets { offset: i32, bucket_counts: Vec<Number<u64>> }
    pub(super) Exemplar {
        filtered_attributes: Vec<Attribute>,
        time_unix_nano: Number<u64>,
        trace_id: Hex,
        span_id: Hex,
        as_double: Option<Number<f64>>,
        as_int: Option<Number<i64>>,
    }
}

impl From<ExponentialHistogram> for metrics::ExponentialHistogram {
    fn from(json: ExponentialHistogram) -> Self {
        metrics::ExponentialHistogram {
            data_points: all(json.data_points),
            aggregation_temporality: json.aggregation_temporality,
        }
    }
}

impl From<ExponentialPoint> for metrics::ExponentialHistogramDataPoint {
    fn from(json: ExponentialPoint) -> Self {
        metrics::ExponentialHistogramDataPoint {
            attributes: all(json.attributes),
            start_time_unix_nano: json.start_time_unix_nano.0,
            time_unix_nano: json.time_unix_nano.0,
            count: json.count.0,
            sum: json.sum.map(|sum| sum.0),
            scale: json.scale,
            zero_count: json.zero_count.0,
            zero_threshold: json.zero_threshold.0,
            positive: json.positive.map(Into::into),
            negative: json.negative.map(Into::into),
            flags: json.flags,
            exemplars: all(json.exemplars),
            ..metrics::ExponentialHistogramDataPoint::default()
        }
    }
}

impl From<Buckets> for metrics::exponential_histogram_data_point::Buckets {
    fn from(json: Buckets) -> Self {
        metrics::exponential_histogram_data_point::Buckets {
            offset: json.offset,
            bucket_counts: json.bucket_counts.iter().map(|count| count.0).collect(),
        }
    }
}

impl From<Exemplar> for metrics::Exemplar {
    fn from(json: Exemplar) -> Self {
        use metrics::exemplar::Value;
        let double = json.as_double.map(|number| Value::AsDouble(number.0));
        metrics::Exemplar {
            filtered_attributes: all(json.filtered_attributes),
            time_unix_nano: json.time_unix_nano.0,
            span_id: json.span_id.0,
            trace_id: json.trace_id.0,
            value: double.or_else(|| json.as_int.map(|number| Value::AsInt(number.0))),
        }
    }
}
