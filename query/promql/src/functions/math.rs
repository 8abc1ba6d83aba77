//! Functions of single numbers.

use super::{Body, Function};
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::Grid;
use crate::plan::{Expr, Kind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::map("abs", f64::abs),
    Function::map("ceil", f64::ceil),
    Function::map("floor", f64::floor),
    Function::map("exp", f64::exp),
    Function::map("sqrt", f64::sqrt),
    Function::map("ln", f64::ln),
    Function::map("log2", f64::log2),
    Function::map("log10", f64::log10),
    Function::map("sgn", sign),
    Function::map("sin", f64::sin),
    Function::map("cos", f64::cos),
    Function::map("tan", f64::tan),
    Function::map("asin", f64::asin),
    Function::map("acos", f64::acos),
    Function::map("atan", f64::atan),
    Function::map("sinh", f64::sinh),
    Function::map("cosh", f64::cosh),
    Function::map("tanh", f64::tanh),
    Function::map("asinh", asinh),
    Function::map("acosh", acosh),
    Function::map("atanh", f64::atanh),
    Function::map("rad", |degrees| degrees * std::f64::consts::PI / 180.0),
    Function::map("deg", |radians| radians * 180.0 / std::f64::consts::PI),
    Function::new("round", &[Kind::Vector, Kind::Scalar], Kind::Vector, Body::MapWith(round)).optional(1),
    Function::new("clamp", &[Kind::Vector, Kind::Scalar, Kind::Scalar], Kind::Vector, Body::MapWith(clamp)),
    Function::new("clamp_min", &[Kind::Vector, Kind::Scalar], Kind::Vector, Body::MapWith(clamp_min)),
    Function::new("clamp_max", &[Kind::Vector, Kind::Scalar], Kind::Vector, Body::MapWith(clamp_max)),
    Function::whole("max_of", &[Kind::Scalar, Kind::Scalar], Kind::Scalar, |evaluator, args, grid| {
        of_two(evaluator, args, grid, max)
    }),
    Function::whole("min_of", &[Kind::Scalar, Kind::Scalar], Kind::Scalar, |evaluator, args, grid| {
        of_two(evaluator, args, grid, min)
    }),
    Function::new("pi", &[], Kind::Scalar, Body::Time(|_| std::f64::consts::PI)),
];

fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// Beyond this number `x * x + 1` is `x * x`, and above 1e154 it is infinite.
const SQUARE_SWALLOWS_ONE: f64 = (1_u64 << 28) as f64;

fn asinh(value: f64) -> f64 {
    if value.is_finite() && value.abs() > SQUARE_SWALLOWS_ONE {
        (value.abs().ln() + std::f64::consts::LN_2).copysign(value)
    } else {
        value.asinh()
    }
}

fn acosh(value: f64) -> f64 {
    if value > SQUARE_SWALLOWS_ONE { value.ln() + std::f64::consts::LN_2 } else { value.acosh() }
}

/// To the nearest multiple; halves go up.
fn round(value: f64, scalars: &[f64]) -> Option<f64> {
    // Multiplying by the inverse is more precise for fractions such as 0.1.
    let inverse = 1.0 / scalars.first().copied().unwrap_or(1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

/// Nothing is between bounds that are the wrong way round.
fn clamp(value: f64, scalars: &[f64]) -> Option<f64> {
    let (low, high) = (scalars[0], scalars[1]);
    if high < low { None } else { Some(max(low, min(high, value))) }
}

fn clamp_min(value: f64, scalars: &[f64]) -> Option<f64> {
    Some(max(scalars[0], value))
}

fn clamp_max(value: f64, scalars: &[f64]) -> Option<f64> {
    Some(min(scalars[0], value))
}

fn of_two(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    choose: fn(f64, f64) -> f64,
) -> Result<Column, PromqlError> {
    let (left, right) = (evaluator.scalar(&args[0], grid)?, evaluator.scalar(&args[1], grid)?);
    Ok(Column::Scalar(left.into_iter().zip(right).map(|(left, right)| choose(left, right)).collect()))
}

/// Go's: NaN wins, unless the other is infinite in the direction asked for.
fn max(left: f64, right: f64) -> f64 {
    if left == f64::INFINITY || right == f64::INFINITY {
        f64::INFINITY
    } else if left.is_nan() || right.is_nan() {
        f64::NAN
    } else {
        left.max(right)
    }
}

fn min(left: f64, right: f64) -> f64 {
    -max(-left, -right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_halves_go_up() {
        assert_eq!(round(2.5, &[]), Some(3.0));
        assert_eq!(round(-2.5, &[]), Some(-2.0));
        assert_eq!(round(0.25, &[0.1]), Some(0.3));
    }

    #[test]
    fn hyperbolic_functions_of_numbers_whose_square_is_infinite() {
        assert_eq!(asinh(f64::MAX), 710.4758600739439);
        assert_eq!(asinh(-f64::MAX), -710.4758600739439);
        assert_eq!(acosh(f64::MAX), 710.4758600739439);
        assert_eq!((asinh(f64::INFINITY), acosh(f64::INFINITY)), (f64::INFINITY, f64::INFINITY));
        assert!(acosh(0.5).is_nan());
    }

    #[test]
    fn bounds_and_nan() {
        assert_eq!(clamp(5.0, &[10.0, 0.0]), None);
        assert_eq!(clamp(5.0, &[0.0, 3.0]), Some(3.0));
        assert!(clamp_min(1.0, &[f64::NAN]).is_some_and(f64::is_nan));
        assert_eq!(clamp_max(f64::NAN, &[f64::NEG_INFINITY]), Some(f64::NEG_INFINITY));
    }
}
