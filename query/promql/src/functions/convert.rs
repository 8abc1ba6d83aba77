//! Between scalars and vectors, and times as values.

use super::{Body, Function};
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::{Grid, Series};
use crate::plan::{Expr, Kind};
use crate::select::Reading;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("time", &[], Kind::Scalar, Body::Time(|time_ms| time_ms as f64 / 1e3)).reads_time(),
    Function::whole("start", &[], Kind::Scalar, |evaluator, _, grid| constant(grid, evaluator.span.start_ms)),
    Function::whole("end", &[], Kind::Scalar, |evaluator, _, grid| constant(grid, evaluator.span.end_ms)),
    Function::whole("range", &[], Kind::Scalar, |evaluator, _, grid| {
        constant(grid, evaluator.span.end_ms - evaluator.span.start_ms)
    }),
    Function::whole("step", &[], Kind::Scalar, |evaluator, _, grid| {
        constant(grid, evaluator.setting.step_ms)
    }),
    Function::whole("scalar", &[Kind::Vector], Kind::Scalar, scalar),
    Function::whole("vector", &[Kind::Scalar], Kind::Vector, vector),
    Function::whole("timestamp", &[Kind::Vector], Kind::Vector, timestamp).reads_time().row_wise(),
];

/// A length or point of time of the whole query, in seconds.
fn constant(grid: Grid, millis: i64) -> Result<Column, PromqlError> {
    Ok(Column::Scalar(vec![millis as f64 / 1e3; grid.steps]))
}

/// The value of the only sample, or NaN.
fn scalar(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let matrix = evaluator.vector(&args[0], grid)?;
    let mut values = vec![f64::NAN; grid.steps];
    let mut counts = vec![0_u32; grid.steps];
    for (_, row) in matrix.rows() {
        for (step, value) in row.iter() {
            counts[step] += 1;
            values[step] = if counts[step] == 1 { value } else { f64::NAN };
        }
    }
    Ok(Column::Scalar(values))
}

fn vector(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let values = evaluator.scalar(&args[0], grid)?;
    evaluator.single(Series::default(), grid, |step| values[step]).map(Column::Vector)
}

/// Of a selector, when each sample was taken; of anything computed, the time of the step.
fn timestamp(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    if let Expr::Instant(selector) = args[0].unmarked() {
        return evaluator.instant_selector(selector, grid, Reading::Timestamp).map(Column::Vector);
    }
    let mut matrix = evaluator.vector(&args[0], grid)?;
    matrix.map_steps(|step, _| grid.time_ms(step) as f64 / 1e3);
    matrix.mark_names_dropped();
    Ok(Column::Vector(matrix))
}
