//! The build side of a range join: its rows by key, and within a key by where their ranges begin.

use std::collections::HashMap;
use std::ops::Range;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{concat_batches, take, take_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::PhysicalExprRef;
use futures::StreamExt;

use super::condition::{RangeCondition, number_at, values_of};

#[derive(Debug)]
pub(super) struct Index {
    /// By key, then by begin. Without the rows that match nothing because something is NULL.
    pub(super) rows: RecordBatch,
    /// The smallest begin and the largest end, when there are rows.
    pub(super) extent: Option<(ScalarValue, ScalarValue)>,
    keys: RowConverter,
    places: HashMap<Box<[u8]>, Range<usize>>,
    begins: Vec<i64>,
    /// The largest end of the rows of the key up to here. It never falls, so it can be searched.
    ends_so_far: Vec<i64>,
    or_equal: (bool, bool),
    _memory: MemoryReservation,
}

impl Index {
    pub(super) async fn collect(
        mut input: SendableRecordBatchStream,
        on: &[PhysicalExprRef],
        range: &RangeCondition,
        memory: MemoryReservation,
    ) -> Result<Index> {
        let schema = input.schema();
        let mut batches = Vec::new();
        while let Some(batch) = input.next().await {
            let batch = batch?;
            memory.try_grow(batch.get_array_memory_size())?;
            batches.push(batch);
        }
        Index::new(&schema, &batches, on, range, memory)
    }

    fn new(
        schema: &SchemaRef,
        batches: &[RecordBatch],
        on: &[PhysicalExprRef],
        range: &RangeCondition,
        memory: MemoryReservation,
    ) -> Result<Index> {
        let rows = concat_batches(schema, batches)?;
        memory.try_grow(rows.get_array_memory_size())?;
        let columns = key_columns(on, &rows)?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let keys = converter.convert_columns(&columns)?;
        memory.try_grow(keys.size() + rows.num_rows() * (size_of::<Ranged>() + 2 * size_of::<i64>()))?;
        let (begin_values, begins) = values_of(&range.begin.build, &rows)?;
        let (end_values, ends) = values_of(&range.end.build, &rows)?;
        let mut ranged: Vec<Ranged> = (0..rows.num_rows())
            .filter(|row| columns.iter().all(|column| column.is_valid(*row)))
            .filter_map(|row| {
                Some(Ranged { row, begin: number_at(&begins, row)?, end: number_at(&ends, row)? })
            })
            .collect();
        let first = ranged.iter().min_by_key(|ranged| ranged.begin);
        let last = ranged.iter().max_by_key(|ranged| ranged.end);
        let extent = match first.zip(last) {
            Some((first, last)) => Some((
                ScalarValue::try_from_array(&begin_values, first.row)?,
                ScalarValue::try_from_array(&end_values, last.row)?,
            )),
            None => None,
        };
        ranged.sort_unstable_by(|a, b| keys.row(a.row).cmp(&keys.row(b.row)).then(a.begin.cmp(&b.begin)));
        let order: UInt64Array = ranged.iter().map(|ranged| ranged.row as u64).collect();
        Ok(Index {
            rows: take_record_batch(&rows, &order)?,
            extent,
            keys: converter,
            places: places(&ranged, &keys),
            begins: ranged.iter().map(|ranged| ranged.begin).collect(),
            ends_so_far: ends_so_far(&ranged, &keys),
            or_equal: (range.begin.or_equal, range.end.or_equal),
            _memory: memory,
        })
    }

    /// For each of some rows, where the ranges of its key are.
    pub(super) fn places_of(
        &self,
        columns: &[ArrayRef],
        rows: &UInt64Array,
    ) -> Result<Vec<Option<&Range<usize>>>> {
        let taken = columns.iter().map(|column| take(column, rows, None)).collect::<Result<Vec<_>, _>>()?;
        let keys = self.keys.convert_columns(&taken)?;
        let place = |row: usize| {
            let is_whole = taken.iter().all(|column| column.is_valid(row));
            self.places.get(keys.row(row).as_ref()).filter(|_| is_whole)
        };
        Ok((0..rows.len()).map(place).collect())
    }

    /// The rows of one key whose ranges may begin at or before one value and end at or after another.
    /// None between the first and the last of them is missing; some may not match.
    pub(super) fn around(&self, place: &Range<usize>, begin: i64, end: i64) -> Range<usize> {
        let begins = &self.begins[place.clone()];
        let to = match self.or_equal.0 {
            true => begins.partition_point(|at| *at <= begin),
            false => begins.partition_point(|at| *at < begin),
        };
        let ends = &self.ends_so_far[place.clone()][..to];
        let from = match self.or_equal.1 {
            true => ends.partition_point(|at| *at < end),
            false => ends.partition_point(|at| *at <= end),
        };
        place.start + from..place.start + to
    }
}

struct Ranged {
    row: usize,
    begin: i64,
    end: i64,
}

pub(super) fn key_columns(on: &[PhysicalExprRef], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    on.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows())).collect()
}

fn places(ranged: &[Ranged], keys: &Rows) -> HashMap<Box<[u8]>, Range<usize>> {
    let mut places = HashMap::new();
    let mut start = 0;
    for same in ranged.chunk_by(|a, b| keys.row(a.row) == keys.row(b.row)) {
        let key = keys.row(same[0].row);
        places.insert(key.as_ref().into(), start..start + same.len());
        start += same.len();
    }
    places
}

fn ends_so_far(ranged: &[Ranged], keys: &Rows) -> Vec<i64> {
    let mut ends = Vec::with_capacity(ranged.len());
    for same in ranged.chunk_by(|a, b| keys.row(a.row) == keys.row(b.row)) {
        ends.extend(same.iter().scan(i64::MIN, |largest, ranged| {
            *largest = ranged.end.max(*largest);
            Some(*largest)
        }));
    }
    ends
}
