//! What a report is asked for: in SQL by position, elsewhere by name.

use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use slo::recovery::Period;
use telemetry::Timestamp;

use crate::functions::arguments::Arguments;
use crate::functions::buckets::Width;
use crate::functions::cohort::{By, Dimension, Periods};
use crate::functions::report::Report;
use crate::reports::ReportRequest;
use crate::views;

/// Where a report's events come from: all of them, or those that had been recorded by `$1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Everything,
    AsOf,
}

impl Source {
    pub(crate) fn events(self) -> &'static str {
        match self {
            Source::Everything => "events",
            Source::AsOf => "(SELECT * FROM events WHERE recorded_at <= $1)",
        }
    }

    /// The rest of a condition on slices.
    pub(crate) fn slices(self) -> &'static str {
        match self {
            Source::Everything => "",
            Source::AsOf => "AND recorded_at <= $1",
        }
    }
}

/// `[time,] start, end [, by [, width [, time_zone [, last]]]]`.
#[derive(Clone, Debug)]
pub(in crate::functions) struct ReportArguments {
    /// As of when, if the report is told.
    as_of: Option<Timestamp>,
    start: Timestamp,
    end: Timestamp,
    pub(in crate::functions) periods: Periods,
    pub(in crate::functions) by: By,
    /// The last argument, a length of time that may be nothing.
    pub(in crate::functions) last: Option<Duration>,
}

impl ReportArguments {
    /// Those of a call in SQL.
    pub(super) fn read(
        given: &Arguments<'_>,
        source: Source,
        report: &dyn Report,
    ) -> Result<ReportArguments> {
        let first = usize::from(source == Source::AsOf);
        let most = if report.has_last() { 6 } else { 5 };
        let counts: Vec<usize> = (2..=most).map(|count| count + first).collect();
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
            start,
            end,
            periods: Periods::new(start, end, width, zone.as_deref())
                .map_err(|reason| given.wrong(reason))?,
            by: By::parse(&by, report.dimensions()).map_err(|reason| given.wrong(reason))?,
            last: if has(5) { Some(given.duration_or_none(first + 5)?) } else { None },
        })
    }

    /// Those of a request in Rust; the error says which of them is wrong, and how.
    pub(super) fn of(
        request: &ReportRequest,
        allowed: &[Dimension],
    ) -> std::result::Result<ReportArguments, String> {
        let width = request.width.as_deref().map(width).transpose()?;
        let zone = request.time_zone.as_deref();
        Ok(ReportArguments {
            as_of: request.as_of,
            start: request.from,
            end: request.to,
            periods: Periods::new(request.from, request.to, width, zone)?,
            by: By::parse(request.by.as_deref().unwrap_or_default(), allowed)?,
            last: None,
        })
    }

    pub(super) fn source(&self) -> Source {
        if self.as_of.is_some() { Source::AsOf } else { Source::Everything }
    }

    /// The values of `$1` (as of when), `$2` (the end), `$3` (the start), and `$4`: where slices begin that
    /// reach into the time.
    pub(super) fn parameters(&self) -> Vec<ScalarValue> {
        let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
        let first_slice = self.start.minus(views::impact::SLICE_MAX);
        vec![time(self.as_of.unwrap_or(self.end)), time(self.end), time(self.start), time(first_slice)]
    }

    /// What has happened of a period by the time that the report is as of.
    pub(super) fn period(&self, (from, to): (Timestamp, Timestamp), now: Timestamp) -> Period {
        Period { from, to, now: self.as_of.map_or(now, |as_of| as_of.min(now)) }
    }
}

/// The text of an interval, as SQL reads it.
fn width(text: &str) -> std::result::Result<Width, String> {
    let wrong = || format!("the width {text:?} is no interval such as '1 day' or '1 month'");
    let interval = ScalarValue::from(text).cast_to(&DataType::Interval(IntervalUnit::MonthDayNano));
    match interval.map_err(|_cannot| wrong())? {
        ScalarValue::IntervalMonthDayNano(Some(interval)) => Width::of(interval),
        _ => Err(wrong()),
    }
}
