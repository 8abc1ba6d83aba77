//! `payload -> 'labels' ->> 'slo'`, as PostgreSQL's clients write it: the functions by other names.
//!
//! On a map, which PostgreSQL would keep as hstore, both take what lies at a key.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::functions::core::get_field;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

#[derive(Debug)]
pub(in crate::functions) struct JsonOperators {
    /// What lies at a path, as JSON.
    pub(in crate::functions) get: Arc<ScalarUDF>,
    /// What lies at a path, as text.
    pub(in crate::functions) text: Arc<ScalarUDF>,
}

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let function = match expr.op {
            BinaryOperator::Arrow => &self.get,
            BinaryOperator::LongArrow => &self.text,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        if matches!(expr.left.get_type(schema)?, DataType::Map(_, _)) {
            return Ok(PlannerResult::Planned(get_field().call(vec![expr.left, expr.right])));
        }
        // Of a longer path, only the last step is read.
        let mut arguments = match expr.left {
            Expr::ScalarFunction(ScalarFunction { func, args }) if func == self.get => args,
            left => vec![left],
        };
        arguments.push(expr.right);
        Ok(PlannerResult::Planned(function.call(arguments)))
    }
}
