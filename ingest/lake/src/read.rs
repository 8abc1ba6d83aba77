//! Reading files of tables: at the start, and for merges.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::FieldRef;
use arrow::error::ArrowError;
use object_store::path::Path;
use object_store::{GetResult, GetResultPayload, ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;

use crate::error::LakeError;
use crate::schema::Table;

/// Opens a file for reading in order, with some or all of its columns. Blocking to read.
pub async fn open_file(
    store: &Arc<dyn ObjectStore>,
    location: &Path,
    columns: Option<&[&str]>,
) -> Result<ParquetRecordBatchReader, LakeError> {
    let GetResult { payload, .. } = store.get(location).await?;
    match payload {
        GetResultPayload::File(file, _) => reader(file, columns),
        stream => {
            let result = GetResult { payload: stream, ..store.get(location).await? };
            reader(result.bytes().await?, columns)
        }
    }
}

/// The rows of a file with all columns of its table: NULL in those that came after the file was written.
pub fn complete(table: Table, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = table.file_schema();
    let column = |field: &FieldRef| match rows.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None => new_null_array(field.data_type(), rows.num_rows()),
    };
    let columns = schema.fields().iter().map(column).collect();
    // The reader knows nested fields by the names in the file; the table's names count.
    RecordBatch::try_new(schema, columns)
}

const BATCH_ROWS: usize = 8_192;

fn reader<R: ChunkReader + 'static>(
    input: R,
    columns: Option<&[&str]>,
) -> Result<ParquetRecordBatchReader, LakeError> {
    let options = ArrowReaderOptions::new();
    let mut builder = ParquetRecordBatchReaderBuilder::try_new_with_options(input, options)?;
    if let Some(columns) = columns {
        let schema = builder.schema();
        let roots: Vec<usize> =
            columns.iter().map(|column| schema.index_of(column)).collect::<Result<_, _>>()?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        builder = builder.with_projection(mask);
    }
    Ok(builder.with_batch_size(BATCH_ROWS).build()?)
}

/// Reads some or all columns of a whole file, batch by batch.
pub async fn for_each_batch(
    store: &Arc<dyn ObjectStore>,
    location: &Path,
    columns: Option<&[&str]>,
    mut each: impl FnMut(RecordBatch) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    for batch in open_file(store, location, columns).await? {
        each(batch?)?;
    }
    Ok(())
}
