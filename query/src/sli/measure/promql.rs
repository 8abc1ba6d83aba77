//! Indicators in PromQL.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use promql::{Evaluated, SeriesSource, TimeRange, Value};
use slo::indicator::{Query, QueryForm, QueryLanguage};
use telemetry::{Labels, Timestamp};

use super::super::increases::SliceIncreases;
use super::super::rewrite::{as_counter, as_increase};
use super::{Evaluation, MeasureError, Numbers};

/// A time that something reports may be reported less often than every slice.
const NEWEST_LOOKBACK: Duration = Duration::from_secs(300);

/// A series by the starts of the slices.
pub(super) type Series = Vec<(Labels, Vec<(Timestamp, f64)>)>;

impl Evaluation<'_> {
    pub(super) fn group_of(&self, labels: &Labels) -> String {
        self.slo.grouping.as_ref().map(|grouping| grouping.key(|label| labels.get(label))).unwrap_or_default()
    }

    /// One number per group and slice. Series may follow each other (a restart changed a label), but
    /// not overlap.
    pub(super) fn single(&self, query: &Query, series: Series) -> Result<Numbers, MeasureError> {
        let count = series.len();
        let mut groups = Numbers::new();
        for (labels, values) in series {
            let key = self.group_of(&labels);
            let slices: &mut BTreeMap<Timestamp, f64> = groups.entry(key.clone()).or_default();
            for (start, value) in values {
                if slices.insert(start, value).is_none() {
                    continue;
                }
                let text = query.text.clone();
                return Err(match &self.slo.grouping {
                    None => MeasureError::SeveralSeries { text, series: count },
                    Some(grouping) => {
                        let labels = grouping.labels.join(", ");
                        MeasureError::SeveralInGroup { text, group: key, labels }
                    }
                });
            }
        }
        Ok(groups)
    }

    /// How much each series grew in each slice, or how many events it says there were.
    pub(super) async fn increases_of(&self, query: &Query) -> Result<Series, MeasureError> {
        check_language(query)?;
        let width = self.run.width;
        match query.form {
            QueryForm::Counter if self.slo.evaluation.is_extrapolated => {
                // What cannot be put into `increase` was refused when it was parsed.
                let text = as_increase(&query.text, width).unwrap_or_else(|| query.text.clone());
                self.at_ends(&query.text, &text, 1.0, width).await
            }
            QueryForm::Counter => self.over_increases(&query.text, &query.text).await,
            QueryForm::Gauge => self.at_ends(&query.text, &query.text, 1.0, width).await,
            QueryForm::Windowed => {
                let text = query.text_over(width);
                if !self.slo.evaluation.is_extrapolated
                    && let Some(counter) = as_counter(&text, width)
                {
                    return self.over_increases(&query.text, &counter).await;
                }
                let scale = if text.contains("rate(") { width.as_secs_f64() } else { 1.0 };
                self.at_ends(&query.text, &text, scale, width).await
            }
        }
    }

    /// What each series says at the end of each slice.
    pub(super) async fn levels(&self, query: &Query) -> Result<Series, MeasureError> {
        check_language(query)?;
        let text = match query.form {
            QueryForm::Windowed => query.text_over(self.run.width),
            QueryForm::Counter | QueryForm::Gauge => query.text.clone(),
        };
        self.at_ends(&query.text, &text, 1.0, self.run.width).await
    }

    /// As [`Evaluation::levels`] for the time of the newest data, which changes seldom.
    pub(super) async fn newest_levels(&self, query: &Query) -> Result<Series, MeasureError> {
        let lookback = NEWEST_LOOKBACK.max(self.run.width);
        self.at_ends(&query.text, &query.text_over(lookback), 1.0, lookback).await
    }

    /// Every selector stands for its series' increases; evaluated at the starts of the slices.
    async fn over_increases(&self, written: &str, text: &str) -> Result<Series, MeasureError> {
        let increases = SliceIncreases::new(self.engine.series_source(), self.run.width);
        let last = self.run.end.minus(self.run.width);
        let series = self.evaluate(written, text, (self.run.start, last), &increases, self.run.width).await?;
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
        lookback: Duration,
    ) -> Result<Series, MeasureError> {
        let first = self.run.start.plus(self.run.width);
        let source = self.engine.series_source();
        let mut series =
            self.evaluate(written, text, (first, self.run.end), source.as_ref(), lookback).await?;
        for (time, value) in series.iter_mut().flat_map(|(_, values)| values) {
            *time = time.minus(self.run.width);
            *value *= scale;
        }
        Ok(series)
    }

    async fn evaluate(
        &self,
        written: &str,
        text: &str,
        (start, end): (Timestamp, Timestamp),
        source: &dyn SeriesSource,
        lookback: Duration,
    ) -> Result<Series, MeasureError> {
        let failed = |source| MeasureError::Promql { text: written.to_owned(), source };
        let query = promql::parse(text).map_err(failed)?;
        // A value counts in the slice it was measured in and in no other.
        let options = promql::EvalOptions { lookback, ..self.engine.promql_options().eval };
        let range = TimeRange { start, end, step: self.run.width };
        let prepared =
            promql::prepare(&query, promql::Times::Range(range), source, &options).await.map_err(failed)?;
        let computed = tokio::task::spawn_blocking(move || prepared.run()).await;
        let Evaluated { value, .. } =
            computed.unwrap_or(Err(promql::PromqlError::Canceled)).map_err(failed)?;
        let is_number = |(_, value): &(Timestamp, f64)| !value.is_nan();
        match value {
            Value::Matrix(series) => Ok(series
                .into_iter()
                .map(|(labels, points)| (labels, points.into_iter().filter(is_number).collect()))
                .collect()),
            Value::Vector(_) | Value::Scalar(_) | Value::String(_) => {
                Err(MeasureError::NotNumeric { text: written.to_owned() })
            }
        }
    }
}

fn check_language(query: &Query) -> Result<(), MeasureError> {
    let language = match &query.language {
        QueryLanguage::PromQl => return Ok(()),
        QueryLanguage::Sql => "SQL",
        QueryLanguage::Logs => "logs",
        QueryLanguage::Events => "events",
        QueryLanguage::Other(name) => name,
    };
    Err(MeasureError::Language(language.to_owned()))
}
