//! Where a series is going: least squares and double exponential smoothing.

use super::{Function, Window};
use crate::error::PromqlError;
use crate::evaluate::Evaluator;
use crate::numbers::linear_regression;
use crate::plan::Kind;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::window("deriv", &[Kind::Matrix], deriv),
    Function::window("predict_linear", &[Kind::Matrix, Kind::Scalar], predict_linear).reads_time(),
    Function::window(
        "double_exponential_smoothing",
        &[Kind::Matrix, Kind::Scalar, Kind::Scalar],
        double_exponential_smoothing,
    )
    .checking(check_factors),
];

fn deriv(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    // From the first sample on, for precision: Unix times are large.
    (window.values.len() >= 2).then(|| linear_regression(window.ts_ms, window.values, window.ts_ms[0]).0)
}

fn predict_linear(window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
    if window.values.len() < 2 {
        return None;
    }
    let (slope, now) = linear_regression(window.ts_ms, window.values, window.now_ms);
    Some(slope * scalars[0] + now)
}

fn check_factors(_: &Evaluator<'_>, scalars: &[f64]) -> Result<(), PromqlError> {
    for (name, short, factor) in [("smoothing", "sf", scalars[0]), ("trend", "tf", scalars[1])] {
        if factor <= 0.0 || factor >= 1.0 {
            return Err(PromqlError::execution(format!(
                "invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}"
            )));
        }
    }
    Ok(())
}

/// Holt's linear method; the scalars are the smoothing and the trend factor.
fn double_exponential_smoothing(window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
    let &[first, second, ..] = window.values else { return None };
    let (smoothing, trend_factor) = (scalars[0], scalars[1]);
    let (mut before, mut level, mut trend) = (0.0, first, second - first);
    for (index, &value) in window.values.iter().enumerate().skip(1) {
        if index > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Some(level)
}
