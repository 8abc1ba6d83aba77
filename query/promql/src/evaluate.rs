//! The evaluator: from a query and a source to a value.
//!
//! Loading is asynchronous and comes first; what treats each series by itself is computed meanwhile, chunk
//! by chunk. The rest is synchronous and pure, so that the caller may put it on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{Matcher, Timestamp};

use crate::annotations::Annotations;
use crate::error::PromqlError;
use crate::load::{self, Product};
use crate::matrix::Grid;
use crate::meter::Meter;
use crate::pipeline::Cutter;
use crate::plan::{Expr, Kind, Query, Span};
use crate::result::{self, Evaluated};
use crate::scans::Scans;
use crate::source::SeriesSource;

mod evaluator;
mod options;
mod small;

pub(crate) use evaluator::{Column, Evaluator, Windows, unexpected};
pub use options::EvalOptions;
use options::whole_millis;

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

/// A query whose series have been read, ready to be computed on any thread.
pub struct Prepared {
    /// What is left of the query.
    rest: Expr,
    grid: Grid,
    setting: Arc<Setting>,
    products: Vec<Product>,
    notes: Annotations,
}

/// What all stages of an evaluation share.
pub(crate) struct Setting {
    /// The matchers of each selector.
    pub selectors: Vec<Vec<Matcher>>,
    pub options: EvalOptions,
    pub meter: Arc<Meter>,
    pub span: Span,
    /// The step of the whole query; 0 at an instant.
    pub step_ms: i64,
    pub is_range: bool,
}

/// Reads what a query needs, and computes meanwhile what treats each series by itself.
///
/// # Errors
/// As [`eval_range`].
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
    if let Some(refusal) = query.experimental.as_ref().filter(|_| !options.experimental_functions) {
        return Err(PromqlError::bad(refusal));
    }
    let meter = Meter::new(options.max_samples, options.stop.clone());
    meter.check()?;
    let span = Span { start_ms: grid.start_ms, end_ms: grid.end_ms() };
    let mut rest = query.expr.clone();
    let mut cutter = Cutter { pipelines: Vec::new(), span, subquery_step_ms: options.subquery_step_ms() };
    cutter.cut(&mut rest, grid)?;
    let setting = Arc::new(Setting {
        selectors: query.selectors.clone(),
        options: options.clone(),
        meter,
        span,
        step_ms: if is_range { grid.step_ms } else { 0 },
        is_range,
    });
    let scans = Scans::of(query, grid, options);
    let (products, notes) = load::load(cutter.pipelines, &scans, source, &setting).await?;
    Ok(Prepared { rest, grid, setting, products, notes })
}

fn range_grid(query: &Query, range: TimeRange, options: &EvalOptions) -> Result<Grid, PromqlError> {
    let kind = query.kind();
    if matches!(kind, Kind::Matrix | Kind::Text) {
        return Err(PromqlError::bad(format!(
            "invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector"
        )));
    }
    let (start_ms, end_ms, step_ms) = (range.start.millis(), range.end.millis(), whole_millis(range.step));
    if end_ms < start_ms {
        return Err(PromqlError::bad("end timestamp must not be before start time"));
    }
    let span_ns = u128::from(end_ms.abs_diff(start_ms)) * 1_000_000;
    // The first point is not counted, as in Prometheus: who asks for a step of range / limit gets it.
    if span_ns.checked_div(range.step.as_nanos()).is_some_and(|gaps| gaps > options.max_points as u128) {
        return Err(PromqlError::bad(format!(
            "exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution (?step=XX)",
            with_commas(options.max_points)
        )));
    }
    if step_ms == 0 {
        return Err(PromqlError::bad(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    let steps = usize::try_from((end_ms - start_ms) / step_ms).unwrap_or(usize::MAX).saturating_add(1);
    Ok(Grid { start_ms, step_ms, steps })
}

/// `11,000`
fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Prepared {
    /// Computes; takes a thread for as long as it lasts.
    ///
    /// # Errors
    /// `Execution`, `TooManySamples`, `Timeout`, `Canceled`.
    pub fn run(self) -> Result<Evaluated, PromqlError> {
        let mut notes = self.notes;
        let evaluator = Evaluator::over_products(&self.setting, self.products);
        let value = match &self.rest {
            Expr::Range(range) => result::samples(&evaluator.windows(range, self.grid)?),
            expr if self.setting.is_range => result::range(evaluator.column(expr, self.grid)?, self.grid)?,
            expr => result::instant(evaluator.column(expr, self.grid)?)?,
        };
        notes.join(evaluator.into_notes());
        Ok(Evaluated::new(value, notes))
    }
}

#[cfg(test)]
mod tests;
