//! `absent` and `absent_over_time`: a 1 where there is nothing.

use super::Function;
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator, plain_selector};
use crate::matrix::{Grid, Matrix, Series};
use crate::plan::{Expr, Kind};
use telemetry::{Labels, METRIC_NAME, MatchOp, Matcher};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::whole("absent", &[Kind::Vector], Kind::Vector, absent),
    Function::whole("absent_over_time", &[Kind::Matrix], Kind::Vector, absent_over_time),
];

fn absent(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let matrix = evaluator.vector(&args[0], grid)?;
    let mut present = vec![false; grid.steps];
    for (_, row) in matrix.rows() {
        row.iter().for_each(|(step, _)| present[step] = true);
    }
    ones_where_absent(evaluator, &args[0], grid, &present)
}

fn absent_over_time(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let windows = evaluator.range_vector(&args[0], grid)?;
    let mut present = vec![false; grid.steps];
    for row in &windows.rows {
        row.walk(&windows, |step, _, _| {
            present[step] = true;
            Ok(())
        })?;
    }
    ones_where_absent(evaluator, &args[0], grid, &present)
}

fn ones_where_absent(
    evaluator: &Evaluator<'_>,
    arg: &Expr,
    grid: Grid,
    present: &[bool],
) -> Result<Column, PromqlError> {
    let labels = match plain_selector(arg) {
        Some(selector) => labels_required(&evaluator.selectors[selector]),
        None => Labels::empty(),
    };
    let mut matrix = Matrix::new(grid.steps, evaluator.meter);
    matrix.add_filled(Series::new(labels), |row| {
        present.iter().enumerate().filter(|(_, present)| !**present).for_each(|(step, _)| row.set(step, 1.0));
        Ok(())
    })?;
    Ok(Column::Vector(matrix))
}

/// The labels that equality matchers fix; those named twice or otherwise are left out.
fn labels_required(matchers: &[Matcher]) -> Labels {
    let mut labels = Labels::empty();
    for matcher in matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME) {
        let named_once = matchers.iter().filter(|other| other.name() == matcher.name()).count() == 1;
        if named_once && matcher.op() == MatchOp::Equal {
            labels = labels.with(matcher.name(), matcher.value());
        }
    }
    labels
}
