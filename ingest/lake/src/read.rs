//! Reading files of tables: at the start, and for merges.

use std::sync::Arc;

use arrow::array::RecordBatch;
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
    table: Table,
    columns: Option<&[&str]>,
) -> Result<ParquetRecordBatchReader, LakeError> {
    let GetResult { payload, .. } = store.get(location).await?;
    match payload {
        GetResultPayload::File(file, _) => reader(file, table, columns),
        stream => {
            let result = GetResult { payload: stream, ..store.get(location).await? };
            reader(result.bytes().await?, table, columns)
        }
    }
}

const BATCH_ROWS: usize = 8_192;

fn reader<R: ChunkReader + 'static>(
    input: R,
    table: Table,
    columns: Option<&[&str]>,
) -> Result<ParquetRecordBatchReader, LakeError> {
    let options = ArrowReaderOptions::new();
    let mut builder = ParquetRecordBatchReaderBuilder::try_new_with_options(input, options)?;
    if let Some(columns) = columns {
        let schema = table.file_schema();
        let roots: Vec<usize> =
            columns.iter().map(|column| schema.index_of(column)).collect::<Result<_, _>>()?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        builder = builder.with_projection(mask);
    }
    Ok(builder.with_batch_size(BATCH_ROWS).build()?)
}

/// Reads a whole file, batch by batch.
pub async fn for_each_batch(
    store: &Arc<dyn ObjectStore>,
    location: &Path,
    table: Table,
    columns: Option<&[&str]>,
    mut each: impl FnMut(RecordBatch) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    for batch in open_file(store, location, table, columns).await? {
        each(batch?)?;
    }
    Ok(())
}
