//! Aggregations. Which group a series belongs to is computed once from its labels; then rows are added.
//!
//! Simple aggregations keep one accumulator per group and step ([`Fold`]) and can take rows while the
//! series are read. The others look at all members of a group at a step: `quantile` orders them, `topk`
//! and its kin choose among them and keep their labels.

use std::collections::HashMap;

use telemetry::{Labels, METRIC_NAME};

use crate::annotations;
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator, unexpected};
use crate::matrix::{Assembly, Grid, Matrix, Series};
use crate::numbers;
use crate::plan::{Aggregate, AggregateOp, Grouping};

mod choose;
mod fold;

pub(crate) use fold::{Fold, fold_of, is_foldable};

pub(crate) fn evaluate(
    evaluator: &Evaluator<'_>,
    node: &Aggregate,
    grid: Grid,
) -> Result<Matrix, PromqlError> {
    let param = node.param.as_ref().map(|param| evaluator.column(param, grid)).transpose()?;
    let input = evaluator.vector(&node.expr, grid)?;
    match (node.op, param) {
        (op, None) if is_foldable(op) => {
            let mut fold = fold_of(op, input.steps(), input.meter());
            fold.add(groups_of(&node.grouping, &input), &input)?;
            fold.finish()
        }
        (AggregateOp::Quantile, Some(Column::Scalar(quantiles))) => {
            quantile(evaluator, &quantiles, &node.grouping, &input)
        }
        (AggregateOp::CountValues, Some(Column::Text(label))) => count_values(&label, &node.grouping, &input),
        (op, Some(Column::Scalar(limits))) => {
            choose::evaluate(evaluator, op, &limits, &groups_of(&node.grouping, &input), &input)
        }
        _ => Err(unexpected(&node.expr)),
    }
}

/// The rows of one group.
pub(crate) struct Members {
    pub series: Series,
    pub rows: Vec<usize>,
}

/// Groups in the order in which they first occur.
pub(crate) fn groups_of(grouping: &Grouping, input: &Matrix) -> Vec<Members> {
    let mut groups: Vec<Members> = Vec::new();
    let mut found: HashMap<Labels, usize> = HashMap::new();
    for (row, series) in input.series.iter().enumerate() {
        let labels = group_labels(grouping, &series.labels);
        let group = *found.entry(labels.clone()).or_insert_with(|| {
            groups.push(Members { series: Series::new(labels), rows: Vec::new() });
            groups.len() - 1
        });
        groups[group].rows.push(row);
        groups[group].series.drop_name |= series.drop_name;
    }
    groups
}

fn group_labels(grouping: &Grouping, labels: &Labels) -> Labels {
    let named = |name: &str| grouping.labels.binary_search_by(|label| label.as_str().cmp(name)).is_ok();
    if grouping.without {
        labels.filter(|name| name != METRIC_NAME && !named(name))
    } else {
        labels.filter(named)
    }
}

fn quantile(
    evaluator: &Evaluator<'_>,
    quantiles: &[f64],
    grouping: &Grouping,
    input: &Matrix,
) -> Result<Matrix, PromqlError> {
    let mut output = Matrix::new(input.steps(), input.meter());
    let mut values = Vec::new();
    for group in groups_of(grouping, input) {
        let target = output.add_row(group.series)?;
        for (step, &quantile) in quantiles.iter().enumerate() {
            values.clear();
            values.extend(group.rows.iter().filter_map(|row| input.row(*row).get(step)));
            if !values.is_empty() {
                if !(0.0..=1.0).contains(&quantile) {
                    evaluator.warn(annotations::invalid_quantile(quantile));
                }
                output.row_mut(target).set(step, numbers::quantile(quantile, &mut values));
            }
        }
    }
    output.drop_empty_rows();
    Ok(output)
}

/// How many members have which value; the value becomes a label.
fn count_values(label: &str, grouping: &Grouping, input: &Matrix) -> Result<Matrix, PromqlError> {
    if label.is_empty() || label.contains(char::REPLACEMENT_CHARACTER) || label.chars().any(char::is_control)
    {
        return Err(PromqlError::execution(format!("invalid label name {label:?}")));
    }
    // The label is set before the grouping is looked at, which may leave it out again.
    let is_left_out = grouping.without && grouping.labels.iter().any(|left_out| left_out == label);
    let mut output = Assembly::new(input.steps(), input.meter());
    for group in groups_of(grouping, input) {
        let mut targets: HashMap<u64, usize> = HashMap::new();
        for row in group.rows {
            for (step, value) in input.row(row).iter() {
                // All NaNs print the same.
                let key = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
                let target = match targets.get(&key) {
                    Some(target) => *target,
                    None => {
                        let labels = &group.series.labels;
                        let labels =
                            if is_left_out { labels.clone() } else { labels.with(label, &value_text(value)) };
                        let drop_name = group.series.drop_name;
                        *targets.entry(key).or_insert(output.row_of(Series { labels, drop_name })?)
                    }
                };
                output.add(target, step, 1.0);
            }
        }
    }
    Ok(output.finish())
}

/// As Go's `FormatFloat(value, 'f', -1, 64)`.
fn value_text(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
