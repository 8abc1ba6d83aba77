//! `absent` and `absent_over_time`: a 1 where there is nothing.

use super::Function;
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::{Grid, Matrix, Series};
use crate::plan::{Expr, Kind};
use telemetry::{Labels, METRIC_NAME, MatchOp, Matcher};

pub(super) const FUNCTIONS: &[Function] = &[
    // Of a range vector, the steps at which a window has a sample are what reaches `absent`.
    Function::whole("absent", &[Kind::Vector], Kind::Vector, absent).presence_only(),
    Function::whole("absent_over_time", &[Kind::Matrix], Kind::Vector, absent).presence_only(),
];

fn absent(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let matrix = evaluator.vector(&args[0], grid)?;
    let mut present = vec![false; grid.steps];
    for (_, row) in matrix.rows() {
        row.iter().for_each(|(step, _)| present[step] = true);
    }
    let labels = match &args[0] {
        Expr::Loaded { selector: Some(selector), .. } => {
            labels_required(&evaluator.setting.selectors[*selector])
        }
        _ => Labels::empty(),
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
