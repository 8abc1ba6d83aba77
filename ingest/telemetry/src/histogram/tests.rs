//! Indices and spans, what is refused, and sums against the observations themselves.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset, length }
}

/// A histogram of observations, the slow and obvious way.
fn observed(values: &[f64], schema: i32, zero_threshold: f64) -> HistogramSample {
    let (mut positive, mut negative) = (BTreeMap::new(), BTreeMap::new());
    let mut histogram =
        HistogramSample { zero_threshold, ..HistogramSample::empty(Timestamp::EPOCH, schema) };
    for value in values {
        histogram.count += 1.0;
        histogram.sum += value;
        if value.abs() <= zero_threshold {
            histogram.zero_count += 1.0;
            continue;
        }
        let index = (value.abs().log2() * f64::from(schema).exp2()).ceil() as i32;
        let side = if *value > 0.0 { &mut positive } else { &mut negative };
        *side.entry(index).or_insert(0.0) += 1.0;
    }
    histogram.positive = Buckets::from_indexed(positive);
    histogram.negative = Buckets::from_indexed(negative);
    histogram
}

#[test]
fn spans_hold_neighbours_and_skip_gaps() {
    let buckets = Buckets::from_indexed([(-3, 1.0), (-2, 2.0), (1, 1.0), (1, 4.0), (2, 0.0), (9, 3.0)]);
    assert_eq!(buckets.spans, [span(-3, 2), span(2, 1), span(7, 1)]);
    assert_eq!(buckets.counts, [1.0, 2.0, 5.0, 3.0]);
    let indexed: Vec<_> = buckets.indexed().collect();
    assert_eq!(indexed, [(-3, 1.0), (-2, 2.0), (1, 5.0), (9, 3.0)]);
    assert_eq!(buckets.check(), Ok(10));
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let good = observed(&[0.0, 1.5, -7.0], 3, 1e-3);
    assert_eq!(good.check(), Ok(()));
    let custom = HistogramSample {
        count: 5.0,
        positive: Buckets { spans: vec![span(0, 3)], counts: vec![1.0, 2.0, 2.0] },
        custom_values: vec![0.5, 1.0],
        ..HistogramSample::empty(Timestamp::EPOCH, CUSTOM_BUCKETS_SCHEMA)
    };
    assert_eq!(custom.check(), Ok(()));
    let with = |spans: &[BucketSpan], counts: &[f64]| HistogramSample {
        count: 100.0,
        positive: Buckets { spans: spans.to_vec(), counts: counts.to_vec() },
        ..HistogramSample::empty(Timestamp::EPOCH, 0)
    };
    let bad = [
        (HistogramSample { schema: 9, ..good.clone() }, "neither -4 to 8"),
        (HistogramSample { custom_values: vec![1.0], ..good.clone() }, "for schema -53 only"),
        (HistogramSample { count: 2.0, ..good.clone() }, "more observations than the count"),
        (HistogramSample { count: f64::NAN, ..good.clone() }, "not a number"),
        (HistogramSample { zero_threshold: -1.0, ..good.clone() }, "zero threshold is negative"),
        (with(&[span(0, 1), span(-1, 1)], &[1.0, 1.0]), "negative offset"),
        (with(&[span(0, 2)], &[1.0]), "not as many counts"),
        (with(&[span(0, u32::MAX)], &[1.0]), "beyond 32 bits"),
        (with(&[span(i32::MAX, 1)], &[1.0]), "beyond 32 bits"),
        (with(&[span(0, 1)], &[-1.0]), "negative or not a number"),
        (HistogramSample { custom_values: vec![1.0, 0.5], ..custom.clone() }, "ascending"),
        (HistogramSample { custom_values: vec![0.5], ..custom.clone() }, "outside of the custom values"),
        (HistogramSample { zero_count: 1.0, count: 6.0, ..custom }, "neither negative buckets nor"),
    ];
    for (histogram, expected) in bad {
        let error = histogram.check().unwrap_err();
        assert!(error.to_string().contains(expected), "{error} instead of {expected}");
    }
}

#[test]
fn a_wider_zero_bucket_swallows_whole_buckets() {
    // Bounds of schema 0 are the powers of two: 3 is in (2, 4], which a threshold of 2.5 cuts.
    let mut sum = observed(&[0.1, 3.0, -10.0], 0, 0.25);
    sum.add(&observed(&[2.0, 100.0], 0, 2.5));
    assert_eq!((sum.zero_threshold, sum.zero_count, sum.count), (4.0, 3.0, 5.0));
    assert_eq!(sum.positive.indexed().collect::<Vec<_>>(), [(7, 1.0)]);
    assert_eq!(sum.negative.indexed().collect::<Vec<_>>(), [(4, 1.0)]);
}

fn observations() -> impl Strategy<Value = Vec<f64>> {
    // Away from bucket bounds, where a logarithm rounds either way.
    let value = (-40_i32..40, 1_u32..1000, any::<bool>()).prop_map(|(exponent, mantissa, negative)| {
        let size = f64::from(exponent).exp2() * (1.0 + f64::from(mantissa) * 0.000_997);
        if negative { -size } else { size }
    });
    prop::collection::vec(prop_oneof![9 => value, 1 => Just(0.0)], 0..40)
}

proptest! {
    #[test]
    fn coarser_buckets_are_those_of_the_observations(
        values in observations(), schema in -4_i32..=8, by in 0_i32..13,
    ) {
        let coarse = (schema - by).max(SCHEMA_MIN);
        let mut histogram = observed(&values, schema, 0.0);
        histogram.downscale(coarse);
        prop_assert_eq!(&histogram, &observed(&values, coarse, 0.0));
        prop_assert_eq!(histogram.check(), Ok(()));
    }

    #[test]
    fn a_sum_is_the_histogram_of_all_observations(
        a in observations(), b in observations(), schemas in (-4_i32..=8, -4_i32..=8),
    ) {
        let mut sum = observed(&a, schemas.0, 0.0);
        sum.add(&observed(&b, schemas.1, 0.0));
        let all: Vec<f64> = a.iter().chain(&b).copied().collect();
        let expected = observed(&all, schemas.0.min(schemas.1), 0.0);
        prop_assert_eq!(&sum.positive, &expected.positive);
        prop_assert_eq!(&sum.negative, &expected.negative);
        prop_assert_eq!((sum.count, sum.zero_count), (expected.count, expected.zero_count));
    }

    #[test]
    fn thresholds_that_differ_lose_nothing(
        a in observations(), b in observations(), thresholds in (0.0..50.0_f64, 0.0..50.0_f64), schema in -4_i32..=8,
    ) {
        let mut sum = observed(&a, schema, thresholds.0);
        sum.add(&observed(&b, schema, thresholds.1));
        prop_assert_eq!(sum.check(), Ok(()));
        let in_buckets: f64 = sum.positive.total() + sum.negative.total() + sum.zero_count;
        prop_assert_eq!(in_buckets, (a.len() + b.len()) as f64);
        prop_assert!(sum.zero_threshold >= thresholds.0.max(thresholds.1));
    }
}
