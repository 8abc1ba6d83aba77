//! How many observations of a classic histogram were fast enough.
//!
//! Buckets are cumulative and their boundaries inclusive, so a threshold on a boundary is exact. Between
//! two boundaries only bounds are known: the answer is the lower one, unless interpolation is asked for.
//! The `+Inf` bucket is the total; a count that disagrees with it is wrong.

use serde::Serialize;

use crate::decimal::Decimal;

/// What a threshold between two boundaries reads as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OffBoundary {
    /// Only what is surely fast enough is good.
    #[default]
    LowerBound,
    /// Observations are taken to be spread evenly between the boundaries.
    Interpolate,
}

/// A cumulative bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Upper boundary, inclusive; `f64::INFINITY` for the last.
    pub le: f64,
    /// Observations at or below.
    pub count: f64,
}

/// Observations at or below a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyCount {
    /// At least so many; the one to decide by.
    pub lower: f64,
    /// At most so many; the same on a boundary.
    pub upper: f64,
    /// If spread evenly between the boundaries.
    pub interpolated: f64,
    pub total: f64,
}

impl LatencyCount {
    pub fn good(&self, off_boundary: OffBoundary) -> f64 {
        match off_boundary {
            OffBoundary::LowerBound => self.lower,
            OffBoundary::Interpolate => self.interpolated,
        }
    }
}

/// Counts the observations at or below `threshold`. Buckets come in any order; increases that are not
/// cumulative (scrapes between two writes) are raised to the bucket before. `None` without a `+Inf` bucket.
pub fn count_within(buckets: &[Bucket], threshold: Decimal) -> Option<LatencyCount> {
    let threshold = threshold.to_f64();
    let mut sorted: Vec<Bucket> = buckets.iter().copied().filter(|bucket| !bucket.le.is_nan()).collect();
    sorted.sort_by(|a, b| a.le.total_cmp(&b.le));
    let mut highest = 0.0_f64;
    for bucket in &mut sorted {
        highest = highest.max(bucket.count);
        bucket.count = highest;
    }
    let total = sorted.last().filter(|bucket| bucket.le == f64::INFINITY)?.count;
    let below = sorted.iter().rev().find(|bucket| bucket.le <= threshold);
    let above = sorted.iter().find(|bucket| bucket.le >= threshold)?;
    // Below the first boundary: latencies begin at 0.
    let (from, lower) = below.map_or((0.0_f64.min(threshold), 0.0), |bucket| (bucket.le, bucket.count));
    let upper = above.count;
    let interpolated = if above.le == from {
        lower
    } else if above.le.is_finite() {
        lower + (upper - lower) * (threshold - from) / (above.le - from)
    } else {
        // Nothing is known of how far the last bucket reaches.
        lower
    };
    Some(LatencyCount { lower, upper, interpolated, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: [Bucket; 3] = [
        Bucket { le: 0.5, count: 80.0 },
        Bucket { le: f64::INFINITY, count: 100.0 },
        Bucket { le: 0.1, count: 40.0 },
    ];

    fn counted(threshold: &str) -> (f64, f64, f64) {
        let count = count_within(&BUCKETS, threshold.parse().unwrap()).unwrap();
        assert_eq!(count.total, 100.0);
        (count.lower, count.upper, count.interpolated)
    }

    #[test]
    fn thresholds_outside_of_the_boundaries_have_bounds_too() {
        assert_eq!(counted("0.1"), (40.0, 40.0, 40.0));
        assert_eq!(counted("0.05"), (0.0, 40.0, 20.0));
        assert_eq!(counted("0"), (0.0, 40.0, 0.0));
        assert_eq!(counted("2"), (80.0, 100.0, 80.0));
    }

    #[test]
    fn without_the_last_bucket_there_is_no_total() {
        assert_eq!(count_within(&BUCKETS[..1], Decimal::ONE), None);
        assert_eq!(count_within(&[], Decimal::ONE), None);
    }

    #[test]
    fn increases_that_are_not_cumulative_are_raised() {
        let torn = [Bucket { le: 1.0, count: 10.0 }, Bucket { le: f64::INFINITY, count: 9.0 }];
        let count = count_within(&torn, Decimal::ONE).unwrap();
        assert_eq!((count.lower, count.total), (10.0, 10.0));
    }
}
