//! Merging sorted parts that may hold the same row twice: one row per key, the latest wins.
//!
//! The input's partitions are sorted by key and sequence; they are merged into one stream, in which
//! equal keys are neighbours and the last of them is the latest. Filters on key columns may pass
//! below (equal rows are kept or dropped together), filters on other columns may not: they could
//! remove the latest row and let an outdated one through.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt64Array, make_comparator};
use datafusion::arrow::compute::{SortOptions, partition, take_record_batch};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, OrderingRequirements, Partitioning, PhysicalExpr,
};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
    FilterPushdownPropagation,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, apply_expression_roots,
};
use futures::{StreamExt, stream};

#[derive(Debug)]
pub(super) struct MergeDedupExec {
    input: Arc<dyn ExecutionPlan>,
    /// The key columns, then the sequence.
    order: LexOrdering,
    key_count: usize,
    /// Indices of the key columns in the input's schema.
    keys: Vec<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MergeDedupExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, order: LexOrdering, key_count: usize) -> MergeDedupExec {
        let keys = order
            .iter()
            .take(key_count)
            .filter_map(|key| key.expr.downcast_ref::<Column>().map(Column::index))
            .collect();
        let equivalence = EquivalenceProperties::new_with_orderings(input.schema(), [order.clone()]);
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        MergeDedupExec { input, order, key_count, keys, properties: Arc::new(properties), metrics }
    }
}

impl DisplayAs for MergeDedupExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> =
            self.order.iter().take(self.key_count).map(|key| key.expr.to_string()).collect();
        write!(f, "MergeDedupExec: keys=[{}]", keys.join(", "))
    }
}

impl ExecutionPlan for MergeDedupExec {
    fn name(&self) -> &str {
        "MergeDedupExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::UnspecifiedDistribution])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![Some(OrderingRequirements::from(self.order.clone()))]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.order.iter().map(|key| &key.expr), f)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(MergeDedupExec::new(children.swap_remove(0), self.order.clone(), self.key_count)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let keys: HashSet<usize> = self.keys.iter().copied().collect();
        let child =
            ChildFilterDescription::from_child_with_allowed_indices(&parent_filters, keys, &self.input)?;
        Ok(FilterDescription::new().with_child(child))
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(child_pushdown_result))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reservation = MemoryConsumer::new("MergeDedupExec").register(context.memory_pool());
        let mut inputs = Vec::new();
        for input_partition in 0..self.input.output_partitioning().partition_count() {
            inputs.push(self.input.execute(input_partition, context.clone())?);
        }
        let merged = if inputs.len() == 1 {
            inputs.remove(0)
        } else {
            StreamingMergeBuilder::new()
                .with_streams(inputs)
                .with_schema(self.schema())
                .with_expressions(&self.order)
                .with_metrics(BaselineMetrics::new(&self.metrics, partition))
                .with_batch_size(context.session_config().batch_size())
                .with_reservation(reservation)
                .with_round_robin_tie_breaker(false)
                .build()?
        };
        let rows = dedup(merged, self.keys.clone());
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

struct Dedup {
    input: SendableRecordBatchStream,
    keys: Vec<usize>,
    /// The batch before, without repeated keys; its last row may still be replaced by the next one.
    held: Option<RecordBatch>,
    done: bool,
}

fn dedup(
    input: SendableRecordBatchStream,
    keys: Vec<usize>,
) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
    stream::unfold(Dedup { input, keys, held: None, done: false }, |mut state| async move {
        loop {
            if state.done {
                return None;
            }
            let batch = match state.input.next().await {
                Some(Ok(batch)) if batch.num_rows() == 0 => continue,
                Some(Ok(batch)) => batch,
                Some(Err(error)) => {
                    state.done = true;
                    return Some((Err(error), state));
                }
                None => {
                    state.done = true;
                    return state.held.take().map(|held| (Ok(held), state));
                }
            };
            match state.step(&batch) {
                Ok(Some(ready)) => return Some((Ok(ready), state)),
                Ok(None) => {}
                Err(error) => {
                    state.done = true;
                    return Some((Err(error), state));
                }
            }
        }
    })
}

impl Dedup {
    /// Takes the next batch; returns the one before, now that its last row is decided.
    fn step(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let ready = match self.held.take() {
            Some(held) if same_key(&held, held.num_rows() - 1, batch, 0, &self.keys)? => {
                Some(held.slice(0, held.num_rows() - 1)).filter(|rest| rest.num_rows() > 0)
            }
            held => held,
        };
        self.held = Some(last_of_each_key(batch, &self.keys)?);
        Ok(ready)
    }
}

fn last_of_each_key(batch: &RecordBatch, keys: &[usize]) -> Result<RecordBatch> {
    let columns: Vec<_> = keys.iter().map(|index| batch.column(*index).clone()).collect();
    let runs = partition(&columns)?.ranges();
    if runs.len() == batch.num_rows() {
        return Ok(batch.clone());
    }
    let last: UInt64Array = runs.iter().map(|run| run.end as u64 - 1).collect();
    Ok(take_record_batch(batch, &last)?)
}

fn same_key(
    left: &RecordBatch,
    left_row: usize,
    right: &RecordBatch,
    right_row: usize,
    keys: &[usize],
) -> Result<bool> {
    for key in keys {
        let compare = make_comparator(left.column(*key), right.column(*key), SortOptions::default())?;
        if compare(left_row, right_row).is_ne() {
            return Ok(false);
        }
    }
    Ok(true)
}
