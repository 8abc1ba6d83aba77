//! Aggregations of one series over a window.

use super::{Function, Window};
use crate::annotations;
use crate::error::PromqlError;
use crate::evaluate::Evaluator;
use crate::numbers::{self, KahanSum};
use crate::plan::Kind;

const RANGE: &[Kind] = &[Kind::Matrix];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::window("avg_over_time", RANGE, |window, _| Some(numbers::mean(window.values))),
    Function::window("sum_over_time", RANGE, sum),
    Function::window("min_over_time", RANGE, |window, _| window.values.iter().copied().reduce(f64::min)),
    Function::window("max_over_time", RANGE, |window, _| window.values.iter().copied().reduce(f64::max)),
    Function::window("count_over_time", RANGE, |window, _| Some(window.values.len() as f64)),
    Function::window("present_over_time", RANGE, |_, _| Some(1.0)),
    Function::window("last_over_time", RANGE, |window, _| window.values.last().copied()).keeps_name(),
    Function::window("first_over_time", RANGE, |window, _| window.values.first().copied()).keeps_name(),
    Function::window("stdvar_over_time", RANGE, |window, _| Some(numbers::variance(window.values))),
    Function::window("stddev_over_time", RANGE, |window, _| Some(numbers::variance(window.values).sqrt())),
    Function::window("mad_over_time", RANGE, median_absolute_deviation),
    Function::window("quantile_over_time", &[Kind::Scalar, Kind::Matrix], quantile).checking(check_quantile),
    Function::window("ts_of_first_over_time", RANGE, |window, _| Some(secs(*window.ts_ms.first()?))),
    Function::window("ts_of_last_over_time", RANGE, |window, _| Some(secs(*window.ts_ms.last()?))),
    Function::window("ts_of_min_over_time", RANGE, |window, _| {
        time_of_extreme(window, |value, best| value <= best)
    }),
    Function::window("ts_of_max_over_time", RANGE, |window, _| {
        time_of_extreme(window, |value, best| value >= best)
    }),
];

fn sum(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut sum = KahanSum::default();
    window.values.iter().for_each(|value| sum.add(*value));
    Some(sum.total())
}

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
