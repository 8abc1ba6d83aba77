//! A table whose rows are computed when they are asked for, and the node of a plan that does it: what table
//! functions have in common that are no views.
//!
//! The rows count against the query's memory until the last batch is taken.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

/// What makes the rows.
#[async_trait]
pub(super) trait Computation: fmt::Debug + Send + Sync {
    /// What `EXPLAIN` calls the node.
    fn name(&self) -> &'static str;

    /// What `EXPLAIN` says beside the name.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    fn schema(&self) -> SchemaRef;

    /// All rows in all columns; `memory` is for what is held on the way to them.
    async fn batches(
        &self,
        context: Arc<TaskContext>,
        memory: &MemoryReservation,
    ) -> Result<Vec<RecordBatch>>;
}

/// A call of a table function whose rows need nothing but its arguments.
#[derive(Debug)]
pub(super) struct ComputedTable(Arc<dyn Computation>);

impl ComputedTable {
    pub(super) fn new(computation: impl Computation + 'static) -> ComputedTable {
        ComputedTable(Arc::new(computation))
    }
}

#[async_trait]
impl TableProvider for ComputedTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
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
        Ok(Arc::new(ComputedExec::new(self.0.clone(), projection)?))
    }
}

#[derive(Debug)]
pub(super) struct ComputedExec {
    computation: Arc<dyn Computation>,
    columns: Vec<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ComputedExec {
    /// With the columns of a scan, all of them without a projection.
    pub(super) fn new(
        computation: Arc<dyn Computation>,
        projection: Option<&Vec<usize>>,
    ) -> Result<ComputedExec> {
        let all = computation.schema();
        let columns = projection.cloned().unwrap_or_else(|| (0..all.fields().len()).collect());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(all.project(&columns)?)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let (properties, metrics) = (Arc::new(properties), ExecutionPlanMetricsSet::new());
        Ok(ComputedExec { computation, columns, properties, metrics })
    }
}

impl DisplayAs for ComputedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.computation.name())?;
        self.computation.describe(f)
    }
}

impl ExecutionPlan for ComputedExec {
    fn name(&self) -> &str {
        self.computation.name()
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
        let memory = MemoryConsumer::new(self.computation.name()).register(context.memory_pool());
        let (computation, columns) = (self.computation.clone(), self.columns.clone());
        let rows = async move {
            let timer = metrics.elapsed_compute().timer();
            let batches = computation.batches(context, &memory).await?;
            timer.done();
            memory.try_resize(batches.iter().map(RecordBatch::get_array_memory_size).sum())?;
            let batches = stream::iter(batches).map(move |batch| {
                // The reservation ends with the last batch.
                let _held = &memory;
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
