//! The operator: a partial aggregation by runs, with the hash aggregate to fall back on.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, EmptyRecordBatchStream, ExecutionPlan, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use super::runs::Runs;

#[derive(Debug)]
pub(super) struct RunAggregateExec {
    /// The same aggregation by hash.
    by_hash: Arc<AggregateExec>,
    metrics: ExecutionPlanMetricsSet,
}

impl RunAggregateExec {
    pub(super) fn new(by_hash: AggregateExec) -> RunAggregateExec {
        RunAggregateExec { by_hash: Arc::new(by_hash), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for RunAggregateExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")?;
        self.by_hash.fmt_as(format, f)
    }
}

impl ExecutionPlan for RunAggregateExec {
    fn name(&self) -> &str {
        "RunAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.by_hash.properties()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.by_hash.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.by_hash.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.by_hash.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.by_hash.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = self.by_hash.clone().replace_children(children, options)?;
        let by_hash = replaced.downcast_ref::<AggregateExec>().cloned().ok_or_else(|| {
            DataFusionError::Internal("an aggregation with another input is something else".to_owned())
        })?;
        Ok(Arc::new(RunAggregateExec::new(by_hash)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.by_hash.input().execute(partition, context.clone())?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let runs = Runs::new(&self.by_hash, context.session_config().batch_size());
        let by_runs = ByRuns { runs, input, by_hash: self.by_hash.clone(), context };
        let batches = stream::try_unfold(Stage::ByRuns(Box::new(by_runs)), Stage::advance);
        let batches = batches.inspect_ok(move |batch| {
            metrics.record_output(batch.num_rows());
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

enum Stage {
    ByRuns(Box<ByRuns>),
    ByHash(SendableRecordBatchStream),
    Done,
}

struct ByRuns {
    runs: Runs,
    input: SendableRecordBatchStream,
    by_hash: Arc<AggregateExec>,
    context: Arc<TaskContext>,
}

impl Stage {
    async fn advance(self) -> Result<Option<(RecordBatch, Stage)>> {
        let mut stage = self;
        loop {
            stage = match stage {
                Stage::ByRuns(by_runs) => match by_runs.advance().await? {
                    (Some(made), next) => return Ok(Some((made, next))),
                    (None, next) => next,
                },
                Stage::ByHash(mut rest) => {
                    let made = rest.next().await.transpose()?;
                    return Ok(made.map(|made| (made, Stage::ByHash(rest))));
                }
                Stage::Done => return Ok(None),
            };
        }
    }
}

impl ByRuns {
    /// What was made when there is enough of it or nothing follows, and how to go on.
    async fn advance(mut self: Box<Self>) -> Result<(Option<RecordBatch>, Stage)> {
        while let Some(batch) = self.input.next().await.transpose()? {
            if !self.runs.take(&batch)? {
                let made = self.runs.finish()?;
                return Ok((made, Stage::ByHash(self.hash_rest(batch)?)));
            }
            if self.runs.are_enough() {
                return Ok((self.runs.closed()?, Stage::ByRuns(self)));
            }
        }
        Ok((self.runs.finish()?, Stage::Done))
    }

    /// The hash aggregate over a batch and everything after it.
    fn hash_rest(self, batch: RecordBatch) -> Result<SendableRecordBatchStream> {
        let schema = batch.schema();
        let rest = stream::once(std::future::ready(Ok(batch))).chain(self.input);
        let rest: SendableRecordBatchStream =
            Box::pin(RecordBatchStreamAdapter::new(schema.clone(), rest.boxed()));
        let rest = Arc::new(Rest { schema: schema.clone(), stream: Mutex::new(Some(rest)) });
        let rest = StreamingTableExec::try_new(schema, vec![rest], None, [], false, None)?;
        // The properties of the input are those of its rest.
        let keep = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        self.by_hash.replace_children(vec![Arc::new(rest)], keep)?.execute(0, self.context)
    }
}

/// What remains of a stream that is read once.
struct Rest {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

impl PartitionStream for Rest {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let empty =
            || Box::pin(EmptyRecordBatchStream::new(self.schema.clone())) as SendableRecordBatchStream;
        self.stream.lock().take().unwrap_or_else(empty)
    }
}
