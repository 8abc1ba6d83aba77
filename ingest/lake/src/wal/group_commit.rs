//! The only writer of the log: takes what waits, writes it together, syncs once, applies it in order,
//! answers.
//!
//! A lone batch does not wait. While others are being encoded (`Turnstile`), the group waits for them
//! up to `group_delay` or `group_bytes`; while one group is being synced, the next one gathers in the
//! queue.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use telemetry::{Limit, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::Wal;
use super::payload::{self, Checkpoint, PreparedBatch};
use super::record::RecordKind;
use crate::config::{Ack, WalConfig};
use crate::error::LakeError;
use crate::metrics::Metrics;
use crate::replay::Replay;
use crate::schema::Table;
use crate::state::{Applied, Frozen, State};

/// What the committer is asked to do.
pub enum Request {
    Append(Box<Append>),
    /// Begin a flush: write a checkpoint and freeze what was applied before it.
    Freeze {
        now: Timestamp,
        answer: oneshot::Sender<Result<Option<Frozen>, LakeError>>,
    },
    /// Write nothing until the replay has read what is written.
    Hold {
        reached: oneshot::Sender<()>,
        resume: oneshot::Receiver<()>,
    },
}

/// A batch that wants to be in the log.
pub struct Append {
    pub payload: Bytes,
    pub batch: PreparedBatch,
    /// Its series have their numbers. Those of a batch that was taken during the replay get theirs
    /// when it is applied.
    pub registered: bool,
    pub answer: oneshot::Sender<Result<Applied, LakeError>>,
    /// Its share of `wal.queue_bytes_max`, given back when it is answered.
    pub room: OwnedSemaphorePermit,
}

/// Counts the batches that are about to be queued.
#[derive(Debug, Default)]
pub struct Turnstile(AtomicUsize);

/// One batch on its way to the queue.
pub struct Turn<'a>(&'a Turnstile);

impl Turnstile {
    pub fn enter(&self) -> Turn<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        Turn(self)
    }

    fn is_busy(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The task's parts; [`Committer::run`] ends when all senders are gone.
pub struct Committer {
    pub wal: Arc<Wal>,
    pub state: Arc<State>,
    pub metrics: Metrics,
    pub turnstile: Arc<Turnstile>,
    pub replay: Arc<Replay>,
    pub ack: Ack,
    pub config: WalConfig,
    pub requests: mpsc::Receiver<Request>,
    /// When what was written without a sync is to be synced.
    pub sync_at: Option<Instant>,
    /// The task that makes the next segment ready.
    pub preparing: Option<JoinHandle<()>>,
}

impl Committer {
    pub async fn run(mut self) {
        let mut next = None;
        loop {
            let request = match next.take() {
                Some(request) => request,
                None => match self.next_request().await {
                    Some(request) => request,
                    None => {
                        self.sync().await;
                        if let Some(preparing) = self.preparing.take() {
                            // Whether it came to it or not: nothing is written behind a closed lake.
                            let _ = preparing.await;
                        }
                        return;
                    }
                },
            };
            match request {
                Request::Hold { reached, resume } => {
                    let _ = reached.send(());
                    // A replay that ended otherwise does not keep the log closed.
                    let _ = resume.await;
                }
                Request::Freeze { now, answer } => {
                    let frozen = self.freeze(now).await;
                    // Nobody listens any more when the flush was given up.
                    let _ = answer.send(frozen);
                }
                Request::Append(first) => {
                    let (group, left_over) = self.gather(*first).await;
                    next = left_over;
                    self.commit(group).await;
                }
            }
        }
    }

    /// Syncs in between what the acknowledgements did not wait for.
    async fn next_request(&mut self) -> Option<Request> {
        while let Some(sync_at) = self.sync_at {
            if Instant::now() >= sync_at {
                self.sync().await;
            } else if let Ok(request) = timeout_at(sync_at, self.requests.recv()).await {
                return request;
            }
        }
        self.requests.recv().await
    }

    async fn sync(&mut self) {
        if self.sync_at.take().is_none() {
            return;
        }
        let wal = self.wal.clone();
        let synced = tokio::task::spawn_blocking(move || wal.sync()).await;
        if let Err(error) = synced.map_err(io::Error::other).and_then(|synced| synced) {
            self.metrics.wal_write_failures.inc();
            tracing::error!(
                %error,
                "the WAL could not be synced: power loss before the next flush loses what was acknowledged"
            );
        }
    }

    /// Waits for batches that share the sync. Anything else in between ends the group: order is kept.
    async fn gather(&mut self, first: Append) -> (Vec<Append>, Option<Request>) {
        /// How long the queue may stay empty before the turnstile is looked at again.
        const LOOK_AGAIN: Duration = Duration::from_micros(250);

        let deadline = Instant::now() + self.config.group_delay;
        // Nobody is waited for beyond `group_bytes`, but who waits already comes along: where a sync takes
        // long, more share it. A part of a segment, so that little room is left at its end.
        let bytes_max = self.config.group_bytes.max(self.config.segment_bytes / 16);
        let mut bytes = first.payload.len() as u64;
        let mut group = vec![first];
        while bytes < bytes_max {
            let request = match self.requests.try_recv() {
                Ok(request) => request,
                Err(_) if bytes >= self.config.group_bytes => break,
                Err(_) if !self.turnstile.is_busy() || Instant::now() >= deadline => break,
                Err(_) => {
                    let look_again = deadline.min(Instant::now() + LOOK_AGAIN);
                    match timeout_at(look_again, self.requests.recv()).await {
                        Ok(Some(request)) => request,
                        Ok(None) => break,
                        Err(_) => continue,
                    }
                }
            };
            match request {
                Request::Append(append) => {
                    bytes += append.payload.len() as u64;
                    group.push(*append);
                }
                other => return (group, Some(other)),
            }
        }
        (group, None)
    }

    async fn commit(&mut self, group: Vec<Append>) {
        if self.ack == Ack::Memory && self.replay.is_over() {
            return self.commit_behind(group).await;
        }
        let payloads = group.iter().map(|append| append.payload.clone()).collect();
        let written = self.write(RecordKind::Batch, payloads).await;
        for (at, append) in (0..).zip(group) {
            let outcome = match &written {
                Ok(first_position) => {
                    self.apply(first_position + at, append.registered, append.payload, append.batch)
                }
                Err(error) => {
                    if let Some(key) = append.batch.retry_key {
                        self.state.with_retry_keys(|keys| keys.abandon(key));
                    }
                    Err(refusal(error))
                }
            };
            drop(append.room);
            // The sender may have gone away; its batch is stored all the same.
            let _ = append.answer.send(outcome);
        }
    }

    /// Acknowledges first and writes afterwards.
    async fn commit_behind(&mut self, group: Vec<Append>) {
        let payloads = group.iter().map(|append| append.payload.clone()).collect();
        let first_position = self.wal.next_position();
        for (at, append) in (0..).zip(group) {
            let Append { payload, batch, registered, answer, room } = append;
            let outcome = self.apply(first_position + at, registered, payload, batch);
            drop(room);
            let _ = answer.send(outcome);
        }
        if let Err(error) = self.write(RecordKind::Batch, payloads).await {
            tracing::error!(%error, "acknowledged batches are not in the WAL; they are in memory until the next flush");
        }
    }

    /// What is in the log at `position` becomes visible, now or, during the replay, when it is read.
    fn apply(
        &self,
        position: i64,
        registered: bool,
        payload: Bytes,
        batch: PreparedBatch,
    ) -> Result<Applied, LakeError> {
        if !self.replay.is_over() {
            if let Some(key) = batch.retry_key {
                self.state.with_retry_keys(|keys| keys.stored_first(key, batch.at, position));
            }
            return Ok(logged(position, &batch));
        }
        let batch = match registered {
            true => batch,
            false => payload::decode(position, &payload, &self.state.series)?,
        };
        self.state.apply(position, batch)
    }

    async fn freeze(&mut self, now: Timestamp) -> Result<Option<Frozen>, LakeError> {
        if !self.state.has_rows_to_flush() {
            return Ok(None);
        }
        let checkpoint = Checkpoint {
            totals: self.state.totals(),
            histogram_totals: self.state.histogram_totals()?,
            retry_keys: self.state.with_retry_keys(|keys| keys.all_stored(now)),
        };
        let carries_state = !checkpoint.is_empty();
        let content = payload::encode_checkpoint(&checkpoint)?.into();
        let wal = self.wal.clone();
        tokio::task::spawn_blocking(move || wal.rotate_before_checkpoint(carries_state))
            .await
            .map_err(|_| LakeError::TaskStopped("WAL writer"))?
            .map_err(|error| refusal(&error))?;
        let position =
            self.write(RecordKind::Checkpoint, vec![content]).await.map_err(|error| refusal(&error))?;
        Ok(self.state.freeze(position, position))
    }

    async fn write(&mut self, kind: RecordKind, payloads: Vec<Bytes>) -> io::Result<i64> {
        let (wal, durable) = (self.wal.clone(), self.ack == Ack::Durable);
        #[allow(clippy::disallowed_methods)] // measures how long the sync took
        let started = std::time::Instant::now();
        let written = tokio::task::spawn_blocking(move || {
            let records: Vec<(RecordKind, &[u8])> =
                payloads.iter().map(|payload| (kind, payload.as_ref())).collect();
            wal.append(&records, durable)
        })
        .await
        .map_err(io::Error::other)?;
        self.metrics.wal_fsync_seconds.observe(started.elapsed().as_secs_f64());
        if written.is_err() {
            self.metrics.wal_write_failures.inc();
        }
        if !durable {
            self.sync_at.get_or_insert_with(|| Instant::now() + self.config.sync_interval);
        }
        self.prepare_next_segment();
        written
    }

    /// Begins it if it is time; the writing goes on beside it.
    fn prepare_next_segment(&mut self) {
        if !self.wal.needs_next_segment() {
            return;
        }
        let wal = self.wal.clone();
        self.preparing = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = wal.prepare_next_segment() {
                tracing::warn!(%error, "the next segment of the WAL is not prepared; its room is reserved when it begins");
            }
        }));
    }
}

/// Of a batch that is in the log and not applied yet: nothing is known of duplicates.
fn logged(position: i64, batch: &PreparedBatch) -> Applied {
    let rows = |table: Table| batch.tables[table.index()].as_ref().map_or(0, |rows| rows.num_rows() as u64);
    let delta_histograms = batch.delta_histograms.as_ref().map_or(0, |rows| rows.num_rows() as u64);
    let mut applied = Applied {
        position,
        samples: (batch.samples.len() + batch.deltas.len()) as u64,
        histograms: rows(Table::MetricHistograms) + delta_histograms,
        exemplars: rows(Table::MetricExemplars),
        logs: batch.logs.len() as u64,
        events: rows(Table::Events),
        slices: rows(Table::SloSlices),
        ..Applied::default()
    };
    applied.leave_out(batch.starts);
    applied
}

/// What a sender is told when the log could not be written. All waiting senders get the same answer.
fn refusal(error: &io::Error) -> LakeError {
    if error.kind() == io::ErrorKind::StorageFull {
        // Whoever has the figures puts them in.
        return LakeError::DiskFull { free_bytes: 0, needed_bytes: 0, limit: Limit::DiskFreeBytes };
    }
    LakeError::io("cannot write the", "WAL", io::Error::new(error.kind(), error.to_string()))
}
