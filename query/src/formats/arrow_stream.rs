//! The Arrow IPC streaming format, one message per batch.

use arrow_ipc::writer::StreamWriter;
use bytes::Bytes;
use datafusion::error::DataFusionError;
use futures::StreamExt;
use futures::stream;

use super::ByteStream;
use crate::{QueryError, SqlRows};

/// The rows still to come and the writer; `None` after the end or an error.
type Open = Option<(SqlRows, Box<StreamWriter<Vec<u8>>>)>;

pub(super) fn stream(rows: SqlRows) -> ByteStream {
    let writer = match StreamWriter::try_new(Vec::new(), &rows.schema) {
        Ok(writer) => Box::new(writer),
        Err(error) => {
            let error = QueryError::from(DataFusionError::from(error));
            return stream::once(async { Err(error) }).boxed();
        }
    };
    stream::unfold(Some((rows, writer)), |open: Open| async {
        let (mut rows, mut writer) = open?;
        let failed = |error| Some((Err(QueryError::from(DataFusionError::from(error))), None));
        match rows.stream.next().await {
            Some(Err(error)) => Some((Err(error), None)),
            Some(Ok(batch)) => match writer.write(&batch) {
                Ok(()) => Some((Ok(Bytes::from(std::mem::take(writer.get_mut()))), Some((rows, writer)))),
                Err(error) => failed(error),
            },
            None => match writer.finish() {
                Ok(()) => Some((Ok(Bytes::from(std::mem::take(writer.get_mut()))), None)),
                Err(error) => failed(error),
            },
        }
    })
    .boxed()
}
