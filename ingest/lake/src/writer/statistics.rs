//! Minimum, maximum and nulls of a file's columns, as its add action carries them.

use arrow::array::{Array, AsArray, DictionaryArray, PrimitiveArray, StringArray};
use arrow::compute;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use telemetry::Timestamp;

use crate::file::{ColumnStats, StatValue};

/// Longer text has no maximum in the statistics, and its minimum is cut here.
const STAT_TEXT_BYTES: usize = 64;

pub fn stats_of(column: &dyn Array) -> ColumnStats {
    let (min, max) = match column.data_type() {
        DataType::Int64 => {
            let (min, max) = bounds(column.as_primitive::<Int64Type>());
            (min.map(StatValue::Int), max.map(StatValue::Int))
        }
        DataType::Timestamp(..) => {
            let (min, max) = bounds(column.as_primitive::<TimestampMicrosecondType>());
            let time = |micros| StatValue::Time(Timestamp::from_micros(micros));
            (min.map(time), max.map(time))
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            let max = compute::max_string(values).filter(|text| text.len() <= STAT_TEXT_BYTES);
            (
                compute::min_string(values).map(|text| StatValue::Text(cut(text).to_owned())),
                max.map(|text| StatValue::Text(text.to_owned())),
            )
        }
        DataType::Dictionary(..) => return stats_of(&used_words(column.as_dictionary())),
        _ => (None, None),
    };
    ColumnStats { min, max, null_count: Some(column.null_count() as u64) }
}

fn bounds<T: ArrowPrimitiveType<Native = i64>>(column: &PrimitiveArray<T>) -> (Option<i64>, Option<i64>) {
    if column.null_count() > 0 {
        return (compute::min(column), compute::max(column));
    }
    // Several times as fast as Arrow's own.
    let values = column.values().iter().copied();
    (values.clone().min(), values.max())
}

/// Of a column that is in order, nulls first: what is least and greatest stands at its ends.
pub fn stats_of_ends(column: &dyn Array) -> ColumnStats {
    let nulls = column.null_count();
    let values = column.slice(nulls, column.len() - nulls);
    let end = |at: usize| stats_of(&values.slice(at, usize::from(!values.is_empty())));
    let (min, max) = (end(0).min, end(values.len().saturating_sub(1)).max);
    ColumnStats { min, max, null_count: Some(nulls as u64) }
}

/// The words of a dictionary that occur in a column, in no order, and its nulls.
fn used_words(column: &DictionaryArray<Int32Type>) -> StringArray {
    let words = column.values().as_string::<i32>();
    let mut used = vec![false; words.len()];
    column.keys().iter().flatten().for_each(|key| used[key as usize] = true);
    let words = words.iter().zip(used).filter(|(_, used)| *used).map(|(word, _)| word);
    words.chain(std::iter::repeat_n(None, column.null_count())).collect()
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

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn of_an_ordered_column_the_ends_say_what_all_values_say() {
        let long = "x".repeat(STAT_TEXT_BYTES + 1);
        let texts = [None, None, Some("a"), Some("b"), Some(&long)];
        for from in 0..texts.len() {
            for to in from..=texts.len() {
                let column = StringArray::from(texts[from..to].to_vec());
                assert_eq!(stats_of_ends(&column), stats_of(&column), "{from}..{to}");
            }
        }
        let column = Int64Array::from(vec![-3, 0, 7]);
        assert_eq!(stats_of_ends(&column), stats_of(&column));
    }
}
