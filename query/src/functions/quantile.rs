//! `histogram_quantile(q, le, value)`: a quantile from the cumulative buckets of a classic histogram,
//! as an aggregate over its buckets. The interpolation is PromQL's own.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_string_array;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, TypeSignature, Volatility,
};
use promql::arithmetic;

use super::documented::{Manual, Section};

const NAME: &str = "histogram_quantile";

const HISTOGRAM_QUANTILE: Manual = Manual {
    section: Section::Counters,
    syntax: "histogram_quantile(q, le, value)",
    description: "The q-quantile of a classic histogram from its cumulative buckets, interpolated within the bucket as in PromQL; values of equal bounds are added. NaN without a bucket '+Inf' or without observations; NULL without rows.",
    arguments: &[
        ("q", "0 to 1; below is -Infinity, above +Infinity."),
        (
            "le",
            "The bucket's upper bound, a number or the text of the label le. What is no number is left out.",
        ),
        ("value", "Observations up to the bound, usually an increase or rate of a _bucket series."),
    ],
    example: "SELECT histogram_quantile(0.99, le, value) FROM (SELECT labels['le'] AS le, series_id, increase(ts, value) AS value FROM metrics WHERE metric = 'latency_seconds_bucket' AND ts > now() - INTERVAL '1 hour' GROUP BY 1, 2)",
};

pub(super) fn functions() -> Vec<AggregateUDF> {
    let with_bound = |bound| TypeSignature::Exact(vec![DataType::Float64, bound, DataType::Float64]);
    let bounds = vec![with_bound(DataType::Float64), with_bound(DataType::Utf8)];
    let signature = Signature::new(TypeSignature::OneOf(bounds), Volatility::Immutable);
    let documentation = HISTOGRAM_QUANTILE.documentation();
    vec![AggregateUDF::from(HistogramQuantile { signature, documentation })]
}

#[derive(Debug)]
struct HistogramQuantile {
    signature: Signature,
    documentation: Documentation,
}

impl AggregateUDFImpl for HistogramQuantile {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Buckets::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let numbers = DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)));
        let parts = [("q", DataType::Float64), ("bounds", numbers.clone()), ("counts", numbers)];
        let field =
            |(part, data_type)| Arc::new(Field::new(format_state_name(args.name, part), data_type, true));
        Ok(parts.into_iter().map(field).collect())
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for HistogramQuantile {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for HistogramQuantile {}

impl Hash for HistogramQuantile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

#[derive(Debug, Default)]
struct Buckets {
    quantile: Option<f64>,
    /// Counts by the bits of their bound.
    counts: HashMap<u64, f64>,
}

impl Buckets {
    fn add(&mut self, bound: f64, count: f64) {
        *self.counts.entry(bound.to_bits()).or_insert(0.0) += count;
    }

    fn take_quantile(&mut self, quantiles: &ArrayRef) {
        if self.quantile.is_none() {
            self.quantile = quantiles.as_primitive::<Float64Type>().iter().flatten().next();
        }
    }
}

impl Accumulator for Buckets {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.take_quantile(&values[0]);
        let counts = values[2].as_primitive::<Float64Type>();
        let fresh = |count: Option<f64>| count.filter(|count| !telemetry::is_stale(*count));
        if values[1].data_type() == &DataType::Float64 {
            for (bound, count) in values[1].as_primitive::<Float64Type>().iter().zip(counts) {
                if let (Some(bound), Some(count)) = (bound, fresh(count)) {
                    self.add(bound, count);
                }
            }
            return Ok(());
        }
        for (text, count) in as_string_array(&values[1])?.iter().zip(counts) {
            if let (Some(bound), Some(count)) = (text.and_then(arithmetic::bucket_bound), fresh(count)) {
                self.add(bound, count);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let Some(quantile) = self.quantile.filter(|_| !self.counts.is_empty()) else {
            return Ok(ScalarValue::Float64(None));
        };
        let buckets = self.counts.iter().map(|(bound, count)| (f64::from_bits(*bound), *count));
        Ok(ScalarValue::Float64(Some(arithmetic::histogram_quantile(quantile, buckets))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<(u64, f64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (bounds, counts): (Vec<f64>, Vec<f64>) =
            self.counts.iter().map(|(bound, count)| (f64::from_bits(*bound), *count)).unzip();
        let list = |numbers: Vec<f64>| {
            let item = Arc::new(Field::new_list_field(DataType::Float64, true));
            let offsets = OffsetBuffer::from_lengths([numbers.len()]);
            ScalarValue::List(Arc::new(ListArray::new(
                item,
                offsets,
                Arc::new(Float64Array::from(numbers)),
                None,
            )))
        };
        Ok(vec![ScalarValue::Float64(self.quantile), list(bounds), list(counts)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.take_quantile(&states[0]);
        let (bounds, counts) = (states[1].as_list::<i32>(), states[2].as_list::<i32>());
        for row in (0..bounds.len()).filter(|row| bounds.is_valid(*row)) {
            let (bounds, counts) = (bounds.value(row), counts.value(row));
            let bounds = bounds.as_primitive::<Float64Type>();
            for (bound, count) in bounds.iter().zip(counts.as_primitive::<Float64Type>()) {
                if let (Some(bound), Some(count)) = (bound, count) {
                    self.add(bound, count);
                }
            }
        }
        Ok(())
    }
}
