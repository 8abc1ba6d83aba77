//! Joins give way: between two of their batches others may run, and a query that was given up ends.
//!
//! DataFusion yields where rows come from. A join makes any number of rows out of two batches that it
//! has, and would keep its thread until the last of them, however long ago its query timed out. One that
//! finds no rows does not even come to the point of yielding: its condition is what asks whether anybody
//! still waits.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::unnest::UnnestExec;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct YieldingJoins;

impl PhysicalOptimizerRule for YieldingJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wrap = |node: Arc<dyn ExecutionPlan>| {
            if multiplies(node.as_ref()) {
                Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
            } else {
                Ok(Transformed::no(node))
            }
        };
        plan.transform_up(wrap).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "yielding_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// More rows may come out than went in.
fn multiplies(node: &dyn ExecutionPlan) -> bool {
    node.children().len() > 1 || node.downcast_ref::<UnnestExec>().is_some()
}

/// The same plan, whose joins fail at the next evaluation of their conditions once `given_up` is
/// cancelled.
pub(crate) fn stoppable(
    plan: Arc<dyn ExecutionPlan>,
    given_up: &CancellationToken,
) -> Result<Arc<dyn ExecutionPlan>> {
    let watched = |filter: &JoinFilter| {
        let condition = WhileWanted { condition: filter.expression().clone(), given_up: given_up.clone() };
        let (columns, schema) = (filter.column_indices().to_vec(), filter.schema().clone());
        Some(JoinFilter::new(Arc::new(condition), columns, schema))
    };
    let replace = |node: Arc<dyn ExecutionPlan>| {
        if let Some(join) = node.downcast_ref::<HashJoinExec>()
            && let Some(filter) = join.filter()
        {
            return join.builder().with_filter(watched(filter)).build_exec().map(Transformed::yes);
        }
        if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
            && let Some(filter) = join.filter()
        {
            let (left, right) = (join.left().clone(), join.right().clone());
            let projection = join.projection().as_ref().map(|columns| columns.to_vec());
            let join =
                NestedLoopJoinExec::try_new(left, right, watched(filter), join.join_type(), projection)?;
            return Ok(Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>));
        }
        Ok(Transformed::no(node))
    };
    plan.transform_up(replace).map(|transformed| transformed.data)
}

/// A condition that is evaluated as long as somebody wants to know.
#[derive(Debug)]
struct WhileWanted {
    condition: Arc<dyn PhysicalExpr>,
    given_up: CancellationToken,
}

impl PhysicalExpr for WhileWanted {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.given_up.is_cancelled() {
            return Err(DataFusionError::Execution("the query was given up".to_owned()));
        }
        self.condition.evaluate(batch)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.condition.return_field(input_schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let condition = children.pop().unwrap_or_else(|| self.condition.clone());
        Ok(Arc::new(WhileWanted { condition, given_up: self.given_up.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}

/// Plans show the condition alone.
impl fmt::Display for WhileWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PartialEq for WhileWanted {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for WhileWanted {}

impl Hash for WhileWanted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::config::QueryConfig;
    use crate::session::base_context;

    #[tokio::test]
    async fn a_join_yields_and_a_scan_is_left_alone() {
        let context = base_context(&QueryConfig::default()).unwrap();
        let joined =
            shown(&context, "SELECT * FROM (VALUES (1)) a(x) CROSS JOIN (VALUES (2), (3)) b(y)").await;
        let parent = joined.lines().position(|line| line.contains("CrossJoinExec")).map(|line| line - 1);
        let parent = parent.and_then(|line| joined.lines().nth(line)).unwrap();
        assert!(parent.contains("CooperativeExec"), "{joined}");
        let single = shown(&context, "SELECT sum(x) FROM (VALUES (1), (2)) a(x)").await;
        assert!(!single.contains("CooperativeExec"), "{single}");
    }

    #[tokio::test]
    async fn a_join_whose_query_was_given_up_fails_where_it_evaluates_its_condition() {
        let context = base_context(&QueryConfig::default()).unwrap();
        let tables = "(VALUES (1, 2), (1, 3)) a(k, x) JOIN (VALUES (1, 2), (1, 5)) b(k, y)";
        for (join, condition) in
            [("HashJoinExec", "a.k = b.k AND a.x * b.y < 0"), ("NestedLoopJoinExec", "a.x * b.y < 0")]
        {
            let query = format!("SELECT count(*) FROM {tables} ON {condition}");
            assert!(shown(&context, &query).await.contains(join), "{query}");
            for is_wanted in [true, false] {
                let given_up = CancellationToken::new();
                let plan = stoppable(planned(&context, &query).await, &given_up).unwrap();
                if !is_wanted {
                    given_up.cancel();
                }
                let rows = collect(plan, context.task_ctx()).await;
                assert_eq!(rows.is_ok(), is_wanted, "{query}: {rows:?}");
            }
        }
    }

    async fn planned(context: &SessionContext, query: &str) -> Arc<dyn ExecutionPlan> {
        context.sql(query).await.unwrap().create_physical_plan().await.unwrap()
    }

    async fn shown(context: &SessionContext, query: &str) -> String {
        displayable(planned(context, query).await.as_ref()).indent(false).to_string()
    }
}
