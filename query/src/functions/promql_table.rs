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
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};
use promql::{TimeRange, Times, Value};
use telemetry::Labels;

use self::rows::Rows;
use super::arguments::Arguments;
use super::documented::{Manual, Section};
use super::types::{map_type, timestamp_type};
use crate::QueryError;
use crate::engine::{Engine, WeakEngine};

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
            1 => Times::Instant(engine.clock().now()),
            2 => Times::Instant(given.time(1)?),
            _ => Times::Range(TimeRange {
                start: given.time(1)?,
                end: given.time(2)?,
                step: given.duration(3)?,
            }),
        };
        let query = promql::parse(&text).map_err(|error| failed(error.into()))?;
        Ok(Arc::new(Evaluation { text, query: Arc::new(query), times, engine: self.clone() }))
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

/// One call: an expression and its times. A table, and the plan that makes its rows.
#[derive(Clone, Debug)]
struct Evaluation {
    text: String,
    query: Arc<promql::Query>,
    times: Times,
    engine: PromqlFunction,
}

impl Evaluation {
    /// All rows, in batches.
    async fn batches(self, schema: SchemaRef) -> Result<Vec<RecordBatch>> {
        let engine = self.engine.engine()?;
        let options = engine.promql_options();
        let evaluated = engine.promql(&self.query, self.times, options).await;
        let at = match self.times {
            Times::Instant(at) => at,
            Times::Range(range) => range.start,
        };
        let mut rows = Rows::new(schema);
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
impl TableProvider for Evaluation {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = schema();
        let columns = projection.cloned().unwrap_or_else(|| (0..all.fields().len()).collect());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(all.project(&columns)?)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(Arc::new(PromqlExec {
            evaluation: self.clone(),
            columns,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }
}

#[derive(Debug)]
struct PromqlExec {
    evaluation: Evaluation,
    columns: Vec<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl DisplayAs for PromqlExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PromqlExec: expression={}, ", self.evaluation.text)?;
        match self.evaluation.times {
            Times::Instant(at) => write!(f, "time={at}"),
            Times::Range(range) => {
                write!(f, "start={}, end={}, step={:?}", range.start, range.end, range.step)
            }
        }
    }
}

impl ExecutionPlan for PromqlExec {
    fn name(&self) -> &str {
        "PromqlExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let reservation = MemoryConsumer::new("promql").register(context.memory_pool());
        let (evaluation, columns) = (self.evaluation.clone(), self.columns.clone());
        let rows = async move {
            let timer = metrics.elapsed_compute().timer();
            let batches = evaluation.batches(schema()).await?;
            timer.done();
            let bytes = batches.iter().map(RecordBatch::get_array_memory_size).sum();
            reservation.try_grow(bytes)?;
            let batches = stream::iter(batches).map(move |batch| {
                // The reservation ends with the last batch.
                let _held = &reservation;
                metrics.record_output(batch.num_rows());
                Ok(batch.project(&columns)?)
            });
            Ok::<_, DataFusionError>(batches)
        };
        let rows = stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

#[cfg(test)]
mod tests;
