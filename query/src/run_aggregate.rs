//! Grouping by runs: rows of one group that follow each other are aggregated at once.
//!
//! A hash aggregate looks up the group of each row. Telemetry comes sorted by series, so that thousands of
//! neighbours share their group: here a group is looked at where it changes, and the aggregates take whole
//! slices of columns. Groups that come again are fine, for what is made are the states of a partial
//! aggregation, which a final one merges.
//!
//! The rule takes partial aggregations whose functions have the same state however they are computed. At
//! the first batch whose runs are short, the hash aggregate takes over for what remains of the input.

mod exec;
mod runs;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};

use exec::RunAggregateExec;

/// Functions whose accumulators for one group and for many share their states.
const FUNCTIONS: [&str; 5] = ["avg", "count", "max", "min", "sum"];

/// Runs when the plan is complete.
#[derive(Debug)]
pub(crate) struct RunAggregates;

impl PhysicalOptimizerRule for RunAggregates {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replace = |node: Arc<dyn ExecutionPlan>| match node.downcast_ref::<AggregateExec>() {
            Some(aggregate) if is_taken(aggregate) => {
                let by_runs = RunAggregateExec::new(aggregate.clone());
                Ok(Transformed::yes(Arc::new(by_runs) as Arc<dyn ExecutionPlan>))
            }
            _ => Ok(Transformed::no(node)),
        };
        plan.transform_up(replace).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "run_aggregates"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_taken(aggregate: &AggregateExec) -> bool {
    *aggregate.mode() == AggregateMode::Partial
        && aggregate.group_expr().is_single()
        && !aggregate.group_expr().is_empty()
        && aggregate.limit_options().is_none()
        && !aggregate.aggr_expr().is_empty()
        && aggregate.filter_expr().iter().all(Option::is_none)
        && aggregate.aggr_expr().iter().all(|function| {
            FUNCTIONS.contains(&function.fun().name())
                && !function.is_distinct()
                && function.order_bys().is_empty()
        })
}

#[cfg(test)]
mod tests;
