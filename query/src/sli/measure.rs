//! One indicator over a run of slices: how many good and how many valid events each slice had.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use promql::{Evaluated, SeriesSource, TimeRange, Value};
use slo::Decimal;
use slo::indicator::{Comparison, Indicator, Numerator, Query, QueryForm, QueryLanguage, RawType};
use telemetry::Timestamp;

use super::increases::SliceIncreases;
use super::rewrite::as_counter;

/// Counts are stored as thousandths.
const MILLI: f64 = 1_000.0;

/// A measured slice; slices in a gap have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) start: Timestamp,
    pub(super) good_milli: i64,
    pub(super) total_milli: i64,
}

/// Slices `start`, `start + width`, ... below `end`; both are multiples of the width.
#[derive(Clone, Copy, Debug)]
pub(super) struct SliceRun {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) width: Duration,
}

impl SliceRun {
    pub(super) fn count(&self) -> u64 {
        (self.end.since(self.start).as_micros() / self.width.as_micros().max(1)) as u64
    }
}

/// Why an indicator cannot be measured; for the one who wrote it.
#[derive(Debug, thiserror::Error)]
pub(super) enum MeasureError {
    #[error("indicators in {0} are not evaluated yet")]
    Language(String),
    #[error(
        "query {text:?} returns {series} series at once; an indicator is one number: aggregate with sum()"
    )]
    SeveralSeries { text: String, series: usize },
    #[error("query {text:?} returns a string")]
    NotNumeric { text: String },
    #[error("query {text:?}")]
    Promql { text: String, source: promql::PromqlError },
}

/// Measures an indicator. Slices come in order of time.
pub(super) async fn measure(
    indicator: &Indicator,
    run: SliceRun,
    source: &Arc<dyn SeriesSource>,
    options: &promql::EvalOptions,
) -> Result<Vec<Measured>, MeasureError> {
    let evaluation = Evaluation { run, source, options };
    match indicator {
        Indicator::Ratio { numerator, total, .. } => evaluation.ratio(numerator, total).await,
        Indicator::Raw { query, reads } => evaluation.raw(query, *reads).await,
        Indicator::Threshold { query, op, threshold } => evaluation.threshold(query, *op, *threshold).await,
    }
}

struct Evaluation<'a> {
    run: SliceRun,
    source: &'a Arc<dyn SeriesSource>,
    options: &'a promql::EvalOptions,
}

impl Evaluation<'_> {
    /// A slice is measured when the total has a value; a numerator without one counts nothing.
    async fn ratio(&self, numerator: &Numerator, total: &Query) -> Result<Vec<Measured>, MeasureError> {
        let totals = self.numbers(total).await?;
        let (counted, counts_bad) = match numerator {
            Numerator::Good(query) => (self.numbers(query).await?, false),
            Numerator::Bad(query) => (self.numbers(query).await?, true),
        };
        let measured = totals.into_iter().map(|(start, total)| {
            let total_milli = in_milli(total);
            let counted_milli = in_milli(counted.get(&start).copied().unwrap_or(0.0));
            let good_milli = if counts_bad { (total_milli - counted_milli).max(0) } else { counted_milli };
            Measured { start, good_milli, total_milli }
        });
        Ok(measured.collect())
    }

    /// Each measured slice is one event, good to the share that the query says.
    async fn raw(&self, query: &Query, reads: RawType) -> Result<Vec<Measured>, MeasureError> {
        let shares = self.series_of(query, false).await?;
        let shares = one_series(&query.text, shares)?;
        let measured = shares.into_iter().map(|(start, share)| {
            let share = share.clamp(0.0, 1.0);
            let good = match reads {
                RawType::Success => share,
                RawType::Failure => 1.0 - share,
            };
            Measured { start, good_milli: in_milli(good), total_milli: MILLI as i64 }
        });
        Ok(measured.collect())
    }

    /// Each series with a value in a slice is one event.
    async fn threshold(
        &self,
        query: &Query,
        op: Comparison,
        limit: Decimal,
    ) -> Result<Vec<Measured>, MeasureError> {
        let limit = limit.to_fraction().to_f64();
        let mut slices: BTreeMap<Timestamp, (i64, i64)> = BTreeMap::new();
        for series in self.series_of(query, false).await? {
            for (start, value) in series {
                let (good, total) = slices.entry(start).or_default();
                *good += i64::from(op.holds(value, limit));
                *total += 1;
            }
        }
        let milli = |count: i64| count * MILLI as i64;
        let measured = slices.into_iter().map(|(start, (good, total))| Measured {
            start,
            good_milli: milli(good),
            total_milli: milli(total),
        });
        Ok(measured.collect())
    }

    /// Events per slice.
    async fn numbers(&self, query: &Query) -> Result<BTreeMap<Timestamp, f64>, MeasureError> {
        one_series(&query.text, self.series_of(query, true).await?)
    }

    /// The query's series, by the start of the slice. `counts`: it counts events (and does not say a
    /// share or a level).
    async fn series_of(
        &self,
        query: &Query,
        counts: bool,
    ) -> Result<Vec<Vec<(Timestamp, f64)>>, MeasureError> {
        match &query.language {
            QueryLanguage::PromQl => {}
            QueryLanguage::Sql => return Err(MeasureError::Language("SQL".to_owned())),
            QueryLanguage::Other(name) => return Err(MeasureError::Language(name.clone())),
        }
        match query.form {
            QueryForm::Counter if counts => self.over_increases(&query.text, &query.text).await,
            QueryForm::Counter | QueryForm::Gauge => self.at_ends(&query.text, &query.text, 1.0).await,
            QueryForm::Windowed => {
                let text = query.text_over(self.run.width);
                if counts && let Some(counter) = as_counter(&text, self.run.width) {
                    return self.over_increases(&query.text, &counter).await;
                }
                let is_rate = counts && text.contains("rate(");
                let scale = if is_rate { self.run.width.as_secs_f64() } else { 1.0 };
                self.at_ends(&query.text, &text, scale).await
            }
        }
    }

    /// Every selector stands for its series' increases; evaluated at the starts of the slices.
    async fn over_increases(
        &self,
        written: &str,
        text: &str,
    ) -> Result<Vec<Vec<(Timestamp, f64)>>, MeasureError> {
        let increases = SliceIncreases::new(self.source.clone(), self.run.width);
        let last = self.run.end.minus(self.run.width);
        let series = self.evaluate(written, text, self.run.start, last, &increases).await?;
        let holes = increases.holes();
        let (spanned, dropped) =
            (holes.spanned.load(Ordering::Relaxed), holes.dropped.load(Ordering::Relaxed));
        if spanned + dropped > 0 {
            tracing::info!(query = written, spanned, dropped, "counter increases span holes in the data");
        }
        Ok(series)
    }

    /// Evaluated at the ends of the slices, over samples that are in them.
    async fn at_ends(
        &self,
        written: &str,
        text: &str,
        scale: f64,
    ) -> Result<Vec<Vec<(Timestamp, f64)>>, MeasureError> {
        let first = self.run.start.plus(self.run.width);
        let mut series = self.evaluate(written, text, first, self.run.end, self.source.as_ref()).await?;
        for (time, value) in series.iter_mut().flatten() {
            *time = time.minus(self.run.width);
            *value *= scale;
        }
        Ok(series)
    }

    async fn evaluate(
        &self,
        written: &str,
        text: &str,
        start: Timestamp,
        end: Timestamp,
        source: &dyn SeriesSource,
    ) -> Result<Vec<Vec<(Timestamp, f64)>>, MeasureError> {
        let failed = |source| MeasureError::Promql { text: written.to_owned(), source };
        let query = promql::parse(text).map_err(failed)?;
        // A value counts in the slice it was measured in and in no other.
        let options = promql::EvalOptions { lookback: self.run.width, ..self.options.clone() };
        let range = TimeRange { start, end, step: self.run.width };
        let prepared =
            promql::prepare(&query, promql::Times::Range(range), source, &options).await.map_err(failed)?;
        let computed = tokio::task::spawn_blocking(move || prepared.run()).await;
        let Evaluated { value, .. } =
            computed.unwrap_or(Err(promql::PromqlError::Canceled)).map_err(failed)?;
        match value {
            Value::Matrix(series) => Ok(series
                .into_iter()
                .map(|(_, points)| points.into_iter().filter(|(_, value)| !value.is_nan()).collect())
                .collect()),
            Value::Vector(_) | Value::Scalar(_) | Value::String(_) => {
                Err(MeasureError::NotNumeric { text: written.to_owned() })
            }
        }
    }
}

/// Series may follow each other (a restart changed a label), but not overlap.
fn one_series(
    text: &str,
    series: Vec<Vec<(Timestamp, f64)>>,
) -> Result<BTreeMap<Timestamp, f64>, MeasureError> {
    let count = series.len();
    let mut joined = BTreeMap::new();
    for (time, value) in series.into_iter().flatten() {
        if joined.insert(time, value).is_some() {
            return Err(MeasureError::SeveralSeries { text: text.to_owned(), series: count });
        }
    }
    Ok(joined)
}

/// Rounded once; a count is never negative.
fn in_milli(count: f64) -> i64 {
    // `as` saturates, and NaN was left out before.
    (count * MILLI).round().max(0.0) as i64
}
