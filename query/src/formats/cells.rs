//! Reads the Arrow IPC stream of a result as columns and JSON cells, while it comes: what a client of
//! `/api/sql` shows to people.

use arrow_ipc::reader::StreamDecoder;
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::error::ArrowError;
use serde_json::Value;

use super::{type_name, write_json_value};

/// A column of a result: its name and its type in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub type_name: String,
}

/// The bytes are no result, or not all of one.
#[derive(Debug, thiserror::Error)]
#[error("the result cannot be read: {0}")]
pub struct UnreadableResult(String);

/// Takes the bytes of a result piece by piece.
#[derive(Default)]
pub struct CellReader {
    decoder: StreamDecoder,
}

impl CellReader {
    /// The rows that are whole with these bytes.
    pub fn push(&mut self, bytes: Bytes) -> Result<Vec<Vec<Value>>, UnreadableResult> {
        let mut buffer = Buffer::from(bytes);
        let mut rows = Vec::new();
        while !buffer.is_empty() {
            let Some(batch) = self.decoder.decode(&mut buffer).map_err(unreadable)? else { continue };
            for row in 0..batch.num_rows() {
                rows.push(cells_of(&batch, row)?);
            }
        }
        Ok(rows)
    }

    /// Empty until the first bytes have come.
    pub fn columns(&self) -> Vec<Column> {
        let Some(schema) = self.decoder.schema() else { return Vec::new() };
        let column = |field: &datafusion::arrow::datatypes::FieldRef| Column {
            name: field.name().clone(),
            type_name: type_name(field.data_type()),
        };
        schema.fields().iter().map(column).collect()
    }

    /// That the end of the bytes is the end of the result.
    pub fn finish(&mut self) -> Result<(), UnreadableResult> {
        self.decoder.finish().map_err(unreadable)
    }
}

fn cells_of(batch: &RecordBatch, row: usize) -> Result<Vec<Value>, UnreadableResult> {
    let mut cells = Vec::with_capacity(batch.num_columns());
    let mut json = Vec::new();
    for column in batch.columns() {
        json.clear();
        write_json_value(&mut json, column, row).map_err(unreadable)?;
        cells.push(serde_json::from_slice(&json).map_err(|error| UnreadableResult(error.to_string()))?);
    }
    Ok(cells)
}

fn unreadable(error: ArrowError) -> UnreadableResult {
    UnreadableResult(error.to_string())
}
