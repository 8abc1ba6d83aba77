//! Minimum, maximum and nulls of a file's columns, as its add action carries them.

use arrow::array::{Array, AsArray};
use arrow::compute;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use telemetry::Timestamp;

use crate::file::{ColumnStats, StatValue};

/// Longer text has no maximum in the statistics, and its minimum is cut here.
const STAT_TEXT_BYTES: usize = 64;

pub fn stats_of(column: &dyn Array) -> ColumnStats {
    let (min, max) = match column.data_type() {
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            (compute::min(values).map(StatValue::Int), compute::max(values).map(StatValue::Int))
        }
        DataType::Timestamp(..) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            let time = |micros| StatValue::Time(Timestamp::from_micros(micros));
            (compute::min(values).map(time), compute::max(values).map(time))
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            let max = compute::max_string(values).filter(|text| text.len() <= STAT_TEXT_BYTES);
            (
                compute::min_string(values).map(|text| StatValue::Text(cut(text).to_owned())),
                max.map(|text| StatValue::Text(text.to_owned())),
            )
        }
        _ => (None, None),
    };
    ColumnStats { min, max, null_count: Some(column.null_count() as u64) }
}

/// The longest beginning within the bound: still not above the text itself.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(STAT_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

pub fn merge_stats(stats: &mut ColumnStats, seen: ColumnStats) {
    let nulls = |stats: &ColumnStats| stats.null_count.unwrap_or_default();
    // A missing maximum beside a minimum means "too long to say", not "no values".
    let unbounded = |stats: &ColumnStats| stats.min.is_some() && stats.max.is_none();
    let drop_max = unbounded(stats) || unbounded(&seen);
    let null_count = nulls(stats) + nulls(&seen);
    let min = match (stats.min.take(), seen.min) {
        (Some(a), Some(b)) => Some(if b < a { b } else { a }),
        (a, b) => a.or(b),
    };
    let max = match (stats.max.take(), seen.max) {
        (Some(a), Some(b)) => Some(if b > a { b } else { a }),
        (a, b) => a.or(b),
    };
    *stats = ColumnStats { min, max: max.filter(|_| !drop_max), null_count: Some(null_count) };
}
