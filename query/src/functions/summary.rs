//! Tables that Rust computes from the rows of queries: what formulas the `slo` crate has is not
//! written a second time in SQL.
//!
//! The queries are planned with the statement that calls the function and read to their end before
//! the first row comes out. What they return counts against the query's memory.

mod rows;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, execute_stream,
};
use futures::{StreamExt, stream};

pub(super) use rows::{Cell, InputRow, each_row, schema_of, table};

/// Rows of one call of a function.
pub(super) const ROWS_MAX: usize = 100_000;

/// The computation; its inputs come in the order of the queries.
pub(super) trait Summary: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> SchemaRef;
    fn summarize(&self, inputs: &[Vec<RecordBatch>]) -> Result<RecordBatch>;
}

/// One call: queries, and what is made of their rows.
#[derive(Clone, Debug)]
pub(super) struct SummaryTable {
    pub(super) queries: Vec<LogicalPlan>,
    pub(super) summary: Arc<dyn Summary>,
}

#[async_trait]
impl TableProvider for SummaryTable {
    fn schema(&self) -> SchemaRef {
        self.summary.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs = Vec::new();
        for query in &self.queries {
            inputs.push(session.create_physical_plan(query).await?);
        }
        let all = self.summary.schema();
        let columns = projection.cloned().unwrap_or_else(|| (0..all.fields().len()).collect());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(all.project(&columns)?)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let summary = self.summary.clone();
        Ok(Arc::new(SummaryExec { summary, inputs, columns, properties: Arc::new(properties) }))
    }
}

/// The inputs are planned and optimised by themselves, so they are no children of this node.
#[derive(Debug)]
struct SummaryExec {
    summary: Arc<dyn Summary>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    columns: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for SummaryExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SummaryExec: {}", self.summary.name())
    }
}

impl ExecutionPlan for SummaryExec {
    fn name(&self) -> &str {
        "SummaryExec"
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

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reservation = MemoryConsumer::new(self.summary.name()).register(context.memory_pool());
        let (summary, inputs, columns) = (self.summary.clone(), self.inputs.clone(), self.columns.clone());
        let computed = async move {
            let mut read = Vec::new();
            for input in inputs {
                let mut batches = Vec::new();
                let mut rows = execute_stream(input, context.clone())?;
                while let Some(batch) = rows.next().await {
                    let batch = batch?;
                    reservation.try_grow(batch.get_array_memory_size())?;
                    batches.push(batch);
                }
                read.push(batches);
            }
            let rows = summary.summarize(&read)?;
            Ok::<_, DataFusionError>(rows.project(&columns)?)
        };
        let rows = stream::once(computed);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
