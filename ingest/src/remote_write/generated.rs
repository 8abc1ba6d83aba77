//! Both messages as a protobuf compiler sees them, written with prost's derive from the published
//! definitions. What the readers by hand are checked against.

#[cfg(test)]
pub(crate) mod strategies;

use super::histogram::{WireBuckets, WireCount, WireHistogram};

/// `prometheus.WriteRequest`.
pub(crate) mod v1 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub metadata: Vec<MetricMetadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub histograms: Vec<super::Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Label {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub value: f64,
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MetricMetadata {
        #[prost(int32, tag = "1")]
        pub r#type: i32,
        #[prost(string, tag = "2")]
        pub metric_family_name: String,
        #[prost(string, tag = "4")]
        pub help: String,
        #[prost(string, tag = "5")]
        pub unit: String,
    }
}

/// `io.prometheus.write.v2.Request`.
pub(crate) mod v2 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Request {
        #[prost(string, repeated, tag = "4")]
        pub symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        pub timeseries: Vec<TimeSeries>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct TimeSeries {
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub histograms: Vec<super::Histogram>,
        #[prost(message, repeated, tag = "4")]
        pub exemplars: Vec<Exemplar>,
        #[prost(message, optional, tag = "5")]
        pub metadata: Option<Metadata>,
        #[prost(int64, tag = "6")]
        pub created_timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar {
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        #[prost(double, tag = "2")]
        pub value: f64,
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
        #[prost(int64, tag = "3")]
        pub start_timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Metadata {
        #[prost(int32, tag = "1")]
        pub r#type: i32,
        #[prost(uint32, tag = "3")]
        pub help_ref: u32,
        #[prost(uint32, tag = "4")]
        pub unit_ref: u32,
    }
}

/// The same in both; 1.0 has no `start_timestamp`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Histogram {
    #[prost(oneof = "Count", tags = "1, 2")]
    pub count: Option<Count>,
    #[prost(double, tag = "3")]
    pub sum: f64,
    #[prost(sint32, tag = "4")]
    pub schema: i32,
    #[prost(double, tag = "5")]
    pub zero_threshold: f64,
    #[prost(oneof = "ZeroCount", tags = "6, 7")]
    pub zero_count: Option<ZeroCount>,
    #[prost(message, repeated, tag = "8")]
    pub negative_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "9")]
    pub negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    pub negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    pub positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "12")]
    pub positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    pub positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    pub reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    pub custom_values: Vec<f64>,
    #[prost(int64, tag = "17")]
    pub start_timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(crate) enum Count {
    #[prost(uint64, tag = "1")]
    Int(u64),
    #[prost(double, tag = "2")]
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(crate) enum ZeroCount {
    #[prost(uint64, tag = "6")]
    Int(u64),
    #[prost(double, tag = "7")]
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct BucketSpan {
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

impl From<Histogram> for WireHistogram {
    fn from(message: Histogram) -> WireHistogram {
        let spans = |spans: Vec<BucketSpan>| {
            let span = |span: BucketSpan| telemetry::BucketSpan { offset: span.offset, length: span.length };
            spans.into_iter().map(span).collect()
        };
        WireHistogram {
            count: match message.count {
                None => WireCount::Absent,
                Some(Count::Int(count)) => WireCount::Integer(count),
                Some(Count::Float(count)) => WireCount::Float(count),
            },
            sum: message.sum,
            schema: message.schema,
            zero_threshold: message.zero_threshold,
            zero_count: match message.zero_count {
                None => WireCount::Absent,
                Some(ZeroCount::Int(count)) => WireCount::Integer(count),
                Some(ZeroCount::Float(count)) => WireCount::Float(count),
            },
            negative: WireBuckets {
                spans: spans(message.negative_spans),
                deltas: message.negative_deltas,
                counts: message.negative_counts,
            },
            positive: WireBuckets {
                spans: spans(message.positive_spans),
                deltas: message.positive_deltas,
                counts: message.positive_counts,
            },
            reset_hint: message.reset_hint,
            timestamp_ms: message.timestamp,
            custom_values: message.custom_values,
            start_ms: message.start_timestamp,
            is_cut: false,
        }
    }
}

/// Everything a histogram says, with floats as bits, so that NaN equals itself.
pub(crate) fn plain(histogram: &WireHistogram) -> String {
    let count = |count: WireCount| match count {
        WireCount::Float(count) => format!("f{:x}", count.to_bits()),
        other => format!("{other:?}"),
    };
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let side = |side: &WireBuckets| format!("{:?} {:?} {:?}", side.spans, side.deltas, bits(&side.counts));
    format!(
        "{} {:x} {} {:x} {} | {} | {} | {} {} {:?} {} {}",
        count(histogram.count),
        histogram.sum.to_bits(),
        histogram.schema,
        histogram.zero_threshold.to_bits(),
        count(histogram.zero_count),
        side(&histogram.negative),
        side(&histogram.positive),
        histogram.reset_hint,
        histogram.timestamp_ms,
        bits(&histogram.custom_values),
        histogram.start_ms,
        histogram.is_cut,
    )
}
