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

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Wal;
use super::payload::{self, PreparedBatch};
use super::record::RecordKind;
use crate::config::WalConfig;
use crate::error::LakeError;
use crate::metrics::Metrics;
use crate::state::{Applied, Frozen, State};

/// What the committer is asked to do.
pub enum Request {
    Append(Box<Append>),
    /// Begin a flush: write a checkpoint and freeze what was applied before it.
    Freeze {
        answer: oneshot::Sender<Result<Option<Frozen>, LakeError>>,
    },
}

/// A batch that wants to be in the log.
pub struct Append {
    pub payload: Vec<u8>,
    pub batch: PreparedBatch,
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
    pub config: WalConfig,
    pub requests: mpsc::Receiver<Request>,
}

impl Committer {
    pub async fn run(mut self) {
        let mut next = None;
        loop {
            let request = match next.take() {
                Some(request) => request,
                None => match self.requests.recv().await {
                    Some(request) => request,
                    None => return,
                },
            };
            match request {
                Request::Freeze { answer } => {
                    let frozen = self.freeze().await;
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

    /// Waits for batches that share the sync. A freeze in between ends the group: order is kept.
    async fn gather(&mut self, first: Append) -> (Vec<Append>, Option<Request>) {
        /// How long the queue may stay empty before the turnstile is looked at again.
        const LOOK_AGAIN: Duration = Duration::from_micros(250);

        let deadline = Instant::now() + self.config.group_delay;
        let mut bytes = first.payload.len() as u64;
        let mut group = vec![first];
        while bytes < self.config.group_bytes {
            let request = match self.requests.try_recv() {
                Ok(request) => request,
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
                freeze @ Request::Freeze { .. } => return (group, Some(freeze)),
            }
        }
        (group, None)
    }

    async fn commit(&self, mut group: Vec<Append>) {
        let payloads = group.iter_mut().map(|append| std::mem::take(&mut append.payload)).collect();
        let written = self.write(RecordKind::Batch, payloads).await;
        for (at, Append { batch, answer, room, .. }) in (0..).zip(group) {
            let outcome = match &written {
                Ok(first_position) => self.state.apply(first_position + at, batch),
                Err(error) => {
                    if let Some(key) = batch.retry_key {
                        self.state.with_retry_keys(|keys| keys.abandon(key));
                    }
                    Err(refusal(error))
                }
            };
            drop(room);
            // The sender may have gone away; its batch is stored all the same.
            let _ = answer.send(outcome);
        }
    }

    async fn freeze(&self) -> Result<Option<Frozen>, LakeError> {
        if !self.state.has_rows_to_flush() {
            return Ok(None);
        }
        let totals = self.state.totals();
        let carries_state = !totals.is_empty();
        let totals = payload::encode_totals(&totals)?;
        let wal = self.wal.clone();
        tokio::task::spawn_blocking(move || wal.rotate_before_checkpoint(carries_state))
            .await
            .map_err(|_| LakeError::TaskStopped("WAL writer"))?
            .map_err(|error| refusal(&error))?;
        let position =
            self.write(RecordKind::Checkpoint, vec![totals]).await.map_err(|error| refusal(&error))?;
        Ok(self.state.freeze(position))
    }

    async fn write(&self, kind: RecordKind, payloads: Vec<Vec<u8>>) -> io::Result<i64> {
        let wal = self.wal.clone();
        #[allow(clippy::disallowed_methods)] // measures how long the sync took
        let started = std::time::Instant::now();
        let written = tokio::task::spawn_blocking(move || {
            let records: Vec<(RecordKind, &[u8])> =
                payloads.iter().map(|payload| (kind, payload.as_slice())).collect();
            wal.append(&records)
        })
        .await
        .map_err(io::Error::other)?;
        self.metrics.wal_fsync_seconds.observe(started.elapsed().as_secs_f64());
        if written.is_err() {
            self.metrics.wal_write_failures.inc();
        }
        written
    }
}

/// What a sender is told when the log could not be written. All waiting senders get the same answer.
fn refusal(error: &io::Error) -> LakeError {
    if error.kind() == io::ErrorKind::StorageFull {
        return LakeError::DiskFull { free_bytes: 0, needed_bytes: 0 };
    }
    LakeError::io("cannot write the", "WAL", io::Error::new(error.kind(), error.to_string()))
}
