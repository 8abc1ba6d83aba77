//! The best row of each group.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, new_null_array};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use smallvec::SmallVec;

/// Columns of values are let go when they hold so many rows per group that counts.
const ROWS_PER_GROUP: usize = 4;
/// Fewer rows than a batch are not worth it.
const ROWS_MIN: usize = 8_192;

/// The place of the NULL that groups without a row have.
const NOWHERE: (usize, usize) = (0, 0);

/// Three numbers or times have their place without an allocation for each group.
const KEY_BYTES_INLINE: usize = 32;
type Key = SmallVec<[u8; KEY_BYTES_INLINE]>;

#[derive(Debug)]
pub(super) struct Greatest {
    converter: RowConverter,
    /// A column with one NULL, then those that places point into.
    columns: Vec<ArrayRef>,
    places: Vec<(usize, usize)>,
    /// Of the row at the place; empty for a group without a row.
    keys: Vec<Key>,
    /// Of keys that are longer.
    key_bytes: usize,
}

impl Greatest {
    pub(super) fn new(value: &DataType, keys: Vec<DataType>) -> Result<Greatest> {
        let converter = RowConverter::new(keys.into_iter().map(SortField::new).collect())?;
        let columns = vec![new_null_array(value, 1)];
        Ok(Greatest { converter, columns, places: Vec::new(), keys: Vec::new(), key_bytes: 0 })
    }

    /// Makes room for so many groups.
    pub(super) fn hold(&mut self, groups: usize) {
        if groups > self.places.len() {
            self.places.resize(groups, NOWHERE);
            self.keys.resize(groups, Key::new());
        }
    }

    /// Takes the rows that are better than what their groups have; the first one of equals stays.
    fn consider<'k>(
        &mut self,
        values: &ArrayRef,
        rows: impl Iterator<Item = (usize, usize, &'k [u8])>,
    ) -> Result<()> {
        let column = self.columns.len();
        let mut is_used = false;
        for (row, group, key) in rows {
            let known = &mut self.keys[group];
            if key > known.as_slice() {
                let before = bytes_outside(known);
                known.clear();
                known.extend_from_slice(key);
                self.key_bytes += bytes_outside(known) - before;
                self.places[group] = (column, row);
                is_used = true;
            }
        }
        if is_used {
            self.columns.push(values.clone());
            self.let_go()?;
        }
        Ok(())
    }

    /// Copies the values that count when most of what is held does not.
    fn let_go(&mut self) -> Result<()> {
        let held: usize = self.columns.iter().map(|column| column.len()).sum();
        if held > ROWS_MIN.max(ROWS_PER_GROUP * self.places.len()) {
            let values = self.values(&self.places)?;
            self.columns.truncate(1);
            self.columns.push(values);
            self.places = (0..self.places.len()).map(|row| (1, row)).collect();
        }
        Ok(())
    }

    fn values(&self, places: &[(usize, usize)]) -> Result<ArrayRef> {
        let columns: Vec<&dyn Array> = self.columns.iter().map(AsRef::as_ref).collect();
        Ok(interleave(&columns, places)?)
    }

    fn forget_keys(&mut self, emit_to: EmitTo) {
        let keys = emit_to.take_needed(&mut self.keys);
        self.key_bytes -= keys.iter().map(bytes_outside).sum::<usize>();
    }
}

impl GroupsAccumulator for Greatest {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.hold(total_num_groups);
        let keys = self.converter.convert_columns(&values[1..])?;
        let rows = group_indices.iter().enumerate().filter(|(row, _)| passes(opt_filter, *row));
        self.consider(&values[0], rows.map(|(row, group)| (row, *group, keys.row(row).data())))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.hold(total_num_groups);
        let keys = values[1].as_binary::<i32>();
        let rows = group_indices.iter().enumerate().filter(|(row, _)| keys.is_valid(*row));
        self.consider(&values[0], rows.map(|(row, group)| (row, *group, keys.value(row))))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.forget_keys(emit_to);
        let places = emit_to.take_needed(&mut self.places);
        let values = self.values(&places)?;
        if self.places.is_empty() {
            self.columns.truncate(1);
        }
        Ok(values)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let keys = match emit_to {
            EmitTo::All => &self.keys[..],
            EmitTo::First(count) => &self.keys[..count],
        };
        let keys: BinaryArray =
            keys.iter().map(|key| Some(key.as_slice()).filter(|key| !key.is_empty())).collect();
        Ok(vec![self.evaluate(emit_to)?, Arc::new(keys)])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let keys = self.converter.convert_columns(&values[1..])?;
        let key = |row: usize| passes(opt_filter, row).then(|| keys.row(row).data());
        let keys: BinaryArray = (0..keys.num_rows()).map(key).collect();
        Ok(vec![values[0].clone(), Arc::new(keys)])
    }

    fn size(&self) -> usize {
        let columns: usize = self.columns.iter().map(|column| column.get_array_memory_size()).sum();
        let groups =
            self.places.capacity() * size_of::<(usize, usize)>() + self.keys.capacity() * size_of::<Key>();
        size_of_val(self) + columns + groups + self.key_bytes
    }
}

fn bytes_outside(key: &Key) -> usize {
    if key.spilled() { key.capacity() } else { 0 }
}

/// Rows for which the condition of FILTER is NULL do not pass it.
fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}
