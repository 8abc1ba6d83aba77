//! A start with a log: writes are taken at once, reads wait, and in the end everything is there once.

use telemetry::Limit;
use tokio::sync::Semaphore;

use super::*;
use crate::config::Ack;
use crate::prepare::AppendOptions;

/// A lake whose replay has not begun.
struct Waiting {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    lake: Lake,
    gate: Arc<Semaphore>,
}

impl Waiting {
    async fn with(f: Fixture, change: impl FnOnce(&mut LakeConfig)) -> Waiting {
        let dir = copy_of(f.dir.path());
        let gate = Arc::new(Semaphore::new(0));
        let mut config = quiet(dir.path());
        config.wal.replay_wait = Duration::ZERO;
        change(&mut config);
        let hooks = Hooks { replay_gate: Some(gate.clone()), ..Hooks::default() };
        let lake = crate::open::open(config, f.clock.clone(), hooks).await.unwrap();
        Waiting { dir, clock: f.clock.clone(), lake, gate }
    }

    /// The replay runs to its end.
    async fn go(self) -> Fixture {
        self.gate.add_permits(1);
        self.lake.replayed().await.unwrap();
        Fixture { dir: self.dir, clock: self.clock, lake: self.lake }
    }

    /// The machine dies before the replay began.
    async fn crash(self) -> Fixture {
        Fixture::with(copy_of(self.dir.path()), self.clock.clone()).await
    }
}

fn batch(n: i64) -> Batch {
    Batch {
        series: vec![
            series("a", &[(n, n as f64)]),
            series(&format!("only {n}"), &[(n, 1.0)]),
            delta_series("d", &[(n, 1.0)]),
        ],
        events: vec![event(&format!("event {n}"))],
        ..Batch::default()
    }
}

async fn append_log(lake: &Lake, n: i64) -> Appended {
    let batch = Batch { logs: vec![log(&format!("log {n}"), n)], ..Batch::default() };
    let options = AppendOptions { retry_key: Some(n as u128), ..AppendOptions::default() };
    lake.append_with(batch, options).await.unwrap()
}

/// What is there after the batches and logs `0..count`, each of them at least once.
async fn expect_all(lake: &Lake, count: i64) {
    let mut expected = Samples::new();
    for n in 0..count {
        expected.extend(expect_samples(&[("a", n, n as f64), (&format!("only {n}"), n, 1.0)]));
        expected.extend(expect_samples(&[("d", n, n as f64 + 1.0)]));
    }
    assert_eq!(read_samples(lake).await, expected);
    let mut logs: Vec<_> = (0..count).map(|n| format!("log {n}")).collect();
    let mut events: Vec<_> = (0..count).map(|n| format!("event {n}")).collect();
    logs.sort();
    events.sort();
    assert_eq!(read_texts(lake, Table::Logs, "body").await, logs);
    assert_eq!(read_texts(lake, Table::Events, "event_id").await, events);
}

#[tokio::test]
async fn while_the_log_is_replayed_writes_are_taken_and_reads_wait() {
    for ending in ["replayed", "crashed before", "crashed after", "flushed and crashed"] {
        let f = Fixture::new().await;
        for n in 0..4 {
            f.lake.append(batch(n)).await.unwrap();
            append_log(&f.lake, n).await;
            if n == 1 {
                f.lake.flush().await.unwrap();
            }
        }
        let w = Waiting::with(f, |_| {}).await;
        let health = w.lake.health();
        assert!(health.writable && health.replay.is_some_and(|replay| replay.total_bytes > 0), "{health:?}");
        let refused = w.lake.snapshot(Table::Logs).await.unwrap_err();
        assert!(matches!(refused, LakeError::Replaying { .. }), "{refused}");
        assert!(matches!(w.lake.flush().await, Err(LakeError::Replaying { .. })));
        assert!(matches!(w.lake.import(Batch::default()).await, Err(LakeError::Replaying { .. })));

        // New rows, rows that the log or a table has already, rows that are repeated right now.
        for n in [4, 5, 1, 3, 5] {
            let taken = w.lake.append(batch(n)).await.unwrap();
            assert_eq!((taken.samples, taken.events, taken.duplicates), (3, 1, 0), "as far as is known");
            assert!(taken.series.iter().all(Option::is_none), "no number is given out yet");
        }
        for n in [4, 5, 1, 3] {
            assert_eq!(append_log(&w.lake, n).await.logs, 1);
        }
        assert_eq!(append_log(&w.lake, 4).await.duplicates, 1, "this run knows of it");

        let f = match ending {
            "crashed before" => w.crash().await,
            _ => w.go().await,
        };
        expect_all(&f.lake, 6).await;
        let f = match ending {
            "crashed after" => f.crash().await,
            "flushed and crashed" => {
                f.lake.flush().await.unwrap();
                f.crash().await
            }
            _ => f,
        };
        expect_all(&f.lake, 6).await;
        // And the lake goes on, with everything it knew.
        f.lake.append(batch(6)).await.unwrap();
        append_log(&f.lake, 6).await;
        assert_eq!(append_log(&f.lake, 3).await.duplicates, 1, "{ending}");
        expect_all(&f.lake, 7).await;
        f.lake.flush().await.unwrap();
        expect_all(&f.crash().await.lake, 7).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_do_not_notice_when_the_replay_ends() {
    let f = Fixture::new().await;
    for n in 0..200 {
        f.lake.append(batch(n)).await.unwrap();
        append_log(&f.lake, n).await;
    }
    let w = Waiting::with(f, |_| {}).await;
    let lake = w.lake.clone();
    let writing = tokio::spawn(async move {
        let mut n = 200;
        while lake.health().replay.is_some() || n < 400 {
            lake.append(batch(n)).await.unwrap();
            append_log(&lake, n).await;
            n += 1;
        }
        n
    });
    let f = w.go().await;
    let count = writing.await.unwrap();
    expect_all(&f.lake, count).await;
    expect_all(&f.crash().await.lake, count).await;
}

/// A log without checkpoints, longer than the buffer may be.
#[tokio::test]
async fn a_long_log_is_flushed_as_it_is_replayed_and_sums_stay_right() {
    let f = Fixture::new().await;
    for n in 0..150 {
        f.lake.append(batch(n)).await.unwrap();
        append_log(&f.lake, n).await;
    }
    let w = Waiting::with(f, |config| config.flush_bytes = 40_000).await;
    let f = w.go().await;
    let files = f.lake.snapshot(Table::MetricSamples).await.unwrap().files.len();
    assert!(files > 1, "{files} files");
    assert!(f.lake.health().buffered_bytes < 400_000, "{:?}", f.lake.health());
    expect_all(&f.lake, 150).await;
    // The next start finds rows that are in files already, and the sums that they led to.
    let f = f.crash().await;
    expect_all(&f.lake, 150).await;
    f.lake.append(batch(150)).await.unwrap();
    append_log(&f.lake, 150).await;
    f.lake.flush().await.unwrap();
    assert!(f.lake.health().wal_bytes < 20_000, "{:?}", f.lake.health());
    expect_all(&f.crash().await.lake, 151).await;
}

#[tokio::test]
async fn a_full_log_takes_a_bounded_part_more_until_it_is_replayed() {
    let f = Fixture::new().await;
    for n in 0..50 {
        f.lake.append(batch(n)).await.unwrap();
        append_log(&f.lake, n).await;
    }
    let bytes = f.lake.health().wal_bytes;
    let w = Waiting::with(f, |config| {
        config.wal.bytes_max = bytes;
        config.wal.replay_bytes_max = 60_000;
    })
    .await;
    let mut count = 50;
    let refused = loop {
        let with_log = Batch { logs: vec![log(&format!("log {count}"), count)], ..batch(count) };
        if let Err(error) = w.lake.append(with_log).await {
            break error;
        }
        count += 1;
        assert!(count < 200);
    };
    let is_named = matches!(&refused, LakeError::Overloaded { limit: Some(Limit::WalBytes), .. });
    assert!(is_named, "{refused}");
    assert!(count > 52);
    let f = w.go().await;
    expect_all(&f.lake, count).await;
    f.lake.flush().await.unwrap();
    f.lake.append(batch(count)).await.unwrap();
}

/// Rows that are acknowledged before a backup are in it, rows that come meanwhile may be.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_a_lake_of_its_own() {
    let f = Fixture::new().await;
    for n in 0..30 {
        f.lake.append(batch(n)).await.unwrap();
        append_log(&f.lake, n).await;
        if n % 10 == 0 {
            f.lake.flush().await.unwrap();
        }
    }
    let lake = f.lake.clone();
    let writing = tokio::spawn(async move {
        for n in 30..60 {
            lake.append(batch(n)).await.unwrap();
            append_log(&lake, n).await;
        }
    });
    let target = scratch();
    let copied = f.lake.backup(target.path()).await.unwrap();
    writing.await.unwrap();
    assert!(copied.iter().any(|copy| copy.table == Table::Logs && copy.rows >= 30), "{copied:?}");
    assert!(f.lake.backup(target.path()).await.is_err(), "a backup does not write over another one");
    f.lake.flush().await.unwrap();
    f.lake.compact().await.unwrap();
    expect_all(&f.lake, 60).await;

    let restored = Fixture::with(target, f.clock.clone()).await;
    let count = read_texts(&restored.lake, Table::Events, "event_id").await.len() as i64;
    assert!((30..=60).contains(&count), "{count}");
    for n in count..62 {
        restored.lake.append(batch(n)).await.unwrap();
    }
    for n in 0..62 {
        append_log(&restored.lake, n).await;
    }
    expect_all(&restored.lake, 62).await;
    restored.lake.flush().await.unwrap();
    expect_all(&restored.crash().await.lake, 62).await;
}

#[tokio::test]
async fn damage_is_found_by_the_replay_and_nothing_is_taken_after_that() {
    let f = Fixture::new().await;
    for n in 0..200 {
        f.lake.append(batch(n)).await.unwrap();
    }
    let mut segments: Vec<_> =
        fs::read_dir(f.dir.path().join("wal")).unwrap().map(|e| e.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    segments.sort();
    assert!(segments.len() > 2);
    let mut content = fs::read(&segments[1]).unwrap();
    content[100] ^= 1;
    fs::write(&segments[1], content).unwrap();

    let w = Waiting::with(f, |_| {}).await;
    w.lake.append(batch(200)).await.unwrap();
    w.gate.add_permits(1);
    let error = w.lake.replayed().await.unwrap_err().to_string();
    assert!(
        error.contains("--accept-data-loss") && error.contains("acknowledged bytes would be lost"),
        "{error}"
    );
    assert!(matches!(w.lake.append(batch(201)).await, Err(LakeError::ReplayFailed(_))));
    assert!(matches!(w.lake.snapshot(Table::Events).await, Err(LakeError::ReplayFailed(_))));
    assert!(!w.lake.health().writable);
    w.lake.shutdown().await.unwrap();

    // A start that waits for the replay says so itself.
    let error = Lake::open(quiet(w.dir.path()), w.clock.clone()).await.unwrap_err();
    assert!(matches!(error, LakeError::WalDamaged { lost_bytes, .. } if lost_bytes > 1_000), "{error}");
    let mut config = quiet(w.dir.path());
    config.wal.accept_data_loss = true;
    let lake = Lake::open(config, w.clock.clone()).await.unwrap();
    let events = read_texts(&lake, Table::Events, "event_id").await;
    assert!(events.contains(&"event 0".to_owned()) && events.contains(&"event 200".to_owned()));
    assert!(events.len() > 100 && events.len() < 201, "{}", events.len());
}

/// The lost record said what the numbers of later ones mean.
#[tokio::test]
async fn a_start_that_accepts_a_loss_gives_up_what_cannot_be_understood_without_it() {
    let f = Fixture::new().await;
    f.append(vec![series("lost", &[(0, 1.0)])]).await;
    for n in 0..200 {
        f.append(vec![series("lost", &[(n, 2.0)])]).await;
        f.append(vec![series(&format!("kept {n}"), &[(n, 1.0)])]).await;
    }
    let wal = f.dir.path().join("wal");
    let mut segments: Vec<_> = fs::read_dir(&wal).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    segments.sort();
    assert!(segments.len() > 2);
    let mut content = fs::read(&segments[0]).unwrap();
    content[100] ^= 1;
    fs::write(&segments[0], content).unwrap();
    let dir = copy_of(f.dir.path());
    let mut config = quiet(dir.path());
    let error = Lake::open(config.clone(), f.clock.clone()).await.unwrap_err();
    assert!(matches!(error, LakeError::WalDamaged { .. }), "{error}");
    config.wal.accept_data_loss = true;
    let lake = Lake::open(config, f.clock.clone()).await.unwrap();
    let samples = read_samples(&lake).await;
    assert!(samples.len() > 100 && samples.keys().all(|(job, _)| job != "lost"), "{samples:?}");
    assert!(samples.contains_key(&("kept 199".to_owned(), 199)));
    // It is a series like any other from now on.
    let again = vec![series("lost", &[(300, 1.0)])];
    lake.append(Batch { series: again, ..Batch::default() }).await.unwrap();
    assert!(read_samples(&lake).await.contains_key(&("lost".to_owned(), 300)));
}

#[tokio::test]
async fn a_weaker_acknowledgement_changes_only_what_a_crash_may_cost() {
    for ack in [Ack::Written, Ack::Memory] {
        let dir = scratch();
        let clock = Arc::new(ManualClock::at(start()));
        let config = LakeConfig { ack, ..quiet(dir.path()) };
        let lake = Lake::open(config.clone(), clock.clone()).await.unwrap();
        assert_eq!(lake.health().ack, ack);
        for n in 0..20 {
            let appended = lake.append(batch(n)).await.unwrap();
            assert_eq!((appended.samples, appended.events), (3, 1));
            append_log(&lake, n).await;
        }
        expect_all(&lake, 20).await;
        // What follows a flush is in the log when that is written, and in the tables after an orderly end.
        lake.flush().await.unwrap();
        lake.append(batch(20)).await.unwrap();
        append_log(&lake, 20).await;
        let crashed = Fixture::with(copy_of(dir.path()), clock.clone()).await;
        let kept = read_texts(&crashed.lake, Table::Events, "event_id").await.len();
        assert!(kept == 21 || (ack == Ack::Memory && kept == 20), "{ack:?}: {kept}");
        lake.shutdown().await.unwrap();
        expect_all(&Lake::open(config, clock).await.unwrap(), 21).await;
    }
}
