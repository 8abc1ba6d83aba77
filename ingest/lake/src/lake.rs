//! The public face: append, import, snapshot, flush, compact, shutdown, health.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use nix::fcntl::Flock;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use telemetry::{Batch, Clock, Rejection, SeriesRef, Timestamp};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
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
use crate::config::{Ack, LakeConfig};
use crate::disk::DiskWatch;
use crate::error::LakeError;
use crate::faults::Faults;
use crate::file::DataFile;
use crate::flush::FlushReport;
use crate::log_feed::LogFollower;
use crate::metrics::Metrics;
use crate::prepare::{AppendOptions, Prepared, RefusedLog, prepare};
use crate::recent::RetryState;
use crate::replay::{Replay, ReplayProgress};
use crate::retention::Unlinked;
use crate::schema::Table;
use crate::series::cost::SourceCost;
use crate::series::limits::SeriesLimits;
use crate::series::{SeriesEntry, SeriesIndex};
use crate::snapshot::TableSnapshot;
use crate::sources::SourceCounts;
use crate::state::{Applied, State, Written};
use crate::storage::DurableStore;
use crate::versions::{Committed, TableVersion};
use crate::wal::Wal;
use crate::wal::group_commit::{Append, Request, Turnstile};
use crate::wal::payload::{self, PreparedBatch};

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

/// What became of an appended batch. The sums of stored rows, duplicates and rejections are the rows of
/// the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
    pub logs: u64,
    pub events: u64,
    pub slices: u64,
    /// Rows that were stored before: acknowledged, not stored again.
    pub duplicates: u64,
    pub written: Written,
    /// How to name each of `Batch::series` from now on, in [`Batch::known`].
    pub series: Vec<Option<SeriesRef>>,
    /// What the lake itself refused; the rows of `Batch::rejections` are not repeated here.
    pub rejections: Vec<Rejection>,
    /// Those of `rejections` that are log records, one by one.
    pub refused_logs: Vec<RefusedLog>,
}

/// For `/readyz` and the status page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LakeHealth {
    /// A batch would be accepted now.
    pub writable: bool,
    pub disk_full: bool,
    /// Bytes free on the lake's disk.
    pub disk_free_bytes: u64,
    pub wal_bytes: u64,
    pub buffered_rows: u64,
    pub buffered_bytes: u64,
    pub series: u64,
    /// What an acknowledgement promises.
    pub ack: Ack,
    /// How far the log of the last run has been replayed; `None` when that is over.
    pub replay: Option<ReplayProgress>,
}

/// With one of so many series wanted, their rows are picked out; with more, all buffered rows are
/// converted, which the next reader finds done.
const SERIES_PER_WANTED: usize = 8;

/// How long a refused sender should wait: about the time a flush takes to make room.
const RETRY_AFTER: Duration = Duration::from_secs(5);

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
    pub async fn append(&self, batch: Batch, options: AppendOptions) -> Result<Appended, LakeError> {
        self.check_room()?;
        let now = self.clock.now();
        if let Some(key) = options.retry_key
            && self.begin_with_key(key, now)? == KeyUse::StoredBefore
        {
            let rows = batch.sample_count() + batch.log_count() + batch.events.len() + batch.slices.len();
            self.metrics.duplicates.inc_by(rows as u64);
            return Ok(Appended { duplicates: rows as u64, ..Appended::default() });
        }
        let source = options.source.clone();
        let mut rejected: u64 = batch.rejections.iter().map(|rejection| rejection.count).sum();
        let (prepared, applied) = self.log_and_apply(batch, options, now).await?;
        if self.state.buffer_use().active_bytes >= self.flush_bytes() {
            self.flush_now.notify_one();
        }
        let mut rejections = prepared.refused;
        rejections.extend(applied.rejections);
        if let Some(source) = source {
            rejected += rejections.iter().map(|rejection| rejection.count).sum::<u64>();
            self.sources.add(&source, applied.samples, rejected);
        }
        Ok(Appended {
            samples: applied.samples,
            histograms: applied.histograms,
            exemplars: applied.exemplars,
            logs: applied.logs,
            events: applied.events,
            slices: applied.slices,
            duplicates: applied.duplicates,
            written: applied.written,
            series: prepared.series,
            rejections,
            refused_logs: prepared.refused_logs,
        })
    }

    /// What the lake refused before logging (the batch itself is gone), and what became of the rest.
    async fn log_and_apply(
        &self,
        batch: Batch,
        options: AppendOptions,
        now: Timestamp,
    ) -> Result<(Prepared, Applied), LakeError> {
        let turn = self.turnstile.enter();
        let mut key = KeyGuard { state: &self.state, key: options.retry_key };
        // The registry is not complete during the replay: the batch says by labels what it means, and
        // its series get their numbers when its turn in the log comes.
        let registered = self.replay.is_over();
        let own;
        let series = if registered {
            &self.state.series
        } else {
            own = SeriesIndex::default();
            &own
        };
        let mut prepared = prepare(batch, &options, now, &self.config, series)?;
        if !registered {
            prepared.series.fill(None);
        }
        let batch = std::mem::take(&mut prepared.batch);
        self.metrics.rejected.inc_by(prepared.refused.iter().map(|rejection| rejection.count).sum());
        if batch.is_empty() {
            return Ok((prepared, Applied::default()));
        }
        let payload = payload::encode(&batch, series)?;
        let applied = self.enqueue(payload, batch, registered).await?;
        // From here on the committer says what becomes of the key, also when the sender goes away.
        key.key = None;
        drop(turn);
        let applied = applied.await.map_err(|_| LakeError::TaskStopped("WAL writer"))?;
        let applied = applied.map_err(|error| match error {
            LakeError::DiskFull { .. } => self.disk.full(),
            other => other,
        })?;
        self.metrics.count(&applied);
        Ok((prepared, applied))
    }

    async fn enqueue(
        &self,
        payload: Vec<u8>,
        batch: PreparedBatch,
        registered: bool,
    ) -> Result<Answer, LakeError> {
        let kib = payload.len().div_ceil(1 << 10).min(queue_kib_max(&self.config));
        let permits = u32::try_from(kib).unwrap_or(u32::MAX);
        let room =
            self.queue_room.clone().acquire_many_owned(permits).await.map_err(|_| LakeError::Closed)?;
        let (answer, applied) = oneshot::channel();
        let append = Append { payload: payload.into(), batch, registered, answer, room };
        self.send(Request::Append(Box::new(append))).await?;
        Ok(applied)
    }

    /// A position in the log that is given to nothing else: orders an import among the log's rows.
    pub async fn reserve_position(&self) -> Result<i64, LakeError> {
        let batch = PreparedBatch { at: self.clock.now(), ..PreparedBatch::default() };
        let applied = self.enqueue(payload::encode(&batch, &self.state.series)?, batch, true).await?;
        let applied = applied.await.map_err(|_| LakeError::TaskStopped("WAL writer"))??;
        Ok(applied.position)
    }

    pub async fn send(&self, request: Request) -> Result<(), LakeError> {
        let sender = self.requests.lock().clone().ok_or(LakeError::Closed)?;
        sender.send(request).await.map_err(|_| LakeError::Closed)
    }

    /// Fails when a bound is reached.
    pub fn check_room(&self) -> Result<(), LakeError> {
        if self.requests.lock().is_none() {
            return Err(LakeError::Closed);
        }
        self.replay.check_not_failed()?;
        self.disk.check()?;
        let overloaded = |what| Err(LakeError::Overloaded { what, retry_after: RETRY_AFTER });
        let wal_bytes_max = self.config.wal.bytes_max + self.replay_room.load(Ordering::Relaxed);
        if self.wal.bytes() > wal_bytes_max {
            return overloaded("the write-ahead log is full (wal.bytes_max)");
        }
        if self.state.buffer_use().bytes > self.config.buffer_bytes_max {
            self.flush_now.notify_one();
            return overloaded("the write buffer is full (buffer_bytes_max)");
        }
        if self.backlog.is_over(&self.config) {
            return overloaded("too many files wait to be merged (unmerged_files_max)");
        }
        Ok(())
    }

    fn begin_with_key(&self, key: u128, now: Timestamp) -> Result<KeyUse, LakeError> {
        self.state.with_retry_keys(|keys| match keys.get(key, now) {
            Some(RetryState::Stored { .. }) => Ok(KeyUse::StoredBefore),
            Some(RetryState::InFlight) => Err(LakeError::Overloaded {
                what: "the same batch is being stored",
                retry_after: Duration::from_secs(1),
            }),
            None => {
                keys.begin(key);
                Ok(KeyUse::New)
            }
        })
    }

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

    fn health(&self) -> LakeHealth {
        self.measure();
        let buffered = self.state.buffer_use();
        LakeHealth {
            writable: self.check_room().is_ok(),
            disk_full: self.disk.is_full(),
            disk_free_bytes: self.disk.space().free,
            wal_bytes: self.wal.bytes(),
            buffered_rows: buffered.rows,
            buffered_bytes: buffered.bytes,
            series: self.state.series.len() as u64,
            ack: self.config.ack,
            replay: self.replay.progress(),
        }
    }

    /// Brings the gauges up to date.
    pub fn measure(&self) {
        let buffered = self.state.buffer_use();
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.metrics.wal_bytes.set(gauge(self.wal.bytes()));
        self.metrics.buffered_rows.set(gauge(buffered.rows));
        self.metrics.buffered_bytes.set(gauge(buffered.bytes));
        self.metrics.series.set(gauge(self.state.series.len() as u64));
        let files: usize = Table::ALL.iter().map(|table| self.state.files_of(*table).files.len()).sum();
        self.metrics.files.set(gauge(files as u64));
        self.metrics.unmerged_files.set(gauge(self.backlog.files()));
    }
}

type Answer = oneshot::Receiver<Result<Applied, LakeError>>;

/// Room of the queue to the log, in KiB.
pub(crate) fn queue_kib_max(config: &LakeConfig) -> usize {
    let kib = config.wal.queue_bytes_max.div_ceil(1 << 10);
    usize::try_from(kib).unwrap_or(usize::MAX).clamp(1, u32::MAX as usize >> 4)
}

#[derive(PartialEq)]
enum KeyUse {
    New,
    StoredBefore,
}

/// Lets go of a retry key whose batch did not reach the log's queue.
struct KeyGuard<'a> {
    state: &'a State,
    key: Option<u128>,
}

impl Drop for KeyGuard<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.state.with_retry_keys(|keys| keys.abandon(key));
        }
    }
}

#[cfg(test)]
mod tests;
