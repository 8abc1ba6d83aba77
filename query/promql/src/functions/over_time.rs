//! Aggregations of one series over a window.

use super::slide::{CHEAP_FROM, COSTLY_FROM, Extreme, Sorted, Sums};
use super::{Function, Window};
use crate::annotations;
use crate::error::PromqlError;
use crate::evaluate::Evaluator;
use crate::numbers;
use crate::plan::Kind;

const RANGE: &[Kind] = &[Kind::Matrix];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::window("avg_over_time", RANGE, |window, _| Some(numbers::mean(window.values)))
        .sliding(COSTLY_FROM, || Sums::slide(numbers::mean_of_sum, numbers::mean)),
    Function::window("sum_over_time", RANGE, |window, _| Some(numbers::sum(window.values)))
        .sliding(COSTLY_FROM, || Sums::slide(|sum, _| sum.total(), numbers::sum)),
    Function::window("min_over_time", RANGE, |window, _| window.values.iter().copied().reduce(f64::min))
        .sliding(CHEAP_FROM, || Extreme::slide(|value, other| value < other, value_at)),
    Function::window("max_over_time", RANGE, |window, _| window.values.iter().copied().reduce(f64::max))
        .sliding(CHEAP_FROM, || Extreme::slide(|value, other| value > other, value_at)),
    Function::window("count_over_time", RANGE, |window, _| Some(window.values.len() as f64)),
    Function::window("present_over_time", RANGE, |_, _| Some(1.0)),
    Function::window("last_over_time", RANGE, |window, _| window.values.last().copied()).keeps_name(),
    Function::window("first_over_time", RANGE, |window, _| window.values.first().copied()).keeps_name(),
    Function::window("stdvar_over_time", RANGE, |window, _| Some(numbers::variance(window.values))),
    Function::window("stddev_over_time", RANGE, |window, _| Some(numbers::variance(window.values).sqrt())),
    Function::window("mad_over_time", RANGE, median_absolute_deviation),
    Function::window("quantile_over_time", &[Kind::Scalar, Kind::Matrix], quantile)
        .sliding(COSTLY_FROM, || {
            Sorted::slide(|sorted, scalars| numbers::quantile_of_sorted(scalars[0], sorted))
        })
        .checking(check_quantile),
    Function::window("ts_of_first_over_time", RANGE, |window, _| Some(secs(*window.ts_ms.first()?))),
    Function::window("ts_of_last_over_time", RANGE, |window, _| Some(secs(*window.ts_ms.last()?))),
    Function::window("ts_of_min_over_time", RANGE, |window, _| {
        time_of_extreme(window, |value, best| value <= best)
    })
    .sliding(CHEAP_FROM, || Extreme::slide(|value, other| value <= other, time_at)),
    Function::window("ts_of_max_over_time", RANGE, |window, _| {
        time_of_extreme(window, |value, best| value >= best)
    })
    .sliding(CHEAP_FROM, || Extreme::slide(|value, other| value >= other, time_at)),
];

fn quantile(window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
    Some(numbers::quantile(scalars[0], &mut window.values.to_vec()))
}

fn check_quantile(evaluator: &Evaluator<'_>, scalars: &[f64]) -> Result<(), PromqlError> {
    if !(0.0..=1.0).contains(&scalars[0]) {
        evaluator.warn(annotations::invalid_quantile(scalars[0]));
    }
    Ok(())
}

fn median_absolute_deviation(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    if window.values.iter().any(|value| value.is_nan()) {
        return Some(f64::NAN);
    }
    let mut values = window.values.to_vec();
    let median = numbers::quantile(0.5, &mut values);
    values.iter_mut().for_each(|value| *value = (*value - median).abs());
    Some(numbers::quantile(0.5, &mut values))
}

/// When the extreme value was seen last.
fn time_of_extreme(window: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<f64> {
    let (mut best, mut best_ts) = (*window.values.first()?, *window.ts_ms.first()?);
    for (&value, &ts) in window.values.iter().zip(window.ts_ms) {
        if better(value, best) || best.is_nan() {
            (best, best_ts) = (value, ts);
        }
    }
    Some(secs(best_ts))
}

fn secs(ts_ms: i64) -> f64 {
    ts_ms as f64 / 1e3
}

/// Of windows that hold nothing but NaN, that.
fn value_at(window: &Window<'_>, best: Option<usize>) -> f64 {
    best.map_or(f64::NAN, |at| window.values[at])
}

/// Of windows that hold nothing but NaN, when the last was seen.
fn time_at(window: &Window<'_>, best: Option<usize>) -> f64 {
    secs(window.ts_ms[best.unwrap_or(window.ts_ms.len() - 1)])
}
