//! The log of the last run, read while new batches are already written behind it.
//!
//! A start reads the registry of series and the known event ids from the tables, then every record of
//! the log in order, and flushes as it goes, so that memory stays within the buffer's bounds. Batches
//! that arrive meanwhile are logged and acknowledged, and applied when their turn in the log comes:
//! there is one order, the log's, and one way of applying. When the end is reached the committer holds
//! still for as long as the last few records take, and from then on applies what it writes.

mod steps;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::LakeError;
use crate::flush::FlushReport;
use crate::lake::Inner;
use crate::open;
use crate::series::sequence::Sequence;
use crate::state::{BufferUse, Frozen, State};
use crate::wal::group_commit::Request;
use crate::wal::payload::PreparedBatch;
use crate::wal::reader::Reader;
use steps::{Content, Decoded, decode_all, decode_chunk, read_all, read_chunk};

/// Chunks that wait for each of the steps that follow.
const CHUNKS_AHEAD: usize = 2;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// A flush that failed during the replay is tried again after this time.
const FLUSH_AGAIN: Duration = Duration::from_secs(2);

/// How far the log has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayProgress {
    pub done_bytes: u64,
    pub total_bytes: u64,
}

/// What everybody asks: may the tables and the registry be looked at?
#[derive(Debug)]
pub struct Replay {
    outcome: OnceLock<Result<(), Arc<str>>>,
    ended: Notify,
    found_bytes: u64,
    done_bytes: AtomicU64,
}

impl Replay {
    /// Of a log with so many bytes.
    pub fn of(found_bytes: u64) -> Replay {
        Replay { outcome: OnceLock::new(), ended: Notify::new(), found_bytes, done_bytes: AtomicU64::new(0) }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.outcome.get(), Some(Ok(())))
    }

    /// `None` when it is over.
    pub fn progress(&self) -> Option<ReplayProgress> {
        let done_bytes = self.done_bytes.load(Ordering::Relaxed);
        let progress = ReplayProgress { done_bytes, total_bytes: self.found_bytes.max(done_bytes) };
        (!self.is_over()).then_some(progress)
    }

    /// Fails until the replay is over.
    pub fn check(&self) -> Result<(), LakeError> {
        match self.outcome.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(problem)) => Err(LakeError::ReplayFailed(problem.clone())),
            None => {
                let done_bytes = self.done_bytes.load(Ordering::Relaxed);
                Err(LakeError::Replaying { done_bytes, total_bytes: self.found_bytes.max(done_bytes) })
            }
        }
    }

    /// Fails once the replay has failed.
    pub fn check_not_failed(&self) -> Result<(), LakeError> {
        match self.outcome.get() {
            Some(Err(problem)) => Err(LakeError::ReplayFailed(problem.clone())),
            _ => Ok(()),
        }
    }

    /// Waits for the end.
    pub async fn ended(&self) -> Result<(), LakeError> {
        loop {
            let ended = self.ended.notified();
            if self.outcome.get().is_some() {
                return self.check();
            }
            ended.await;
        }
    }

    pub fn end(&self, outcome: Result<(), Arc<str>>) {
        // The first outcome stays.
        let _ = self.outcome.set(outcome);
        self.ended.notify_waiters();
    }
}

/// Reads the tables' registry and the log to its end; afterwards the lake is live.
pub async fn run(inner: Arc<Inner>, reader: Reader) -> Result<(), LakeError> {
    open::load_registry(&inner).await?;
    let mut applier = Applier::new(inner.clone());
    let (chunks, read) = mpsc::channel(CHUNKS_AHEAD);
    let (decoder, mut decoded) = mpsc::channel(CHUNKS_AHEAD);
    let state = inner.state.clone();
    // Three steps beside each other: what can be read by itself, what needs the registry, what needs the
    // order of the log.
    let reading = tokio::task::spawn_blocking(move || read_all(reader, &chunks));
    let decoding = tokio::task::spawn_blocking(move || decode_all(read, &state, &decoder));
    let mut progress = Progress::begin(&inner.replay);
    let mut applied = Ok(());
    while let Some(chunk) = decoded.recv().await {
        applied = applier.apply(chunk).await;
        if applied.is_err() || inner.cancel.is_cancelled() {
            break;
        }
        progress.tell();
    }
    drop(decoded);
    let decoding = decoding.await.map_err(|_| LakeError::TaskStopped("WAL decoder"))?;
    let reading = reading.await.map_err(|_| LakeError::TaskStopped("WAL reader"))?;
    // Whatever the outcome is: no flush goes on behind it.
    let settled = applier.settle().await;
    applied?;
    settled?;
    let lost_bytes = decoding?;
    let mut reader = reading?;
    reader.lost_bytes += lost_bytes;
    let handed_over = hand_over(&inner, reader, &mut applier).await;
    if handed_over.is_err() {
        let _ = applier.settle().await;
    }
    handed_over
}

/// Applies the last records while the committer writes nothing, and makes the lake live.
async fn hand_over(inner: &Arc<Inner>, mut reader: Reader, applier: &mut Applier) -> Result<(), LakeError> {
    let (reached, holds) = oneshot::channel();
    let (go_on, resume) = oneshot::channel();
    inner.send(Request::Hold { reached, resume }).await?;
    holds.await.map_err(|_| LakeError::TaskStopped("WAL writer"))?;
    loop {
        let state = inner.state.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let read = read_chunk(&mut reader)?;
            let is_end = read.is_empty();
            let mut lost_bytes = 0;
            let chunk = decode_chunk(read, &state, &mut Sequence::default(), &mut lost_bytes)?;
            reader.lost_bytes += lost_bytes;
            Ok::<_, LakeError>((reader, chunk, is_end))
        });
        let (returned, chunk, is_end) = reading.await.map_err(|_| LakeError::TaskStopped("WAL reader"))??;
        reader = returned;
        if is_end {
            break;
        }
        applier.apply(chunk).await?;
    }
    applier.settle().await?;
    inner.replay.end(Ok(()));
    // The committer goes on by itself when nobody says so.
    let _ = go_on.send(());
    if reader.read_records > 0 || reader.lost_bytes > 0 {
        let megabytes = reader.read_bytes as f64 / 1e6;
        let seconds = applier.started.elapsed().as_secs_f64();
        tracing::info!(
            records = reader.read_records,
            bytes = reader.read_bytes,
            lost_bytes = reader.lost_bytes,
            seconds,
            // Of them; the rest is spent on reading and applying.
            flush_wait_seconds = applier.flush_wait.as_secs_f64(),
            mb_per_second = megabytes / seconds.max(1e-3),
            "WAL replayed"
        );
    }
    let bytes_max = inner.config.wal.bytes_max;
    if inner.wal.bytes() <= bytes_max {
        inner.replay_room.store(0, Ordering::Relaxed);
    }
    if inner.wal.bytes() > bytes_max / 2 {
        // A checkpoint at the end lets go of everything that was replayed.
        inner.flush_now.notify_one();
    }
    Ok(())
}

/// Applies records in order; flushes in the background, one flush at a time.
struct Applier {
    inner: Arc<Inner>,
    started: Instant,
    /// The last checkpoint that was passed: the log is needed from there on.
    checkpoint: i64,
    flushing: Option<JoinHandle<()>>,
    /// How long the buffer was full while the one before it was flushed.
    flush_wait: Duration,
}

impl Applier {
    fn new(inner: Arc<Inner>) -> Applier {
        let (started, flush_wait) = (Instant::now(), Duration::ZERO);
        Applier { inner, started, checkpoint: 0, flushing: None, flush_wait }
    }

    async fn apply(&mut self, chunk: Vec<Decoded>) -> Result<(), LakeError> {
        let mut rest = chunk.into_iter();
        loop {
            let (inner, mut checkpoint) = (self.inner.clone(), self.checkpoint);
            let applying = tokio::task::spawn_blocking(move || {
                let flush_at = apply_until_full(&inner, &mut rest, &mut checkpoint)?;
                Ok::<_, LakeError>((rest, checkpoint, flush_at))
            });
            let applied = applying.await.map_err(|_| LakeError::TaskStopped("WAL replay"))??;
            let flush_at;
            (rest, self.checkpoint, flush_at) = applied;
            match flush_at {
                Some(position) => self.flush(position).await?,
                None => return Ok(()),
            }
        }
    }

    async fn flush(&mut self, position: i64) -> Result<(), LakeError> {
        let full = Instant::now();
        self.settle().await?;
        self.flush_wait += full.elapsed();
        if let Some(frozen) = self.inner.state.freeze(position, self.checkpoint) {
            self.flushing = Some(tokio::spawn(flush_with_patience(self.inner.clone(), frozen)));
        }
        Ok(())
    }

    /// Waits for the flush that is under way.
    async fn settle(&mut self) -> Result<(), LakeError> {
        if let Some(flushing) = self.flushing.take() {
            flushing.await.map_err(|_| LakeError::TaskStopped("flush writer"))?;
        }
        if self.inner.cancel.is_cancelled() { Err(LakeError::Closed) } else { Ok(()) }
    }
}

/// Where the buffer has to be flushed, if it got full on the way.
fn apply_until_full(
    inner: &Inner,
    records: &mut std::vec::IntoIter<Decoded>,
    checkpoint: &mut i64,
) -> Result<Option<i64>, LakeError> {
    // At a checkpoint, where the log can be let go of, a little earlier than in between.
    let (full_bytes, bytes_max) = (inner.config.flush_bytes, inner.config.buffer_bytes_max);
    let over_full_bytes = (2 * full_bytes).min(bytes_max / 3);
    let room_bytes = (5 * full_bytes).min(bytes_max / 4 * 3);
    for Decoded { position, read_bytes, content } in records {
        inner.replay.done_bytes.store(read_bytes, Ordering::Relaxed);
        let limit = match content {
            Content::Batch(batch) => {
                if !is_repeated(&inner.state, position, &batch) {
                    inner.state.apply(position, *batch)?;
                }
                over_full_bytes
            }
            Content::Checkpoint(content) => {
                inner.state.restore_totals(&content.totals);
                inner.state.restore_histogram_totals(content.histogram_totals.as_ref())?;
                inner.state.with_retry_keys(|keys| {
                    content.retry_keys.iter().for_each(|(key, at)| keys.stored_first(*key, *at, position));
                });
                *checkpoint = position;
                full_bytes
            }
        };
        if is_full(inner.state.buffer_use(), limit, room_bytes) {
            return Ok(Some(position));
        }
    }
    Ok(None)
}

/// Whether it is time for a flush. While the one before is under way, as far as there is room, it is not: a
/// flush waits for the disk now and then, and has steps that keep one core busy.
fn is_full(used: BufferUse, full_bytes: u64, room_bytes: u64) -> bool {
    let is_flushing = used.bytes > used.active_bytes;
    used.active_bytes >= full_bytes && !(is_flushing && used.bytes < room_bytes)
}

/// A batch that was taken while nobody knew yet that an earlier one has the same key.
fn is_repeated(state: &State, position: i64, batch: &PreparedBatch) -> bool {
    let Some(key) = batch.retry_key else { return false };
    state.with_retry_keys(|keys| keys.is_repeated(key, batch.at, position))
}

/// Flushes until it works or the lake closes.
async fn flush_with_patience(inner: Arc<Inner>, mut frozen: Frozen) {
    loop {
        let flushed = inner.flush_frozen(frozen, &mut FlushReport::default()).await;
        // Tables that are done are done; what is left is asked for again.
        match (flushed, inner.state.frozen()) {
            (Err(_), Some(left)) => frozen = left,
            (Err(error), None) => {
                // Everything is in tables; segments that could not be removed go with the next flush.
                return tracing::warn!(error = &error as &dyn std::error::Error, "the log was not cut");
            }
            (Ok(()), _) => return,
        }
        tokio::select! {
            () = inner.cancel.cancelled() => return,
            () = tokio::time::sleep(FLUSH_AGAIN) => {}
        }
    }
}

/// A line in the log now and then.
struct Progress<'a> {
    replay: &'a Replay,
    started: Instant,
    told: Instant,
}

impl<'a> Progress<'a> {
    fn begin(replay: &'a Replay) -> Progress<'a> {
        let now = Instant::now();
        Progress { replay, started: now, told: now }
    }

    fn tell(&mut self) {
        if self.told.elapsed() < PROGRESS_INTERVAL {
            return;
        }
        self.told = Instant::now();
        if let Some(ReplayProgress { done_bytes, total_bytes }) = self.replay.progress() {
            let megabytes = done_bytes as f64 / 1e6;
            tracing::info!(
                done_bytes,
                total_bytes,
                mb_per_second = megabytes / self.started.elapsed().as_secs_f64().max(1e-3),
                "replaying the WAL: writes are taken, queries wait"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_goes_on_beside_a_flush_as_far_as_there_is_room() {
        let check = |active: u64, frozen: u64, expected: bool| {
            let used = BufferUse { rows: 0, bytes: active + frozen, active_bytes: active };
            assert_eq!(is_full(used, 100, 300), expected, "{active} beside {frozen}");
        };
        check(99, 0, false);
        check(100, 0, true);
        check(199, 100, false);
        check(200, 100, true);
        check(99, 250, false);
    }
}
