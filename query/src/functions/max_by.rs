//! `max_by(value, key [, key ...])`: the value of the row with the greatest keys.
//!
//! What "the current state of a subject" means in one pass and without a sort: the payload of its event
//! with the highest sequence. Each group keeps the keys of its best row, as bytes that compare like them,
//! and where that row's value is.

mod groups;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, Signature,
    Volatility,
};

use super::documented::{Manual, Section};
use groups::Greatest;

const MAX_BY: Manual = Manual {
    section: Section::Time,
    syntax: "max_by(value, key [, key ...])",
    description: "The value of the row with the greatest key; where keys are equal, the next ones decide. NULL keys are the least.",
    arguments: &[("value", "What is wanted; may be NULL."), ("key", "What is compared.")],
    example: "SELECT labels['host'] AS host, max_by(value, ts) AS newest FROM metrics WHERE metric = 'up' GROUP BY 1",
};

pub(super) fn functions() -> Vec<AggregateUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    vec![AggregateUDF::from(MaxBy { signature, documentation: MAX_BY.documentation() })]
}

#[derive(Debug)]
struct MaxBy {
    signature: Signature,
    documentation: Documentation,
}

fn greatest(args: &AccumulatorArgs<'_>) -> Result<Greatest> {
    let mut types = args.expr_fields.iter().map(|field| field.data_type().clone());
    let value = types.next().unwrap_or(DataType::Null);
    Greatest::new(&value, types.collect())
}

impl AggregateUDFImpl for MaxBy {
    fn name(&self) -> &str {
        "max_by"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [value, _, ..] => Ok(value.clone()),
            _ => Err(DataFusionError::Plan(format!("{} needs a value and a key", MAX_BY.syntax))),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OfAllRows(greatest(&args)?)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field =
            |part, data_type| Arc::new(Field::new(format_state_name(args.name, part), data_type, true));
        Ok(vec![field("value", args.return_field.data_type().clone()), field("keys", DataType::Binary)])
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(greatest(&args)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for MaxBy {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for MaxBy {}

impl std::hash::Hash for MaxBy {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

/// Without GROUP BY there is one group.
#[derive(Debug)]
struct OfAllRows(Greatest);

impl Accumulator for OfAllRows {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &vec![0; states[0].len()], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.hold(1);
        ScalarValue::try_from_array(&self.0.evaluate(EmitTo::All)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.hold(1);
        self.0.state(EmitTo::All)?.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

#[cfg(test)]
mod tests;
