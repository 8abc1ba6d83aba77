//! Quantiles and fractions of classic histograms: series with cumulative counts per `le`.

use std::collections::HashMap;

use telemetry::Labels;

use super::{Body, Function, text};
use crate::annotations;
use crate::error::PromqlError;
use crate::evaluate::{Column, Evaluator};
use crate::matrix::{Assembly, Grid, Matrix, Series, same_labelset};
use crate::numbers::almost_equal;
use crate::plan::{Expr, Kind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::whole("histogram_quantile", &[Kind::Scalar, Kind::Vector], Kind::Vector, histogram_quantile),
    Function::whole(
        "histogram_fraction",
        &[Kind::Scalar, Kind::Scalar, Kind::Vector],
        Kind::Vector,
        histogram_fraction,
    ),
    Function::whole(
        "histogram_quantiles",
        &[Kind::Vector, Kind::Text, Kind::Scalar],
        Kind::Vector,
        histogram_quantiles,
    )
    .variadic(),
    of_native_histograms("histogram_avg"),
    of_native_histograms("histogram_count"),
    of_native_histograms("histogram_stddev"),
    of_native_histograms("histogram_stdvar"),
    of_native_histograms("histogram_sum"),
];

/// Leaves floats out.
const fn of_native_histograms(name: &'static str) -> Function {
    Function::new(name, &[Kind::Vector], Kind::Vector, Body::MapWith(|_, _| None))
}

const BUCKET_LABEL: &str = "le";
/// Counts that differ by less are the same but for rounding.
const COUNT_TOLERANCE: f64 = 1e-12;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) upper: f64,
    /// Observations up to `upper`.
    pub(crate) count: f64,
}

fn histogram_quantile(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let quantiles = evaluator.scalar(&args[0], grid)?;
    let input = evaluator.vector(&args[1], grid)?;
    for &quantile in quantiles.iter().filter(|quantile| !(0.0..=1.0).contains(*quantile)) {
        evaluator.warn(annotations::invalid_quantile(quantile));
    }
    over_histograms(evaluator, &input, |labels, step, buckets| {
        let (value, forced) = bucket_quantile(quantiles[step], buckets);
        if forced {
            evaluator.inform(annotations::forced_monotonic(labels.metric()));
        }
        Some(value)
    })
    .map(Column::Vector)
}

/// Several quantiles at once, each with its value as a label.
fn histogram_quantiles(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let input = evaluator.vector(&args[0], grid)?;
    let label = text(evaluator, &args[1], grid)?;
    let mut all = Assembly::new(grid.steps, evaluator.meter);
    for arg in &args[2..] {
        let quantiles = evaluator.scalar(arg, grid)?;
        let mut distinct = quantiles.clone();
        distinct.sort_unstable_by(f64::total_cmp);
        distinct.dedup_by_key(|quantile| quantile.to_bits());
        for quantile in distinct {
            if !(0.0..=1.0).contains(&quantile) {
                evaluator.warn(annotations::invalid_quantile(quantile));
            }
            let matrix = over_histograms(evaluator, &input, |labels, step, buckets| {
                if quantiles[step].to_bits() != quantile.to_bits() {
                    return None;
                }
                let (value, forced) = bucket_quantile(quantile, buckets);
                if forced {
                    evaluator.inform(annotations::forced_monotonic(labels.metric()));
                }
                Some(value)
            })?;
            for (series, row) in matrix.rows() {
                let labels = series.labels.with(&label, &open_metrics_number(quantile));
                let target = all.row_of(Series::unnamed(labels))?;
                for (step, value) in row.iter() {
                    if !all.set(target, step, value) {
                        return Err(same_labelset());
                    }
                }
            }
        }
    }
    Ok(Column::Vector(all.finish()))
}

/// As OpenMetrics writes numbers in labels: always with a point or an exponent.
fn open_metrics_number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        format!("{value:?}")
    }
}

fn histogram_fraction(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Column, PromqlError> {
    let lower = evaluator.scalar(&args[0], grid)?;
    let upper = evaluator.scalar(&args[1], grid)?;
    let input = evaluator.vector(&args[2], grid)?;
    over_histograms(evaluator, &input, |_, step, buckets| {
        Some(bucket_fraction(lower[step], upper[step], buckets))
    })
    .map(Column::Vector)
}

/// Puts series that differ by `le` only together and computes a number from the buckets of each step,
/// which come sorted by their bounds, bounds that are equal as numbers joined.
fn over_histograms(
    evaluator: &Evaluator<'_>,
    input: &Matrix,
    compute: impl Fn(&Labels, usize, &mut Vec<Bucket>) -> Option<f64>,
) -> Result<Matrix, PromqlError> {
    let mut histograms: Vec<(Labels, Vec<(f64, usize)>)> = Vec::new();
    let mut found: HashMap<Labels, usize> = HashMap::new();
    for (row, series) in input.series.iter().enumerate() {
        let le = series.labels.get(BUCKET_LABEL).unwrap_or_default();
        let Some(upper) = parse_bound(le) else {
            evaluator.warn(annotations::bad_bucket_label(series.labels.metric(), le));
            continue;
        };
        let labels = series.labels.with(BUCKET_LABEL, "");
        let at = *found.entry(labels.clone()).or_insert_with(|| {
            histograms.push((labels, Vec::new()));
            histograms.len() - 1
        });
        histograms[at].1.push((upper, row));
    }
    let mut output = Matrix::new(input.steps(), input.meter());
    let mut buckets = Vec::new();
    for (labels, mut members) in histograms {
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        output.add_filled(Series::unnamed(labels.clone()), |result| {
            for step in 0..input.steps() {
                buckets.clear();
                for (upper, row) in &members {
                    let Some(count) = input.row(*row).get(step) else { continue };
                    match buckets.last_mut() {
                        Some(Bucket { upper: last, count: sum }) if *last == *upper => *sum += count,
                        _ => buckets.push(Bucket { upper: *upper, count }),
                    }
                }
                if !buckets.is_empty()
                    && let Some(value) = compute(&labels, step, &mut buckets)
                {
                    result.set(step, value);
                }
            }
            Ok(())
        })?;
    }
    Ok(output)
}

/// As Go's `ParseFloat` for the texts that occur.
pub(crate) fn parse_bound(le: &str) -> Option<f64> {
    le.parse().ok()
}

/// Interpolates linearly inside of the bucket that holds the quantile. Also answers whether counts had
/// to be made monotonic by more than rounding.
pub(crate) fn bucket_quantile(quantile: f64, buckets: &mut [Bucket]) -> (f64, bool) {
    if quantile.is_nan() {
        return (f64::NAN, false);
    }
    if quantile < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if quantile > 1.0 {
        return (f64::INFINITY, false);
    }
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return (f64::NAN, false);
    }
    let forced = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if buckets.len() < 2 || observations == 0.0 || observations.is_nan() {
        return (f64::NAN, forced);
    }
    let mut rank = quantile * observations;
    let holder = buckets[..last].partition_point(|bucket| bucket.count < rank);
    if holder == last {
        return (buckets[last - 1].upper, forced);
    }
    if holder == 0 && buckets[0].upper <= 0.0 {
        return (buckets[0].upper, forced);
    }
    let (mut start, end, mut count) = (0.0, buckets[holder].upper, buckets[holder].count);
    if holder > 0 {
        start = buckets[holder - 1].upper;
        count -= buckets[holder - 1].count;
        rank -= buckets[holder - 1].count;
    }
    (start + (end - start) * (rank / count), forced)
}

fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let mut previous = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if almost_equal(previous, bucket.count, COUNT_TOLERANCE) {
            bucket.count = previous;
        } else if bucket.count < previous {
            bucket.count = previous;
            forced = true;
        } else {
            previous = bucket.count;
        }
    }
    forced
}

/// The share of observations between two values.
fn bucket_fraction(lower: f64, upper: f64, buckets: &mut [Bucket]) -> f64 {
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return f64::NAN;
    }
    let total = buckets[buckets.len() - 1].count;
    if total == 0.0 || total.is_nan() || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets).min(total) - rank_of(lower, buckets).min(total)) / total
}

/// How many observations are below a value.
fn rank_of(value: f64, buckets: &[Bucket]) -> f64 {
    let mut below = 0.0;
    let mut start = f64::NEG_INFINITY;
    if buckets[0].upper > 0.0 {
        start = 0.0;
    }
    for bucket in buckets {
        if start >= value {
            return below;
        }
        if bucket.upper > value {
            if start == f64::NEG_INFINITY {
                return bucket.count;
            }
            return below + (bucket.count - below) * (value - start) / (bucket.upper - start);
        }
        below = bucket.count;
        start = bucket.upper;
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(counts: &[(f64, f64)]) -> Vec<Bucket> {
        counts.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn quantiles_interpolate_in_their_bucket() {
        let histogram = || buckets(&[(1.0, 10.0), (2.0, 30.0), (f64::INFINITY, 40.0)]);
        assert_eq!(bucket_quantile(0.5, &mut histogram()), (1.5, false));
        assert_eq!(bucket_quantile(0.125, &mut histogram()), (0.5, false));
        assert_eq!(bucket_quantile(1.0, &mut histogram()), (2.0, false));
        assert_eq!(bucket_quantile(-1.0, &mut histogram()).0, f64::NEG_INFINITY);
        assert!(bucket_quantile(0.5, &mut buckets(&[(1.0, 10.0)])).0.is_nan());
    }

    #[test]
    fn counts_that_decrease_are_raised() {
        let mut histogram = buckets(&[(1.0, 10.0), (2.0, 5.0), (f64::INFINITY, 20.0)]);
        assert_eq!(bucket_quantile(0.25, &mut histogram), (0.5, true));
        assert_eq!(histogram[1].count, 10.0);
        let mut rounding = buckets(&[(1.0, 10.0), (2.0, 10.0 - 1e-13), (f64::INFINITY, 20.0)]);
        assert!(!bucket_quantile(0.25, &mut rounding).1);
    }

    #[test]
    fn fractions_interpolate_too() {
        let mut histogram = buckets(&[(1.0, 10.0), (2.0, 30.0), (f64::INFINITY, 40.0)]);
        assert_eq!(bucket_fraction(0.5, 1.5, &mut histogram), 0.375);
        assert_eq!(bucket_fraction(0.0, f64::INFINITY, &mut histogram), 1.0);
        assert_eq!(bucket_fraction(2.0, 1.0, &mut histogram), 0.0);
    }
}
