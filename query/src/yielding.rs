//! Joins give way: between two of their batches others may run, and a query that was given up ends.
//!
//! DataFusion yields where rows come from. A join makes any number of rows out of two batches that it
//! has, and would keep its thread until the last of them, however long ago its query timed out.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::unnest::UnnestExec;

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

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::SessionContext;

    use crate::config::QueryConfig;
    use crate::session::base_context;

    #[tokio::test]
    async fn a_join_yields_and_a_scan_is_left_alone() {
        let context = base_context(&QueryConfig::default()).unwrap();
        let joined =
            plan(&context, "SELECT * FROM (VALUES (1)) a(x) CROSS JOIN (VALUES (2), (3)) b(y)").await;
        let parent = joined.lines().position(|line| line.contains("CrossJoinExec")).map(|line| line - 1);
        let parent = parent.and_then(|line| joined.lines().nth(line)).unwrap();
        assert!(parent.contains("CooperativeExec"), "{joined}");
        let single = plan(&context, "SELECT sum(x) FROM (VALUES (1), (2)) a(x)").await;
        assert!(!single.contains("CooperativeExec"), "{single}");
    }

    async fn plan(context: &SessionContext, query: &str) -> String {
        let plan = context.sql(query).await.unwrap().create_physical_plan().await.unwrap();
        displayable(plan.as_ref()).indent(false).to_string()
    }
}
