//! RFC 4180 with a header line. Cells are the JSON texts without quotes.

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::DataType;
use futures::{StreamExt, stream};

use super::value::write_json_value;
use super::{ByteStream, names};
use crate::{QueryError, SqlRows};

pub(super) fn table(rows: SqlRows) -> ByteStream {
    let mut head = Vec::new();
    for (index, name) in names(&rows.schema).iter().enumerate() {
        if index > 0 {
            head.push(b',');
        }
        write_cell(&mut head, name);
    }
    head.extend_from_slice(b"\r\n");
    let body = rows.stream.map(|batch| {
        let batch = batch?;
        let mut out = Vec::new();
        for row in 0..batch.num_rows() {
            for (index, column) in batch.columns().iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                if let Some(text) = cell_text(column, row)? {
                    write_cell(&mut out, &text);
                }
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(Bytes::from(out))
    });
    stream::once(async { Ok(Bytes::from(head)) }).chain(body).boxed()
}

/// A column of type NULL has no bits that say so.
fn is_null(column: &ArrayRef, row: usize) -> bool {
    column.is_null(row) || *column.data_type() == DataType::Null
}

/// The JSON text of a value without quotes; `None` for NULL.
pub(crate) fn cell_text(column: &ArrayRef, row: usize) -> Result<Option<String>, QueryError> {
    if is_null(column, row) {
        return Ok(None);
    }
    let mut json = Vec::new();
    write_json_value(&mut json, column, row).map_err(datafusion::error::DataFusionError::from)?;
    if json.first() == Some(&b'"') {
        let text = serde_json::from_slice(&json).map_err(|error| QueryError::Encoding(error.into()))?;
        return Ok(Some(text));
    }
    Ok(Some(String::from_utf8_lossy(&json).into_owned()))
}

/// Quotes what has to be quoted; the empty text too, so that it differs from NULL.
fn write_cell(out: &mut Vec<u8>, text: &str) {
    let plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
    if plain {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}
