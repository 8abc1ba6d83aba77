//! `{"columns":[...],"rows":[...]}` and one object per line.

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream;

use super::value::{write_json_value, write_string};
use super::{ByteStream, names, type_name};
use crate::{QueryError, SqlRows};

pub(super) fn document(rows: SqlRows) -> ByteStream {
    let mut head = Vec::from(&b"{\"columns\":["[..]);
    for (index, field) in rows.schema.fields().iter().enumerate() {
        if index > 0 {
            head.push(b',');
        }
        head.extend_from_slice(b"{\"name\":");
        write_string(&mut head, field.name());
        head.extend_from_slice(b",\"type\":");
        write_string(&mut head, &type_name(field.data_type()));
        head.push(b'}');
    }
    head.extend_from_slice(b"],\"rows\":[");
    let mut first_row = true;
    let body = rows.stream.map(move |batch| {
        let batch = batch?;
        let mut out = Vec::new();
        for row in 0..batch.num_rows() {
            if !std::mem::take(&mut first_row) {
                out.push(b',');
            }
            write_array_row(&mut out, &batch, row)?;
        }
        Ok(Bytes::from(out))
    });
    let head = stream::once(async { Ok(Bytes::from(head)) });
    let tail = stream::once(async { Ok(Bytes::from_static(b"]}")) });
    head.chain(body).chain(tail).boxed()
}

fn write_array_row(out: &mut Vec<u8>, batch: &RecordBatch, row: usize) -> Result<(), QueryError> {
    out.push(b'[');
    for (index, column) in batch.columns().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json_value(out, column, row).map_err(datafusion::error::DataFusionError::from)?;
    }
    out.push(b']');
    Ok(())
}

pub(super) fn lines(rows: SqlRows) -> ByteStream {
    let names = names(&rows.schema);
    rows.stream
        .map(move |batch| {
            let batch = batch?;
            let mut out = Vec::new();
            for row in 0..batch.num_rows() {
                out.push(b'{');
                for (index, column) in batch.columns().iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write_string(&mut out, &names[index]);
                    out.push(b':');
                    write_json_value(&mut out, column, row)
                        .map_err(datafusion::error::DataFusionError::from)?;
                }
                out.extend_from_slice(b"}\n");
            }
            Ok(Bytes::from(out))
        })
        .boxed()
}
