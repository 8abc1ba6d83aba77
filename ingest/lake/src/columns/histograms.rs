//! Columns of native histograms and of exemplars, there and back.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use telemetry::{BucketSpan, Buckets, Exemplar, HistogramSample, ResetHint, Timestamp};

use super::{Maps, longs, optional_texts, texts, timestamps, with_partition};
use crate::schema::{Table, count_element, span_element, span_fields};

/// Rows of `metric_histograms`, each with its series' number.
pub fn histogram_rows(rows: &[(i64, &HistogramSample)]) -> Result<RecordBatch, ArrowError> {
    let each = || rows.iter().map(|(_, histogram)| *histogram);
    let numbers = |of: fn(&HistogramSample) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(each().map(of)))
    };
    let columns = vec![
        longs(rows.iter().map(|(id, _)| *id)),
        timestamps(each().map(|histogram| histogram.ts.micros())),
        numbers(|histogram| histogram.count),
        numbers(|histogram| histogram.sum),
        Arc::new(Int32Array::from_iter_values(each().map(|histogram| histogram.schema))),
        numbers(|histogram| histogram.zero_threshold),
        numbers(|histogram| histogram.zero_count),
        spans(each().map(|histogram| histogram.positive.spans.as_slice()))?,
        counts(each().map(|histogram| histogram.positive.counts.as_slice()))?,
        spans(each().map(|histogram| histogram.negative.spans.as_slice()))?,
        counts(each().map(|histogram| histogram.negative.counts.as_slice()))?,
        counts(each().map(|histogram| histogram.custom_values.as_slice()))?,
        texts(each().map(|histogram| histogram.reset_hint.as_str())),
    ];
    with_partition(Table::MetricHistograms, columns)
}

fn counts<'a>(lists: impl Iterator<Item = &'a [f64]> + Clone) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(lists.clone().map(<[f64]>::len));
    let values = Float64Array::from_iter_values(lists.flatten().copied());
    Ok(Arc::new(ListArray::try_new(Arc::new(count_element()), offsets, Arc::new(values), None)?))
}

fn spans<'a>(lists: impl Iterator<Item = &'a [BucketSpan]> + Clone) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(lists.clone().map(<[BucketSpan]>::len));
    let all = || lists.clone().flatten();
    // A length is that of a list in memory.
    let lengths = all().map(|span| i32::try_from(span.length).unwrap_or(i32::MAX));
    let values = StructArray::try_new(
        span_fields(),
        vec![
            Arc::new(Int32Array::from_iter_values(all().map(|span| span.offset))),
            Arc::new(Int32Array::from_iter_values(lengths)),
        ],
        None,
    )?;
    Ok(Arc::new(ListArray::try_new(Arc::new(span_element()), offsets, Arc::new(values), None)?))
}

/// Rows of `metric_exemplars`, each with its series' number.
pub fn exemplar_rows(rows: &[(i64, &Exemplar)]) -> Result<RecordBatch, ArrowError> {
    let each = || rows.iter().map(|(_, exemplar)| *exemplar);
    let mut labels = Maps::new();
    for exemplar in each() {
        labels.push(exemplar.labels.iter())?;
    }
    let hex = |id: Option<&str>| id.map(lower_case_hex);
    let trace_ids: StringArray = each().map(|exemplar| hex(exemplar.trace_id())).collect();
    let span_ids: StringArray = each().map(|exemplar| hex(exemplar.span_id())).collect();
    let columns = vec![
        longs(rows.iter().map(|(id, _)| *id)),
        timestamps(each().map(|exemplar| exemplar.ts.micros())),
        Arc::new(Float64Array::from_iter_values(each().map(|exemplar| exemplar.value))),
        labels.finish(),
        optional_texts(trace_ids.iter()),
        optional_texts(span_ids.iter()),
    ];
    with_partition(Table::MetricExemplars, columns)
}

/// Ids are lower-case everywhere, so that they can be compared; what is no id is left alone.
fn lower_case_hex(id: &str) -> String {
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { id.to_ascii_lowercase() } else { id.to_owned() }
}

/// Number and time of rows of either table.
pub struct SeriesColumns<'a> {
    pub ids: &'a Int64Array,
    pub times: &'a [i64],
}

impl<'a> SeriesColumns<'a> {
    pub fn of(rows: &'a RecordBatch) -> Result<SeriesColumns<'a>, ArrowError> {
        let ids = column(rows, "series_id")?.as_primitive_opt::<Int64Type>();
        let times = column(rows, "ts")?.as_primitive_opt::<TimestampMicrosecondType>();
        match (ids, times) {
            (Some(ids), Some(times)) => Ok(SeriesColumns { ids, times: times.values() }),
            _ => Err(other_type("series_id or ts")),
        }
    }
}

/// The same rows with other numbers for their series.
pub fn renumbered(rows: RecordBatch, now: impl Fn(i64) -> i64) -> Result<RecordBatch, ArrowError> {
    let ids = longs(SeriesColumns::of(&rows)?.ids.values().iter().map(|id| now(*id)));
    let at = rows.schema_ref().index_of("series_id")?;
    let mut columns = rows.columns().to_vec();
    columns[at] = ids;
    RecordBatch::try_new(rows.schema(), columns)
}

/// The histograms of some rows.
pub fn read_histograms(rows: &RecordBatch) -> Result<Vec<(i64, HistogramSample)>, ArrowError> {
    let series = SeriesColumns::of(rows)?;
    let number =
        |name: &str| column(rows, name)?.as_primitive_opt::<Float64Type>().ok_or_else(|| other_type(name));
    let (count, sum) = (number("count")?, number("sum")?);
    let (zero_threshold, zero_count) = (number("zero_threshold")?, number("zero_count")?);
    let schema = column(rows, "schema")?.as_primitive_opt::<Int32Type>();
    let schema = schema.ok_or_else(|| other_type("schema"))?;
    let hints = column(rows, "reset_hint")?.as_string_opt::<i32>();
    let hints = hints.ok_or_else(|| other_type("reset_hint"))?;
    let positive = (read_spans(rows, "positive_spans")?, read_counts(rows, "positive_counts")?);
    let negative = (read_spans(rows, "negative_spans")?, read_counts(rows, "negative_counts")?);
    let custom = read_counts(rows, "custom_values")?;
    let histogram = |row: usize| HistogramSample {
        ts: Timestamp::from_micros(series.times[row]),
        count: count.value(row),
        sum: sum.value(row),
        schema: schema.value(row),
        zero_threshold: zero_threshold.value(row),
        zero_count: zero_count.value(row),
        positive: Buckets { spans: positive.0[row].clone(), counts: positive.1[row].clone() },
        negative: Buckets { spans: negative.0[row].clone(), counts: negative.1[row].clone() },
        custom_values: custom[row].clone(),
        reset_hint: ResetHint::from_stored(hints.value(row)),
    };
    Ok((0..rows.num_rows()).map(|row| (series.ids.value(row), histogram(row))).collect())
}

fn read_counts(rows: &RecordBatch, name: &str) -> Result<Vec<Vec<f64>>, ArrowError> {
    let lists = column(rows, name)?.as_list_opt::<i32>().ok_or_else(|| other_type(name))?;
    let values = lists.values().as_primitive_opt::<Float64Type>().ok_or_else(|| other_type(name))?;
    Ok(ranges(lists).map(|range| values.values()[range].to_vec()).collect())
}

fn read_spans(rows: &RecordBatch, name: &str) -> Result<Vec<Vec<BucketSpan>>, ArrowError> {
    let lists = column(rows, name)?.as_list_opt::<i32>().ok_or_else(|| other_type(name))?;
    let part = |part: &str| {
        let column = lists.values().as_struct_opt()?.column_by_name(part)?;
        column.as_primitive_opt::<Int32Type>().cloned()
    };
    let offsets = part("offset").ok_or_else(|| other_type(name))?;
    let lengths = part("length").ok_or_else(|| other_type(name))?;
    let span = |at: usize| BucketSpan {
        offset: offsets.value(at),
        length: u32::try_from(lengths.value(at)).unwrap_or_default(),
    };
    Ok(ranges(lists).map(|range| range.map(span).collect()).collect())
}

/// Where the elements of each list are.
fn ranges(lists: &ListArray) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    lists.value_offsets().windows(2).map(|ends| ends[0] as usize..ends[1] as usize)
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
}

fn other_type(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("{name} is of another type than expected"))
}

#[cfg(test)]
mod tests {
    use telemetry::Labels;

    use super::*;

    #[test]
    fn histograms_read_back() {
        let ts = Timestamp::from_millis(1_800_000_000_000);
        let full = HistogramSample {
            count: 12.0,
            sum: f64::NEG_INFINITY,
            zero_threshold: 1e-128,
            zero_count: 2.0,
            positive: Buckets::from_indexed([(-3, 4.0), (-2, 1.0), (9, 2.0)]),
            negative: Buckets::from_indexed([(0, 3.0)]),
            reset_hint: ResetHint::NoReset,
            ..HistogramSample::empty(ts, 8)
        };
        let custom = HistogramSample {
            count: 1.0,
            positive: Buckets::from_indexed([(1, 1.0)]),
            custom_values: vec![0.5, 1.0],
            ..HistogramSample::empty(ts, telemetry::CUSTOM_BUCKETS_SCHEMA)
        };
        let rows = histogram_rows(&[(7, &full), (8, &custom)]).unwrap();
        assert_eq!(rows.schema(), Table::MetricHistograms.schema());
        assert_eq!(read_histograms(&rows).unwrap(), [(7, full), (8, custom.clone())]);
        let moved = renumbered(rows.slice(1, 1), |id| id + 100).unwrap();
        assert_eq!(read_histograms(&moved).unwrap(), [(108, custom)]);
    }

    #[test]
    fn the_stale_marker_keeps_its_bits() {
        let stale = HistogramSample::stale(Timestamp::EPOCH);
        let rows = histogram_rows(&[(1, &stale)]).unwrap();
        assert!(read_histograms(&rows).unwrap()[0].1.is_stale());
    }

    #[test]
    fn ids_are_promoted_in_lower_case() {
        let exemplar = Exemplar {
            ts: Timestamp::EPOCH,
            value: 0.5,
            labels: Labels::new([("trace_id", "0AF7651916CD43DD8448EB211C80319C"), ("span_id", "Kürbis")])
                .unwrap(),
        };
        let rows = exemplar_rows(&[(1, &exemplar)]).unwrap();
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().value(0).to_owned();
        assert_eq!(text("trace_id"), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(text("span_id"), "Kürbis");
    }
}
