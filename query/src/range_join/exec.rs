//! The operator: collects its left side into an index, streams its right side past it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, JoinSide};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, DynamicFilterPhysicalExpr, lit};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr, PhysicalExprRef};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
    FilterPushdownPropagation,
};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, apply_expression_roots,
};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::condition::RangeCondition;
use super::index::Index;
use super::probe::{Build, Joining, Kind, join};

type Building = Shared<BoxFuture<'static, Result<Arc<Build>, Arc<DataFusionError>>>>;

#[derive(Debug)]
pub(super) struct RangeJoinExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    /// The keys of the left side.
    keys: Vec<PhysicalExprRef>,
    joining: Arc<Joining>,
    /// Tells a scan of the right side in which range the left side's rows are, once they are known.
    extent: Option<Arc<DynamicFilterPhysicalExpr>>,
    /// All partitions wait for the same index.
    building: OnceLock<Building>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RangeJoinExec {
    /// Of the same inputs and columns as a hash join.
    pub(super) fn of(
        join: &HashJoinExec,
        kind: Kind,
        condition: JoinFilter,
        range: RangeCondition,
    ) -> Result<RangeJoinExec> {
        let from = |side, count| (0..count).map(move |index| ColumnIndex { index, side });
        let left = from(JoinSide::Left, join.left().schema().fields().len());
        let right = from(JoinSide::Right, join.right().schema().fields().len());
        let all: Vec<_> = match kind {
            Kind::Pairs => left.chain(right).collect(),
            Kind::Built => left.collect(),
            Kind::Probed => right.collect(),
        };
        let columns = match &join.projection {
            Some(projection) => projection.iter().map(|index| all[*index].clone()).collect(),
            None => all,
        };
        let (keys, probe_keys) = join.on().iter().cloned().unzip();
        let joining = Joining { kind, keys: probe_keys, range, condition, columns, schema: join.schema() };
        Ok(Self::new(join.left().clone(), join.right().clone(), keys, Arc::new(joining), None))
    }

    fn new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        keys: Vec<PhysicalExprRef>,
        joining: Arc<Joining>,
        extent: Option<Arc<DynamicFilterPhysicalExpr>>,
    ) -> RangeJoinExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(joining.schema.clone()),
            Partitioning::UnknownPartitioning(right.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        RangeJoinExec {
            left,
            right,
            keys,
            joining,
            extent,
            building: OnceLock::new(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn with_children(&self, left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>) -> RangeJoinExec {
        Self::new(left, right, self.keys.clone(), self.joining.clone(), self.extent.clone())
    }

    fn build(&self, context: &Arc<TaskContext>) -> Building {
        let build = || {
            let memory = MemoryConsumer::new("RangeJoinExec").register(context.memory_pool());
            let (keys, joining, extent) = (self.keys.clone(), self.joining.clone(), self.extent.clone());
            let input = self.left.execute(0, context.clone());
            let partitions = self.right.output_partitioning().partition_count();
            let build = async move {
                let index = Index::collect(input?, &keys, &joining.range, memory).await?;
                if let Some(extent) = extent {
                    tell(&extent, &index, &joining.range)?;
                }
                Ok(Arc::new(Build::new(index, joining.kind, partitions)))
            };
            build.map(|built| built.map_err(Arc::new)).boxed().shared()
        };
        self.building.get_or_init(build).clone()
    }
}

/// Nothing of the right side outside of all ranges can match.
fn tell(extent: &DynamicFilterPhysicalExpr, index: &Index, range: &RangeCondition) -> Result<()> {
    let within: Arc<dyn PhysicalExpr> = match &index.extent {
        Some((first, last)) => {
            let from = BinaryExpr::new(range.begin.probe.clone(), Operator::GtEq, lit(first.clone()));
            let to = BinaryExpr::new(range.end.probe.clone(), Operator::LtEq, lit(last.clone()));
            Arc::new(BinaryExpr::new(Arc::new(from), Operator::And, Arc::new(to)))
        }
        None => lit(false),
    };
    extent.update(within)?;
    extent.mark_complete();
    Ok(())
}

impl DisplayAs for RangeJoinExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.keys.iter().zip(&self.joining.keys);
        let on: Vec<String> = pairs.map(|(left, right)| format!("({left}, {right})")).collect();
        let kind = match self.joining.kind {
            Kind::Pairs => "",
            Kind::Built => "join_type=LeftSemi, ",
            Kind::Probed => "join_type=RightSemi, ",
        };
        write!(f, "RangeJoinExec: {kind}on=[{}], range=[{}], ", on.join(", "), self.joining.range)?;
        write!(f, "filter={}", self.joining.condition)
    }
}

impl ExecutionPlan for RangeJoinExec {
    fn name(&self) -> &str {
        "RangeJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![
            Distribution::SinglePartition,
            Distribution::UnspecifiedDistribution,
        ])
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let keys = self.keys.iter().chain(&self.joining.keys).cloned();
        let condition = self.joining.condition.expression().clone();
        apply_expression_roots(keys.chain([condition]).chain(self.dynamic_expressions_produced()), f)
    }

    fn dynamic_expressions_produced(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        self.extent.iter().map(|extent| extent.clone() as Arc<dyn PhysicalExpr>).collect()
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (right, left) = (children.pop(), children.pop());
        let (Some(left), Some(right)) = (left, right) else {
            return Err(DataFusionError::Internal("a range join has two inputs".to_owned()));
        };
        Ok(Arc::new(self.with_children(left, right)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let left = ChildFilterDescription::all_unsupported(&parent_filters);
        let mut right = ChildFilterDescription::all_unsupported(&parent_filters);
        let is_wanted = config.optimizer.enable_join_dynamic_filter_pushdown && self.extent.is_none();
        if phase == FilterPushdownPhase::Post && is_wanted {
            let range = &self.joining.range;
            let operands = vec![range.begin.probe.clone(), range.end.probe.clone()];
            right = right.with_self_filter(Arc::new(DynamicFilterPhysicalExpr::new(operands, lit(true))));
        }
        Ok(FilterDescription::new().with_child(left).with_child(right))
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let of_right = child_pushdown_result.self_filters.get(1).and_then(|filters| filters.first());
        let told = of_right.map(|filter| filter.predicate.clone());
        let result = FilterPushdownPropagation::if_any(child_pushdown_result);
        match told.map(|told| Arc::downcast::<DynamicFilterPhysicalExpr>(told)) {
            Some(Ok(extent)) => {
                let (left, right) = (self.left.clone(), self.right.clone());
                let (keys, joining) = (self.keys.clone(), self.joining.clone());
                let join = RangeJoinExec::new(left, right, keys, joining, Some(extent));
                Ok(result.with_updated_node(Arc::new(join)))
            }
            _ => Ok(result),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let build = self.build(&context);
        let batch_size = context.session_config().batch_size();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let input = self.right.execute(partition, context)?;
        let joining = self.joining.clone();
        let joined = async move {
            // Nothing is read before the index is there: by then the scan knows where to look.
            let build = build.await.map_err(DataFusionError::Shared)?;
            Ok::<_, DataFusionError>(join(joining, build, input, batch_size))
        };
        let rows = stream::once(joined).try_flatten().inspect_ok(move |batch| {
            metrics.record_output(batch.num_rows());
        });
        let schema: SchemaRef = self.joining.schema.clone();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows.boxed())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
