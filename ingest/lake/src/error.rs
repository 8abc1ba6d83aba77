//! What can go wrong in the lake, and what a caller should do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use deltalake::DeltaTableError;
use telemetry::Limit;

use crate::versions::{Committed, TableVersion};

/// Errors of the lake. [`LakeError::Overloaded`] and [`LakeError::DiskFull`] are answers to a
/// sender (try later); the others are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A bound is reached, or the same batch is on its way; nothing of the batch was stored.
    #[error("{what}{}: try again in {} s", Limit::note(*limit), retry_after.as_secs_f64())]
    Overloaded { what: &'static str, limit: Option<Limit>, retry_after: Duration },
    /// The disk has less room than a bound asks for; nothing of the batch was stored.
    #[error("disk is full: {free_bytes} bytes free of the {needed_bytes} that writing needs ({limit})")]
    DiskFull { free_bytes: u64, needed_bytes: u64, limit: Limit },
    /// The log of the last run is still being read: writes are taken, reads have to wait.
    #[error(
        "the write-ahead log is being replayed: {} of {} MiB done",
        done_bytes >> 20,
        total_bytes.div_ceil(1 << 20)
    )]
    Replaying { done_bytes: u64, total_bytes: u64 },
    /// The log of the last run could not be read; the process has to be started anew.
    #[error("the write-ahead log could not be replayed: {0}")]
    ReplayFailed(std::sync::Arc<str>),
    /// The lake was shut down.
    #[error("lake is closed")]
    Closed,
    /// Another process has the directory open.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Records that were acknowledged cannot be read any more.
    #[error(
        "WAL segment {segment} is damaged at byte {offset}: {problem}; about {lost_bytes} acknowledged \
         bytes would be lost (`--accept-data-loss` starts all the same)"
    )]
    WalDamaged { segment: PathBuf, offset: u64, lost_bytes: u64, problem: &'static str },
    /// A WAL record whose checksum is right has content that this version does not know.
    #[error("WAL record {position} cannot be read: {problem}")]
    WalRecord { position: i64, problem: String },
    #[error("{what} {}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("delta table {table}")]
    Delta { table: &'static str, source: Box<DeltaTableError> },
    /// A merge was planned over files that are gone meanwhile; the next one plans anew.
    #[error("files of {table} changed while they were merged")]
    FilesChanged { table: &'static str },
    /// A version that is out of log retention; nothing brings it back.
    #[error(
        "the {wanted} of {table} cannot be read any more (lake.log_retention); the oldest that can is {oldest}"
    )]
    VersionGone { table: &'static str, wanted: TableVersion, oldest: Committed },
    #[error("{table} has no {wanted} yet; the newest is {newest}")]
    VersionToCome { table: &'static str, wanted: TableVersion, newest: Committed },
    /// The Delta log was tampered with: not even its newest version is whole.
    #[error("the Delta log of {table} has no version that can be read")]
    NoVersions { table: &'static str },
    #[error("arrow")]
    Arrow(#[from] arrow::error::ArrowError),
    #[error("parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("object store")]
    Store(#[from] object_store::Error),
    /// A task of the lake ended before it answered; the lake has to be opened anew.
    #[error("{0} stopped unexpectedly")]
    TaskStopped(&'static str),
}

impl LakeError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>, source: io::Error) -> LakeError {
        LakeError::Io { what, path: path.into(), source }
    }

    /// Whether a sender may simply try again later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            LakeError::Overloaded { .. } | LakeError::DiskFull { .. } | LakeError::Replaying { .. }
        )
    }
}
