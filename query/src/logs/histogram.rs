//! How many lines there are over time, by severity.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, cast, lit};
use datafusion::prelude::ident;
use telemetry::Timestamp;

use super::plan::LogReader;
use super::{Level, LogFilter};
use crate::{Engine, QueryError, QueryRole};

/// What a bar may span; the last one is repeated for longer ranges.
const STEPS_SECS: [u64; 18] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogHistogram {
    /// What each bar spans. Bars begin at multiples of it.
    pub step: Duration,
    /// In the order of time; times without lines have none.
    pub bars: Vec<LogBar>,
    pub total: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogBar {
    pub at: Timestamp,
    /// By [`Level::ALL`].
    pub levels: [u64; Level::ALL.len()],
    /// Lines whose severity nobody knows, or that have none.
    pub other: u64,
}

impl Engine {
    /// Exact counts, in at most `query.logs.histogram_bars_max` bars.
    pub async fn log_histogram(
        &self,
        filter: &LogFilter,
        role: QueryRole,
    ) -> Result<LogHistogram, QueryError> {
        let step = step_of(filter.from, filter.to, self.config().logs.histogram_bars_max);
        let reader = LogReader::new(self, role)?;
        let micros = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
        // Times before 1970 are refused long before: the division rounds down.
        let bar = (cast(ident("ts"), DataType::Int64) / lit(micros)).alias("bar");
        let plan = reader
            .table()?
            .filter(filter.predicate(filter.from, filter.to))?
            .aggregate([bar, ident("severity")], [lines()])?
            .build()?;
        let mut bars: BTreeMap<i64, LogBar> = BTreeMap::new();
        let mut total = 0;
        reader
            .for_each(plan, |batch| {
                let (numbers, counts) = (integers(batch.column(0))?, integers(batch.column(2))?);
                let severities = batch.column(1).as_string::<i32>();
                for row in 0..batch.num_rows() {
                    let number = numbers.value(row);
                    let at = Timestamp::from_micros(number.saturating_mul(micros));
                    let bar = bars.entry(number).or_insert_with(|| LogBar { at, ..LogBar::default() });
                    let severity = severities.is_valid(row).then(|| severities.value(row));
                    let count = counts.value(row).unsigned_abs();
                    total += count;
                    match severity.and_then(Level::of) {
                        Some(level) => bar.levels[level as usize] += count,
                        None => bar.other += count,
                    }
                }
                Ok(())
            })
            .await?;
        Ok(LogHistogram { step, bars: bars.into_values().collect(), total })
    }
}

/// `count(*)`.
pub(super) fn lines() -> Expr {
    count(lit(1_i64)).alias("lines")
}

pub(super) fn integers(
    column: &dyn Array,
) -> Result<&datafusion::arrow::array::PrimitiveArray<Int64Type>, QueryError> {
    let wrong_type =
        || DataFusionError::Internal("an aggregate of lines has columns of other types".to_owned());
    Ok(column.as_primitive_opt::<Int64Type>().ok_or_else(wrong_type)?)
}

/// The shortest step with which the range needs no more bars than there may be.
fn step_of(from: Timestamp, to: Timestamp, bars_max: usize) -> Duration {
    // A bar may begin before the range.
    let bars = bars_max.saturating_sub(1).max(1) as u64;
    let least = to.since(from).as_secs_f64() / bars as f64;
    let known = STEPS_SECS.into_iter().find(|secs| *secs as f64 >= least);
    let days = (least / 86_400.0).ceil() as u64;
    Duration::from_secs(known.unwrap_or(days.max(1).saturating_mul(86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_bars_few() {
        let at = Timestamp::from_secs;
        for (secs, step) in
            [(60, 1), (3_600, 60), (86_400, 900), (14 * 86_400, 21_600), (400 * 86_400, 5 * 86_400)]
        {
            assert_eq!(step_of(at(0), at(secs), 100), Duration::from_secs(step), "{secs} s");
        }
        assert_eq!(step_of(at(5), at(5), 100), Duration::from_secs(1));
    }
}
