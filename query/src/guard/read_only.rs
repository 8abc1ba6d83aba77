//! Which logical plans may run: queries and what explains or describes them.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{DdlStatement, LogicalPlan, Statement};

use crate::QueryError;

/// Refuses a plan that would change data, the catalog, files or the session, at any depth
/// (`EXPLAIN ANALYZE INSERT` runs its insert).
pub(crate) fn check_read_only(plan: &LogicalPlan) -> Result<(), QueryError> {
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        refused = changing_statement(node);
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match refused {
        Some(statement) => Err(QueryError::ReadOnly { statement }),
        None => Ok(()),
    }
}

fn changing_statement(node: &LogicalPlan) -> Option<String> {
    match node {
        LogicalPlan::Dml(dml) => Some(dml.op.name().to_uppercase()),
        LogicalPlan::Copy(_) => Some("COPY".to_owned()),
        LogicalPlan::Ddl(ddl) => Some(ddl_name(ddl)),
        LogicalPlan::Statement(statement) => match statement {
            // They change nothing, and the engine answers them before it plans.
            Statement::TransactionStart(_) | Statement::TransactionEnd(_) => None,
            Statement::SetVariable(set) => Some(format!("SET {}", set.variable)),
            Statement::ResetVariable(reset) => Some(format!("RESET {}", reset.variable)),
            Statement::Prepare(_) => Some("PREPARE".to_owned()),
            Statement::Execute(_) => Some("EXECUTE".to_owned()),
            Statement::Deallocate(_) => Some("DEALLOCATE".to_owned()),
        },
        _ => None,
    }
}

/// `CreateView` as `CREATE VIEW`.
fn ddl_name(ddl: &DdlStatement) -> String {
    let mut name = String::new();
    for letter in ddl.name().chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push(' ');
        }
        name.extend(letter.to_uppercase());
    }
    name
}
