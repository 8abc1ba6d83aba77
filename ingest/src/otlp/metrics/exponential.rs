//! An exponential histogram as a native one: the same buckets, counted from one higher.
//!
//! OTLP's bucket `i` is open below and closed above as in the native model, but ends where that one's
//! `i + 1` does. A scale above 8 is merged down to 8, which loses nothing that 8 can say; a scale below
//! -4 has bounds that no native schema has.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as WireBuckets;
use telemetry::{
    Buckets, COUNT_EXACT_MAX, HistogramSample, Limit, RejectReason, SCHEMA_MAX, SCHEMA_MIN, Timestamp,
};

use super::is_stale;
use crate::OverLimit;
use crate::validate::Refusal;

pub(super) fn native(
    point: &ExponentialHistogramDataPoint,
    ts: Timestamp,
    buckets_max: usize,
) -> Result<HistogramSample, Refusal> {
    if is_stale(point.flags) {
        return Ok(HistogramSample::stale(ts));
    }
    if point.scale < SCHEMA_MIN {
        let what = format!("scale {} is coarser than {SCHEMA_MIN}, the coarsest that is stored", point.scale);
        return Err((RejectReason::Unsupported, what));
    }
    let merged_by = point.scale.saturating_sub(SCHEMA_MAX).max(0);
    let side = |side: &Option<WireBuckets>| match side {
        Some(buckets) => native_side(buckets, merged_by, buckets_max),
        None => Ok(Buckets::default()),
    };
    let histogram = HistogramSample {
        count: exact(point.count)?,
        // Without a sum it is not known, which is not 0.
        sum: point.sum.unwrap_or(f64::NAN),
        zero_threshold: point.zero_threshold,
        zero_count: exact(point.zero_count)?,
        positive: side(&point.positive)?,
        negative: side(&point.negative)?,
        ..HistogramSample::empty(ts, point.scale.min(SCHEMA_MAX))
    };
    histogram.check().map_err(|error| (RejectReason::InvalidPayload, error.to_string()))?;
    Ok(histogram)
}

fn native_side(buckets: &WireBuckets, merged_by: i32, buckets_max: usize) -> Result<Buckets, Refusal> {
    if buckets.bucket_counts.len() > buckets_max {
        let what = format!("more than {buckets_max} buckets");
        return Err(OverLimit::new(Limit::BucketsPerHistogram, what).into());
    }
    let mut indexed = Vec::with_capacity(buckets.bucket_counts.len());
    for (at, count) in (i64::from(buckets.offset)..).zip(&buckets.bucket_counts) {
        let index = i32::try_from((at >> merged_by.min(63)) + 1)
            .map_err(|_| (RejectReason::InvalidPayload, format!("bucket {at} is beyond 32 bits")))?;
        indexed.push((index, exact(*count)?));
    }
    Ok(Buckets::from_indexed(indexed))
}

fn exact(count: u64) -> Result<f64, Refusal> {
    if count > COUNT_EXACT_MAX {
        return Err((RejectReason::InvalidPayload, format!("the count {count} is beyond 2^53")));
    }
    Ok(count as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn point(scale: i32, offset: i32, bucket_counts: &[u64]) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            count: bucket_counts.iter().sum(),
            sum: Some(1.0),
            scale,
            positive: Some(WireBuckets { offset, bucket_counts: bucket_counts.to_vec() }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn buckets(point: &ExponentialHistogramDataPoint) -> Vec<(i32, f64)> {
        native(point, AT, 1_000).unwrap().positive.indexed().collect()
    }

    #[test]
    fn bucket_i_ends_where_native_bucket_i_plus_1_does() {
        // Scale 0, bucket 0: (1, 2], which is native bucket 1.
        assert_eq!(buckets(&point(0, 0, &[3, 0, 5])), [(1, 3.0), (3, 5.0)]);
        assert_eq!(buckets(&point(0, -2, &[1, 1])), [(-1, 1.0), (0, 1.0)]);
    }

    #[test]
    fn scales_above_8_are_merged() {
        let fine = point(10, -5, &[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(native(&fine, AT, 1_000).unwrap().schema, 8);
        // Four buckets of scale 10 are one of scale 8: -8..=-5, -4..=-1, 0..=3.
        assert_eq!(buckets(&fine), [(-1, 1.0), (0, 14.0), (1, 13.0)]);
    }

    #[test]
    fn what_cannot_be_right_is_refused_by_name() {
        let refusal = |point| native(&point, AT, 3).unwrap_err();
        assert_eq!(refusal(point(-5, 0, &[1])).0, RejectReason::Unsupported);
        let many = refusal(point(0, 0, &[1; 4]));
        assert_eq!(many.0, RejectReason::OverLimit(Limit::BucketsPerHistogram));
        assert_eq!(many.1, "more than 3 buckets (buckets_per_histogram_max)");
        assert!(refusal(point(0, i32::MAX, &[1])).1.contains("beyond 32 bits"));
        let short = ExponentialHistogramDataPoint { count: 1, ..point(0, 0, &[1, 1]) };
        assert!(refusal(short).1.contains("more observations than the count"));
        let huge = ExponentialHistogramDataPoint { count: u64::MAX, ..point(0, 0, &[1]) };
        assert!(refusal(huge).1.contains("beyond 2^53"));
    }

    #[test]
    fn a_missing_sum_is_not_known() {
        let without = ExponentialHistogramDataPoint { sum: None, ..point(0, 0, &[1]) };
        let histogram = native(&without, AT, 10).unwrap();
        assert!(histogram.sum.is_nan() && !histogram.is_stale());
    }

    proptest! {
        #[test]
        fn merging_keeps_every_observation_in_its_place(
            scale in 9_i32..=20, offset in -100_000_i32..100_000,
            counts in prop::collection::vec(0_u64..5, 1..60),
        ) {
            let histogram = native(&point(scale, offset, &counts), AT, 1_000).unwrap();
            prop_assert_eq!(histogram.positive.counts.iter().sum::<f64>(), histogram.count);
            // Fine bucket i ends at 2^((i + 1) / 2^scale); the native bucket n that holds it begins at
            // or before its begin and ends at or after its end.
            let width = f64::from(scale - SCHEMA_MAX).exp2();
            for (at, _) in (offset..).zip(&counts).filter(|(_, count)| **count > 0) {
                let holds = histogram.positive.indexed().any(|(n, _)| {
                    f64::from(n - 1) * width <= f64::from(at) && f64::from(at + 1) <= f64::from(n) * width
                });
                prop_assert!(holds, "{at}");
            }
        }
    }
}
