//! A Parquet file: row groups leave as they are full, the footer comes at the end.
//!
//! A file whose footer is missing is no Parquet file, so a result that broke off cannot pass for a
//! whole one.

use bytes::Bytes;
use datafusion::error::DataFusionError;
use futures::{StreamExt, stream};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::ByteStream;
use crate::{QueryError, SqlRows};

/// What is held before it is written: a row group ends when it has this many rows or bytes.
const ROW_GROUP_ROWS: usize = 128 * 1024;
const ROW_GROUP_BYTES: usize = 32 * 1024 * 1024;

/// The rows still to come and the writer; `None` after the end or an error.
type Open = Option<(SqlRows, Box<ArrowWriter<Vec<u8>>>)>;

pub(super) fn file(rows: SqlRows) -> ByteStream {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_created_by(format!("evenkeel {}", env!("CARGO_PKG_VERSION")))
        .build();
    let writer = match ArrowWriter::try_new(Vec::new(), rows.schema.clone(), Some(properties)) {
        Ok(writer) => Box::new(writer),
        Err(error) => return stream::once(async { Err(unwritable(error)) }).boxed(),
    };
    stream::unfold(Some((rows, writer)), |open: Open| async {
        let (mut rows, mut writer) = open?;
        let failed = |error| Some((Err(unwritable(error)), None));
        match rows.stream.next().await {
            Some(Err(error)) => Some((Err(error), None)),
            Some(Ok(batch)) => {
                if let Err(error) = writer.write(&batch) {
                    return failed(error);
                }
                let bytes = Bytes::from(std::mem::take(writer.inner_mut()));
                Some((Ok(bytes), Some((rows, writer))))
            }
            None => match writer.into_inner() {
                Ok(bytes) => Some((Ok(Bytes::from(bytes)), None)),
                Err(error) => failed(error),
            },
        }
    })
    .boxed()
}

/// A type that Parquet has no place for (an interval in a map) is the query's to cast.
fn unwritable(error: parquet::errors::ParquetError) -> QueryError {
    match error {
        parquet::errors::ParquetError::NYI(message) => QueryError::Invalid(format!(
            "Parquet cannot hold this result: {message}; cast the column to text"
        )),
        other => DataFusionError::from(other).into(),
    }
}
