//! One table's Delta log: opening (with repair), committing, and what is active now.
//!
//! The lake is the only writer of its tables, so between commits it keeps the list of active files, the
//! version and how far its rows are in, and not Delta's own snapshot, which holds all statistics of every
//! file once more and would be worked through with each commit. A commit that reports an error may have
//! happened all the same; after any error, and when somebody else wrote a version, the table is read anew
//! before it is written again.

mod actions;
mod checkpoint;
mod columns;
mod kept;

use std::collections::HashSet;
use std::fs;
use std::path::Path as FsPath;
use std::sync::Arc;

use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{PROTOCOL, TransactionError};
use deltalake::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, logstore_with};
use deltalake::protocol::SaveMode;
use deltalake::table::config::TablePropertiesExt;
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableError, TableProperty};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use telemetry::Timestamp;
use url::Url;
use uuid::Uuid;

use crate::config::LakeConfig;
use crate::error::LakeError;
use crate::faults::Faults;
use crate::file::DataFile;
use crate::schema::Table;
use crate::storage::{DurableStore, create_dir_durably, remove_staged, sync_dir};
use crate::writer::NewFile;

pub use checkpoint::checkpoint_version;

/// The active files of a table at a version.
#[derive(Clone, Debug, Default)]
pub struct ActiveFiles {
    pub files: Arc<[DataFile]>,
    pub version: i64,
}

/// Why a commit is made.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// New rows. `Some(position)` makes a repetition recognisable: the rows of the application up to there.
    Append(Option<i64>),
    /// The same rows in other files.
    Compact,
    /// Rows that are too old.
    Expire,
}

/// An open table. One commit at a time: callers hold it behind a lock.
pub struct TableLog {
    pub table: Table,
    pub root: Url,
    store: Arc<DurableStore>,
    /// Whose positions are kept: the log that rows come from.
    application: String,
    head: Option<Head>,
    active: ActiveFiles,
}

/// The end of a Delta log, as it was read or written last.
struct Head {
    log_store: LogStoreRef,
    version: u64,
    /// Up to where the application's rows are in the table; 0 when there are none.
    position: i64,
    /// Commits from one checkpoint to the next.
    checkpoint_interval: u64,
}

/// Somebody else may write a version now and then: a vacuum from outside notes itself in the log.
const ATTEMPTS: usize = 3;

impl TableLog {
    /// Opens or creates a table below `dir`. Moves a torn newest commit aside: the WAL still has its rows.
    pub async fn open(
        table: Table,
        dir: &FsPath,
        store: Arc<DurableStore>,
        application: &str,
        config: &LakeConfig,
        faults: &Faults,
    ) -> Result<TableLog, LakeError> {
        let root_dir = dir.join(table.name());
        create_dir_durably(&root_dir.join("_delta_log"), faults)
            .and_then(|()| remove_staged(&root_dir))
            .and_then(|()| move_torn_commit_aside(&root_dir, &dir.join("torn"), table, faults))
            .map_err(|error| LakeError::io("cannot prepare", &root_dir, error))?;
        let root = Url::from_directory_path(&root_dir).map_err(|()| {
            LakeError::io("not an absolute path:", &root_dir, std::io::ErrorKind::InvalidInput.into())
        })?;
        let mut log = TableLog {
            table,
            root,
            store,
            application: application.to_owned(),
            head: None,
            active: ActiveFiles::default(),
        };
        log.load_or_create(config).await?;
        Ok(log)
    }

    async fn load_or_create(&mut self, config: &LakeConfig) -> Result<(), LakeError> {
        let mut delta = self.unopened()?;
        match delta.load().await {
            Ok(()) => {}
            Err(DeltaTableError::NotATable(_)) => {
                let schema: StructType = self.table.schema().as_ref().try_into_kernel()?;
                delta = delta
                    .create()
                    .with_columns(schema.fields().cloned())
                    .with_partition_columns([self.table.partition_column()])
                    .with_save_mode(SaveMode::Ignore)
                    .with_configuration_property(
                        TableProperty::CheckpointInterval,
                        Some(config.checkpoint_commits.to_string()),
                    )
                    .with_configuration(kept::properties(config))
                    .await
                    .map_err(|error| self.error(error))?;
            }
            Err(error) => return Err(self.error(error)),
        }
        let delta = columns::catch_up(self.table, delta).await.map_err(|error| self.error(error))?;
        let delta = kept::catch_up(delta, config).await.map_err(|error| self.error(error))?;
        self.adopt(delta).await
    }

    /// Reads the log anew; what a failed commit did or did not do is known afterwards.
    pub async fn reload(&mut self) -> Result<(), LakeError> {
        self.head = None;
        let delta = self.loaded().await?;
        self.adopt(delta).await
    }

    async fn loaded(&self) -> Result<DeltaTable, LakeError> {
        let mut delta = self.unopened()?;
        delta.load().await.map_err(|error| self.error(error))?;
        Ok(delta)
    }

    fn unopened(&self) -> Result<DeltaTable, LakeError> {
        unopened(&self.root, self.store.clone()).map_err(|error| self.error(error))
    }

    async fn adopt(&mut self, delta: DeltaTable) -> Result<(), LakeError> {
        let log_dir = self.location("_delta_log")?;
        match checkpoint::catch_up(&delta, self.store.as_ref(), &log_dir).await {
            Ok(false) => {}
            Ok(true) => tracing::info!(table = self.table.name(), "overdue checkpoint written"),
            // Reading the log takes longer without it, and that is all.
            Err(error) => tracing::warn!(table = self.table.name(), %error, "overdue checkpoint not written"),
        }
        let head = head_of(&delta, &self.application).await.map_err(|error| self.error(error))?;
        self.active = active_files(self.table, delta.snapshot().map_err(|error| self.error(error))?);
        self.head = Some(head);
        Ok(())
    }

    fn error(&self, source: DeltaTableError) -> LakeError {
        LakeError::Delta { table: self.table.name(), source: Box::new(source) }
    }

    pub fn active(&self) -> ActiveFiles {
        self.active.clone()
    }

    /// The position up to which the application's rows are in the table; 0 when there are none, or when it is
    /// not known.
    pub fn committed_position(&self) -> i64 {
        self.head.as_ref().map_or(0, |head| head.position)
    }

    /// Where a file lies in the store.
    pub fn location(&self, path: &str) -> Result<Path, LakeError> {
        location(&self.root, path)
    }

    /// After a commit whose end is not known: reads what it did.
    pub async fn settle(&mut self) -> Result<(), LakeError> {
        if self.head.is_none() { self.reload().await } else { Ok(()) }
    }

    /// Whether rows up to a position are in the table, as the log says now.
    pub async fn has_position(&mut self, position: i64) -> Result<bool, LakeError> {
        self.settle().await?;
        Ok(self.committed_position() >= position)
    }

    /// The files that are removed, and when they were, as far back as the log knows.
    pub async fn removed(&self) -> Result<Vec<(Path, Timestamp)>, LakeError> {
        let delta = self.loaded().await?;
        let snapshot = delta.snapshot().map_err(|error| self.error(error))?;
        let log_store = delta.log_store();
        let tombstones = snapshot.all_tombstones(log_store.as_ref()).try_collect::<Vec<_>>().await;
        let tombstones = tombstones.map_err(|error| self.error(error))?;
        let dated = tombstones.iter().filter_map(|file| Some((file.path(), file.deletion_timestamp()?)));
        dated.map(|(path, millis)| Ok((self.location(&path)?, Timestamp::from_millis(millis)))).collect()
    }

    /// Stores a file durably. It is nobody's until a commit names it; vacuum removes it otherwise.
    pub async fn store(&self, new: NewFile) -> Result<DataFile, LakeError> {
        self.store.put(&self.location(&new.file.path)?, new.content.into()).await?;
        Ok(new.file)
    }

    /// Makes stored files, and the removal of others, one commit. On an append with a position that
    /// the table already has, nothing is done. Returns what is active afterwards.
    pub async fn commit(
        &mut self,
        added: Vec<DataFile>,
        removed: &[DataFile],
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<ActiveFiles, LakeError> {
        let mut attempts = 1..=ATTEMPTS;
        loop {
            self.settle().await?;
            if let Purpose::Append(Some(position)) = purpose
                && self.committed_position() >= position
            {
                return Ok(self.active());
            }
            let named: HashSet<&str> = self.active.files.iter().map(|file| file.path.as_str()).collect();
            if removed.iter().any(|file| !named.contains(file.path.as_str())) {
                return Err(LakeError::FilesChanged { table: self.table.name() });
            }
            // Taken out until it is known that the commit happened: after an error, or when the caller gives
            // up in between, the log is read anew before anything else is written.
            let Some(mut head) = self.head.take() else { return Err(LakeError::TaskStopped("table log")) };
            let content = actions::commit(self.table, &self.application, &added, removed, purpose, now)
                .map_err(|error| self.error(error.into()))?;
            let version = head.version + 1;
            let entry = CommitOrBytes::LogBytes(content);
            match head.log_store.write_commit_entry(version, entry, Uuid::new_v4()).await {
                Ok(()) => {}
                Err(TransactionError::VersionAlreadyExists(_)) if attempts.next().is_some() => continue,
                Err(error) => return Err(self.error(error.into())),
            }
            head.version = version;
            if let Purpose::Append(Some(position)) = purpose {
                head.position = position;
            }
            let is_due = (version + 1).is_multiple_of(head.checkpoint_interval);
            self.head = Some(head);
            self.apply(added, removed, version);
            if is_due {
                self.checkpoint().await;
            }
            return Ok(self.active());
        }
    }

    /// What a commit did to the active files.
    fn apply(&mut self, added: Vec<DataFile>, removed: &[DataFile], version: u64) {
        let gone: HashSet<&str> = removed.iter().map(|file| file.path.as_str()).collect();
        let kept = self.active.files.iter().filter(|file| !gone.contains(file.path.as_str())).cloned();
        let mut files: Vec<DataFile> = kept.chain(added).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.active =
            ActiveFiles { files: files.into(), version: i64::try_from(version).unwrap_or(i64::MAX) };
    }

    /// The commit has happened, whatever becomes of its checkpoint: one that is missing is written at the next
    /// start, and reading the log takes longer until then.
    async fn checkpoint(&self) {
        let written = match self.loaded().await {
            Ok(delta) => checkpoint::write(&delta).await.map_err(|error| self.error(error)),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(table = self.table.name(), error, "checkpoint not written");
        }
    }
}

async fn head_of(delta: &DeltaTable, application: &str) -> Result<Head, DeltaTableError> {
    let (snapshot, log_store) = (delta.snapshot()?, delta.log_store());
    PROTOCOL.can_write_to(snapshot)?;
    let position = snapshot.transaction_version(log_store.as_ref(), application).await?;
    Ok(Head {
        version: snapshot.version(),
        position: position.unwrap_or_default(),
        checkpoint_interval: snapshot.table_config().checkpoint_interval().get(),
        log_store,
    })
}

/// A table that nothing has been read of yet.
pub fn unopened(root: &Url, store: Arc<DurableStore>) -> Result<DeltaTable, DeltaTableError> {
    let store: Arc<dyn ObjectStore> = store;
    Ok(DeltaTable::new(logstore_with(store, root, StorageConfig::default())?))
}

/// What a table consists of at the version that was read.
pub fn active_files(table: Table, snapshot: &DeltaTableState) -> ActiveFiles {
    let column = table.partition_column();
    let mut files: Vec<DataFile> = snapshot
        .log_data()
        .iter()
        .map(|view| {
            let partition = view.partition_values_map().remove(column).flatten();
            let bytes = u64::try_from(view.size()).unwrap_or_default();
            let stats = view.stats();
            DataFile::from_log(table, view.path().into_owned(), bytes, partition, stats.as_deref())
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let version = i64::try_from(snapshot.version()).unwrap_or(i64::MAX);
    ActiveFiles { files: files.into(), version }
}

/// Where a file of a table lies in a store that is rooted at `/`.
pub fn location(root: &Url, path: &str) -> Result<Path, LakeError> {
    let joined = format!("{}{}", root.path(), path);
    Path::from_url_path(joined).map_err(|error| LakeError::Store(error.into()))
}

/// A crash between the creation of the newest commit file and its content leaves a table that no
/// reader opens. Such a file was never acknowledged to a flush: it goes to `torn/`.
fn move_torn_commit_aside(
    root: &FsPath,
    torn_dir: &FsPath,
    table: Table,
    faults: &Faults,
) -> std::io::Result<()> {
    let log_dir = root.join("_delta_log");
    let mut commits: Vec<_> = fs::read_dir(&log_dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.strip_suffix(".json")
                .is_some_and(|number| number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .collect();
    commits.sort();
    let Some(newest) = commits.pop() else { return Ok(()) };
    if is_whole_commit(&fs::read(&newest)?) {
        return Ok(());
    }
    create_dir_durably(torn_dir, faults)?;
    let name = newest.file_name().and_then(|name| name.to_str()).unwrap_or("commit.json");
    let target = torn_dir.join(format!("{}-{name}", table.name()));
    tracing::warn!(table = table.name(), commit = name, moved_to = %target.display(), "torn Delta commit moved aside");
    fs::rename(&newest, &target)?;
    sync_dir(&log_dir, faults)
}

fn is_whole_commit(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
}
