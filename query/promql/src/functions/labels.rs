//! `label_replace` and `label_join`.

use regex::Regex;
use telemetry::{Labels, METRIC_NAME};

use super::{Function, text};
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::{Grid, Matrix};
use crate::plan::{Expr, Kind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::whole(
        "label_replace",
        &[Kind::Vector, Kind::Text, Kind::Text, Kind::Text, Kind::Text],
        Kind::Vector,
        label_replace,
    ),
    Function::whole(
        "label_join",
        &[Kind::Vector, Kind::Text, Kind::Text, Kind::Text],
        Kind::Vector,
        label_join,
    )
    .optional(1)
    .variadic(),
];

fn label_replace(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let [destination, replacement, source, pattern] = [1, 2, 3, 4].map(|at| text(evaluator, &args[at], grid));
    let (destination, replacement, source, pattern) = (destination?, replacement?, source?, pattern?);
    let anchored = Regex::new(&format!("^(?s:{pattern})$")).map_err(|_| {
        PromqlError::execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })?;
    check_name(&destination, "destination", "label_replace")?;
    let matrix = evaluator.vector(&args[0], grid)?;
    relabelled(matrix, &destination, |labels| {
        let value = labels.get(&source).unwrap_or_default();
        let captures = anchored.captures(value)?;
        let mut replaced = String::new();
        captures.expand(&replacement, &mut replaced);
        Some(replaced)
    })
}

fn label_join(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let destination = text(evaluator, &args[1], grid)?;
    let separator = text(evaluator, &args[2], grid)?;
    let mut sources = Vec::with_capacity(args.len() - 3);
    for arg in &args[3..] {
        let source = text(evaluator, arg, grid)?;
        check_name(&source, "source", "label_join")?;
        sources.push(source);
    }
    check_name(&destination, "destination", "label_join")?;
    let matrix = evaluator.vector(&args[0], grid)?;
    relabelled(matrix, &destination, |labels| {
        let values: Vec<&str> = sources.iter().map(|name| labels.get(name).unwrap_or_default()).collect();
        Some(values.join(&separator))
    })
}

fn check_name(name: &str, role: &str, function: &str) -> Result<(), PromqlError> {
    if name.is_empty() || name.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return Err(PromqlError::execution(format!("invalid {role} label name in {function}(): {name}")));
    }
    Ok(())
}

/// Sets the label to what `value` answers. A name that is set here is meant to stay.
fn relabelled(
    mut matrix: Matrix,
    name: &str,
    value: impl Fn(&Labels) -> Option<String>,
) -> Result<Column, PromqlError> {
    for series in &mut matrix.series {
        if let Some(value) = value(&series.labels) {
            series.labels = series.labels.with(name, &value);
            series.drop_name &= name != METRIC_NAME;
        }
    }
    matrix.merge_same_series().map(Column::Vector)
}
