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
    // Where series are just given a label, compiling would take longer than all the rest.
    if regex::escape(&pattern) == pattern && !replacement.contains('$') {
        check_name(&destination, "destination", "label_replace")?;
        return relabelled(evaluator.vector(&args[0], grid)?, &destination, |labels| {
            let is_it = labels.get(&source).unwrap_or_default() == pattern;
            if is_it { bounded("label_replace", &destination, replacement.clone()) } else { Ok(None) }
        });
    }
    let anchored = Regex::new(&format!("^(?s:{pattern})$")).map_err(|_| {
        PromqlError::execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })?;
    check_name(&destination, "destination", "label_replace")?;
    let matrix = evaluator.vector(&args[0], grid)?;
    let references = replacement.matches('$').count();
    relabelled(matrix, &destination, |labels| {
        let value = labels.get(&source).unwrap_or_default();
        let Some(captures) = anchored.captures(value) else { return Ok(None) };
        // A reference is no longer than the value, and mostly shorter.
        let bytes_at_most = replacement.len().saturating_add(references.saturating_mul(value.len()));
        if bytes_at_most > VALUE_BYTES_MAX * REFERENCES_SHORTER {
            return Err(too_long("label_replace", &destination));
        }
        let mut replaced = String::new();
        captures.expand(&replacement, &mut replaced);
        bounded("label_replace", &destination, replaced)
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
        // No more than arguments times the length of one: both are bounded.
        bounded("label_join", &destination, values.join(&separator))
    })
}

/// The length of a value that is made here, several times what receivers take: calls that nest could
/// make each value a multiple of the last one.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// How much longer than it is a replacement may seem before it is made.
const REFERENCES_SHORTER: usize = 16;

fn bounded(function: &str, name: &str, value: String) -> Result<Option<String>, PromqlError> {
    if value.len() > VALUE_BYTES_MAX { Err(too_long(function, name)) } else { Ok(Some(value)) }
}

fn too_long(function: &str, name: &str) -> PromqlError {
    PromqlError::execution(format!(
        "{function}() makes a value of the label {name:?} that is longer than {VALUE_BYTES_MAX} bytes"
    ))
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
    value: impl Fn(&Labels) -> Result<Option<String>, PromqlError>,
) -> Result<Column, PromqlError> {
    for row in 0..matrix.series.len() {
        let Some(value) = value(&matrix.series[row].labels)? else { continue };
        matrix.hold(value.len())?;
        let series = &mut matrix.series[row];
        series.labels = series.labels.with(name, &value);
        series.drop_name &= name != METRIC_NAME;
    }
    matrix.merge_same_series().map(Column::Vector)
}
