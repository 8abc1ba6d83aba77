//! What of a join's condition says where ranges begin and end.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::common::JoinSide;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_plan::joins::utils::JoinFilter;

/// `build OP probe`: each operand over the schema of its side.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) build: Arc<dyn PhysicalExpr>,
    pub(super) probe: Arc<dyn PhysicalExpr>,
    pub(super) or_equal: bool,
}

/// A row of the build side is a range, from what is at most a value of the probe side to what is at
/// least one. A point is a range too: then both bounds have the same operand of the build side.
#[derive(Clone, Debug)]
pub(super) struct RangeCondition {
    /// `build <= probe`, or `<`.
    pub(super) begin: Bound,
    /// `build >= probe`, or `>`.
    pub(super) end: Bound,
}

impl RangeCondition {
    /// The first bound of each kind among the parts of a condition.
    pub(super) fn of(filter: &JoinFilter, build: &Schema, probe: &Schema) -> Result<Option<RangeCondition>> {
        let (mut begin, mut end) = (None, None);
        for part in split_conjunction(filter.expression()) {
            match bound(part, filter, build, probe)? {
                Some((Operator::LtEq, bound)) => begin = begin.or(Some(bound)),
                Some((_, bound)) => end = end.or(Some(bound)),
                None => {}
            }
        }
        Ok(begin.zip(end).map(|(begin, end)| RangeCondition { begin, end }))
    }
}

impl fmt::Display for RangeCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |bound: &Bound| if bound.or_equal { "=" } else { "" };
        let (begin, end) = (&self.begin, &self.end);
        write!(f, "{} <{} {}, ", begin.build, sign(begin), begin.probe)?;
        write!(f, "{} >{} {}", end.build, sign(end), end.probe)
    }
}

/// A comparison of the two sides, as `build <= probe` or `build >= probe`.
fn bound(
    part: &Arc<dyn PhysicalExpr>,
    filter: &JoinFilter,
    build: &Schema,
    probe: &Schema,
) -> Result<Option<(Operator, Bound)>> {
    let Some(comparison) = part.downcast_ref::<BinaryExpr>() else { return Ok(None) };
    let (left, right) = (comparison.left(), comparison.right());
    let (operator, on_build, on_probe) = match (side_of(left, filter), side_of(right, filter)) {
        (Some(JoinSide::Left), Some(JoinSide::Right)) => (Some(*comparison.op()), left, right),
        (Some(JoinSide::Right), Some(JoinSide::Left)) => (comparison.op().swap(), right, left),
        _ => return Ok(None),
    };
    let (kind, or_equal) = match operator {
        Some(Operator::Lt) => (Operator::LtEq, false),
        Some(Operator::LtEq) => (Operator::LtEq, true),
        Some(Operator::Gt) => (Operator::GtEq, false),
        Some(Operator::GtEq) => (Operator::GtEq, true),
        _ => return Ok(None),
    };
    let bound = Bound {
        build: over_side(on_build, filter, build)?,
        probe: over_side(on_probe, filter, probe)?,
        or_equal,
    };
    let data_type = bound.build.data_type(build)?;
    let is_same = data_type == bound.probe.data_type(probe)?;
    Ok((is_same && is_number(&data_type)).then_some((kind, bound)))
}

/// Of one side alone.
fn side_of(expr: &Arc<dyn PhysicalExpr>, filter: &JoinFilter) -> Option<JoinSide> {
    let columns = collect_columns(expr);
    let mut sides = columns.iter().map(|column| filter.column_indices()[column.index()].side);
    let first = sides.next()?;
    sides.all(|side| side == first).then_some(first)
}

/// The same expression over the columns of its side instead of those of the condition.
fn over_side(
    expr: &Arc<dyn PhysicalExpr>,
    filter: &JoinFilter,
    schema: &Schema,
) -> Result<Arc<dyn PhysicalExpr>> {
    let moved = expr.clone().transform_up(|node| {
        let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
        let index = filter.column_indices()[column.index()].index;
        let moved = Column::new(schema.field(index).name(), index);
        Ok(Transformed::yes(Arc::new(moved) as Arc<dyn PhysicalExpr>))
    })?;
    Ok(moved.data)
}

/// What orders as the integer that it is kept as.
fn is_number(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, _) | DataType::Date32 | DataType::Int32 | DataType::Int64)
}

/// The values of an operand: as they are, and as integers.
pub(super) fn values_of(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<(ArrayRef, ArrayRef)> {
    let values = expr.evaluate(batch)?.into_array(batch.num_rows())?;
    let numbers = match values.data_type() {
        // By way of its 32 bits.
        DataType::Date32 => cast(&cast(&values, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(&values, &DataType::Int64)?,
    };
    Ok((values, numbers))
}

/// A number of a column that [`values_of`] made; NULL is none.
pub(super) fn number_at(numbers: &ArrayRef, row: usize) -> Option<i64> {
    let numbers = numbers.as_primitive::<Int64Type>();
    numbers.is_valid(row).then(|| numbers.value(row))
}
