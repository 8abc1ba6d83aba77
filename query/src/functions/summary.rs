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
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;

use super::computed::{Computation, ComputedExec};

pub(super) use rows::{Cell, Cells, schema_of, table};
pub(crate) use rows::{InputRow, each_row};

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
        let computation = Summarizing { summary: self.summary.clone(), inputs };
        Ok(Arc::new(ComputedExec::new(Arc::new(computation), projection)?))
    }
}

/// The inputs are planned and optimised by themselves, so they are no children of the node.
#[derive(Debug)]
struct Summarizing {
    summary: Arc<dyn Summary>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
}

#[async_trait]
impl Computation for Summarizing {
    fn name(&self) -> &'static str {
        "SummaryExec"
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.summary.name())
    }

    fn schema(&self) -> SchemaRef {
        self.summary.schema()
    }

    async fn batches(
        &self,
        context: Arc<TaskContext>,
        memory: &MemoryReservation,
    ) -> Result<Vec<RecordBatch>> {
        let mut read = Vec::new();
        for input in &self.inputs {
            let mut batches = Vec::new();
            let mut rows = execute_stream(input.clone(), context.clone())?;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                memory.try_grow(batch.get_array_memory_size())?;
                batches.push(batch);
            }
            read.push(batches);
        }
        Ok(vec![self.summary.summarize(&read)?])
    }
}
