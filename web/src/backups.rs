//! Port: backups of everything, made while the server runs.

use async_trait::async_trait;
use telemetry::Timestamp;

/// A backup that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The directory it is written to.
    pub to: String,
    pub state: BackupState,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupState {
    Running,
    Done,
    Failed(String),
}

/// Why no backup was begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupRefusal {
    #[error("this server makes no backups: set backup.dir (--backup-dir) to the directory that holds them")]
    NotAllowed,
    #[error("{0}")]
    BadTarget(String),
    #[error("a backup to {0} is running")]
    Running(String),
}

/// One at a time; the last one is remembered until the process ends.
#[async_trait]
pub trait Backups: Send + Sync {
    /// Begins a backup into a new directory below the one that the configuration allows.
    async fn begin(&self, to: &str) -> Result<Backup, BackupRefusal>;

    fn last(&self) -> Option<Backup>;
}
