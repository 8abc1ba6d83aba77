//! Aggregations that keep some members of each group as they are: `topk`, `bottomk`, `limitk`,
//! `limit_ratio`.

use std::cmp::Ordering;

use telemetry::Labels;

use super::Members;
use crate::annotations;
use crate::error::PromqlError;
use crate::evaluate::Evaluator;
use crate::matrix::Matrix;
use crate::plan::AggregateOp;

/// `limits` has the first argument per step. At the single step of an instant query the rows come out
/// in the order of choice; over a range they keep the order of the input.
pub(super) fn evaluate(
    evaluator: &Evaluator<'_>,
    op: AggregateOp,
    limits: &[f64],
    groups: &[Members],
    input: &Matrix,
) -> Result<Matrix, PromqlError> {
    let limits = match op {
        AggregateOp::LimitRatio => ratios(evaluator, limits)?,
        _ => counts(limits)?,
    };
    let mut chosen: Vec<(usize, usize)> = Vec::new(); // row, step
    for (step, &limit) in limits.iter().enumerate() {
        evaluator.meter.check_at_row(step)?;
        for group in groups {
            let present = group.rows.iter().filter_map(|row| Some((*row, input.row(*row).get(step)?)));
            let rows = choose(op, limit, present.collect(), input);
            chosen.extend(rows.into_iter().map(|row| (row, step)));
        }
    }
    let mut output = Matrix::new(input.steps(), input.meter());
    if limits.len() != 1 {
        chosen.sort_unstable();
    }
    let mut open: Option<(usize, usize)> = None; // input row, output row
    for (row, step) in chosen {
        let target = match open {
            Some((last, target)) if last == row => target,
            _ => output.add_row(input.series[row].clone())?,
        };
        open = Some((row, target));
        output.row_mut(target).set(step, input.row(row).values[step]);
    }
    Ok(output)
}

/// Whole numbers of members; below 1 means none.
fn counts(limits: &[f64]) -> Result<Vec<f64>, PromqlError> {
    for &limit in limits {
        if limit.is_nan() {
            return Err(PromqlError::execution("Parameter value is NaN"));
        }
        if limit <= i64::MIN as f64 {
            return Err(PromqlError::execution(format!("Scalar value {limit} underflows int64")));
        }
        if limit >= i64::MAX as f64 {
            return Err(PromqlError::execution(format!("Scalar value {limit} overflows int64")));
        }
    }
    Ok(limits.iter().map(|limit| limit.trunc()).collect())
}

fn ratios(evaluator: &Evaluator<'_>, limits: &[f64]) -> Result<Vec<f64>, PromqlError> {
    let mut ratios = Vec::with_capacity(limits.len());
    for &limit in limits {
        if limit.is_nan() {
            return Err(PromqlError::execution("Ratio value is NaN"));
        }
        let ratio = limit.clamp(-1.0, 1.0);
        if ratio != limit {
            evaluator.warn(annotations::invalid_ratio(limit, ratio));
        }
        ratios.push(ratio);
    }
    Ok(ratios)
}

fn choose(op: AggregateOp, limit: f64, mut present: Vec<(usize, f64)>, input: &Matrix) -> Vec<usize> {
    match op {
        AggregateOp::Topk => best(limit, present, |left, right| right.total_cmp(left)),
        AggregateOp::Bottomk => best(limit, present, f64::total_cmp),
        AggregateOp::LimitRatio => {
            present.retain(|(row, _)| in_ratio(limit, &input.series[*row].labels));
            present.into_iter().map(|(row, _)| row).collect()
        }
        _ => {
            present.truncate(limit.max(0.0) as usize);
            present.into_iter().map(|(row, _)| row).collect()
        }
    }
}

/// The first `limit` in order; NaN comes last, and of equals the first stays.
fn best(limit: f64, mut present: Vec<(usize, f64)>, order: impl Fn(&f64, &f64) -> Ordering) -> Vec<usize> {
    let order = |(left_row, left): &(usize, f64), (right_row, right): &(usize, f64)| {
        let by_value = match (left.is_nan(), right.is_nan()) {
            (false, false) if left == right => Ordering::Equal,
            (false, false) => order(left, right),
            (left_nan, right_nan) => left_nan.cmp(&right_nan),
        };
        by_value.then_with(|| left_row.cmp(right_row))
    };
    let count = limit.max(0.0) as usize;
    if count < present.len() {
        // A few of many: only those are put in order.
        present.select_nth_unstable_by(count, order);
        present.truncate(count);
    }
    present.sort_unstable_by(order);
    present.into_iter().map(|(row, _)| row).collect()
}

/// Whether a series is in the sample: by its labels, so that a ratio `r` and its complement
/// `-(1 - r)` divide any set of series.
fn in_ratio(ratio: f64, labels: &Labels) -> bool {
    // FNV spreads its last bytes badly; one multiply-xorshift round repairs it.
    let hash = labels.fingerprint();
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let position = (hash ^ (hash >> 33)) as f64 / u64::MAX as f64;
    if ratio >= 0.0 { position < ratio } else { position >= 1.0 + ratio }
}
