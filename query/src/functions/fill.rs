//! Gaps in a sequence: the window functions `locf(value)`, which carries the last value on, and
//! `interpolate(ts, value)`, which draws a straight line to the next one.
//!
//! Both look at the whole partition in the order of `OVER (... ORDER BY ...)` and need no frame.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

use super::documented::{Manual, Section};
use super::types::timestamp_type;

const LOCF: Manual = Manual {
    section: Section::Time,
    syntax: "locf(value) OVER (ORDER BY ...)",
    description: "The last value that is not NULL, this row's included; NULL before the first.",
    arguments: &[("value", "Any type.")],
    example: "SELECT bucket, locf(value) OVER (ORDER BY bucket) FROM time_buckets('1 minute', now() - INTERVAL '1 hour', now()) LEFT JOIN (SELECT time_bucket('1 minute', ts) AS bucket, max(value) AS value FROM metrics WHERE metric = 'queue_length' GROUP BY 1) filled USING (bucket)",
};
const INTERPOLATE: Manual = Manual {
    section: Section::Time,
    syntax: "interpolate(ts, value) OVER (ORDER BY ts)",
    description: "The value, or where it is NULL the point on the straight line between the values before and after; NULL before the first and after the last.",
    arguments: &[("ts", "When."), ("value", "A number.")],
    example: "SELECT bucket, interpolate(bucket, value) OVER (ORDER BY bucket) FROM time_buckets('1 minute', now() - INTERVAL '1 hour', now()) LEFT JOIN (SELECT time_bucket('1 minute', ts) AS bucket, avg(value) AS value FROM metrics WHERE metric = 'queue_length' GROUP BY 1) filled USING (bucket)",
};

pub(super) fn functions() -> Vec<WindowUDF> {
    let numbers = Signature::exact(vec![timestamp_type(), DataType::Float64], Volatility::Immutable);
    let any = Signature::any(1, Volatility::Immutable);
    vec![
        WindowUDF::from(FillFunction {
            fill: Fill::Last,
            signature: any,
            documentation: LOCF.documentation(),
        }),
        WindowUDF::from(FillFunction {
            fill: Fill::Line,
            signature: numbers,
            documentation: INTERPOLATE.documentation(),
        }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fill {
    Last,
    Line,
}

#[derive(Debug)]
struct FillFunction {
    fill: Fill,
    signature: Signature,
    documentation: Documentation,
}

impl WindowUDFImpl for FillFunction {
    fn name(&self) -> &str {
        match self.fill {
            Fill::Last => "locf",
            Fill::Line => "interpolate",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(self.fill))
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let data_type = match (self.fill, args.get_input_field(0)) {
            (Fill::Last, Some(value)) => value.data_type().clone(),
            _ => DataType::Float64,
        };
        Ok(Arc::new(Field::new(args.name(), data_type, true)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for FillFunction {
    fn eq(&self, other: &Self) -> bool {
        self.fill == other.fill
    }
}

impl Eq for FillFunction {}

impl Hash for FillFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fill.hash(state);
    }
}

impl PartitionEvaluator for Fill {
    fn evaluate_all(&mut self, values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        match self {
            Fill::Last => carried_on(&values[0]),
            Fill::Line => Ok(Arc::new(on_the_line(&values[0], &values[1]))),
        }
    }
}

fn carried_on(values: &ArrayRef) -> Result<ArrayRef> {
    let mut last = None;
    let rows: UInt32Array = (0..values.len())
        .map(|row| {
            if values.is_valid(row) {
                last = u32::try_from(row).ok();
            }
            last
        })
        .collect();
    Ok(take(values, &rows, None)?)
}

fn on_the_line(times: &ArrayRef, values: &ArrayRef) -> Float64Array {
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let values = values.as_primitive::<Float64Type>();
    let mut filled: Vec<Option<f64>> = values.iter().collect();
    let known: Vec<usize> =
        (0..values.len()).filter(|row| values.is_valid(*row) && times.is_valid(*row)).collect();
    for pair in known.windows(2) {
        let (left, right) = (pair[0], pair[1]);
        let distance = (times.value(right) - times.value(left)) as f64;
        let rise = values.value(right) - values.value(left);
        if distance == 0.0 {
            continue;
        }
        for row in (left + 1..right).filter(|row| times.is_valid(*row)) {
            let share = (times.value(row) - times.value(left)) as f64 / distance;
            filled[row] = Some(values.value(left) + rise * share);
        }
    }
    Float64Array::from(filled)
}
