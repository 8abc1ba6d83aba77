//! How many lines there are in steps of a given width, by columns or attributes, and the newest of each.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{Expr, cast, lit};
use datafusion::prelude::ident;
use telemetry::Timestamp;

use super::LogFilter;
use super::histogram::lines;
use super::matcher::{Field, column_name};
use super::plan::LogReader;
use crate::{Engine, QueryError, QueryRole};

/// The lines of one step that have the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogCount {
    /// The beginning of the step, a multiple of its width.
    pub(crate) at: Timestamp,
    /// Of the columns or attributes that were asked for; empty where a line has none.
    pub(crate) values: Vec<String>,
    pub(crate) lines: u64,
    pub(crate) newest: Timestamp,
}

impl Engine {
    /// In no order; steps without lines have no count.
    pub(crate) async fn log_counts(
        &self,
        filter: &LogFilter,
        width: Duration,
        by: &[String],
        role: QueryRole,
    ) -> Result<Vec<LogCount>, QueryError> {
        let reader = LogReader::new(self, role)?;
        let micros = i64::try_from(width.as_micros()).unwrap_or(i64::MAX).max(1);
        let time = cast(ident("ts"), DataType::Int64);
        // Times before 1970 are refused long before: the division rounds down.
        let mut keys = vec![(time.clone() / lit(micros)).alias("step")];
        for (index, name) in by.iter().enumerate() {
            keys.push(self.line_value(name)?.alias(format!("value_{index}")));
        }
        let plan = reader
            .table()?
            .filter(filter.predicate(filter.from, filter.to))?
            .aggregate(keys, [lines(), max(time).alias("newest")])?
            .build()?;
        let mut counts = Vec::new();
        reader
            .for_each(plan, |batch| {
                counts.extend(counts_of(&batch, by.len(), micros)?);
                Ok(())
            })
            .await?;
        Ok(counts)
    }

    fn line_value(&self, name: &str) -> Result<Expr, QueryError> {
        Ok(match Field::named(name) {
            Field::Column(column) => ident(column_name(column)),
            Field::Attribute(name) => self.context().udf("json_text")?.call(vec![ident("attrs"), lit(name)]),
        })
    }
}

fn counts_of(batch: &RecordBatch, by: usize, micros: i64) -> Result<Vec<LogCount>, QueryError> {
    let as_type = |index: usize, data_type: &DataType| {
        cast_array(batch.column(index), data_type).map_err(DataFusionError::from)
    };
    let number = |index: usize| as_type(index, &DataType::Int64);
    let (steps, lines, newest) = (number(0)?, number(by + 1)?, number(by + 2)?);
    let values: Vec<Arc<dyn Array>> =
        (1..=by).map(|index| as_type(index, &DataType::Utf8)).collect::<Result<_, _>>()?;
    let at = |column: &Arc<dyn Array>, row: usize| column.as_primitive::<Int64Type>().value(row);
    let value = |column: &Arc<dyn Array>, row: usize| {
        let texts = column.as_string::<i32>();
        if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() }
    };
    let count = |row: usize| LogCount {
        at: Timestamp::from_micros(at(&steps, row).saturating_mul(micros)),
        values: values.iter().map(|column| value(column, row)).collect(),
        lines: at(&lines, row).unsigned_abs(),
        newest: Timestamp::from_micros(at(&newest, row)),
    };
    Ok((0..batch.num_rows()).map(count).collect())
}
