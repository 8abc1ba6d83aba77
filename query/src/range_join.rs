//! Joins by range: `... AND at >= begun AND at < ended` beside equal keys.
//!
//! A hash join pairs all rows of a key and then drops most pairs: a service's incidents with all of its
//! slices, which is what questions about reliability join. Here the smaller side is sorted by where its
//! ranges begin, and each row of the other finds its ranges by binary search. The whole condition is
//! still evaluated on what was found, so only the number of pairs changes, never the answer.
//!
//! The rule takes inner hash joins and semi-joins (`EXISTS`) with a comparison to each side of a range;
//! everything else stays.

mod condition;
mod exec;
mod index;
mod probe;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

use condition::RangeCondition;
use exec::RangeJoinExec;
use probe::Kind;

/// Runs when the sides of joins are chosen, and before their inputs are distributed.
#[derive(Debug)]
pub(crate) struct RangeJoins;

impl RangeJoins {
    /// The rule of DataFusion that chooses the sides of joins.
    pub(crate) const AFTER: &str = "join_selection";
}

impl PhysicalOptimizerRule for RangeJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replace = |node: Arc<dyn ExecutionPlan>| match by_range(node.as_ref())? {
            Some(join) => Ok(Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>)),
            None => Ok(Transformed::no(node)),
        };
        plan.transform_up(replace).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "range_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn by_range(node: &dyn ExecutionPlan) -> Result<Option<RangeJoinExec>> {
    let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(None) };
    let kind = match join.join_type() {
        JoinType::Inner => Kind::Pairs,
        JoinType::LeftSemi => Kind::Built,
        JoinType::RightSemi => Kind::Probed,
        _ => return Ok(None),
    };
    let is_plain = join.null_equality() == NullEquality::NullEqualsNothing && join.fetch().is_none();
    let Some(filter) = join.filter().filter(|_| is_plain) else { return Ok(None) };
    let (left, right) = (join.left().schema(), join.right().schema());
    for (build, probe) in join.on() {
        if build.data_type(&left)? != probe.data_type(&right)? {
            return Ok(None);
        }
    }
    let Some(range) = RangeCondition::of(filter, &left, &right)? else { return Ok(None) };
    RangeJoinExec::of(join, kind, filter.clone(), range).map(Some)
}

#[cfg(test)]
mod tests;
