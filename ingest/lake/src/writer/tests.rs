//! What a file holds is what was written, in the layouts that were measured.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::Float64Type;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelector};
use parquet::basic::Encoding;
use parquet::file::metadata::PageIndexPolicy;
use telemetry::{LogRecord, Timestamp};

use super::*;
use crate::columns;
use crate::file::StatValue;

fn samples(rows: &[(&str, i64, i64, f64)]) -> RecordBatch {
    let column = |values: Vec<ArrayRef>| RecordBatch::try_new(Table::MetricSamples.file_schema(), values);
    column(vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
        columns::timestamps(rows.iter().map(|row| row.2)),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.3))),
    ])
    .unwrap()
}

fn written(batch: &RecordBatch, effort: Effort) -> ParquetRecordBatchReaderBuilder<bytes::Bytes> {
    let mut writer = FileWriter::new(Table::MetricSamples, effort).unwrap();
    writer.write(batch).unwrap();
    let new = writer.finish("1970-01-01", FileKind::Flush, 1).unwrap();
    assert_eq!(new.file.bytes, new.content.len() as u64);
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    ParquetRecordBatchReaderBuilder::try_new_with_options(new.content.into(), options).unwrap()
}

#[test]
fn what_is_written_reads_back_bit_by_bit_at_every_effort() {
    let bits = |n: i64| f64::from_bits((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let batches = |read: Vec<RecordBatch>| {
        arrow::compute::concat_batches(&Table::MetricSamples.file_schema(), &read).unwrap()
    };
    let special = [f64::NAN, f64::from_bits(telemetry::STALE_NAN_BITS), -0.0, f64::INFINITY, 5e-324];
    let rows: Vec<_> = (0..400_000_i64)
        .map(|n| {
            let series = n / 1_000;
            let value = match series % 3 {
                0 => special[(n % 5) as usize],
                1 => n as f64,
                _ => bits(n),
            };
            (if series < 230 { "a" } else { "b" }, series, n % 1_000 * 15_000_000 + n % 7 * 1_000, value)
        })
        .collect();
    let batch = samples(&rows);
    let values = |batch: &RecordBatch| -> Vec<u64> {
        batch.column(3).as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect()
    };
    for effort in [Effort::Flush, Effort::Hour, Effort::Day] {
        let reader = written(&batch, effort);
        let groups: Vec<_> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        // Compacted groups end with their metric where that makes sense.
        let expected: &[i64] = match effort {
            Effort::Flush => &[131_072, 131_072, 131_072, 6_784],
            Effort::Hour => &[131_072, 98_928, 131_072, 38_928],
            Effort::Day => &[230_000, 170_000],
        };
        assert_eq!(groups, expected, "{effort:?}");
        let read = batches(reader.build().unwrap().map(Result::unwrap).collect());
        assert_eq!(values(&read), values(&batch), "{effort:?}");
        for column in 0..3 {
            assert_eq!(read.column(column), batch.column(column), "{effort:?} {column}");
        }
    }
}

#[test]
fn a_selection_reads_the_same_rows_from_every_layout() {
    let rows: Vec<_> =
        (0..100_000_i64).map(|n| ("m", n / 1_440, n % 1_440 * 15_000_000, (n % 97) as f64)).collect();
    let batch = samples(&rows);
    for effort in [Effort::Flush, Effort::Hour, Effort::Day] {
        let selected = vec![
            RowSelector::skip(50_000),
            RowSelector::select(100),
            RowSelector::skip(40_000),
            RowSelector::select(5),
        ];
        let reader = written(&batch, effort).with_row_selection(selected.into()).build().unwrap();
        let read: Vec<_> = reader.map(Result::unwrap).collect();
        let read = arrow::compute::concat_batches(&Table::MetricSamples.file_schema(), &read).unwrap();
        let expected = [batch.slice(50_000, 100), batch.slice(90_100, 5)];
        let expected = arrow::compute::concat_batches(&batch.schema(), &expected).unwrap();
        assert_eq!(read.columns(), expected.columns(), "{effort:?}");
    }
}

#[test]
fn encodings_are_those_that_were_measured() {
    // Two hundred series that are scraped together, at uneven times; measured values.
    let noise = |n: i64| {
        let bits = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits ^ (bits >> 27)
    };
    let rows: Vec<_> = (0..48_000_i64)
        .map(|n| {
            let at = n % 240 * 15_000_000 + (noise(n % 240) % 40) as i64 * 1_000;
            ("m", n / 240, at, 1.0 + noise(n) as f64 / u64::MAX as f64)
        })
        .collect();
    for (effort, value, time_pages, value_pages) in [
        (Effort::Flush, Encoding::PLAIN, 6, 6),
        (Effort::Hour, Encoding::BYTE_STREAM_SPLIT, 1, 7),
        (Effort::Day, Encoding::BYTE_STREAM_SPLIT, 1, 1),
    ] {
        let reader = written(&samples(&rows), effort);
        let group = reader.metadata().row_group(0).clone();
        let has = |column: usize, encoding| group.column(column).encodings().any(|one| one == encoding);
        assert!(has(3, value), "{effort:?}");
        for column in 2..4 {
            assert!(group.column(column).dictionary_page_offset().is_none(), "column {column}");
        }
        assert_eq!(group.sorting_columns().map(Vec::len), Some(3));
        let pages = |column: usize| reader.metadata().offset_index().unwrap()[0][column].page_locations.len();
        assert_eq!(pages(2), time_pages, "{effort:?}");
        assert_eq!(pages(3), value_pages, "{effort:?}");
    }
}

#[test]
fn few_values_are_indexes_beside_other_pages() {
    let noise = |n: i64| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let value = |n: i64| match n {
        0..40_000 => (noise(n) % 101) as f64,
        40_000..80_000 => 1.0 / (1 + noise(n)) as f64,
        // Of which some are known from the first metric.
        _ => (90 + noise(n) % 50) as f64,
    };
    let metric = |n: i64| ["percent", "seconds", "temperature"][(n / 40_000) as usize];
    let rows: Vec<_> =
        (0..120_000_i64).map(|n| (metric(n), n / 1_000, n % 1_000 * 15_000_000, value(n))).collect();
    let batch = samples(&rows);
    for effort in [Effort::Hour, Effort::Day] {
        let reader = written(&batch, effort);
        let values = reader.metadata().row_group(0).column(3).clone();
        let has = |encoding| values.encodings().any(|one| one == encoding);
        assert!(has(Encoding::RLE_DICTIONARY) && has(Encoding::BYTE_STREAM_SPLIT), "{effort:?}");
        assert!(values.dictionary_page_offset() < Some(values.data_page_offset()), "{effort:?}");
        let read: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        let read = arrow::compute::concat_batches(&Table::MetricSamples.file_schema(), &read).unwrap();
        assert_eq!(read.columns(), batch.columns(), "{effort:?}");
    }
}

#[test]
fn rows_with_much_text_make_smaller_row_groups() {
    let body = "x".repeat(layout::ROW_GROUP_BYTES / 64);
    let log =
        |n| LogRecord { ts: Timestamp::from_micros(n), body: body.as_str().into(), ..LogRecord::default() };
    let mut writer = FileWriter::new(Table::Logs, Effort::Day).unwrap();
    for n in 0..130 {
        let batch = columns::log_rows(&[log(n)].iter().collect()).unwrap();
        let columns: Vec<usize> = (0..batch.num_columns() - 1).collect();
        writer.write(&batch.project(&columns).unwrap()).unwrap();
    }
    let content = writer.finish("1970-01-01", FileKind::Day, 1).unwrap().content;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content)).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 3);
    assert_eq!(reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 130);
}

#[test]
fn statistics_bound_what_is_in_the_file() {
    let long = "x".repeat(200);
    let log = |service: Option<&str>, micros| LogRecord {
        ts: Timestamp::from_micros(micros),
        service: service.map(Into::into),
        body: "b".into(),
        ..LogRecord::default()
    };
    let mut writer = FileWriter::new(Table::Logs, Effort::Flush).unwrap();
    for rows in [vec![log(None, 3), log(Some("api"), 5)], vec![log(Some("b"), 1)], vec![log(Some(&long), 9)]]
    {
        let batch = columns::log_rows(&rows.iter().collect()).unwrap();
        let columns: Vec<usize> = (0..batch.num_columns() - 1).collect();
        writer.write(&batch.project(&columns).unwrap()).unwrap();
    }
    let file = writer.finish("1970-01-01", FileKind::Flush, 1).unwrap().file;
    assert_eq!(file.rows, 4);
    let time = |micros| Timestamp::from_micros(micros);
    assert_eq!(file.time_range(Table::Logs), Some((time(1), time(9))));
    let service = &file.stats["service"];
    assert_eq!(service.min, Some(StatValue::Text("api".into())));
    assert_eq!((&service.max, service.null_count), (&None, Some(1)));
}
