//! Sorting, which only an instant query shows.

use std::cmp::Ordering;

use super::{Function, text};
use crate::annotations;
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::{Grid, Matrix};
use crate::plan::{Expr, Kind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::whole("sort", &[Kind::Vector], Kind::Vector, |evaluator, args, grid| {
        by_value(evaluator, args, grid, |left, right| left.total_cmp(&right))
    }),
    Function::whole("sort_desc", &[Kind::Vector], Kind::Vector, |evaluator, args, grid| {
        by_value(evaluator, args, grid, |left, right| right.total_cmp(&left))
    }),
    Function::whole("sort_by_label", &[Kind::Vector, Kind::Text], Kind::Vector, |evaluator, args, grid| {
        by_label(evaluator, args, grid, |order| order)
    })
    .optional(1)
    .variadic(),
    Function::whole(
        "sort_by_label_desc",
        &[Kind::Vector, Kind::Text],
        Kind::Vector,
        |evaluator, args, grid| by_label(evaluator, args, grid, Ordering::reverse),
    )
    .optional(1)
    .variadic(),
];

/// NaN comes last in both directions.
fn by_value(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    order: fn(f64, f64) -> Ordering,
) -> Result<Column, PromqlError> {
    let matrix = evaluator.vector(&args[0], grid)?;
    if evaluator.setting.is_range {
        evaluator.warn(annotations::sort_in_range());
        return Ok(Column::Vector(matrix));
    }
    let value = |row: usize| matrix.row(row).get(0).unwrap_or(f64::NAN);
    reordered(&matrix, |left, right| {
        let (left, right) = (value(left), value(right));
        match (left.is_nan(), right.is_nan()) {
            (false, false) => order(left, right),
            (left_nan, right_nan) => left_nan.cmp(&right_nan),
        }
    })
}

/// By the labels named, digits in them as numbers; then by all labels.
fn by_label(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    direction: fn(Ordering) -> Ordering,
) -> Result<Column, PromqlError> {
    let matrix = evaluator.vector(&args[0], grid)?;
    if evaluator.setting.is_range {
        evaluator.warn(annotations::sort_in_range());
        return Ok(Column::Vector(matrix));
    }
    let mut names = Vec::with_capacity(args.len() - 1);
    for arg in &args[1..] {
        names.push(text(evaluator, arg, grid)?);
    }
    reordered(&matrix, |left, right| {
        let (left, right) = (&matrix.series[left].labels, &matrix.series[right].labels);
        let by_names = names
            .iter()
            .map(|name| natural(left.get(name).unwrap_or_default(), right.get(name).unwrap_or_default()));
        let order = by_names.fold(Ordering::Equal, Ordering::then).then_with(|| left.cmp(right));
        direction(order)
    })
}

fn reordered(matrix: &Matrix, order: impl Fn(usize, usize) -> Ordering) -> Result<Column, PromqlError> {
    let mut rows: Vec<usize> = (0..matrix.len()).collect();
    rows.sort_by(|left, right| order(*left, *right));
    let mut sorted = Matrix::new(matrix.steps(), matrix.meter());
    for row in rows {
        let target = sorted.add_row(matrix.series[row].clone())?;
        matrix.row(row).iter().for_each(|(step, value)| sorted.row_mut(target).set(step, value));
    }
    Ok(Column::Vector(sorted))
}

/// `node2` before `node10`.
fn natural(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let (left_digits, right_digits) = (digits(left), digits(right));
        if left_digits > 0 && right_digits > 0 {
            let (a, b) =
                (left[..left_digits].trim_start_matches('0'), right[..right_digits].trim_start_matches('0'));
            let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (&left[left_digits..], &right[right_digits..]);
            continue;
        }
        let (mut left_rest, mut right_rest) = (left.chars(), right.chars());
        match (left_rest.next(), right_rest.next()) {
            (Some(a), Some(b)) if a == b => (left, right) = (left_rest.as_str(), right_rest.as_str()),
            (a, b) => return a.cmp(&b),
        }
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_sort_as_numbers() {
        let mut names = ["node10", "node2", "node", "node02b", "n", "10", "9"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["9", "10", "n", "node", "node2", "node02b", "node10"]);
    }
}
