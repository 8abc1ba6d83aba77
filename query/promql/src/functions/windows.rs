//! Walking range vectors: a value for each step from the window of samples before it.

use super::{Column, Evaluator, Expr, Grid, Kind};
use crate::error::PromqlError;
use crate::evaluate::Windows;
use crate::matrix::{Matrix, Series};

/// A function of one range vector and any number of scalars around it.
#[derive(Clone, Copy)]
pub(super) struct WindowBody {
    /// Sees windows with at least one sample; `None` means no result.
    pub apply: fn(&Window<'_>, &[f64]) -> Option<f64>,
    /// The same for windows that share most of their samples.
    pub slide: Option<Sliding>,
    pub keeps_name: bool,
    /// Looks at the scalar arguments of a step before any window.
    pub check: fn(&Evaluator<'_>, &[f64]) -> Result<(), PromqlError>,
    /// Looks at each series that has a result.
    pub remark: fn(&Evaluator<'_>, &Series),
}

/// A way to compute a function from what enters and leaves the window.
#[derive(Clone, Copy)]
pub(super) struct Sliding {
    /// Pays off from so many windows on that hold each sample.
    pub from_overlap: i64,
    pub begin: fn() -> Box<dyn Slide>,
}

/// Follows one series from step to step.
pub(super) trait Slide {
    /// As [`WindowBody::apply`]; neither end of the windows it sees ever goes back.
    fn value(&mut self, window: &Window<'_>, scalars: &[f64]) -> Option<f64>;
}

/// The samples of one series before one step.
pub(crate) struct Window<'s> {
    pub ts_ms: &'s [i64],
    pub values: &'s [f64],
    /// The position of the first sample in its series.
    pub low: usize,
    /// Exclusive.
    pub start_ms: i64,
    /// Inclusive; with `@` or `offset` not the time of the step.
    pub end_ms: i64,
    /// The time of the step.
    pub now_ms: i64,
}

/// Long windows make even one row slow, so the stop signal is asked after this many samples too: about
/// a millisecond of work.
const SAMPLES_PER_CHECK: usize = 1 << 20;

pub(super) fn over_windows(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
    body: WindowBody,
) -> Result<Column, PromqlError> {
    let scalars = scalars_by_step(evaluator, args, grid)?;
    let windows = range_argument(evaluator, args, grid)?;
    let overlap = overlap(&windows);
    let sliding = body.slide.filter(|sliding| overlap >= sliding.from_overlap);
    let mut matrix = Matrix::new(grid.steps, evaluator.meter);
    let mut samples_since_check = 0;
    for row in &windows.rows {
        let mut series = row.series.clone();
        series.drop_name |= !body.keeps_name;
        let mut slide = sliding.map(|sliding| (sliding.begin)());
        let before = matrix.len();
        matrix.add_filled(series, |result| {
            row.walk(&windows, |step, low, ts_ms, values| {
                let end_ms = windows.ends_ms[step];
                let start_ms = end_ms - windows.range_ms;
                samples_since_check += values.len();
                if samples_since_check > SAMPLES_PER_CHECK {
                    samples_since_check = 0;
                    evaluator.meter.check()?;
                }
                let scalars = scalars.of(step);
                (body.check)(evaluator, scalars)?;
                let window = Window { ts_ms, values, low, start_ms, end_ms, now_ms: grid.time_ms(step) };
                let value = match &mut slide {
                    Some(slide) => slide.value(&window, scalars),
                    None => (body.apply)(&window, scalars),
                };
                if let Some(value) = value {
                    result.set(step, value);
                }
                Ok(())
            })
        })?;
        if matrix.len() > before {
            (body.remark)(evaluator, &row.series);
        }
    }
    Ok(Column::Vector(matrix))
}

/// How many windows hold each sample.
fn overlap(windows: &Windows) -> i64 {
    match windows.ends_ms.as_slice() {
        [first, second, ..] => windows.range_ms / (second - first).max(1),
        _ => 1,
    }
}

/// The one range vector among the arguments.
fn range_argument(evaluator: &Evaluator<'_>, args: &[Expr], grid: Grid) -> Result<Windows, PromqlError> {
    match args.iter().find(|arg| arg.kind() == Kind::Matrix) {
        Some(arg) => evaluator.range_vector(arg, grid),
        None => Err(PromqlError::bad("a range vector is missing")),
    }
}

/// The scalars among the arguments as each step sees them.
pub(super) struct Scalars {
    count: usize,
    by_step: Vec<f64>,
}

impl Scalars {
    pub(super) fn of(&self, step: usize) -> &[f64] {
        &self.by_step[step * self.count..(step + 1) * self.count]
    }
}

pub(super) fn scalars_by_step(
    evaluator: &Evaluator<'_>,
    args: &[Expr],
    grid: Grid,
) -> Result<Scalars, PromqlError> {
    let scalars = args.iter().filter(|arg| arg.kind() == Kind::Scalar);
    let columns = scalars.map(|arg| evaluator.scalar(arg, grid)).collect::<Result<Vec<_>, _>>()?;
    let by_step = (0..grid.steps).flat_map(|step| columns.iter().map(move |values| values[step]));
    Ok(Scalars { count: columns.len(), by_step: by_step.collect() })
}
