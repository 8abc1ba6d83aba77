//! `promql(expression [, time])` and `promql(expression, start, end, step)`: what a PromQL expression
//! evaluates to, as a table.
//!
//! The expression is parsed when the query is planned and evaluated when its rows are asked for, under
//! the limits of PromQL (`query.promql`) and within the time of the query: giving the query up ends the
//! evaluation. The rows count against the query's memory.

mod rows;

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use promql::{TimeRange, Times, Value};
use telemetry::Labels;

use self::rows::Rows;
use super::arguments::Arguments;
use super::computed::{Computation, ComputedTable};
use super::documented::{Manual, Section};
use super::types::{map_type, timestamp_type};
use crate::QueryError;
use crate::engine::{Engine, WeakEngine};
use crate::session::started;

pub(super) const NAME: &str = "promql";
pub(super) const MANUAL: Manual = Manual {
    section: Section::Tables,
    syntax: "promql(expression [, time]) or promql(expression, start, end, step)",
    description: "What a PromQL expression evaluates to, as rows (ts, value, labels, metric): at one time (now without), or at every step from start to end. labels is a map without the name, metric the name or NULL. A scalar has one row per step and no labels; a range selector gives its samples.",
    arguments: &[
        ("expression", "PromQL as text."),
        ("time", "When to evaluate; now without."),
        ("start", "The first time."),
        ("end", "The last time, inclusive."),
        ("step", "The distance between times, such as '1 minute'."),
    ],
    example: "SELECT labels['service'] AS service, max(value) FROM promql('sum by (service) (rate(http_requests_total[5m]))', now() - INTERVAL '1 hour', now(), '1 minute') GROUP BY 1",
};

/// The engine that evaluates; it is attached once it is open.
#[derive(Clone, Default)]
pub(crate) struct PromqlFunction {
    engine: Arc<OnceLock<WeakEngine>>,
}

impl PromqlFunction {
    pub(crate) fn attach(&self, engine: &Engine) {
        // A second engine over the same session does not exist.
        let _ = self.engine.set(engine.downgrade());
    }

    fn engine(&self) -> Result<Engine> {
        let engine = self.engine.get().and_then(WeakEngine::upgrade);
        engine.ok_or_else(|| DataFusionError::External(Box::new(QueryError::Canceled)))
    }
}

impl fmt::Debug for PromqlFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PromqlFunction")
    }
}

impl TableFunctionImpl for PromqlFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(NAME, MANUAL.syntax, args.exprs());
        given.check_count(&[1, 2, 4])?;
        let text = given.text(0)?;
        let engine = self.engine()?;
        let times = match given.count() {
            1 => Times::Instant(started(args.session()).unwrap_or_else(|| engine.clock().now())),
            2 => Times::Instant(given.time(1)?),
            _ => Times::Range(TimeRange {
                start: given.time(1)?,
                end: given.time(2)?,
                step: given.duration(3)?,
            }),
        };
        let query = promql::parse(&text).map_err(|error| failed(error.into()))?;
        let query = Arc::new(query);
        Ok(Arc::new(ComputedTable::new(Evaluation { text, query, times, engine: self.clone() })))
    }
}

fn failed(error: QueryError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("ts", timestamp_type(), false),
        Field::new("value", DataType::Float64, false),
        Field::new("labels", map_type(), false),
        Field::new("metric", DataType::Utf8, true),
    ]))
}

/// One call: an expression and its times.
#[derive(Debug)]
struct Evaluation {
    text: String,
    query: Arc<promql::Query>,
    times: Times,
    engine: PromqlFunction,
}

impl Evaluation {
    /// All rows, in batches.
    async fn rows(&self) -> Result<Vec<RecordBatch>> {
        let engine = self.engine.engine()?;
        let options = engine.promql_options();
        let evaluated = engine.promql(&self.query, self.times, options).await;
        let at = match self.times {
            Times::Instant(at) => at,
            Times::Range(range) => range.start,
        };
        let mut rows = Rows::new(schema());
        match evaluated.map_err(|error| failed(error.into()))?.value {
            Value::Scalar(value) => rows.add(&Labels::empty(), at, value)?,
            Value::Vector(series) => {
                for (labels, value) in series {
                    rows.add(&labels, at, value)?;
                }
            }
            Value::Matrix(series) => {
                for (labels, points) in series {
                    for (time, value) in points {
                        rows.add(&labels, time, value)?;
                    }
                }
            }
            Value::String(_) => {
                let reason = format!("{NAME}: {:?} is text: a table needs numbers", self.text);
                return Err(DataFusionError::Execution(reason));
            }
        }
        rows.finish()
    }
}

#[async_trait]
impl Computation for Evaluation {
    fn name(&self) -> &'static str {
        "PromqlExec"
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expression={}, ", self.text)?;
        match self.times {
            Times::Instant(at) => write!(f, "time={at}"),
            Times::Range(range) => {
                write!(f, "start={}, end={}, step={:?}", range.start, range.end, range.step)
            }
        }
    }

    fn schema(&self) -> SchemaRef {
        schema()
    }

    async fn batches(
        &self,
        _context: Arc<TaskContext>,
        _memory: &MemoryReservation,
    ) -> Result<Vec<RecordBatch>> {
        self.rows().await
    }
}

#[cfg(test)]
mod tests;
