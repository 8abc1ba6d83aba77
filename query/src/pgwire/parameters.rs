//! The types of parameters that the planner leaves open or guesses wrong.
//!
//! A client that asks for the types of `$1`, `$2`, ... (asyncpg, JDBC) sends what it is told to.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion_postgres::pgwire::api::Type;

/// Names of the function that `x = ANY($1)` becomes.
const CONTAINS: [&str; 2] = ["array_has", "array_contains"];

/// `LIMIT $1` is a number, `x = ANY($1)` a list of what `x` is; an interval that the client declared
/// stays one, where the planner sees a second time of a subtraction.
pub(super) fn with_types(plan: LogicalPlan, declared: &[Option<Type>]) -> Result<LogicalPlan> {
    let typed = plan.transform_up(|node| {
        let limits = matches!(node, LogicalPlan::Limit(_));
        let schema = schema_below(&node);
        node.map_expressions(|expr| {
            expr.transform_up(|expr| {
                Ok(match expr {
                    Expr::Placeholder(open) if limits && open.field.is_none() => {
                        Transformed::yes(typed(&open, DataType::Int64))
                    }
                    Expr::Placeholder(given) if is_interval(&given, declared) => {
                        Transformed::yes(typed(&given, DataType::Interval(IntervalUnit::MonthDayNano)))
                    }
                    Expr::ScalarFunction(mut call) if CONTAINS.contains(&call.name()) => {
                        match list_of_second(&call.args, &schema) {
                            Some(list) => {
                                call.args[0] = list;
                                Transformed::yes(Expr::ScalarFunction(call))
                            }
                            None => Transformed::no(Expr::ScalarFunction(call)),
                        }
                    }
                    other => Transformed::no(other),
                })
            })
        })
    })?;
    Ok(typed.data)
}

fn schema_below(node: &LogicalPlan) -> DFSchema {
    let mut below = DFSchema::empty();
    node.inputs().iter().for_each(|input| below.merge(input.schema()));
    below
}

fn typed(placeholder: &Placeholder, data_type: DataType) -> Expr {
    let field = Arc::new(Field::new(&placeholder.id, data_type, true));
    Expr::Placeholder(Placeholder::new_with_field(placeholder.id.clone(), Some(field)))
}

fn is_interval(placeholder: &Placeholder, declared: &[Option<Type>]) -> bool {
    let number = placeholder.id.trim_start_matches('$').parse::<usize>().ok();
    let declared = number.and_then(|number| declared.get(number.checked_sub(1)?)?.as_ref());
    declared == Some(&Type::INTERVAL)
}

/// `$1` of `array_has($1, x)`, as a list of what `x` is.
fn list_of_second(arguments: &[Expr], schema: &dyn ExprSchema) -> Option<Expr> {
    let [Expr::Placeholder(list), item] = arguments else { return None };
    if matches!(list.field.as_ref().map(|field| field.data_type()), Some(DataType::List(_))) {
        return None;
    }
    let item = item.get_type(schema).ok()?;
    Some(typed(list, DataType::List(Arc::new(Field::new_list_field(item, true)))))
}
