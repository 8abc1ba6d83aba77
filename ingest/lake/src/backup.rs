//! A copy of the lake at one moment, made while it is written.
//!
//! Everything that is acknowledged is flushed first; in the moment after that, with the flushes held
//! back, the rest of the log is copied and the active files of every table are named. Vacuum waits
//! until those are linked or copied. The copy is a lake of its own: tables with one commit that carries
//! the log's position, beside the log with what came since and with the state of delta series.

use std::fs;
use std::io;
use std::path::{Path as FsPath, PathBuf};

use crate::commit::{ActiveFiles, Purpose, TableLog};
use crate::error::LakeError;
use crate::flush::FlushReport;
use crate::lake::Inner;
use crate::schema::Table;
use crate::storage::{create_dir_durably, sync_dir};

/// What was copied of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCopy {
    pub table: Table,
    /// The Delta version that was copied.
    pub version: i64,
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// A table as it is copied.
struct Moment {
    table: Table,
    active: ActiveFiles,
    /// Up to where the log's rows are in it.
    committed: i64,
}

impl Inner {
    pub(crate) async fn backup(&self, to: &FsPath) -> Result<Vec<TableCopy>, LakeError> {
        self.replay.check()?;
        let failed = |error| LakeError::io("cannot write the backup", to, error);
        let to = std::path::absolute(to).map_err(failed)?;
        let tables_dir = to.join("lake");
        if tables_dir.exists() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        create_dir_durably(&tables_dir, &self.faults).map_err(failed)?;
        let _no_vacuum = self.unlinked.lock().await;
        let moments = {
            let _no_flush = self.flushing.lock().await;
            self.flush_all(&mut FlushReport::default()).await?;
            let (wal, wal_dir) = (self.wal.clone(), to.join("wal"));
            tokio::task::spawn_blocking(move || wal.copy_to(&wal_dir))
                .await
                .map_err(|_| LakeError::TaskStopped("WAL copy"))?
                .map_err(failed)?;
            let mut moments = Vec::with_capacity(Table::COUNT);
            for table in Table::ALL {
                let mut log = self.logs[table.index()].lock().await;
                log.settle().await?;
                let committed = log.committed_position();
                moments.push(Moment { table, active: log.active(), committed });
            }
            moments
        };
        let mut copies = Vec::with_capacity(moments.len());
        for moment in moments {
            copies.push(self.copy_table(moment, &tables_dir).await?);
        }
        Ok(copies)
    }

    async fn copy_table(&self, moment: Moment, tables_dir: &FsPath) -> Result<TableCopy, LakeError> {
        let Moment { table, active, committed } = moment;
        let target = tables_dir.join(table.name());
        let mut links = Vec::with_capacity(active.files.len());
        let mut log = TableLog::open(
            table,
            tables_dir,
            self.store.clone(),
            &self.application,
            &self.config,
            &self.faults,
        )
        .await?;
        for file in active.files.iter() {
            let from = self.store.file_path(&self.location_of(table, file)?)?;
            links.push((from, self.store.file_path(&log.location(&file.path)?)?));
        }
        let (faults, dir) = (self.faults.clone(), target.clone());
        let linking = tokio::task::spawn_blocking(move || {
            let mut dirs = std::collections::BTreeSet::from([dir]);
            for (from, to) in &links {
                let parent = to.parent().unwrap_or(FsPath::new("/")).to_owned();
                create_dir_durably(&parent, &faults)?;
                link_or_copy(from, to)?;
                dirs.insert(parent);
            }
            dirs.iter().try_for_each(|dir| sync_dir(dir, &faults))
        });
        linking
            .await
            .map_err(|_| LakeError::TaskStopped("table copy"))?
            .map_err(|error| LakeError::io("cannot copy a table to", &target, error))?;
        let copy = TableCopy {
            table,
            version: active.version,
            files: active.files.len() as u64,
            rows: active.files.iter().map(|file| file.rows).sum(),
            bytes: active.files.iter().map(|file| file.bytes).sum(),
        };
        let position = (committed > 0).then_some(committed);
        if position.is_some() || copy.files > 0 {
            log.commit(active.files.to_vec(), &[], Purpose::Append(position), self.clock.now()).await?;
        }
        Ok(copy)
    }
}

/// Files of tables never change: on the same file system a second name is a copy.
fn link_or_copy(from: &FsPath, to: &FsPath) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() { Ok(()) } else { copy_durably(from, to) }
}

pub fn copy_durably(from: &FsPath, to: &FsPath) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}

/// The first bytes of a file, under the same name in another directory.
pub fn copy_beginning(from: &FsPath, bytes: u64, to_dir: &FsPath) -> io::Result<PathBuf> {
    let to = to_dir.join(from.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    let mut source = io::Read::take(fs::File::open(from)?, bytes);
    let mut target = fs::File::create_new(&to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    Ok(to)
}
