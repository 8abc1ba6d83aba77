//! Backups, for administrators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;
use crate::backups::{self, BackupState};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// A new directory: a name below the server's `backup.dir`, or a path into it.
    pub to: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BackupReport {
    /// Null when none was asked for yet.
    #[schema(required)]
    pub backup: Option<Backup>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Backup {
    pub to: String,
    pub state: State,
    #[schema(required)]
    pub error: Option<String>,
    pub started_at: Time,
    #[schema(required)]
    pub finished_at: Option<Time>,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BackupState)]
pub enum State {
    Running,
    Done,
    Failed,
}

impl From<backups::Backup> for Backup {
    fn from(backup: backups::Backup) -> Backup {
        let (state, error) = match backup.state {
            BackupState::Running => (State::Running, None),
            BackupState::Done => (State::Done, None),
            BackupState::Failed(why) => (State::Failed, Some(why)),
        };
        Backup {
            to: backup.to,
            state,
            error,
            started_at: backup.started_at.into(),
            finished_at: backup.finished_at.map(Time::from),
            files: backup.files,
            bytes: backup.bytes,
        }
    }
}
