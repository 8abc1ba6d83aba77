//! Native histograms: kept whole, or refused one by one.

use super::*;
use crate::remote_write::generated::{BucketSpan, Count, Histogram, ZeroCount};

/// Buckets (0.5, 1] and (2, 4] of schema 0 with 3 and 1 observations, and 2 at zero.
pub(super) fn integer_histogram(timestamp: i64) -> Histogram {
    Histogram {
        count: Some(Count::Int(6)),
        sum: 5.5,
        zero_threshold: 1e-3,
        zero_count: Some(ZeroCount::Int(2)),
        positive_spans: vec![BucketSpan { offset: 0, length: 1 }, BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![3, -2],
        timestamp,
        ..Histogram::default()
    }
}

#[test]
fn a_histogram_keeps_counts_spans_and_hint() {
    let labels = [("__name__", "x")];
    let mut with = series(&labels, &[]);
    let float = Histogram {
        count: Some(Count::Float(2.5)),
        zero_count: None,
        negative_spans: vec![BucketSpan { offset: -3, length: 2 }],
        negative_counts: vec![0.5, 2.0],
        reset_hint: 3,
        schema: -4,
        timestamp: NOW_MS,
        ..Histogram::default()
    };
    let custom = Histogram {
        count: Some(Count::Int(2)),
        schema: -53,
        positive_spans: vec![BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![2],
        custom_values: vec![0.1, 1.0],
        timestamp: NOW_MS + 1,
        ..Histogram::default()
    };
    with.histograms = vec![integer_histogram(NOW_MS - 1), float, custom];
    let decoded = decode(vec![with]);
    assert_eq!((decoded.rows, decoded.batch.series.len()), (3, 0));
    let [series] = decoded.batch.histograms.as_slice() else { panic!("one series") };
    assert_eq!((series.labels.to_string().as_str(), series.meta.metric_type), ("x{}", MetricType::Histogram));
    let [integer, float, custom] = series.histograms.as_slice() else { panic!("three histograms") };
    assert_eq!((integer.count, integer.sum, integer.zero_count), (6.0, 5.5, 2.0));
    assert_eq!(integer.positive.indexed().collect::<Vec<_>>(), [(0, 3.0), (2, 1.0)]);
    assert_eq!((float.schema, float.reset_hint), (-4, telemetry::ResetHint::Gauge));
    assert_eq!(float.negative.indexed().collect::<Vec<_>>(), [(-3, 0.5), (-2, 2.0)]);
    assert_eq!((custom.schema, custom.custom_values.as_slice()), (-53, [0.1, 1.0].as_slice()));
}

#[test]
fn a_bad_histogram_is_refused_alone_and_a_stale_one_is_no_bad_one() {
    let mut with = series(&[("__name__", "x")], &[]);
    let bad = Histogram { count: Some(Count::Int(5)), ..integer_histogram(NOW_MS) };
    let mixed = Histogram { positive_counts: vec![1.0], ..integer_histogram(NOW_MS) };
    let huge = Histogram { count: Some(Count::Int(u64::MAX)), ..integer_histogram(NOW_MS) };
    let stale = Histogram { sum: f64::from_bits(STALE_NAN_BITS), ..Histogram::default() };
    with.histograms = vec![bad, mixed, huge, stale, integer_histogram(NOW_MS)];
    let decoded = decode(vec![with]);
    let faults: Vec<_> = decoded.rejections.faults().iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        faults,
        [
            "series x{}: the histogram at 2027-01-15T08:00:00Z: the buckets hold more observations than the count says",
            "series x{}: the histogram at 2027-01-15T08:00:00Z: an integer histogram has bucket deltas, not counts",
            "series x{}: the histogram at 2027-01-15T08:00:00Z: a count is beyond 2^53",
        ]
    );
    let kept = &decoded.batch.histograms[0].histograms;
    assert_eq!((decoded.rows, kept.len(), kept[0].is_stale()), (5, 2, true));
}
