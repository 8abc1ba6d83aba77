//! How a batch gets in: within the bounds, prepared, logged, applied.

use std::sync::atomic::Ordering;
use std::time::Duration;

use telemetry::{Batch, Limit, Rejection, SeriesRef, Timestamp};
use tokio::sync::oneshot;

use super::Inner;
use crate::config::LakeConfig;
use crate::error::LakeError;
use crate::prepare::{AppendOptions, Prepared, RefusedLog, prepare};
use crate::recent::RetryState;
use crate::series::SeriesIndex;
use crate::state::{Applied, State, Written};
use crate::wal::group_commit::{Append, Request};
use crate::wal::payload::{self, PreparedBatch};

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

/// How long a refused sender should wait: about the time a flush takes to make room.
const RETRY_AFTER: Duration = Duration::from_secs(5);

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
        let overloaded =
            |what, limit| Err(LakeError::Overloaded { what, limit: Some(limit), retry_after: RETRY_AFTER });
        let wal_bytes_max = self.config.wal.bytes_max + self.replay_room.load(Ordering::Relaxed);
        if self.wal.bytes() > wal_bytes_max {
            return overloaded("the write-ahead log is full", Limit::WalBytes);
        }
        if self.state.buffer_use().bytes > self.config.buffer_bytes_max {
            self.flush_now.notify_one();
            return overloaded("the write buffer is full", Limit::BufferBytes);
        }
        if self.backlog.is_over(&self.config) {
            return overloaded("too many files wait to be merged", Limit::UnmergedFiles);
        }
        Ok(())
    }

    fn begin_with_key(&self, key: u128, now: Timestamp) -> Result<KeyUse, LakeError> {
        self.state.with_retry_keys(|keys| match keys.get(key, now) {
            Some(RetryState::Stored { .. }) => Ok(KeyUse::StoredBefore),
            Some(RetryState::InFlight) => Err(LakeError::Overloaded {
                what: "the same batch is being stored",
                limit: None,
                retry_after: Duration::from_secs(1),
            }),
            None => {
                keys.begin(key);
                Ok(KeyUse::New)
            }
        })
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
