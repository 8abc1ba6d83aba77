//! How fast counters and gauges change over a window.
//!
//! `rate`, `increase` and `delta` extrapolate to the window's borders exactly as Prometheus does
//! (`extrapolatedRate`): up to the border when the first or last sample is near it, else by half of
//! the average distance between samples, and never below a counter's zero.

use super::slide::{CHEAP_FROM, Differences, Resets};
use super::{Function, Window};
use crate::annotations;
use crate::evaluate::Evaluator;
use crate::matrix::Series;
use crate::plan::Kind;

const RANGE: &[Kind] = &[Kind::Matrix];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::window("rate", RANGE, rate)
        .sliding(CHEAP_FROM, || {
            Resets::slide(|window, change| extrapolated(window, change, true, seconds(window)))
        })
        .remarking(not_a_counter),
    Function::window("increase", RANGE, increase)
        .sliding(CHEAP_FROM, || Resets::slide(|window, change| extrapolated(window, change, true, 1.0)))
        .remarking(not_a_counter),
    Function::window("delta", RANGE, delta),
    Function::window("irate", RANGE, instant_rate).remarking(not_a_counter),
    Function::window("idelta", RANGE, instant_delta),
    Function::window("changes", RANGE, changes).sliding(CHEAP_FROM, || Differences::slide(differ)),
    Function::window("resets", RANGE, resets).sliding(CHEAP_FROM, || Differences::slide(falls)),
];

pub(crate) fn rate(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(window, growth(window.values), true, seconds(window))
}

pub(crate) fn increase(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(window, growth(window.values), true, 1.0)
}

pub(crate) fn delta(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(window, difference(window.values), false, 1.0)
}

fn seconds(window: &Window<'_>) -> f64 {
    (window.end_ms - window.start_ms) as f64 / 1e3
}

fn difference(values: &[f64]) -> f64 {
    values[values.len() - 1] - values[0]
}

/// What a counter has grown by, which starts again from zero where it falls.
fn growth(values: &[f64]) -> f64 {
    let resets = values.windows(2).filter(|pair| falls(pair[0], pair[1]));
    resets.fold(difference(values), |change, pair| change + pair[0])
}

/// The change of the samples carried on to the borders of the window, divided by `per`.
fn extrapolated(window: &Window<'_>, change: f64, is_counter: bool, per: f64) -> Option<f64> {
    let (ts, values) = (window.ts_ms, window.values);
    if values.len() < 2 {
        return None;
    }
    let (first_ts, last_ts) = (ts[0], ts[ts.len() - 1]);
    let mut to_start = (first_ts - window.start_ms) as f64 / 1e3;
    let mut to_end = (window.end_ms - last_ts) as f64 / 1e3;
    let sampled = (last_ts - first_ts) as f64 / 1e3;
    let between_samples = sampled / (values.len() - 1) as f64;
    let threshold = between_samples * 1.1;

    if to_start >= threshold {
        to_start = between_samples / 2.0;
    }
    if is_counter && change > 0.0 && values[0] >= 0.0 {
        // A counter that grows like this was zero this long before its first sample.
        let to_zero = sampled * (values[0] / change);
        to_start = to_start.min(to_zero);
    }
    if to_end >= threshold {
        to_end = between_samples / 2.0;
    }

    let factor = (sampled + to_start + to_end) / sampled / per;
    Some(change * factor)
}

pub(crate) fn instant_rate(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    last_change(window, true)
}

fn instant_delta(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    last_change(window, false)
}

/// Between the last two samples; per second if it is a rate.
fn last_change(window: &Window<'_>, is_rate: bool) -> Option<f64> {
    let (&[.., before, last], &[.., before_ts, last_ts]) = (window.values, window.ts_ms) else {
        return None;
    };
    if !is_rate {
        return Some(last - before);
    }
    let change = if last < before { last } else { last - before };
    Some(change / ((last_ts - before_ts) as f64 / 1e3))
}

fn changes(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(window.values.windows(2).filter(|pair| differ(pair[0], pair[1])).count() as f64)
}

fn resets(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(window.values.windows(2).filter(|pair| falls(pair[0], pair[1])).count() as f64)
}

fn differ(before: f64, value: f64) -> bool {
    before != value && !(before.is_nan() && value.is_nan())
}

fn falls(before: f64, value: f64) -> bool {
    value < before
}

fn not_a_counter(evaluator: &Evaluator<'_>, series: &Series) {
    let metric = series.labels.metric();
    let counts = ["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| metric.ends_with(suffix));
    if !metric.is_empty() && !counts {
        evaluator.inform(annotations::not_a_counter(metric));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window<'s>(ts_ms: &'s [i64], values: &'s [f64], end_ms: i64, range_ms: i64) -> Window<'s> {
        Window { ts_ms, values, low: 0, start_ms: end_ms - range_ms, end_ms, now_ms: end_ms }
    }

    #[test]
    fn borders_are_extrapolated_to_when_near() {
        let near = window(&[15_000, 30_000, 45_000], &[100.0, 115.0, 130.0], 60_000, 60_000);
        assert_eq!(increase(&near, &[]), Some(60.0));
        assert_eq!(rate(&near, &[]), Some(1.0));
        let far = window(&[60_000, 75_000], &[100.0, 115.0], 300_000, 300_000);
        assert_eq!(increase(&far, &[]), Some(30.0));
    }

    #[test]
    fn a_counter_is_not_extrapolated_below_zero() {
        let young = window(&[50_000, 60_000], &[0.0, 10.0], 60_000, 60_000);
        assert_eq!(increase(&young, &[]), Some(10.0));
        assert_eq!(delta(&young, &[]), Some(15.0));
    }

    #[test]
    fn resets_count_from_zero() {
        let reset = window(&[0, 10_000, 20_000], &[90.0, 100.0, 5.0], 20_000, 20_000);
        assert_eq!(increase(&reset, &[]), Some(15.0));
        assert_eq!(instant_rate(&reset, &[]), Some(0.5));
        assert_eq!(instant_delta(&reset, &[]), Some(-95.0));
        assert_eq!((changes(&reset, &[]), resets(&reset, &[])), (Some(2.0), Some(1.0)));
    }

    #[test]
    fn one_sample_has_no_rate() {
        assert_eq!(rate(&window(&[0], &[1.0], 0, 60_000), &[]), None);
        assert_eq!(instant_rate(&window(&[0], &[1.0], 0, 60_000), &[]), None);
    }
}
