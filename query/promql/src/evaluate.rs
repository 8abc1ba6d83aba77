//! The evaluator: from a query and a source to a value.
//!
//! Loading is asynchronous and comes first; computing is synchronous and pure, so that the caller may
//! put it on a thread of its own. Each node of the tree becomes a [`Column`] over the same grid.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use telemetry::{Matcher, Timestamp};

use crate::aggregate;
use crate::annotations::Annotations;
use crate::error::PromqlError;
use crate::fetch::{self, Loaded};
use crate::matching;
use crate::matrix::{Grid, Matrix, Series};
use crate::meter::{Meter, StopSignal};
use crate::operators;
use crate::plan::{Binary, Expr, Kind, Query, RangeExpr, Span};
use crate::result::{self, Evaluated};
use crate::select::{Reading, WindowRow};
use crate::source::SeriesSource;

/// Limits and defaults of an evaluation.
#[derive(Clone)]
pub struct EvalOptions {
    /// How old a sample may be and still count at a step; 5 minutes, as in Prometheus.
    pub lookback: Duration,
    /// The step of subqueries that do not name one; 1 minute, Prometheus' evaluation interval.
    pub subquery_step: Duration,
    /// Loaded samples and computed points in memory at once; 50 million (8 bytes a point, 16 a sample).
    pub max_samples: u64,
    /// Steps of a range query; 11 000, enough for a week in minutes or a year in hours.
    pub max_points: usize,
    /// Ends the evaluation early: deadline and cancellation.
    pub stop: Option<StopSignal>,
}

impl Default for EvalOptions {
    fn default() -> Self {
        EvalOptions {
            lookback: Duration::from_secs(5 * 60),
            subquery_step: Duration::from_secs(60),
            max_samples: 50_000_000,
            max_points: 11_000,
            stop: None,
        }
    }
}

impl std::fmt::Debug for EvalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvalOptions")
            .field("lookback", &self.lookback)
            .field("subquery_step", &self.subquery_step)
            .field("max_samples", &self.max_samples)
            .field("max_points", &self.max_points)
            .field("stop", &self.stop.is_some())
            .finish()
    }
}

impl EvalOptions {
    pub(crate) fn lookback_ms(&self) -> i64 {
        whole_millis(self.lookback)
    }

    pub(crate) fn subquery_step_ms(&self) -> i64 {
        whole_millis(self.subquery_step).max(1)
    }
}

/// Bounded, so that adding it to a time does not overflow.
fn whole_millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 256)
}

/// The times of a range query, in whole milliseconds: `start`, then every `step` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    pub start: Timestamp,
    pub end: Timestamp,
    pub step: Duration,
}

/// Evaluates at one time.
///
/// # Errors
/// [`PromqlError`] by class; `Source` carries what the storage failed with.
pub async fn eval_instant(
    query: &Query,
    at: Timestamp,
    source: &dyn SeriesSource,
    options: &EvalOptions,
) -> Result<Evaluated, PromqlError> {
    prepare(query, Times::Instant(at), source, options).await?.run()
}

/// Evaluates at `start`, `start + step`, ... up to `end`; always answers a matrix.
///
/// # Errors
/// `Bad` when the end is before the start, the step is below a millisecond, there are too many points
/// or the query is a string or a range vector; otherwise as [`eval_instant`].
pub async fn eval_range(
    query: &Query,
    start: Timestamp,
    end: Timestamp,
    step: Duration,
    source: &dyn SeriesSource,
    options: &EvalOptions,
) -> Result<Evaluated, PromqlError> {
    prepare(query, Times::Range(TimeRange { start, end, step }), source, options).await?.run()
}

/// The times to evaluate at.
#[derive(Clone, Copy, Debug)]
pub enum Times {
    Instant(Timestamp),
    Range(TimeRange),
}

/// A query with its samples, ready to be computed on any thread.
pub struct Prepared {
    query: Query,
    grid: Grid,
    is_range: bool,
    data: Loaded,
    options: EvalOptions,
    meter: Arc<Meter>,
}

/// Loads what a query needs.
///
/// # Errors
/// As [`eval_range`], but for those that only the values bring about.
pub async fn prepare(
    query: &Query,
    times: Times,
    source: &dyn SeriesSource,
    options: &EvalOptions,
) -> Result<Prepared, PromqlError> {
    let (grid, is_range) = match times {
        Times::Instant(at) => (Grid::instant(at.millis()), false),
        Times::Range(range) => (range_grid(query, range, options)?, true),
    };
    let meter = Meter::new(options.max_samples, options.stop.clone());
    meter.check()?;
    let data = fetch::load(query, grid, source, options, meter.charge()).await?;
    Ok(Prepared { query: query.clone(), grid, is_range, data, options: options.clone(), meter })
}

fn range_grid(query: &Query, range: TimeRange, options: &EvalOptions) -> Result<Grid, PromqlError> {
    let kind = query.kind();
    if matches!(kind, Kind::Matrix | Kind::Text) {
        return Err(PromqlError::bad(format!(
            "invalid expression type \"{kind}\" for range query, must be scalar or instant vector"
        )));
    }
    let (start_ms, end_ms, step_ms) = (range.start.millis(), range.end.millis(), whole_millis(range.step));
    if end_ms < start_ms {
        return Err(PromqlError::bad("end timestamp must not be before start time"));
    }
    if step_ms == 0 {
        return Err(PromqlError::bad(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    let steps = usize::try_from((end_ms - start_ms) / step_ms).unwrap_or(usize::MAX).saturating_add(1);
    if steps > options.max_points {
        return Err(PromqlError::bad(format!(
            "exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution (?step=XX)",
            options.max_points
        )));
    }
    Ok(Grid { start_ms, step_ms, steps })
}

impl Prepared {
    /// Computes; takes a thread for as long as it lasts.
    ///
    /// # Errors
    /// `Execution`, `TooManySamples`, `Timeout`, `Canceled`.
    pub fn run(self) -> Result<Evaluated, PromqlError> {
        let evaluator = Evaluator {
            selectors: &self.query.selectors,
            data: &self.data,
            options: &self.options,
            meter: &self.meter,
            span: Span { start_ms: self.grid.start_ms, end_ms: self.grid.end_ms() },
            step_ms: if self.is_range { self.grid.step_ms } else { 0 },
            is_range: self.is_range,
            notes: RefCell::default(),
        };
        let value = match &self.query.expr {
            Expr::Range(range) => result::samples(&evaluator.windows(range, self.grid)?),
            expr if self.is_range => result::range(evaluator.column(expr, self.grid)?, self.grid)?,
            expr => result::instant(evaluator.column(expr, self.grid)?)?,
        };
        Ok(Evaluated::new(value, evaluator.notes.into_inner()))
    }
}

/// The value of an expression over a grid.
pub(crate) enum Column {
    Vector(Matrix),
    /// One number per step.
    Scalar(Vec<f64>),
    Text(String),
}

/// A range vector: each row's samples, and where each step's window ends.
pub(crate) struct Windows {
    pub range_ms: i64,
    pub ends_ms: Vec<i64>,
    pub rows: Vec<WindowRow>,
}

pub(crate) struct Evaluator<'a> {
    /// The matchers of each selector.
    pub selectors: &'a [Vec<Matcher>],
    pub data: &'a Loaded,
    pub options: &'a EvalOptions,
    pub meter: &'a Arc<Meter>,
    pub span: Span,
    /// The step of the whole query; 0 at an instant.
    pub step_ms: i64,
    pub is_range: bool,
    pub notes: RefCell<Annotations>,
}

impl Evaluator<'_> {
    pub(crate) fn column(&self, expr: &Expr, grid: Grid) -> Result<Column, PromqlError> {
        match expr {
            Expr::Number(value) => Ok(Column::Scalar(vec![*value; grid.steps])),
            Expr::Text(text) => Ok(Column::Text(text.clone())),
            Expr::Instant(selector) => {
                self.instant_selector(selector, grid, Reading::Value).map(Column::Vector)
            }
            Expr::Range(_) => Err(unexpected(expr)),
            Expr::Negate(inner) => self.negate(inner, grid),
            Expr::Binary(binary) => self.binary(binary, grid),
            Expr::Aggregate(node) => aggregate::evaluate(self, node, grid).map(Column::Vector),
            Expr::Call(call) => call.function.call(self, &call.args, grid),
            Expr::Invariant(inner) => self.invariant(inner, grid),
        }
    }

    /// The value of an expression that is known to be a vector.
    pub(crate) fn vector(&self, expr: &Expr, grid: Grid) -> Result<Matrix, PromqlError> {
        match self.column(expr, grid)? {
            Column::Vector(matrix) => Ok(matrix),
            _ => Err(unexpected(expr)),
        }
    }

    /// The value of an expression that is known to be a scalar.
    pub(crate) fn scalar(&self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, PromqlError> {
        match self.column(expr, grid)? {
            Column::Scalar(values) => Ok(values),
            _ => Err(unexpected(expr)),
        }
    }

    /// The windows of an expression that is known to be a range vector.
    pub(crate) fn range_vector(&self, expr: &Expr, grid: Grid) -> Result<Windows, PromqlError> {
        match expr {
            Expr::Range(range) => self.windows(range, grid),
            _ => Err(unexpected(expr)),
        }
    }

    pub(crate) fn warn(&self, text: String) {
        self.notes.borrow_mut().warn(text);
    }

    pub(crate) fn inform(&self, text: String) {
        self.notes.borrow_mut().inform(text);
    }

    fn negate(&self, inner: &Expr, grid: Grid) -> Result<Column, PromqlError> {
        Ok(match self.column(inner, grid)? {
            Column::Scalar(values) => Column::Scalar(values.into_iter().map(|value| -value).collect()),
            Column::Vector(mut matrix) => {
                matrix.map(|value| -value);
                matrix.mark_names_dropped();
                Column::Vector(matrix)
            }
            Column::Text(_) => return Err(unexpected(inner)),
        })
    }

    fn binary(&self, binary: &Binary, grid: Grid) -> Result<Column, PromqlError> {
        let (op, return_bool) = (binary.op, binary.return_bool);
        let left = self.column(&binary.left, grid)?;
        let right = self.column(&binary.right, grid)?;
        Ok(match (left, right) {
            (Column::Scalar(left), Column::Scalar(right)) => {
                Column::Scalar(operators::scalars(op, left, &right))
            }
            (Column::Vector(left), Column::Scalar(right)) => {
                Column::Vector(operators::vector_scalar(op, left, &right, false, return_bool))
            }
            (Column::Scalar(left), Column::Vector(right)) => {
                Column::Vector(operators::vector_scalar(op, right, &left, true, return_bool))
            }
            (Column::Vector(left), Column::Vector(right)) => {
                Column::Vector(matching::evaluate(binary, left, right)?)
            }
            _ => return Err(unexpected(&binary.left)),
        })
    }

    /// Evaluates once and repeats.
    fn invariant(&self, inner: &Expr, grid: Grid) -> Result<Column, PromqlError> {
        if grid.steps <= 1 {
            return self.column(inner, grid);
        }
        Ok(match self.column(inner, Grid { steps: 1, ..grid })? {
            Column::Text(text) => Column::Text(text),
            Column::Scalar(values) => {
                Column::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); grid.steps])
            }
            Column::Vector(once) => {
                let mut matrix = Matrix::new(grid.steps, self.meter);
                for (series, row) in once.rows() {
                    if let Some(value) = row.get(0) {
                        let at = matrix.add_row(series.clone())?;
                        matrix.row_mut(at).fill(|_| value);
                    }
                }
                Column::Vector(matrix)
            }
        })
    }

    /// A vector of one series without labels.
    pub(crate) fn single(
        &self,
        series: Series,
        grid: Grid,
        value: impl Fn(usize) -> f64,
    ) -> Result<Matrix, PromqlError> {
        let mut matrix = Matrix::new(grid.steps, self.meter);
        let row = matrix.add_row(series)?;
        matrix.row_mut(row).fill(value);
        Ok(matrix)
    }
}

/// Kinds are checked when a query is read, so this says that the check has a hole.
pub(crate) fn unexpected(expr: &Expr) -> PromqlError {
    PromqlError::bad(format!("an expression of type {} is not allowed here", expr.kind()))
}

/// Whether an argument names one selector, whose matchers then say what an absent series would be.
pub(crate) fn plain_selector(expr: &Expr) -> Option<usize> {
    match expr.unmarked() {
        Expr::Instant(selector) => Some(selector.id),
        Expr::Range(RangeExpr::Window { selector, .. }) => Some(selector.id),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
