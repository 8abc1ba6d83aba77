//! The port to the lake: the one way a batch leaves this crate.

use std::time::Duration;

use async_trait::async_trait;
use lake::{AppendOptions, Lake, LakeError, RefusedLog, Written};
use telemetry::{Batch, Limit, Rejection, SeriesRef};

use crate::IngestError;

/// What became of a batch that was acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
    pub logs: u64,
    pub events: u64,
    pub slices: u64,
    /// Rows that were there before.
    pub duplicates: u64,
    /// Metric rows of the batch that the lake holds now, stored by it or before it.
    pub written: Written,
    /// How the lake names each of `Batch::series` from now on.
    pub series: Vec<Option<SeriesRef>>,
    /// Rows that the lake itself refused (too old, too far ahead, one series too many).
    pub rejections: Vec<Rejection>,
    /// Those of them that are log records, one by one.
    pub refused_logs: Vec<RefusedLog>,
}

/// Takes batches durably. [`Lake`] is the real one; tests bring their own to play overload.
#[async_trait]
pub trait BatchSink: Send + Sync + 'static {
    /// The batch is durable and queryable when this returns `Ok`. `source` is dialect and token, such
    /// as `remote_write:prometheus-eu`; a batch with a `retry_key` that was stored before counts as
    /// duplicate and is not stored again.
    async fn append(
        &self,
        batch: Batch,
        source: &str,
        retry_key: Option<u128>,
    ) -> Result<Stored, IngestError>;
}

#[async_trait]
impl BatchSink for Lake {
    async fn append(
        &self,
        batch: Batch,
        source: &str,
        retry_key: Option<u128>,
    ) -> Result<Stored, IngestError> {
        let options = AppendOptions { source: Some(source.to_owned()), retry_key };
        let appended = self.append_with(batch, options).await.map_err(refusal)?;
        Ok(Stored {
            samples: appended.samples,
            histograms: appended.histograms,
            exemplars: appended.exemplars,
            logs: appended.logs,
            events: appended.events,
            slices: appended.slices,
            duplicates: appended.duplicates,
            written: appended.written,
            series: appended.series,
            rejections: appended.rejections,
            refused_logs: appended.refused_logs,
        })
    }
}

/// When to ask again whether somebody has made room on the disk.
const DISK_FULL_RETRY: Duration = Duration::from_secs(30);
/// About the time that a restart takes.
const CLOSED_RETRY: Duration = Duration::from_secs(5);

/// What a sender is told of the lake's troubles. Paths and causes go to the log alone.
fn refusal(error: LakeError) -> IngestError {
    match error {
        LakeError::Overloaded { what, limit, retry_after } => {
            IngestError::Overloaded { what: what.to_owned(), limit, retry_after }
        }
        LakeError::DiskFull { limit, .. } => unavailable("the disk is full", Some(limit), DISK_FULL_RETRY),
        LakeError::Closed => unavailable("the server is shutting down", None, CLOSED_RETRY),
        other => {
            tracing::error!(error = &other as &dyn std::error::Error, "a batch could not be written");
            unavailable("the write failed", None, CLOSED_RETRY)
        }
    }
}

fn unavailable(what: &str, limit: Option<Limit>, retry_after: Duration) -> IngestError {
    IngestError::Unavailable { what: what.to_owned(), limit, retry_after }
}

#[cfg(test)]
mod tests;
