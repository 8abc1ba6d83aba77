//! Runs of rows of one group, and what their aggregates come to.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, make_comparator};
use datafusion::arrow::compute::{SortOptions, partition};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, create_accumulators};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

/// Below this many rows a run, looking up the group of each row is as cheap.
const ROWS_PER_RUN_MIN: usize = 32;

pub(super) struct Runs {
    groups: Vec<Arc<dyn PhysicalExpr>>,
    functions: Vec<Arc<AggregateFunctionExpr>>,
    arguments: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    /// The groups, then the states of the functions.
    schema: SchemaRef,
    /// Rows come in the order of their groups.
    is_sorted: bool,
    batch_size: usize,
    /// The last run: the next batch may go on with it.
    open: Option<Run>,
    /// A column each of what `schema` has, a value for each run that has ended.
    closed: Vec<Vec<ScalarValue>>,
}

struct Run {
    group: Vec<ScalarValue>,
    accumulators: Vec<Box<dyn Accumulator>>,
}

impl Runs {
    pub(super) fn new(aggregate: &AggregateExec, batch_size: usize) -> Runs {
        let functions = aggregate.aggr_expr().to_vec();
        let schema = aggregate.schema();
        Runs {
            groups: aggregate.group_expr().input_exprs(),
            arguments: functions.iter().map(|function| function.expressions()).collect(),
            functions,
            closed: vec![Vec::new(); schema.fields().len()],
            schema,
            is_sorted: *aggregate.input_order_mode() == InputOrderMode::Sorted,
            batch_size,
            open: None,
        }
    }

    /// Whether the batch was aggregated: one with short runs is not.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<bool> {
        if batch.num_rows() == 0 {
            return Ok(true);
        }
        let groups = arrays(&self.groups, batch)?;
        let runs = self.find(&groups, batch.num_rows())?;
        if runs.len() > 1 && batch.num_rows() / runs.len() < ROWS_PER_RUN_MIN {
            return Ok(false);
        }
        let arguments: Vec<Vec<ArrayRef>> =
            self.arguments.iter().map(|arguments| arrays(arguments, batch)).collect::<Result<_>>()?;
        for rows in runs {
            let group: Vec<ScalarValue> = groups
                .iter()
                .map(|column| ScalarValue::try_from_array(column, rows.start))
                .collect::<Result<_>>()?;
            let mut run = match self.open.take() {
                Some(run) if run.group == group => run,
                before => {
                    self.close(before)?;
                    Run { group, accumulators: create_accumulators(&self.functions)? }
                }
            };
            for (accumulator, arguments) in run.accumulators.iter_mut().zip(&arguments) {
                let of_run: Vec<ArrayRef> =
                    arguments.iter().map(|values| values.slice(rows.start, rows.len())).collect();
                accumulator.update_batch(&of_run)?;
            }
            self.open = Some(run);
        }
        Ok(true)
    }

    fn find(&self, groups: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
        if self.is_sorted && is_one_group(groups, rows)? {
            return Ok(std::iter::once(0..rows).collect());
        }
        Ok(partition(groups)?.ranges())
    }

    /// Enough for a batch.
    pub(super) fn are_enough(&self) -> bool {
        self.closed[0].len() >= self.batch_size
    }

    /// All runs, the last one too.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>> {
        let last = self.open.take();
        self.close(last)?;
        self.closed()
    }

    /// The runs that have ended.
    pub(super) fn closed(&mut self) -> Result<Option<RecordBatch>> {
        if self.closed[0].is_empty() {
            return Ok(None);
        }
        let columns = self.closed.iter_mut().map(|column| ScalarValue::iter_to_array(column.drain(..)));
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_>>()?)?))
    }

    fn close(&mut self, run: Option<Run>) -> Result<()> {
        let Some(run) = run else { return Ok(()) };
        let mut row = run.group;
        for mut accumulator in run.accumulators {
            row.extend(accumulator.state()?);
        }
        for (column, value) in self.closed.iter_mut().zip(row) {
            column.push(value);
        }
        Ok(())
    }
}

fn arrays(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    exprs.iter().map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows())).collect()
}

/// Of rows in the order of their groups: the first is of the group of the last.
fn is_one_group(groups: &[ArrayRef], rows: usize) -> Result<bool> {
    for column in groups {
        let compare = make_comparator(column, column, SortOptions::default())?;
        if compare(0, rows - 1).is_ne() {
            return Ok(false);
        }
    }
    Ok(true)
}
