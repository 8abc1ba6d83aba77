//! Strategies that make messages of any content.

use proptest::prelude::*;

use super::v1::Label;
use super::{BucketSpan, Count, Histogram, ZeroCount};

prop_compose! {
    pub(crate) fn label()(name in "[a-z_é]{0,12}", value in ".{0,12}") -> Label {
        Label { name, value }
    }
}

fn spans() -> impl Strategy<Value = Vec<BucketSpan>> {
    let span = (any::<i32>(), any::<u32>()).prop_map(|(offset, length)| BucketSpan { offset, length });
    prop::collection::vec(span, 0..3)
}

fn doubles() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(any::<u64>().prop_map(f64::from_bits), 0..4)
}

prop_compose! {
    /// Any message; few of them are histograms.
    pub(crate) fn histogram()(
        count in prop::option::of(prop_oneof![
            any::<u64>().prop_map(Count::Int),
            any::<u64>().prop_map(|bits| Count::Float(f64::from_bits(bits))),
        ]),
        zero_count in prop::option::of(prop_oneof![
            any::<u64>().prop_map(ZeroCount::Int),
            any::<u64>().prop_map(|bits| ZeroCount::Float(f64::from_bits(bits))),
        ]),
        (sum, zero_threshold) in (any::<u64>(), any::<u64>()),
        (schema, reset_hint) in (any::<i32>(), any::<i32>()),
        (negative_spans, positive_spans) in (spans(), spans()),
        negative_deltas in prop::collection::vec(any::<i64>(), 0..4),
        positive_deltas in prop::collection::vec(any::<i64>(), 0..4),
        (negative_counts, positive_counts, custom_values) in (doubles(), doubles(), doubles()),
        (timestamp, start_timestamp) in (any::<i64>(), any::<i64>()),
    ) -> Histogram {
        Histogram {
            count,
            sum: f64::from_bits(sum),
            schema,
            zero_threshold: f64::from_bits(zero_threshold),
            zero_count,
            negative_spans,
            negative_deltas,
            negative_counts,
            positive_spans,
            positive_deltas,
            positive_counts,
            reset_hint,
            timestamp,
            custom_values,
            start_timestamp,
        }
    }
}
