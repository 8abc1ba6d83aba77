//! What counters and gauges did: the aggregates `rate`, `increase`, `delta`, `irate` over the samples
//! of one series. The arithmetic is PromQL's own (`promql::arithmetic`).
//!
//! Samples come in any order. Two different values at one time mean that several series were thrown
//! together, over which no rate can be computed: that is an error, not a number.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, ListArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, TypeSignature, Volatility,
};
use promql::arithmetic::Change;
use telemetry::Timestamp;

use super::documented::{Argument, Manual, Section};
use super::types::timestamp_type;

const SAMPLES: [Argument; 2] = [
    ("ts", "Time of the sample; counts to the millisecond."),
    ("value", "Value of the sample. NULL and staleness markers are left out."),
];
const WINDOW: [Argument; 2] = [
    (
        "window_start",
        "Where the window begins. With a window the change is extrapolated to its borders as PromQL does: to the border when a sample is near it, else by half a distance between samples, never below a counter's zero.",
    ),
    ("window_end", "Where the window ends."),
];
const WITH_WINDOW: [Argument; 4] = [SAMPLES[0], SAMPLES[1], WINDOW[0], WINDOW[1]];

const RATE: Manual = Manual {
    section: Section::Counters,
    syntax: "rate(ts, value [, window_start, window_end])",
    description: "Growth of a counter per second; a value below the one before it is a restart from zero. Without a window: growth from the first to the last sample, divided by the time between them. Group by series_id, then sum. NULL with less than two samples.",
    arguments: &WITH_WINDOW,
    example: "SELECT service, sum(rate) FROM (SELECT service, rate(ts, value) AS rate FROM metrics WHERE metric = 'http_requests_total' AND ts > now() - INTERVAL '5 minutes' GROUP BY service, series_id) GROUP BY service",
};
const INCREASE: Manual = Manual {
    section: Section::Counters,
    syntax: "increase(ts, value [, window_start, window_end])",
    description: "Growth of a counter, restarts counted in. Without a window: from the first to the last sample. Group by series_id, then sum. NULL with less than two samples.",
    arguments: &WITH_WINDOW,
    example: "SELECT series_id, increase(ts, value) FROM metrics WHERE metric = 'http_requests_total' GROUP BY series_id",
};
const DELTA: Manual = Manual {
    section: Section::Counters,
    syntax: "delta(ts, value [, window_start, window_end])",
    description: "Change of a gauge: last value minus first. NULL with less than two samples.",
    arguments: &WITH_WINDOW,
    example: "SELECT series_id, delta(ts, value) FROM metrics WHERE metric = 'disk_free_bytes' GROUP BY series_id",
};
const IRATE: Manual = Manual {
    section: Section::Counters,
    syntax: "irate(ts, value)",
    description: "Growth per second between the last two samples of a counter. NULL with less than two samples.",
    arguments: &SAMPLES,
    example: "SELECT series_id, irate(ts, value) FROM metrics WHERE metric = 'http_requests_total' GROUP BY series_id",
};

pub(super) fn functions() -> Vec<AggregateUDF> {
    [
        ("rate", Change::Rate, RATE),
        ("increase", Change::Increase, INCREASE),
        ("delta", Change::Delta, DELTA),
        ("irate", Change::InstantRate, IRATE),
    ]
    .map(|(name, change, manual)| AggregateUDF::from(ChangeFunction::new(name, change, &manual)))
    .into()
}

#[derive(Debug)]
struct ChangeFunction {
    name: &'static str,
    change: Change,
    signature: Signature,
    documentation: Documentation,
}

impl ChangeFunction {
    fn new(name: &'static str, change: Change, manual: &Manual) -> ChangeFunction {
        let types = [timestamp_type(), DataType::Float64, timestamp_type(), timestamp_type()];
        let samples = TypeSignature::Exact(types[..2].to_vec());
        let signature = match change {
            Change::InstantRate => samples,
            _ => TypeSignature::OneOf(vec![samples, TypeSignature::Exact(types.to_vec())]),
        };
        let signature = Signature::new(signature, Volatility::Immutable);
        ChangeFunction { name, change, signature, documentation: manual.documentation() }
    }
}

impl AggregateUDFImpl for ChangeFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SamplesOfSeries {
            name: self.name,
            change: self.change,
            samples: VecDeque::new(),
            window: None,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        let parts = [
            ("times", list(timestamp_type())),
            ("values", list(DataType::Float64)),
            ("window_start", timestamp_type()),
            ("window_end", timestamp_type()),
        ];
        let field =
            |(part, data_type)| Arc::new(Field::new(format_state_name(args.name, part), data_type, true));
        Ok(parts.into_iter().map(field).collect())
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for ChangeFunction {
    fn eq(&self, other: &Self) -> bool {
        self.change == other.change
    }
}

impl Eq for ChangeFunction {}

impl Hash for ChangeFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.change.hash(state);
    }
}

/// Samples in the order in which they came; a sliding frame takes them out in the same order.
#[derive(Debug)]
struct SamplesOfSeries {
    name: &'static str,
    change: Change,
    /// Microseconds and values.
    samples: VecDeque<(i64, f64)>,
    /// Microseconds; that of the last row counts.
    window: Option<(i64, i64)>,
}

impl SamplesOfSeries {
    fn given<'a>(&self, values: &'a [ArrayRef]) -> impl Iterator<Item = (i64, f64)> + 'a {
        let times = values[0].as_primitive::<TimestampMicrosecondType>();
        let numbers = values[1].as_primitive::<Float64Type>();
        let samples = times.iter().zip(numbers).filter_map(|(time, value)| Some((time?, value?)));
        samples.filter(|(_, value)| !telemetry::is_stale(*value))
    }

    fn take_window(&mut self, starts: &ArrayRef, ends: &ArrayRef) {
        let starts = starts.as_primitive::<TimestampMicrosecondType>();
        let ends = ends.as_primitive::<TimestampMicrosecondType>();
        let given = (0..starts.len()).rev().find(|row| starts.is_valid(*row) && ends.is_valid(*row));
        if let Some(row) = given {
            self.window = Some((starts.value(row), ends.value(row)));
        }
    }

    /// Ascending by time, in milliseconds as PromQL counts.
    fn in_order(&self) -> Result<(Vec<i64>, Vec<f64>)> {
        let mut samples: Vec<(i64, f64)> =
            self.samples.iter().map(|(micros, value)| (micros.div_euclid(1_000), *value)).collect();
        if !samples.is_sorted_by_key(|(millis, _)| *millis) {
            samples.sort_by_key(|(millis, _)| *millis);
        }
        let differs =
            |pair: &&[(i64, f64)]| pair[0].0 == pair[1].0 && pair[0].1.to_bits() != pair[1].1.to_bits();
        if let Some(pair) = samples.windows(2).find(differs) {
            return Err(DataFusionError::Execution(format!(
                "{}: the values {} and {} at {} cannot be of one series: GROUP BY series_id (or PARTITION BY \
                 it), then sum",
                self.name,
                pair[0].1,
                pair[1].1,
                Timestamp::from_millis(pair[0].0),
            )));
        }
        samples.dedup_by_key(|(millis, _)| *millis);
        Ok(samples.into_iter().unzip())
    }
}

impl Accumulator for SamplesOfSeries {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.samples.extend(self.given(values));
        if let [_, _, starts, ends] = values {
            self.take_window(starts, ends);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let gone = self.given(values).count();
        self.samples.drain(..gone.min(self.samples.len()));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let (times, values) = self.in_order()?;
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            return Ok(ScalarValue::Float64(None));
        };
        let window = match self.window {
            // Samples outside of it were selected, so they count.
            Some((start, end)) => start.div_euclid(1_000).min(*first)..end.div_euclid(1_000).max(*last),
            None => *first..*last,
        };
        Ok(ScalarValue::Float64(self.change.over(&times, &values, window)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.samples.capacity() * size_of::<(i64, f64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (times, values): (Vec<i64>, Vec<f64>) = self.samples.iter().copied().unzip();
        let times = TimestampMicrosecondArray::from(times).with_timezone("UTC");
        let border = |micros| ScalarValue::TimestampMicrosecond(micros, Some("UTC".into()));
        Ok(vec![
            ScalarValue::List(Arc::new(list_of_one(Arc::new(times)))),
            ScalarValue::List(Arc::new(list_of_one(Arc::new(Float64Array::from(values))))),
            border(self.window.map(|(start, _)| start)),
            border(self.window.map(|(_, end)| end)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (times, values) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for row in 0..times.len() {
            if times.is_valid(row) {
                let pair = [times.value(row), values.value(row)];
                self.samples.extend(self.given(&pair));
            }
        }
        self.take_window(&states[2], &states[3]);
        Ok(())
    }
}

/// A list column of one row.
fn list_of_one(values: ArrayRef) -> ListArray {
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([values.len()]);
    ListArray::new(item, offsets, values, None)
}
