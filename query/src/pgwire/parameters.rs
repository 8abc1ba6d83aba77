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
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_postgres::pgwire::api::Type;

/// `$3` is 3.
pub(super) fn number(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse().ok().filter(|number| (1..=PARAMETERS_MAX).contains(number))
}

/// As many as a message of the protocol can carry.
const PARAMETERS_MAX: usize = u16::MAX as usize;

/// The numbers of the parameters that a plan mentions, in order.
pub(super) fn numbers(plan: &LogicalPlan) -> Result<Vec<usize>> {
    let mut numbers: Vec<usize> =
        plan.get_parameter_names()?.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The types to announce for all parameters of a text: `known` of those with `numbers`, of others what
/// they are cast to. Those that rewriting has removed are of no type.
pub(super) fn announced(text: &str, numbers: &[usize], known: Vec<Type>) -> Vec<Type> {
    let mut types = Vec::new();
    let mut set = |number: usize, of: Type| {
        types.resize(types.len().max(number), Type::UNKNOWN);
        types[number - 1] = of;
    };
    numbers.iter().zip(known).for_each(|(number, of)| set(*number, of));
    if !text.contains('$') {
        return types;
    }
    for token in Tokenizer::new(&PostgreSqlDialect {}, text).tokenize().unwrap_or_default() {
        if let Token::Placeholder(name) = token
            && let Some(number) = number(&name)
            && !numbers.contains(&number)
        {
            set(number, Type::UNKNOWN);
        }
    }
    for (number, of) in oid_arrays(text) {
        set(number, of);
    }
    types
}

/// `$1::oid[]`: drivers know that type before they have asked for any other.
fn oid_arrays(text: &str) -> impl Iterator<Item = (usize, Type)> {
    text.split('$').skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("::")?;
        let of = rest.starts_with("oid[]").then_some(Type::OID_ARRAY)?;
        Some((number(&format!("${name}"))?, of))
    })
}

/// The type by which values of an announced type can be read: `oid[]` looks like `int4[]`.
pub(super) fn readable(of: &Type) -> &Type {
    if *of == Type::OID_ARRAY { &Type::INT4_ARRAY } else { of }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_a_text_has_a_type() {
        // `$1` went with what it was an argument of.
        let text =
            "SELECT unnest(indkey), $1 FROM t WHERE a = $2 AND b = ANY($4::oid[]) AND '$9' <> c AND d = $3";
        let types = announced(text, &[2, 3], vec![Type::TEXT, Type::INT8]);
        assert_eq!(types, [Type::UNKNOWN, Type::TEXT, Type::INT8, Type::OID_ARRAY]);
        assert_eq!(announced("SELECT 1", &[], vec![]), []);
    }
}
