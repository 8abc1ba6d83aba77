//! The start: lock, repair, read the registry, replay the log, start the tasks.

use std::fs::OpenOptions;
use std::path::Path as FsPath;
use std::sync::{Arc, OnceLock, Weak};

use arrow::array::{Array, AsArray};
use nix::fcntl::{Flock, FlockArg};
use object_store::ObjectStore;
use parking_lot::Mutex;
use telemetry::Clock;
use telemetry::time::MICROS_PER_DAY;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::commit::TableLog;
use crate::config::LakeConfig;
use crate::disk::{self, DiskWatch, Probe};
use crate::error::LakeError;
use crate::faults::Faults;
use crate::flush::{FlushReport, sequence_of};
use crate::lake::{Inner, Lake, queue_kib_max};
use crate::metrics::Metrics;
use crate::read;
use crate::retention::Unlinked;
use crate::schema::Table;
use crate::state::State;
use crate::storage::{DurableStore, create_dir_durably};
use crate::wal::group_commit::{Committer, Turnstile};
use crate::wal::payload;
use crate::wal::record::RecordKind;
use crate::wal::recovery::{Record, Recovery};

/// Where tests reach into the outside world.
pub struct Hooks {
    pub faults: Faults,
    pub free_bytes: Arc<Probe>,
}

impl Default for Hooks {
    fn default() -> Self {
        Hooks { faults: Faults::default(), free_bytes: Arc::new(disk::free_bytes) }
    }
}

pub async fn open(config: LakeConfig, clock: Arc<dyn Clock>, hooks: Hooks) -> Result<Lake, LakeError> {
    let faults = hooks.faults;
    let dir = std::path::absolute(&config.dir)
        .map_err(|error| LakeError::io("cannot resolve", &config.dir, error))?;
    let tables_dir = dir.join("lake");
    create_dir_durably(&tables_dir, &faults)
        .map_err(|error| LakeError::io("cannot create", &tables_dir, error))?;
    let lock = lock_dir(&tables_dir)?;

    let store = Arc::new(DurableStore::new(faults.clone()));
    let mut recovery = Recovery::begin(&dir.join("wal"), &config.wal, &faults)?;
    let application = recovery.id.to_string();
    let state = Arc::new(State::new(&config));
    let opening = Table::ALL.map(|table| TableLog::open(table, &tables_dir, store.clone(), &config, &faults));
    let logs = futures::future::try_join_all(opening).await?;
    let mut position_min = 1;
    for log in &logs {
        let committed = log.committed_position(&application).await?;
        let newest_file = log.active().files.iter().map(|file| file.sequence).max().unwrap_or_default();
        // A new log beside old tables must not give out positions that old files carry.
        position_min = position_min.max(committed + 1).max(newest_file / sequence_of(1) + 1);
        state.set_committed(log.table, log.active(), committed);
    }
    let object_store: Arc<dyn ObjectStore> = store.clone();
    load_series(&state, &logs, &object_store).await?;
    load_event_ids(&logs, &object_store, &state).await?;

    let roots = std::array::from_fn(|at| logs[at].root.clone());
    let logs: [TableLog; Table::COUNT] =
        logs.try_into().map_err(|_| LakeError::TaskStopped("opening tables"))?;
    let (requests, queue) = mpsc::channel(config.wal.queue_max.max(1));
    let (turnstile, metrics) = (Arc::new(Turnstile::default()), Metrics::default());
    let disk = DiskWatch::new(tables_dir, config.disk_free_min_bytes, hooks.free_bytes);
    let inner = Arc::new(Inner {
        clock,
        state: state.clone(),
        store,
        logs: logs.map(tokio::sync::Mutex::new),
        wal: OnceLock::new(),
        application,
        roots,
        requests: Mutex::new(Some(requests)),
        queue_room: Arc::new(Semaphore::new(queue_kib_max(&config))),
        turnstile: turnstile.clone(),
        flushing: tokio::sync::Mutex::default(),
        flush_now: Arc::new(Notify::new()),
        compacting: tokio::sync::Mutex::default(),
        unlinked: tokio::sync::Mutex::new(Unlinked::default()),
        disk,
        metrics: metrics.clone(),
        cancel: CancellationToken::new(),
        tasks: Mutex::default(),
        lock: Mutex::new(Some(lock)),
        config,
    });

    recovery = inner.replay(recovery).await?;
    let wal = Arc::new(recovery.finish(position_min)?);
    inner.wal.set(wal.clone()).map_err(|_| LakeError::TaskStopped("opening the WAL"))?;
    let committer =
        Committer { wal, state, metrics, turnstile, config: inner.config.wal.clone(), requests: queue };
    let mut tasks = vec![tokio::spawn(committer.run())];
    tasks.push(tokio::spawn(flush_task(Arc::downgrade(&inner), inner.cancel.clone())));
    tasks.push(tokio::spawn(compact_task(Arc::downgrade(&inner), inner.cancel.clone())));
    *inner.tasks.lock() = tasks;
    inner.measure();
    Ok(Lake(inner))
}

fn lock_dir(dir: &FsPath) -> Result<Flock<std::fs::File>, LakeError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| LakeError::io("cannot open", &path, error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| LakeError::InUse(dir.to_owned()))
}

/// Rebuilds the registry from `metric_series`. The times of its rows are of when they were written, so
/// that a series is taken to reach to the end of its last day, or as far as any sample does.
async fn load_series(
    state: &State,
    logs: &[TableLog],
    store: &Arc<dyn ObjectStore>,
) -> Result<(), LakeError> {
    let samples = state.files_of(Table::MetricSamples);
    let newest = |file: &crate::file::DataFile| {
        file.time_range(Table::MetricSamples).map_or(i64::MAX, |(_, last)| last.micros())
    };
    let newest_sample = samples.files.iter().map(newest).max().unwrap_or(i64::MIN);
    let log = &logs[Table::MetricSeries.index()];
    for file in log.active().files.iter() {
        let location = log.location(&file.path)?;
        read::for_each_batch(store, &location, Table::MetricSeries, None, |batch| {
            payload::for_each_series(&batch, |id, labels, meta, (first_ts, last_ts)| {
                let entry = state.series.restore(id, labels, meta);
                let day = first_ts.div_euclid(MICROS_PER_DAY);
                let day_end = (day + 1) * MICROS_PER_DAY - 1;
                let reach = day_end.min(newest_sample).max(last_ts);
                entry.cover(day * MICROS_PER_DAY);
                entry.cover(reach);
                state.raise_last(entry.slot, reach);
                state.remember_series_day(entry.slot, day as i32);
            })
        })
        .await?;
    }
    Ok(())
}

async fn load_event_ids(
    logs: &[TableLog],
    store: &Arc<dyn ObjectStore>,
    state: &State,
) -> Result<(), LakeError> {
    let log = &logs[Table::Events.index()];
    for file in log.active().files.iter() {
        let location = log.location(&file.path)?;
        read::for_each_batch(store, &location, Table::Events, Some(&["event_id"]), |batch| {
            let ids = batch.column(0).as_string::<i32>();
            (0..ids.len()).for_each(|row| state.remember_event(ids.value(row)));
            Ok(())
        })
        .await?;
    }
    Ok(())
}

impl Inner {
    /// Applies what the log holds and the tables do not. Flushes at checkpoints, so that memory stays
    /// within what the buffer held before the crash.
    async fn replay(&self, mut recovery: Recovery) -> Result<Recovery, LakeError> {
        /// Payload bytes that are read at once.
        const READ_BYTES: usize = 8 << 20;

        loop {
            let reading = tokio::task::spawn_blocking(move || {
                let records = recovery.next_records(READ_BYTES)?;
                Ok::<_, LakeError>((recovery, records))
            });
            let (returned, records) = reading.await.map_err(|_| LakeError::TaskStopped("WAL reader"))??;
            recovery = returned;
            if records.is_empty() {
                break;
            }
            for record in records {
                self.replay_record(record).await?;
            }
        }
        let report = recovery.report;
        if report != Default::default() {
            tracing::info!(
                records = report.records,
                torn_bytes = report.torn_bytes,
                lost_bytes = report.lost_bytes,
                "WAL replayed"
            );
        }
        Ok(recovery)
    }

    async fn replay_record(&self, record: Record) -> Result<(), LakeError> {
        let Record { position, kind, payload } = record;
        match kind {
            RecordKind::Batch => {
                let batch = payload::decode(position, &payload, &self.state.series)?;
                self.state.apply(position, batch)?;
            }
            RecordKind::Checkpoint => {
                self.state.restore_totals(&payload::decode_totals(position, &payload)?);
                if self.state.buffer_use().active_bytes >= self.config.flush_bytes
                    && let Some(frozen) = self.state.freeze(position)
                {
                    self.flush_frozen(frozen, &mut FlushReport::default()).await?;
                }
            }
        }
        Ok(())
    }
}

/// Flushes when it is time or when the buffer asks for it. A failed flush is tried again at the next
/// turn; its rows stay where they are.
async fn flush_task(lake: Weak<Inner>, cancel: CancellationToken) {
    let Some(inner) = lake.upgrade() else { return };
    let (interval, flush_now) = (inner.config.flush_interval, inner.flush_now.clone());
    // The task must not keep the lake alive while it waits.
    drop(inner);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
            () = flush_now.notified() => {}
        }
        let Some(inner) = lake.upgrade() else { return };
        if let Err(error) = inner.flush().await {
            tracing::error!(error = &error as &dyn std::error::Error, "flush failed; it is tried again");
        }
        inner.measure();
    }
}

async fn compact_task(lake: Weak<Inner>, cancel: CancellationToken) {
    let Some(interval) = lake.upgrade().map(|inner| inner.config.compact_interval) else { return };
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        let Some(inner) = lake.upgrade() else { return };
        if let Err(error) = inner.compact().await {
            tracing::error!(error = &error as &dyn std::error::Error, "compaction failed; it is tried again");
        }
        inner.measure();
    }
}
