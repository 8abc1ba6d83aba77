//! Rows of any table, merged by their keys in Arrow's row format. Runs that no other input interrupts are
//! taken as a whole.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, interleave_record_batch};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};

use super::{Input, OUTPUT_ROWS};
use crate::error::LakeError;
use crate::schema::Table;

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

pub struct Merger {
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
    pub fn new(table: Table, inputs: Vec<Input>) -> Result<Merger, LakeError> {
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

    /// The next rows; `None` when all were taken.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        while self.chosen.len() < OUTPUT_ROWS {
            if !self.advance()? {
                if let Some((_, place)) = self.last.take() {
                    self.chosen.push(place);
                }
                break;
            }
        }
        if self.chosen.is_empty() { Ok(None) } else { self.take_chosen().map(Some) }
    }

    fn read(&self, input: &mut Input) -> Result<Option<(RecordBatch, Rows)>, LakeError> {
        let Some(batch) = input.read(self.table)? else { return Ok(None) };
        let columns: Vec<_> = self.key_columns.iter().map(|at| batch.column(*at).clone()).collect();
        let keys = self.converter.convert_columns(&columns)?;
        Ok(Some((batch, keys)))
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

    /// The chosen rows as a batch; batches that are read to their end are let go.
    fn take_chosen(&mut self) -> Result<RecordBatch, LakeError> {
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
