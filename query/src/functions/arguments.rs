//! The arguments of a table function: constants, or expressions of constants such as
//! `now() - INTERVAL '1 hour'`, which are computed when the query is planned.

use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use telemetry::Timestamp;

use super::types::timestamp_type;

/// What a call was given; every error begins with the function's name and ends with its syntax.
pub(super) struct Arguments<'a> {
    function: &'static str,
    syntax: &'static str,
    given: &'a [Expr],
}

impl<'a> Arguments<'a> {
    pub(super) fn new(function: &'static str, syntax: &'static str, given: &'a [Expr]) -> Arguments<'a> {
        Arguments { function, syntax, given }
    }

    pub(super) fn count(&self) -> usize {
        self.given.len()
    }

    /// # Errors
    /// When the number of arguments is none of `allowed`.
    pub(super) fn check_count(&self, allowed: &[usize]) -> Result<()> {
        if allowed.contains(&self.given.len()) {
            return Ok(());
        }
        Err(self.wrong(format!("{} arguments do not fit", self.given.len())))
    }

    pub(super) fn wrong(&self, reason: impl std::fmt::Display) -> DataFusionError {
        DataFusionError::Plan(format!("{}: {reason}; write {}", self.function, self.syntax))
    }

    pub(super) fn text(&self, at: usize) -> Result<String> {
        let value = self.value(at, "text", &DataType::Utf8)?;
        match value {
            ScalarValue::Utf8(Some(text)) => Ok(text),
            _ => Err(self.not_a("text", at)),
        }
    }

    /// A whole number, when it is one.
    pub(super) fn whole(&self, at: usize) -> Option<i64> {
        match self.given.get(at) {
            Some(Expr::Literal(ScalarValue::Int64(number), _)) => *number,
            _ => None,
        }
    }

    pub(super) fn time(&self, at: usize) -> Result<Timestamp> {
        let value = self.value(at, "a timestamp", &timestamp_type())?;
        match value {
            ScalarValue::TimestampMicrosecond(Some(micros), _) => Ok(Timestamp::from_micros(micros)),
            _ => Err(self.not_a("a timestamp", at)),
        }
    }

    pub(super) fn interval(&self, at: usize) -> Result<IntervalMonthDayNano> {
        let interval = DataType::Interval(IntervalUnit::MonthDayNano);
        match self.value(at, "an interval", &interval)? {
            ScalarValue::IntervalMonthDayNano(Some(interval)) => Ok(interval),
            _ => Err(self.not_a("an interval", at)),
        }
    }

    /// As [`Arguments::duration`], and nothing is a length too.
    pub(super) fn duration_or_none(&self, at: usize) -> Result<Duration> {
        let interval = self.interval(at)?;
        let is_nothing = (interval.months, interval.days, interval.nanoseconds) == (0, 0, 0);
        if is_nothing { Ok(Duration::ZERO) } else { self.duration(at) }
    }

    /// An interval without months; a day is 24 hours.
    pub(super) fn duration(&self, at: usize) -> Result<Duration> {
        let interval = self.interval(at)?;
        let nanos = i64::from(interval.days) * 86_400_000_000_000 + interval.nanoseconds;
        match u64::try_from(nanos) {
            Ok(nanos) if interval.months == 0 && nanos > 0 => Ok(Duration::from_nanos(nanos)),
            _ => Err(self.wrong(format!("argument {} must be longer than nothing, in days or less", at + 1))),
        }
    }

    fn value(&self, at: usize, what: &str, data_type: &DataType) -> Result<ScalarValue> {
        let value = self.constant(at, what)?;
        value.cast_to(data_type).map_err(|_cannot| self.not_a(what, at))
    }

    fn constant(&self, at: usize, what: &str) -> Result<&'a ScalarValue> {
        match self.given.get(at) {
            Some(Expr::Literal(value, _)) => Ok(value),
            _ => Err(self.not_a(what, at)),
        }
    }

    fn not_a(&self, what: &str, at: usize) -> DataFusionError {
        let given = self.given.get(at).map(ToString::to_string).unwrap_or_default();
        self.wrong(format!("argument {} must be a constant, {what}, not {given}", at + 1))
    }
}
