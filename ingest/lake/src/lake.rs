//! The public face, and what all parts of the lake share.
//!
//! What a call does is in the file of its name: [`append`] and [`health`] here, `import`, `flush`, `compact`,
//! `versions` and `backup` beside this one.

mod append;
mod health;

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use nix::fcntl::Flock;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use telemetry::{Batch, Clock, Timestamp};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::backup::TableCopy;
use crate::buffer::BufferView;
use crate::buffer::slots::SlotSet;
use crate::commit::{TableLog, location};
use crate::compact::backlog::Backlog;
use crate::compact::claims::Claims;
use crate::compact::plan::DayMerges;
use crate::compact::{CompactReport, Lane};
use crate::config::LakeConfig;
use crate::disk::DiskWatch;
use crate::error::LakeError;
use crate::faults::Faults;
use crate::file::DataFile;
use crate::flush::FlushReport;
use crate::log_feed::LogFollower;
use crate::metrics::Metrics;
use crate::prepare::AppendOptions;
use crate::replay::Replay;
use crate::retention::Unlinked;
use crate::schema::Table;
use crate::series::cost::SourceCost;
use crate::series::limits::SeriesLimits;
use crate::series::{SeriesEntry, SeriesIndex};
use crate::snapshot::TableSnapshot;
use crate::sources::SourceCounts;
use crate::state::State;
use crate::storage::DurableStore;
use crate::versions::{Committed, TableVersion};
use crate::wal::Wal;
use crate::wal::group_commit::{Request, Turnstile};

pub use append::Appended;
pub(crate) use append::queue_kib_max;
pub use health::LakeHealth;

/// A handle; clones share the lake. Background tasks end with [`Lake::shutdown`] or with the last clone.
#[derive(Clone)]
pub struct Lake(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub config: LakeConfig,
    pub clock: Arc<dyn Clock>,
    pub state: Arc<State>,
    pub store: Arc<DurableStore>,
    pub faults: Faults,
    pub logs: [tokio::sync::Mutex<TableLog>; Table::COUNT],
    pub wal: Arc<Wal>,
    pub replay: Arc<Replay>,
    /// What may be in the log on top of `wal.bytes_max`; nothing from the first flush on.
    pub replay_room: AtomicU64,
    pub application: String,
    pub roots: [url::Url; Table::COUNT],
    pub requests: Mutex<Option<mpsc::Sender<Request>>>,
    pub queue_room: Arc<Semaphore>,
    pub turnstile: Arc<Turnstile>,
    pub flushing: tokio::sync::Mutex<()>,
    pub flush_now: Arc<Notify>,
    pub compact_now: Arc<Notify>,
    /// By [`Lane`].
    pub merging: [tokio::sync::Mutex<()>; Lane::ALL.len()],
    pub day_merges: Mutex<DayMerges>,
    pub claims: Arc<Claims>,
    pub backlog: Backlog,
    pub unlinked: tokio::sync::Mutex<Unlinked>,
    pub disk: DiskWatch,
    pub sources: SourceCounts,
    pub metrics: Metrics,
    pub cancel: CancellationToken,
    pub tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Keeps other processes out; released when the lake is closed.
    pub lock: Mutex<Option<Flock<File>>>,
}

/// With one of so many series wanted, their rows are picked out; with more, all buffered rows are
/// converted, which the next reader finds done.
const SERIES_PER_WANTED: usize = 8;

impl Lake {
    /// Opens or creates a lake: repairs torn ends, replays the log, starts the background tasks. A
    /// caller within a tokio runtime is needed.
    ///
    /// A replay that takes longer than `wal.replay_wait` goes on in the background. Until it is over
    /// batches are taken; everything that reads, flushes or imports fails with [`LakeError::Replaying`].
    pub async fn open(config: LakeConfig, clock: Arc<dyn Clock>) -> Result<Lake, LakeError> {
        crate::open::open(config, clock, crate::open::Hooks::default()).await
    }

    /// Stores a batch. Durable (synced, unless `ack` says less) and queryable when it returns `Ok`;
    /// nothing of it is stored when it returns an error, except that a batch whose fate the disk did not
    /// tell may come back whole after a restart.
    ///
    /// While the log of the last run is being replayed, a batch is durable when this returns and
    /// queryable when everything is. The counts then say what was taken: repeated rows are recognised
    /// and dropped when their turn in the log comes, points of delta series that are out of order are
    /// counted in `ingest_rejections` alone, and limits on series do not hold.
    pub async fn append(&self, batch: Batch) -> Result<Appended, LakeError> {
        self.append_with(batch, AppendOptions::default()).await
    }

    pub async fn append_with(&self, batch: Batch, options: AppendOptions) -> Result<Appended, LakeError> {
        let appended = self.0.append(batch, options).await;
        if appended.as_ref().is_err_and(LakeError::is_temporary) {
            self.0.metrics.refused.inc();
        }
        appended
    }

    /// Stores history (older than about two hours) straight as sorted day files, one commit per table.
    /// Durable and queryable when it returns; after an error or a crash a table has all of it or
    /// nothing. Delta series and rejections take the way of [`Lake::append`].
    pub async fn import(&self, batch: Batch) -> Result<Appended, LakeError> {
        self.0.replay.check()?;
        self.0.import(batch).await
    }

    /// One table at this moment.
    pub async fn snapshot(&self, table: Table) -> Result<TableSnapshot, LakeError> {
        self.snapshot_with(table, |buffer| buffer.batches(&self.0.state.series))
    }

    /// The samples at this moment, for who wants some series and no others: of buffered rows those of
    /// other series may be left out.
    pub async fn snapshot_of_series(&self, wanted: &[Arc<SeriesEntry>]) -> Result<TableSnapshot, LakeError> {
        let series = &self.0.state.series;
        let slots: SlotSet = wanted.iter().map(|entry| entry.slot).collect();
        if slots.len() * SERIES_PER_WANTED > series.len() {
            return self.snapshot(Table::MetricSamples).await;
        }
        self.snapshot_with(Table::MetricSamples, |buffer| buffer.batches_of(&slots, series))
    }

    /// A table as its files were at an earlier version; see [`TableVersion`]. Buffered rows are in none.
    ///
    /// # Errors
    /// [`LakeError::VersionGone`] names the oldest version that can be read: log retention ends there.
    pub async fn snapshot_at(&self, table: Table, version: TableVersion) -> Result<TableSnapshot, LakeError> {
        self.0.snapshot_at(table, version).await
    }

    /// The versions of a table that [`Lake::snapshot_at`] can read now, oldest first.
    pub async fn readable_versions(&self, table: Table) -> Result<Vec<Committed>, LakeError> {
        self.0.readable_versions(table).await
    }

    fn snapshot_with(
        &self,
        table: Table,
        batches_of: impl Fn(&BufferView) -> Result<Vec<RecordBatch>, LakeError>,
    ) -> Result<TableSnapshot, LakeError> {
        self.0.replay.check()?;
        let view = self.0.state.view(table);
        let mut buffered = Vec::new();
        let mut late_buffered: Option<(Timestamp, Timestamp)> = None;
        for buffer in &view.buffers {
            buffered.extend(batches_of(buffer)?);
            if let Some((first, last)) = buffer.late_range() {
                let (first, last) = (Timestamp::from_micros(first), Timestamp::from_micros(last));
                let before = late_buffered.unwrap_or((first, last));
                late_buffered = Some((before.0.min(first), before.1.max(last)));
            }
        }
        Ok(TableSnapshot {
            table,
            schema: table.schema(),
            root: self.0.root_of(table),
            store: self.0.object_store(),
            files: view.active.files,
            buffered,
            version: view.active.version,
            late_buffered,
        })
    }

    /// Log records as they are stored, from now on.
    pub fn follow_logs(&self) -> LogFollower {
        self.0.state.log_feed.follow()
    }

    /// Ends all who follow: before a server waits for its requests to end. [`Lake::shutdown`] does it too.
    pub fn end_followers(&self) {
        self.0.state.log_feed.close();
    }

    /// All columns of a table, the partition column last.
    pub fn schema(table: Table) -> SchemaRef {
        table.schema()
    }

    /// The registry. It is not complete while [`Lake::check_replayed`] fails.
    pub fn series(&self) -> &SeriesIndex {
        &self.0.state.series
    }

    /// Fails while the log of the last run is being replayed.
    pub fn check_replayed(&self) -> Result<(), LakeError> {
        self.0.replay.check()
    }

    /// Waits until the log of the last run is replayed. After an error the lake has to be opened anew.
    pub async fn replayed(&self) -> Result<(), LakeError> {
        self.0.replay.ended().await
    }

    /// How many series there may be.
    pub fn series_limits(&self) -> SeriesLimits {
        self.0.config.series_limits()
    }

    /// What each source owns and sent, the one with the most series first.
    pub fn source_costs(&self) -> Vec<SourceCost> {
        self.0.sources.costs(self.0.state.series.series_by_source())
    }

    /// Brings everything that is acknowledged by now into files. Also done in the background.
    pub async fn flush(&self) -> Result<FlushReport, LakeError> {
        self.0.flush().await
    }

    /// Merges the files of closed hours and days, drops what is past retention and removes files that
    /// nobody can be reading any more. Also done in the background.
    pub async fn compact(&self) -> Result<CompactReport, LakeError> {
        self.0.replay.check()?;
        self.0.compact().await
    }

    /// Copies everything that is acknowledged by now into a directory that becomes the directory of
    /// another lake: `lake/` with the tables, `wal/` with what came meanwhile. Writers and readers go on;
    /// compaction waits before it removes files.
    pub async fn backup(&self, to: &std::path::Path) -> Result<Vec<TableCopy>, LakeError> {
        self.0.backup(to).await
    }

    /// Flushes, commits and closes. Later calls on any clone fail with [`LakeError::Closed`].
    pub async fn shutdown(&self) -> Result<(), LakeError> {
        self.0.cancel.cancel();
        self.end_followers();
        if self.0.requests.lock().is_none() {
            return Ok(());
        }
        // What is not replayed yet is in the log, for the next start.
        let flushed = match self.0.replay.is_over() {
            true => self.0.flush().await.map(drop),
            false => Ok(()),
        };
        // The committer ends when the last sender is gone, after answering what is queued.
        drop(self.0.requests.lock().take());
        let tasks = std::mem::take(&mut *self.0.tasks.lock());
        for task in tasks {
            task.await.map_err(|_| LakeError::TaskStopped("background task"))?;
        }
        drop(self.0.lock.lock().take());
        flushed
    }

    /// Also brings the gauges up to date: ask before the metrics are read.
    pub fn health(&self) -> LakeHealth {
        self.0.health()
    }

    /// Adds the lake's metrics to a registry.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lake").field("dir", &self.0.config.dir).finish_non_exhaustive()
    }
}

impl Inner {
    /// Shows readers what a table's log says, together with the end of the frozen rows it contains.
    pub async fn publish(&self, log: &TableLog) -> Result<(), LakeError> {
        let pending = self.state.frozen().filter(|frozen| frozen.pending[log.table.index()]);
        let flushed = match pending {
            Some(frozen) => log.committed_position() >= frozen.position,
            None => false,
        };
        self.state.publish(log.table, log.active(), flushed);
        Ok(())
    }

    /// Where a file of a table lies in the store.
    pub fn location_of(&self, table: Table, file: &DataFile) -> Result<Path, LakeError> {
        location(&self.roots[table.index()], &file.path)
    }

    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    pub fn root_of(&self, table: Table) -> url::Url {
        self.roots[table.index()].clone()
    }
}

#[cfg(test)]
mod tests;
