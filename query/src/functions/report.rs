//! What the reports share: their arguments, where their events come from, and the columns of a
//! summary of lengths of time.

use std::sync::Arc;
use std::time::Duration;

use datafusion::common::ScalarValue;
use datafusion::error::Result;
use slo::recovery::Period;
use slo::statistics::Spans;
use telemetry::{Clock, Timestamp};

use super::arguments::Arguments;
use super::buckets::Width;
use super::cohort::{By, Dimension, Periods};
use super::summary::Cell;
use crate::catalog::ServiceOwners;

/// What reports need to know beside the lake.
#[derive(Clone)]
pub(crate) struct ReportContext {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owners: ServiceOwners,
}

/// Where a report's events come from: all of them, or those that had been recorded by `$1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Everything,
    AsOf,
}

impl Source {
    pub(super) fn events(self) -> &'static str {
        match self {
            Source::Everything => "events",
            Source::AsOf => "(SELECT * FROM events WHERE recorded_at <= $1)",
        }
    }
}

/// The arguments `[time,] start, end [, by [, width [, time_zone [, last]]]]` of a call.
#[derive(Clone, Debug)]
pub(super) struct ReportArguments {
    /// As of when, if the function is told.
    as_of: Option<Timestamp>,
    end: Timestamp,
    pub(super) periods: Periods,
    pub(super) by: By,
    /// The last argument, a length of time that may be nothing.
    pub(super) last: Option<Duration>,
}

impl ReportArguments {
    pub(super) fn read(
        given: &Arguments<'_>,
        source: Source,
        allowed: &[Dimension],
    ) -> Result<ReportArguments> {
        let first = usize::from(source == Source::AsOf);
        let counts: Vec<usize> = (2..=6).map(|count| count + first).collect();
        given.check_count(&counts)?;
        let has = |at: usize| given.count() > at + first;
        let (start, end) = (given.time(first)?, given.time(first + 1)?);
        let by = if has(2) { given.text(first + 2)? } else { String::new() };
        let width = match has(3) {
            true => Some(Width::of(given.interval(first + 3)?).map_err(|reason| given.wrong(reason))?),
            false => None,
        };
        let zone = if has(4) { Some(given.text(first + 4)?) } else { None };
        Ok(ReportArguments {
            as_of: if first == 1 { Some(given.time(0)?) } else { None },
            end,
            periods: Periods::new(start, end, width, zone.as_deref())
                .map_err(|reason| given.wrong(reason))?,
            by: By::parse(&by, allowed).map_err(|reason| given.wrong(reason))?,
            last: if has(5) { Some(given.duration_or_none(first + 5)?) } else { None },
        })
    }

    /// The values of `$1` (as of when) and `$2` (the end).
    pub(super) fn parameters(&self) -> Vec<ScalarValue> {
        let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
        vec![time(self.as_of.unwrap_or(self.end)), time(self.end)]
    }

    /// What has happened of a period by the time that the report is as of.
    pub(super) fn period(&self, (from, to): (Timestamp, Timestamp), now: Timestamp) -> Period {
        Period { from, to, now: self.as_of.map_or(now, |as_of| as_of.min(now)) }
    }
}

/// A summary as columns of a common name.
pub(super) fn span_cells(name: &str, spans: &Spans) -> Vec<(String, Cell)> {
    let counts =
        [("n", spans.n), ("open", spans.open), ("missing", spans.missing), ("negative", spans.negative)];
    let lengths =
        [("mean_secs", spans.mean_secs), ("median_secs", spans.median_secs), ("p90_secs", spans.p90_secs)];
    let counts = counts.map(|(suffix, count)| (format!("{name}_{suffix}"), Cell::Count(Some(count))));
    let lengths = lengths.map(|(suffix, length)| (format!("{name}_{suffix}"), Cell::Number(length)));
    counts.into_iter().chain(lengths).collect()
}

pub(super) fn count(name: &str, count: u64) -> (String, Cell) {
    (name.to_owned(), Cell::Count(Some(count)))
}

pub(super) fn number(name: &str, number: Option<f64>) -> (String, Cell) {
    (name.to_owned(), Cell::Number(number))
}

/// The columns that every report begins with.
pub(super) fn head(period: Period, group: &super::cohort::GroupKey) -> Vec<(String, Cell)> {
    let times = [("period_start", period.from), ("period_end", period.to)];
    let times = times.map(|(name, time)| (name.to_owned(), Cell::Time(Some(time))));
    times.into_iter().chain(group.cells()).collect()
}
