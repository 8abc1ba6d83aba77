//! The start: lock, repair, open the log for writing, start the tasks; and reading the registry, which
//! the replay begins with.

use std::fs::OpenOptions;
use std::path::Path as FsPath;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use nix::fcntl::{Flock, FlockArg};
use parking_lot::Mutex;
use telemetry::Clock;
use telemetry::time::MICROS_PER_DAY;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::buffer::SeriesDay;
use crate::commit::TableLog;
use crate::compact::backlog::Backlog;
use crate::compact::{CompactReport, Lane};
use crate::config::LakeConfig;
use crate::disk::{self, DiskWatch, Probe};
use crate::error::LakeError;
use crate::faults::Faults;
use crate::flush::sequence_of;
use crate::lake::{Inner, Lake, queue_kib_max};
use crate::metrics::Metrics;
use crate::read;
use crate::replay::{self, Replay};
use crate::retention::Unlinked;
use crate::schema::Table;
use crate::sources::SourceCounts;
use crate::state::State;
use crate::storage::{DurableStore, create_dir_durably};
use crate::wal::group_commit::{Committer, Turnstile};
use crate::wal::payload;
use crate::wal::reader::Reader;
use crate::wal::recovery::Recovery;

/// Where tests reach into the outside world.
pub struct Hooks {
    pub faults: Faults,
    pub disk_space: Arc<Probe>,
    /// A replay waits for a permit before it begins.
    pub replay_gate: Option<Arc<Semaphore>>,
}

impl Default for Hooks {
    fn default() -> Self {
        Hooks { faults: Faults::default(), disk_space: Arc::new(disk::space), replay_gate: None }
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
    let recovery = Recovery::begin(&dir.join("wal"), &config.wal, &faults)?;
    let application = recovery.id.to_string();
    let state = Arc::new(State::new(&config));
    let opening = Table::ALL
        .map(|table| TableLog::open(table, &tables_dir, store.clone(), &application, &config, &faults));
    let logs = futures::future::try_join_all(opening).await?;
    let mut position_min = 1;
    for log in &logs {
        let committed = log.committed_position();
        let newest_file = log.active().files.iter().map(|file| file.sequence).max().unwrap_or_default();
        // A new log beside old tables must not give out positions that old files carry.
        position_min = position_min.max(committed + 1).max(newest_file / sequence_of(1) + 1);
        state.set_committed(log.table, log.active(), committed);
    }
    let roots = std::array::from_fn(|at| logs[at].root.clone());
    let logs: [TableLog; Table::COUNT] =
        logs.try_into().map_err(|_| LakeError::TaskStopped("opening tables"))?;
    let found_bytes = recovery.bytes();
    let replay = Arc::new(Replay::of(found_bytes));
    let wal = Arc::new(recovery.finish(position_min)?);
    let (requests, queue) = mpsc::channel(config.wal.queue_max.max(1));
    let (turnstile, metrics) = (Arc::new(Turnstile::default()), Metrics::default());
    let disk = DiskWatch::new(tables_dir, &config, hooks.disk_space);
    let inner = Arc::new(Inner {
        clock,
        state: state.clone(),
        store,
        faults,
        logs: logs.map(tokio::sync::Mutex::new),
        wal: wal.clone(),
        replay: replay.clone(),
        replay_room: AtomicU64::new(if found_bytes > 0 { config.wal.replay_bytes_max } else { 0 }),
        application,
        roots,
        requests: Mutex::new(Some(requests)),
        queue_room: Arc::new(Semaphore::new(queue_kib_max(&config))),
        turnstile: turnstile.clone(),
        flushing: tokio::sync::Mutex::default(),
        flush_now: Arc::new(Notify::new()),
        compact_now: Arc::new(Notify::new()),
        merging: Default::default(),
        day_merges: Mutex::default(),
        claims: Arc::default(),
        backlog: Backlog::default(),
        unlinked: tokio::sync::Mutex::new(Unlinked::default()),
        disk,
        sources: SourceCounts::default(),
        metrics: metrics.clone(),
        cancel: CancellationToken::new(),
        tasks: Mutex::default(),
        lock: Mutex::new(Some(lock)),
        config,
    });

    let committer = Committer {
        wal: wal.clone(),
        state,
        metrics,
        turnstile,
        replay,
        ack: inner.config.ack,
        config: inner.config.wal.clone(),
        requests: queue,
        sync_at: None,
        preparing: None,
    };
    let mut tasks = vec![tokio::spawn(committer.run())];
    let reader = Reader::new(wal, inner.config.wal.clone());
    tasks.push(start_replay(&inner, reader, hooks.replay_gate).await?);
    tasks.push(tokio::spawn(flush_task(Arc::downgrade(&inner), inner.cancel.clone())));
    for lane in Lane::ALL {
        tasks.push(tokio::spawn(compact_task(lane, Arc::downgrade(&inner), inner.cancel.clone())));
    }
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

/// Waits for a short replay and its errors; lets a long one go on in the background.
async fn start_replay(
    inner: &Arc<Inner>,
    reader: Reader,
    gate: Option<Arc<Semaphore>>,
) -> Result<JoinHandle<()>, LakeError> {
    let running = inner.clone();
    let mut replaying = tokio::spawn(async move {
        if let Some(gate) = gate {
            // A gate that is closed is open.
            let _ = gate.acquire().await;
        }
        replay::run(running, reader).await
    });
    let stopped = |_| LakeError::TaskStopped("WAL replay");
    match tokio::time::timeout(inner.config.wal.replay_wait, &mut replaying).await {
        Ok(ended) => {
            if let Err(error) = ended.map_err(stopped).and_then(|replayed| replayed) {
                inner.cancel.cancel();
                drop(inner.requests.lock().take());
                return Err(error);
            }
            Ok(tokio::spawn(std::future::ready(())))
        }
        Err(_) => {
            tracing::info!(
                progress = ?inner.replay.progress(),
                "the WAL is long: writes are taken while it is replayed, queries wait"
            );
            let replay = inner.replay.clone();
            Ok(tokio::spawn(async move {
                match replaying.await.map_err(stopped).and_then(|replayed| replayed) {
                    Ok(()) | Err(LakeError::Closed) => {}
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "the WAL replay failed");
                        replay.end(Err(error.to_string().into()));
                    }
                }
            }))
        }
    }
}

/// Reads from the tables what the log's records refer to.
pub async fn load_registry(inner: &Inner) -> Result<(), LakeError> {
    load_series(inner).await?;
    load_event_ids(inner).await
}

/// Rebuilds the registry from `metric_series`. The times of its rows are of when they were written, so
/// that a series is taken to reach to the end of its last day, or as far as any sample does.
///
/// Most series have a row in each day's files. The newest come first, and of older ones only numbers
/// and times are read where every series is known by then.
async fn load_series(inner: &Inner) -> Result<(), LakeError> {
    let (state, store) = (&inner.state, inner.object_store());
    let newest = |table: Table| {
        let last =
            |file: &crate::file::DataFile| file.time_range(table).map_or(i64::MAX, |(_, last)| last.micros());
        state.files_of(table).files.iter().map(last).max().unwrap_or(i64::MIN)
    };
    let newest_sample =
        newest(Table::MetricSamples).max(newest(Table::MetricHistograms)).max(newest(Table::MetricExemplars));
    let day = |slot: u32, first_ts: i64, last_ts: i64| {
        let day = first_ts.div_euclid(MICROS_PER_DAY);
        let day_end = (day + 1) * MICROS_PER_DAY - 1;
        let last_ts = day_end.min(newest_sample).max(last_ts);
        SeriesDay { slot, day: day as i32, first_ts: day * MICROS_PER_DAY, last_ts }
    };
    let mut files = state.files_of(Table::MetricSeries).files.to_vec();
    files.sort_by(|a, b| b.partition.cmp(&a.partition));
    for file in &files {
        let location = inner.location_of(Table::MetricSeries, file)?;
        let mut all_known = !state.series.is_empty();
        if all_known {
            read::for_each_batch(&store, &location, Some(&["series_id", "first_ts", "last_ts"]), |batch| {
                let columns = SeriesTimes::of(&batch)?;
                match state.series.slots_of(columns.ids.iter().copied()) {
                    Ok(slots) => {
                        let times = columns.firsts.iter().zip(columns.lasts);
                        let days =
                            slots.iter().zip(times).map(|(slot, (first, last))| day(*slot, *first, *last));
                        state.remember_series_days(&days.collect::<Vec<_>>());
                    }
                    Err(_) => all_known = false,
                }
                Ok(())
            })
            .await?;
        }
        if all_known {
            continue;
        }
        read::for_each_batch(&store, &location, None, |batch| {
            let mut days = Vec::with_capacity(batch.num_rows());
            payload::for_each_series(&batch, |stored| {
                let entry = state.series.restore(stored.id, stored.labels, stored.meta, stored.source);
                days.push(day(entry.slot, stored.first_ts, stored.last_ts));
            })?;
            state.remember_series_days(&days);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Of rows of `metric_series`.
struct SeriesTimes<'a> {
    ids: &'a [i64],
    firsts: &'a [i64],
    lasts: &'a [i64],
}

impl<'a> SeriesTimes<'a> {
    fn of(rows: &'a RecordBatch) -> Result<SeriesTimes<'a>, ArrowError> {
        let column = |name: &str| rows.column_by_name(name);
        let ids = column("series_id").and_then(|ids| ids.as_primitive_opt::<Int64Type>());
        let time = |name| column(name).and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
        match (ids, time("first_ts"), time("last_ts")) {
            (Some(ids), Some(firsts), Some(lasts)) => {
                Ok(SeriesTimes { ids: ids.values(), firsts: firsts.values(), lasts: lasts.values() })
            }
            _ => Err(ArrowError::SchemaError("metric_series without usable numbers and times".to_owned())),
        }
    }
}

async fn load_event_ids(inner: &Inner) -> Result<(), LakeError> {
    let (state, store) = (&inner.state, inner.object_store());
    for file in state.files_of(Table::Events).files.iter() {
        let location = inner.location_of(Table::Events, file)?;
        read::for_each_batch(&store, &location, Some(&["event_id"]), |batch| {
            let ids = batch.column(0).as_string::<i32>();
            (0..ids.len()).for_each(|row| state.remember_event(ids.value(row)));
            Ok(())
        })
        .await?;
    }
    Ok(())
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
        if !inner.replay.is_over() || inner.disk.is_reserved() {
            continue;
        }
        if let Err(error) = inner.flush().await {
            tracing::error!(error = &error as &dyn std::error::Error, "flush failed; it is tried again");
        }
        inner.measure();
    }
}

/// Merges when it is time, or at once when merges are behind.
async fn compact_task(lane: Lane, lake: Weak<Inner>, cancel: CancellationToken) {
    let Some(inner) = lake.upgrade() else { return };
    let (interval, compact_now) = (inner.config.compact_interval, inner.compact_now.clone());
    drop(inner);
    let mut tick = tokio::time::interval_at(Instant::now() + interval, interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_behind = tokio::select! {
            () = cancel.cancelled() => return,
            _ = tick.tick() => false,
            // Flushes make no files for days.
            () = compact_now.notified(), if lane == Lane::Hours => true,
        };
        let Some(inner) = lake.upgrade() else { return };
        if !inner.replay.is_over() || inner.disk.is_reserved() {
            continue;
        }
        let compact = async {
            match is_behind {
                true => inner.merge_all(lane, &mut CompactReport::default()).await,
                false => inner.compact_lane(lane).await.map(drop),
            }
        };
        // What a merge did not commit is nobody's, and goes with the next vacuum.
        let compacted = tokio::select! {
            () = cancel.cancelled() => return,
            compacted = compact => compacted,
        };
        if let Err(error) = compacted {
            tracing::error!(error = &error as &dyn std::error::Error, "compaction failed; it is tried again");
        }
        inner.measure();
    }
}
