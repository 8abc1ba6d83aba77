//! The arithmetic of PromQL for callers that have samples and buckets of their own, such as SQL
//! aggregates: the very functions that the evaluator calls.
//!
//! Samples are two columns of one series, Unix milliseconds strictly ascending, without staleness
//! markers. A window is `(start, end]`; rates are extrapolated to its borders as Prometheus does.

use std::ops::Range;

use crate::functions::{Window, histogram, rate};

/// What a counter or gauge did in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Growth of a counter per second; a value below the one before it is a restart from zero.
    Rate,
    /// Growth of a counter, restarts counted in.
    Increase,
    /// Last minus first of a gauge.
    Delta,
    /// Growth per second between the last two samples of a counter; looks at no border.
    InstantRate,
}

impl Change {
    /// The change of samples in a window of milliseconds; `None` with less than two samples.
    ///
    /// A window that ends at the first and the last sample extrapolates nothing.
    pub fn over(self, ts_ms: &[i64], values: &[f64], window_ms: Range<i64>) -> Option<f64> {
        let (start_ms, end_ms) = (window_ms.start, window_ms.end);
        let window = Window { ts_ms, values, low: 0, start_ms, end_ms, now_ms: end_ms };
        match self {
            Change::Rate => rate::rate(&window, &[]),
            Change::Increase => rate::increase(&window, &[]),
            Change::Delta => rate::delta(&window, &[]),
            Change::InstantRate => rate::instant_rate(&window, &[]),
        }
    }
}

/// The bound that a label `le` says, `None` when it is no number.
pub fn bucket_bound(le: &str) -> Option<f64> {
    histogram::parse_bound(le)
}

/// The quantile of a classic histogram from its bounds and cumulative counts, in any order; counts of
/// equal bounds are added. NaN when the bucket `+Inf` is missing or nothing was observed.
pub fn histogram_quantile(quantile: f64, buckets: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let mut given: Vec<(f64, f64)> = buckets.into_iter().collect();
    given.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<histogram::Bucket> = Vec::with_capacity(given.len());
    for (upper, count) in given {
        match joined.last_mut() {
            Some(last) if last.upper == upper => last.count += count,
            _ => joined.push(histogram::Bucket { upper, count }),
        }
    }
    histogram::bucket_quantile(quantile, &mut joined).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_from_first_to_last_sample_extrapolates_nothing() {
        let (ts, values) = ([0, 15_000, 30_000], [10.0, 40.0, 5.0]);
        assert_eq!(Change::Increase.over(&ts, &values, 0..30_000), Some(35.0));
        assert_eq!(Change::Rate.over(&ts, &values, 0..30_000), Some(35.0 / 30.0));
        assert_eq!(Change::Delta.over(&ts, &values, 0..30_000), Some(-5.0));
        assert_eq!(Change::InstantRate.over(&ts, &values, 0..30_000), Some(5.0 / 15.0));
        assert_eq!(Change::Rate.over(&ts[..1], &values[..1], 0..30_000), None);
    }

    #[test]
    fn buckets_come_in_any_order_and_equal_bounds_add_up() {
        let buckets = [(f64::INFINITY, 40.0), (1.0, 4.0), (2.0, 30.0), (1.0, 6.0)];
        assert_eq!(histogram_quantile(0.5, buckets), 1.5);
        assert!(histogram_quantile(0.5, [(1.0, 10.0)]).is_nan());
        assert_eq!(bucket_bound("+Inf"), Some(f64::INFINITY));
        assert_eq!(bucket_bound("fast"), None);
    }
}
