//! A k-way merge of sorted files into sorted files.
//!
//! Keys are compared in Arrow's row format. Runs that no other input interrupts are taken as a whole.
//! Where a table's key is unique, of rows with one key the one with the highest sequence stays.
//!
//! In memory are a batch per input, a row group of the output, and nothing else: the size of the inputs
//! does not matter.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, interleave_record_batch};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::error::LakeError;
use crate::read;
use crate::schema::Table;
use crate::writer::{Effort, FileWriter};

/// A sorted file.
pub struct Input {
    pub sequence: i64,
    pub reader: ParquetRecordBatchReader,
}

/// What is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub table: Table,
    pub effort: Effort,
    /// A file ends at the first of these bounds that it reaches.
    pub rows_max: u64,
    pub bytes_max: u64,
}

/// Where finished files go, and what happens in between.
pub trait Sink {
    type File: Write + Send;
    /// A new file to write to.
    fn open(&mut self) -> Result<Self::File, LakeError>;
    /// A file is complete; the highest sequence of all inputs is its.
    fn finish(&mut self, file: FileWriter<Self::File>, sequence: i64) -> Result<(), LakeError>;
    /// Called after each batch of output; an error ends the merge.
    fn pause(&mut self) -> Result<(), LakeError>;
}

/// Rows that are put together at once.
const OUTPUT_ROWS: usize = 32_768;

/// Merges the inputs. Blocking.
pub fn merge<S: Sink>(target: Target, inputs: Vec<Input>, sink: &mut S) -> Result<(), LakeError> {
    let sequence = inputs.iter().map(|input| input.sequence).max().unwrap_or_default();
    let mut merger = Merger::new(target.table, inputs)?;
    let mut output: Option<FileWriter<S::File>> = None;
    let mut more = true;
    while more {
        more = merger.advance()?;
        if !more {
            merger.choose_last();
        }
        if merger.chosen.len() < OUTPUT_ROWS && more {
            continue;
        }
        let batch = merger.take_chosen()?;
        if batch.num_rows() > 0 {
            let file = match output.take() {
                Some(file) => file,
                None => FileWriter::to(sink.open()?, target.table, target.effort)?,
            };
            let file = output.insert(file);
            file.write(&batch)?;
            if file.rows() >= target.rows_max || file.bytes() >= target.bytes_max {
                output.take().map_or(Ok(()), |file| sink.finish(file, sequence))?;
            }
        }
        sink.pause()?;
    }
    output.map_or(Ok(()), |file| sink.finish(file, sequence))
}

/// An input at a row.
struct Cursor {
    input: Input,
    /// Where its batch stands among the held ones.
    held: usize,
    keys: Rows,
    row: usize,
}

/// Key, sequence, cursor: smallest first, and of equal keys the oldest first.
type Head = Reverse<(OwnedRow, i64, usize)>;

struct Merger {
    table: Table,
    converter: RowConverter,
    key_columns: Vec<usize>,
    unique: bool,
    cursors: Vec<Cursor>,
    heads: BinaryHeap<Head>,
    held: Vec<RecordBatch>,
    /// Rows for the output, as (held batch, row).
    chosen: Vec<(usize, usize)>,
    /// The newest row, which the next one may replace.
    last: Option<(OwnedRow, (usize, usize))>,
}

impl Merger {
    fn new(table: Table, inputs: Vec<Input>) -> Result<Merger, LakeError> {
        let schema = table.file_schema();
        let options = SortOptions { descending: false, nulls_first: true };
        let mut key_columns = Vec::new();
        let mut fields = Vec::new();
        for name in table.sort_columns() {
            let at = schema.index_of(name)?;
            key_columns.push(at);
            fields.push(SortField::new_with_options(schema.field(at).data_type().clone(), options));
        }
        let mut merger = Merger {
            table,
            converter: RowConverter::new(fields)?,
            key_columns,
            unique: table.sort_key_is_unique(),
            cursors: Vec::with_capacity(inputs.len()),
            heads: BinaryHeap::with_capacity(inputs.len()),
            held: Vec::new(),
            chosen: Vec::with_capacity(OUTPUT_ROWS + 1),
            last: None,
        };
        for mut input in inputs {
            if let Some((batch, keys)) = merger.read(&mut input)? {
                let held = merger.hold(batch);
                merger.cursors.push(Cursor { input, held, keys, row: 0 });
                merger.push_head(merger.cursors.len() - 1);
            }
        }
        Ok(merger)
    }

    fn read(&self, input: &mut Input) -> Result<Option<(RecordBatch, Rows)>, LakeError> {
        for batch in input.reader.by_ref() {
            let batch = read::complete(self.table, &batch?)?;
            if batch.num_rows() > 0 {
                let columns: Vec<_> = self.key_columns.iter().map(|at| batch.column(*at).clone()).collect();
                let keys = self.converter.convert_columns(&columns)?;
                return Ok(Some((batch, keys)));
            }
        }
        Ok(None)
    }

    fn hold(&mut self, batch: RecordBatch) -> usize {
        self.held.push(batch);
        self.held.len() - 1
    }

    fn push_head(&mut self, at: usize) {
        let cursor = &self.cursors[at];
        let key = cursor.keys.row(cursor.row).owned();
        self.heads.push(Reverse((key, cursor.input.sequence, at)));
    }

    /// Takes the next run. `false` at the end.
    fn advance(&mut self) -> Result<bool, LakeError> {
        let Some(Reverse((key, _sequence, at))) = self.heads.pop() else { return Ok(false) };
        let cursor = &self.cursors[at];
        let (held, first) = (cursor.held, cursor.row);
        let run_end = match self.heads.peek() {
            Some(Reverse((next_key, ..))) => {
                let mut end = first + 1;
                while end < cursor.keys.num_rows() && cursor.keys.row(end) < next_key.row() {
                    end += 1;
                }
                end
            }
            None => cursor.keys.num_rows(),
        };
        let run_last = (run_end - 1 > first).then(|| cursor.keys.row(run_end - 1).owned());
        match self.last.take() {
            // The same key from an older source: this row is right.
            Some((last_key, _)) if self.unique && last_key == key => {}
            Some((_, place)) => self.chosen.push(place),
            None => {}
        }
        // Within one input keys are unique where the table's are.
        self.chosen.extend((first..run_end - 1).map(|row| (held, row)));
        self.last = Some((run_last.unwrap_or(key), (held, run_end - 1)));
        self.step(at, run_end)?;
        Ok(true)
    }

    fn step(&mut self, at: usize, row: usize) -> Result<(), LakeError> {
        if row < self.cursors[at].keys.num_rows() {
            self.cursors[at].row = row;
            self.push_head(at);
            return Ok(());
        }
        let mut cursor = self.cursors.swap_remove(at);
        match self.read(&mut cursor.input)? {
            Some((batch, keys)) => {
                (cursor.held, cursor.keys, cursor.row) = (self.hold(batch), keys, 0);
                self.put_back(at, cursor);
                self.push_head(at);
            }
            // Stays at its place, because heads name cursors by it.
            None => self.put_back(at, cursor),
        }
        Ok(())
    }

    fn put_back(&mut self, at: usize, cursor: Cursor) {
        self.cursors.push(cursor);
        let last = self.cursors.len() - 1;
        self.cursors.swap(at, last);
    }

    fn choose_last(&mut self) {
        if let Some((_, place)) = self.last.take() {
            self.chosen.push(place);
        }
    }

    /// The chosen rows as a batch; batches that are read to their end are let go.
    fn take_chosen(&mut self) -> Result<RecordBatch, LakeError> {
        if self.chosen.is_empty() {
            return Ok(RecordBatch::new_empty(self.table.file_schema()));
        }
        let held: Vec<&RecordBatch> = self.held.iter().collect();
        let batch = interleave_record_batch(&held, &self.chosen)?;
        self.chosen.clear();

        let mut kept = Vec::with_capacity(self.cursors.len() + 1);
        for cursor in &mut self.cursors {
            kept.push(self.held[cursor.held].clone());
            cursor.held = kept.len() - 1;
        }
        if let Some((_, place)) = &mut self.last {
            kept.push(self.held[place.0].clone());
            place.0 = kept.len() - 1;
        }
        self.held = kept;
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::columns;
    use crate::file::FileKind;

    /// Series, time, value.
    type Row = (i64, i64, f64);

    struct Memory {
        files: Vec<(i64, Vec<u8>)>,
        pauses: usize,
        pauses_max: usize,
    }

    impl Default for Memory {
        fn default() -> Memory {
            Memory { files: Vec::new(), pauses: 0, pauses_max: usize::MAX }
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

        fn pause(&mut self) -> Result<(), LakeError> {
            self.pauses += 1;
            if self.pauses > self.pauses_max { Err(LakeError::Closed) } else { Ok(()) }
        }
    }

    fn input(sequence: i64, rows: &[Row]) -> Input {
        let batch = RecordBatch::try_new(
            Table::MetricSamples.file_schema(),
            vec![
                Arc::new(StringArray::from(vec!["m"; rows.len()])),
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
                columns::timestamps(rows.iter().map(|row| row.1)),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
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
        let mut rows = Vec::new();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let ids = batch.column(1).as_primitive::<Int64Type>().values();
            let times = batch.column(2).as_primitive::<TimestampMicrosecondType>().values();
            let values = batch.column(3).as_primitive::<Float64Type>().values();
            rows.extend((0..batch.num_rows()).map(|row| (ids[row], times[row], values[row])));
        }
        rows
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
            let rows: Vec<Row> =
                (0..count).filter(|n| n % 7 == of).map(|n| (n / 1_000, n, n as f64)).collect();
            input(of, &rows)
        });
        let mut memory = Memory::default();
        merge(target(40_000), inputs.collect(), &mut memory).unwrap();
        assert_eq!(memory.pauses, 4, "after every {OUTPUT_ROWS} rows");
        let files: Vec<Vec<Row>> = memory.files.into_iter().map(|(_, content)| rows_of(content)).collect();
        assert_eq!(files.iter().map(Vec::len).collect::<Vec<_>>(), [65_536, 34_464]);
        let expected: Vec<Row> = (0..count).map(|n| (n / 1_000, n, n as f64)).collect();
        assert_eq!(files.concat(), expected);
    }

    #[test]
    fn a_merge_ends_when_it_is_told_to() {
        let rows: Vec<Row> = (0..100_000).map(|n| (1, n, 0.0)).collect();
        let mut memory = Memory { pauses_max: 1, ..Memory::default() };
        let merged = merge(target(u64::MAX), vec![input(1, &rows)], &mut memory);
        assert!(matches!(merged, Err(LakeError::Closed)) && memory.files.is_empty());
    }

    #[test]
    fn nothing_in_nothing_out() {
        let mut memory = Memory::default();
        merge(target(10), vec![input(1, &[])], &mut memory).unwrap();
        assert!(memory.files.is_empty());
    }
}
