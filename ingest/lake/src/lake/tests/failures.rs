//! A disk on which single steps fail: every one of them, each at its turn. What was refused is repeated by the
//! sender, what a flush or a merge could not do by the next one, and a machine that dies right after a failure
//! comes back with everything.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};

use telemetry::Rejection;

use super::*;
use crate::faults::{Faults, IoStep};

/// Fails one step, once, at its turn: it is full, it is broken, it ends a write half-way.
struct FailingDisk {
    left: Arc<AtomicI64>,
}

impl FailingDisk {
    fn new(step: IoStep, turn: i64) -> (FailingDisk, Faults) {
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let counted = left.clone();
        let faults = Faults::new(move |asked, _| {
            if asked != step || counted.fetch_sub(1, Ordering::SeqCst) != 0 {
                return Ok(());
            }
            Err(match turn % 3 {
                0 => io::ErrorKind::StorageFull.into(),
                1 => io::Error::from_raw_os_error(nix::libc::EIO),
                _ if step == IoStep::Write => io::ErrorKind::WriteZero.into(),
                _ => io::Error::other("injected"),
            })
        });
        (FailingDisk { left }, faults)
    }

    fn fail_at(&self, turn: i64) {
        self.left.store(turn, Ordering::SeqCst);
    }

    /// Whether the turn came. From now on nothing fails.
    fn has_failed(&self) -> bool {
        self.left.swap(i64::MAX, Ordering::SeqCst) < 0
    }
}

const HOUR: i64 = 3_600;

/// Every hour brings samples, late ones, a delta point, logs, events and rejections; flushes, merges,
/// checkpoints of the Delta log, and the retention of what came hours before.
struct Scene {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    disk: FailingDisk,
    lake: Lake,
    /// For messages.
    failing: String,
    expected: Samples,
}

impl Scene {
    async fn new(step: IoStep, turn: i64) -> Scene {
        let (dir, clock) = (scratch(), Arc::new(ManualClock::at(start())));
        let (disk, faults) = FailingDisk::new(step, turn);
        let mut config = quiet(dir.path());
        config.wal.segment_bytes = 4 << 10;
        config.checkpoint_commits = 2;
        (config.log_retention, config.vacuum_after) = (Duration::from_secs(1), Duration::from_secs(1));
        config.retention.logs = Some(Duration::from_secs(2 * HOUR as u64 + 1_800));
        let hooks = Hooks { faults, ..Hooks::default() };
        let lake = crate::open::open(config, clock.clone(), hooks).await.unwrap();
        Scene { dir, clock, disk, lake, failing: format!("{step:?} {turn}"), expected: Samples::new() }
    }

    /// One hour. A flush or merge that fails is repeated by the next one.
    async fn pass_hour(&mut self, n: i64) {
        let failing = format!("{} of hour {n}", self.failing);
        self.clock.set(at(n * HOUR));
        let rows = [("a", n * HOUR, n as f64), ("b", n * HOUR, 1.0), ("late", n * 60 - HOUR, n as f64)];
        let mut series: Vec<_> =
            rows.iter().map(|(job, secs, value)| series(job, &[(*secs, *value)])).collect();
        series.push(delta_series("d", &[(n * HOUR, 1.0)]));
        let too_old = Rejection {
            source: "test".into(),
            reason: telemetry::RejectReason::TooOld,
            count: 1,
            sample: n.to_string(),
        };
        let batch = Batch {
            series,
            logs: vec![log(&n.to_string(), n * HOUR)],
            events: vec![event(&n.to_string())],
            rejections: vec![too_old],
            ..Batch::default()
        };
        let mut refusals = 0;
        while self.lake.append(batch.clone()).await.is_err() {
            refusals += 1;
            assert_eq!(refusals, 1, "{failing}: the sender's second attempt is stored");
        }
        self.expected.extend(expect_samples(&rows));
        self.expected.extend(expect_samples(&[("d", n * HOUR, n as f64 + 1.0)]));
        let _ = self.lake.flush().await;
        assert_eq!(read_samples(&self.lake).await, self.expected, "{failing}, after the flush");
        let _ = self.lake.compact().await;
        assert_eq!(read_samples(&self.lake).await, self.expected, "{failing}, after the merge");
    }

    /// After a failure in an hour: the machine may die, or the lake makes up for it.
    async fn recover(&self, n: i64) {
        let failing = format!("{} of hour {n}", self.failing);
        let reopened = Fixture::with(copy_of(self.dir.path()), self.clock.clone()).await;
        assert_eq!(read_samples(&reopened.lake).await, self.expected, "{failing}, reopened");
        let mut logs = read_texts(&reopened.lake, Table::Logs, "body").await;
        if n == 3 {
            logs.retain(|body| body != "0");
        }
        assert_eq!(logs, numbers(i64::from(n == 3), n), "{failing}, reopened");
        assert_eq!(read_texts(&reopened.lake, Table::Events, "event_id").await, numbers(0, n), "{failing}");
        self.lake.flush().await.unwrap();
        self.lake.compact().await.unwrap();
        assert_eq!(self.lake.health().buffered_rows, 0, "{failing}");
    }
}

fn numbers(first: i64, last: i64) -> Vec<String> {
    (first..=last).map(|n| n.to_string()).collect()
}

/// In each hour, the step fails that is the hour's so-many-th of its kind. Returns in how many of them it was
/// reached.
async fn survive_failures(step: IoStep, turn: i64) -> usize {
    let mut scene = Scene::new(step, turn).await;
    let mut failures = 0;
    for n in 0..4 {
        scene.disk.fail_at(turn);
        scene.pass_hour(n).await;
        if scene.disk.has_failed() {
            failures += 1;
            // The next hour begins as if nothing had happened.
            scene.recover(n).await;
        }
    }
    let (lake, failing) = (&scene.lake, &scene.failing);
    assert_eq!(read_samples(lake).await, scene.expected, "{failing}, in the end");
    assert_eq!(read_texts(lake, Table::Logs, "body").await, numbers(1, 3), "{failing}: retention");
    assert_eq!(read_texts(lake, Table::IngestRejections, "sample").await, numbers(0, 3), "{failing}");
    failures
}

/// Every single step that reaches the disk fails once, at its turn in its hour.
async fn check_failures_of(step: IoStep) {
    let mut turn = 0;
    while survive_failures(step, turn).await > 0 {
        turn += 1;
    }
    assert!(turn > 0, "{step:?} was never asked");
}

#[tokio::test]
async fn each_preallocation_may_fail_once() {
    check_failures_of(IoStep::Preallocate).await;
}

#[tokio::test]
async fn each_write_may_fail_once() {
    check_failures_of(IoStep::Write).await;
}

#[tokio::test]
async fn each_sync_may_fail_once() {
    check_failures_of(IoStep::Sync).await;
}

#[tokio::test]
async fn each_rename_may_fail_once() {
    check_failures_of(IoStep::Rename).await;
}

#[tokio::test]
async fn each_sync_of_a_directory_may_fail_once() {
    check_failures_of(IoStep::SyncDir).await;
}
