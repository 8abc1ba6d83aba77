//! A k-way merge of sorted files into sorted files.
//!
//! Keys are compared in Arrow's row format. Runs that no other input interrupts are taken as a whole.
//! Where a table's key is unique, of rows with one key the one with the highest sequence stays.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, interleave_record_batch};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::error::LakeError;
use crate::schema::Table;
use crate::writer::{Effort, FileWriter};

/// A sorted file.
pub struct Input {
    pub sequence: i64,
    pub reader: ParquetRecordBatchReader,
}

/// Rows that are put together at once.
const OUTPUT_ROWS: usize = 32_768;

/// Merges the inputs; hands over each finished file with the highest sequence of all inputs. Blocking.
pub fn merge(
    table: Table,
    inputs: Vec<Input>,
    rows_max: u64,
    mut finished: impl FnMut(FileWriter, i64) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    let sequence = inputs.iter().map(|input| input.sequence).max().unwrap_or_default();
    let mut output = Output { table, writer: None };
    let mut merger = Merger::new(table, inputs)?;
    while merger.advance()? {
        if merger.chosen.len() >= OUTPUT_ROWS {
            output.write(&merger.take_chosen()?)?;
            if output.rows() >= rows_max {
                output.finish(sequence, &mut finished)?;
            }
        }
    }
    merger.choose_last();
    output.write(&merger.take_chosen()?)?;
    output.finish(sequence, &mut finished)
}

struct Output {
    table: Table,
    writer: Option<FileWriter>,
}

impl Output {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(FileWriter::new(self.table, Effort::Compact)?),
        };
        writer.write(batch)
    }

    fn rows(&self) -> u64 {
        self.writer.as_ref().map_or(0, FileWriter::rows)
    }

    fn finish(
        &mut self,
        sequence: i64,
        finished: &mut impl FnMut(FileWriter, i64) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        self.writer.take().map_or(Ok(()), |writer| finished(writer, sequence))
    }
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
            // The reader knows nested fields by the names in the file; the table's names count.
            let batch = RecordBatch::try_new(self.table.file_schema(), batch?.columns().to_vec())?;
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
