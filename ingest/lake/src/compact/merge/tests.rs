//! Files in, files out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::columns;
use crate::file::FileKind;

/// Series, time, value.
type Row = (i64, i64, f64);

struct Memory {
    files: Vec<(i64, Vec<u8>)>,
    calls: usize,
    calls_max: usize,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { files: Vec::new(), calls: 0, calls_max: usize::MAX }
    }
}

impl Sink for Memory {
    type File = Vec<u8>;

    fn open(&mut self) -> Result<Vec<u8>, LakeError> {
        Ok(Vec::new())
    }

    fn finish(&mut self, file: FileWriter, sequence: i64) -> Result<(), LakeError> {
        let new = file.finish("1970-01-01", FileKind::Day, sequence)?;
        self.files.push((sequence, new.content));
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), LakeError> {
        self.calls += 1;
        if self.calls > self.calls_max { Err(LakeError::Closed) } else { Ok(()) }
    }
}

fn input(sequence: i64, rows: &[Row]) -> Input {
    let rows: Vec<_> = rows.iter().map(|row| ("m", *row)).collect();
    input_of_metrics(sequence, &rows)
}

fn input_of_metrics(sequence: i64, rows: &[(&str, Row)]) -> Input {
    let batch = RecordBatch::try_new(
        Table::MetricSamples.file_schema(),
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|(metric, _)| metric))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, row)| row.0))),
            columns::timestamps(rows.iter().map(|(_, row)| row.1)),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|(_, row)| row.2))),
        ],
    );
    let mut writer = FileWriter::new(Table::MetricSamples, Effort::Flush).unwrap();
    writer.write(&batch.unwrap()).unwrap();
    let content = writer.finish("1970-01-01", FileKind::Flush, sequence).unwrap().content;
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content)).unwrap();
    Input { sequence, reader: builder.with_batch_size(3).build().unwrap() }
}

fn rows_of(content: Vec<u8>) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content)).unwrap();
    reader.build().unwrap().flat_map(|batch| rows_of_batch(&batch.unwrap())).collect()
}

fn rows_of_batch(batch: &RecordBatch) -> Vec<Row> {
    let ids = batch.column(1).as_primitive::<Int64Type>().values();
    let times = batch.column(2).as_primitive::<TimestampMicrosecondType>().values();
    let values = batch.column(3).as_primitive::<Float64Type>().values();
    (0..batch.num_rows()).map(|row| (ids[row], times[row], values[row])).collect()
}

fn target(rows_max: u64) -> Target {
    Target { table: Table::MetricSamples, effort: Effort::Day, rows_max, bytes_max: u64::MAX }
}

#[test]
fn of_rows_with_one_key_the_one_from_the_latest_input_stays() {
    let inputs = vec![
        input(20, &[(1, 10, 2.0), (1, 30, 2.0), (3, 10, 2.0)]),
        input(10, &[(1, 10, 1.0), (1, 20, 1.0), (2, 10, 1.0), (3, 10, 1.0)]),
        input(30, &[(1, 20, 3.0)]),
    ];
    let mut memory = Memory::default();
    merge(target(1_000), inputs, &mut memory).unwrap();
    let (sequence, content) = memory.files.pop().unwrap();
    assert_eq!((sequence, memory.files.len()), (30, 0));
    let expected = [(1, 10, 2.0), (1, 20, 3.0), (1, 30, 2.0), (2, 10, 1.0), (3, 10, 2.0)];
    assert_eq!(rows_of(content), expected);
}

#[test]
fn many_inputs_become_sorted_files_of_bounded_size() {
    let count = 100_000;
    let inputs = (0..7).map(|of| {
        let rows: Vec<Row> = (0..count).filter(|n| n % 7 == of).map(|n| (n / 1_000, n, n as f64)).collect();
        input(of, &rows)
    });
    let mut memory = Memory::default();
    merge(target(40_000), inputs.collect(), &mut memory).unwrap();
    assert_eq!(memory.calls, 4, "after every {OUTPUT_ROWS} rows");
    let files: Vec<Vec<Row>> = memory.files.into_iter().map(|(_, content)| rows_of(content)).collect();
    assert_eq!(files.iter().map(Vec::len).collect::<Vec<_>>(), [65_536, 34_464]);
    let expected: Vec<Row> = (0..count).map(|n| (n / 1_000, n, n as f64)).collect();
    assert_eq!(files.concat(), expected);
}

#[test]
fn a_merge_ends_when_it_is_told_to() {
    let rows: Vec<Row> = (0..100_000).map(|n| (1, n, 0.0)).collect();
    let mut memory = Memory { calls_max: 1, ..Memory::default() };
    let merged = merge(target(u64::MAX), vec![input(1, &rows)], &mut memory);
    assert!(matches!(merged, Err(LakeError::Closed)) && memory.files.is_empty());
}

#[test]
fn nothing_in_nothing_out() {
    let mut memory = Memory::default();
    merge(target(10), vec![input(1, &[])], &mut memory).unwrap();
    assert!(memory.files.is_empty());
}

/// Of inputs with these keys: all rows, and of equal keys the row of the latest input.
fn merged_by_map(inputs: &[BTreeSet<(usize, i64, i64)>]) -> Vec<(String, Row)> {
    let mut rows = BTreeMap::new();
    for (sequence, keys) in inputs.iter().enumerate() {
        rows.extend(keys.iter().map(|key| (*key, sequence as f64)));
    }
    rows.into_iter()
        .map(|((metric, id, time), value)| (METRICS[metric].to_owned(), (id, time, value)))
        .collect()
}

const METRICS: [&str; 3] = ["a", "aa", "b"];

/// Ids are of one metric each.
fn keys() -> impl Strategy<Value = BTreeSet<(usize, i64, i64)>> {
    let key = (0..METRICS.len(), 0_i64..4, 0_i64..12)
        .prop_map(|(metric, id, time)| (metric, 3 * id + metric as i64, time));
    proptest::collection::btree_set(key, 0..40)
}

proptest! {
    #[test]
    fn samples_merge_as_a_map_does(inputs in proptest::collection::vec(keys(), 1..7)) {
        let readers = inputs.iter().enumerate().map(|(sequence, keys)| {
            let row = |(metric, id, time): &(usize, i64, i64)| (METRICS[*metric], (*id, *time, sequence as f64));
            input_of_metrics(sequence as i64, &keys.iter().map(row).collect::<Vec<_>>())
        });
        let mut merger = samples::Merger::new(readers.collect()).unwrap();
        let mut merged = Vec::new();
        while let Some(batch) = merger.next().unwrap() {
            let metrics = batch.column(0).as_string::<i32>().iter().map(|metric| metric.unwrap().to_owned());
            merged.extend(metrics.zip(rows_of_batch(&batch)));
        }
        prop_assert_eq!(merged, merged_by_map(&inputs));
    }
}
