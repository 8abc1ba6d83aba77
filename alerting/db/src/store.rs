//! The store: one SQLite file, one connection that writes, several that read.
//!
//! A write transaction begins IMMEDIATE, so it never fails half-way on a lock it could not upgrade;
//! writers queue for the one connection for at most [`StoreOptions::write_wait`]. Readers see the
//! last commit and never block the writer (journal WAL).

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

use crate::{Connection, DbError, Migration, ReadPool, migrate};

/// Bounds of the store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Connections that read. More than a handful only compete for the page cache.
    pub readers_max: u32,
    /// How long a write waits for its turn before it fails. Writes take milliseconds; seconds of
    /// waiting mean that something holds the writer.
    pub write_wait: Duration,
    /// How long a statement waits for a lock held by another process.
    pub busy_wait: Duration,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            readers_max: 4,
            write_wait: Duration::from_secs(30),
            busy_wait: Duration::from_secs(10),
        }
    }
}

/// A handle; clones share the connections.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    /// Names this process's hold on leases: new with every opening, so that a process never
    /// mistakes what its predecessor held for its own.
    owner: String,
}

impl Store {
    /// Opens (or creates) the file and applies the migrations it has not seen yet, in name order.
    /// Each element of `migrations` is one crate's list; the store's own come along by themselves.
    pub async fn open(path: impl AsRef<Path>, migrations: &[&[Migration]]) -> Result<Store, DbError> {
        Store::open_with(path, migrations, StoreOptions::default()).await
    }

    /// As [`Store::open`], with other bounds.
    pub async fn open_with(
        path: impl AsRef<Path>,
        migrations: &[&[Migration]],
        options: StoreOptions,
    ) -> Result<Store, DbError> {
        let path = path.as_ref().to_path_buf();
        let failed = |source| DbError::Open { path: path.display().to_string(), source };
        let connect = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(options.busy_wait)
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .acquire_timeout(options.write_wait)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(connect.clone())
            .await
            .map_err(failed)?;
        migrate::apply(&writer, migrations).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers_max)
            .acquire_timeout(options.write_wait)
            .connect_with(connect.create_if_missing(false).read_only(true))
            .await
            .map_err(failed)?;
        let owner = uuid::Uuid::new_v4().to_string();
        Ok(Store(Arc::new(Inner { path, writer, readers, owner })))
    }

    /// Begins the one write transaction; it rolls back when dropped without [`WriteTx::commit`].
    pub async fn begin_write(&self) -> Result<WriteTx, DbError> {
        Ok(WriteTx(self.0.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// The readers; writing through them fails.
    pub fn read(&self) -> &ReadPool {
        &self.0.readers
    }

    /// Copies everything that is committed into a new file, as of one moment. Writers wait meanwhile.
    pub async fn copy_to(&self, path: impl AsRef<Path>) -> Result<(), DbError> {
        let path = path.as_ref().to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO $1").bind(path).execute(&self.0.writer).await?;
        Ok(())
    }

    /// The name under which this opening of the store holds leases.
    pub fn owner(&self) -> &str {
        &self.0.owner
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Waits for running statements and closes the file. Dropping the last handle is safe too: what
    /// is committed is on the disk.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.0.path).finish_non_exhaustive()
    }
}

/// The write transaction. Statements run on `&mut **tx`, or on what it dereferences to.
pub struct WriteTx(Transaction<'static, Sqlite>);

impl WriteTx {
    /// On the disk when this returns.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(self.0.commit().await?)
    }

    pub async fn rollback(self) -> Result<(), DbError> {
        Ok(self.0.rollback().await?)
    }
}

impl Deref for WriteTx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THINGS: &[Migration] =
        &[Migration { name: "2026-01-01-01-things", sqlite: "CREATE TABLE things (name TEXT NOT NULL)" }];

    async fn names(store: &Store) -> Vec<String> {
        sqlx::query_scalar("SELECT name FROM things ORDER BY name").fetch_all(store.read()).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_committed_survives_a_dropped_store_and_what_is_not_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        {
            let store = Store::open(&path, &[THINGS]).await.unwrap();
            let mut tx = store.begin_write().await.unwrap();
            sqlx::query("INSERT INTO things VALUES ($1)").bind("kept").execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = store.begin_write().await.unwrap();
            sqlx::query("INSERT INTO things VALUES ($1)").bind("lost").execute(&mut *tx).await.unwrap();
            drop(tx);
        }
        let store = Store::open(&path, &[THINGS]).await.unwrap();
        assert_eq!(names(&store).await, ["kept"]);
    }

    #[tokio::test]
    async fn a_copy_is_a_store_and_never_written_over_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store.db"), &[THINGS]).await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        sqlx::query("INSERT INTO things VALUES ($1)").bind("kept").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        let path = dir.path().join("it's a copy.db");
        store.copy_to(&path).await.unwrap();
        assert_eq!(names(&Store::open(&path, &[THINGS]).await.unwrap()).await, ["kept"]);
        assert!(store.copy_to(&path).await.is_err());
    }

    #[tokio::test]
    async fn decisions_are_written_through_to_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store.db"), &[]).await.unwrap();
        let mut tx = store.begin_write().await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *tx).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *tx).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store.db"), &[THINGS]).await.unwrap();
        assert!(sqlx::query("DELETE FROM things").execute(store.read()).await.is_err());
    }

    #[tokio::test]
    async fn a_second_writer_waits_for_its_turn() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store.db"), &[THINGS]).await.unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut tx = store.begin_write().await.unwrap();
                    let count: i64 =
                        sqlx::query_scalar("SELECT count(*) FROM things").fetch_one(&mut *tx).await.unwrap();
                    let name = format!("{n}:{count}");
                    sqlx::query("INSERT INTO things VALUES ($1)").bind(name).execute(&mut *tx).await.unwrap();
                    tx.commit().await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let mut counts: Vec<i64> =
            names(&store).await.iter().map(|name| name.split_once(':').unwrap().1.parse().unwrap()).collect();
        counts.sort();
        assert_eq!(counts, (0..20).collect::<Vec<i64>>());
    }
}
