//! Fewer and better files, at any moment: what is merged, when, and what a crash in between leaves.

use parking_lot::Mutex;
use telemetry::Limit;

use super::*;
use crate::compact::Lane;
use crate::faults::{Faults, IoStep};
use crate::file::FileKind;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

async fn kinds(lake: &Lake, table: Table) -> Vec<(FileKind, u64)> {
    let snapshot = lake.snapshot(table).await.unwrap();
    let mut kinds: Vec<_> = snapshot.files.iter().map(|file| (file.kind, file.rows)).collect();
    kinds.sort_by_key(|(kind, rows)| (format!("{kind:?}"), *rows));
    kinds
}

/// Parquet files of a table on the disk, staged ones included.
fn files_on_disk(dir: &Path, table: Table) -> Vec<String> {
    let root = dir.join("lake").join(table.name());
    let partitions = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let partitions = partitions.filter(|path| !path.ends_with("_delta_log"));
    partitions
        .flat_map(|path| fs::read_dir(path).unwrap())
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn an_hour_at_full_load_does_not_end_in_a_file_a_second() {
    let f = Fixture::new().await;
    let mut expected = Samples::new();
    for second in 0..70 {
        f.clock.set(at(second));
        f.append(vec![series("a", &[(second, second as f64)])]).await;
        expected.extend(expect_samples(&[("a", second, second as f64)]));
        f.lake.flush().await.unwrap();
        f.lake.compact().await.unwrap();
        assert!(f.lake.snapshot(Table::MetricSamples).await.unwrap().files.len() < 34);
    }
    assert_eq!(kinds(&f.lake, Table::MetricSamples).await[6..], [(FileKind::Hour, 32); 2]);
    // A late row is right, merged or not, and stays marked until all that it repeats is merged too.
    f.append(vec![series("a", &[(3, 99.0)])]).await;
    expected.extend(expect_samples(&[("a", 3, 99.0)]));
    for second in 70..100 {
        f.clock.set(at(second));
        f.append(vec![series("a", &[(second, 0.0)])]).await;
        expected.extend(expect_samples(&[("a", second, 0.0)]));
        f.lake.flush().await.unwrap();
        f.lake.compact().await.unwrap();
        assert_eq!(read_samples(&f.lake).await, expected, "second {second}");
    }
    assert!(!f.lake.snapshot(Table::MetricSamples).await.unwrap().needs_merge());
    f.clock.set(at(2 * HOUR));
    f.lake.compact().await.unwrap();
    assert_eq!(kinds(&f.lake, Table::MetricSamples).await, [(FileKind::Hour, 100)]);
    assert_eq!(read_samples(&f.lake).await, expected);
}

#[tokio::test]
async fn late_rows_reach_their_day_file_once_an_hour_and_readers_at_once() {
    let f = Fixture::new().await;
    f.append(vec![series("a", &[(0, 1.0), (15, 2.0)])]).await;
    f.lake.flush().await.unwrap();
    f.clock.set(at(3 * DAY));
    f.lake.compact().await.unwrap();
    assert_eq!(kinds(&f.lake, Table::MetricSamples).await, [(FileKind::Day, 2)]);
    let late = async |value: f64| {
        f.append(vec![series("a", &[(15, value)])]).await;
        f.lake.flush().await.unwrap();
        f.lake.compact().await.unwrap();
        assert_eq!(read_samples(&f.lake).await, expect_samples(&[("a", 0, 1.0), ("a", 15, value)]));
        f.lake.snapshot(Table::MetricSamples).await.unwrap().files.len()
    };
    assert_eq!(late(3.0).await, 2, "the day was merged a moment ago");
    f.clock.advance(Duration::from_secs(3_599));
    assert_eq!(late(4.0).await, 3);
    f.clock.advance(Duration::from_secs(1));
    assert_eq!(late(5.0).await, 1, "all that came meanwhile, in one merge");
    assert_eq!(late(6.0).await, 2);
}

#[tokio::test]
async fn a_day_is_split_into_files_in_table_order() {
    let dir = scratch();
    let config = LakeConfig { compact_rows_max: 32_768, ..quiet(dir.path()) };
    let lake = Lake::open(config, Arc::new(ManualClock::at(at(3 * DAY)))).await.unwrap();
    for hour in 0..4 {
        let series = (0..40).map(|n| {
            let rows: Vec<_> = (0..720).map(|at| (hour * HOUR + at * 5, (n * at) as f64)).collect();
            series(&format!("{n:02}"), &rows)
        });
        lake.append(Batch { series: series.collect(), ..Batch::default() }).await.unwrap();
        lake.flush().await.unwrap();
    }
    let before = read_samples(&lake).await;
    lake.compact().await.unwrap();
    let snapshot = lake.snapshot(Table::MetricSamples).await.unwrap();
    let mut ranges: Vec<_> = snapshot
        .files
        .iter()
        .map(|file| {
            assert_eq!(file.kind, FileKind::Day);
            let stats = &file.stats["series_id"];
            (stats.min.clone().unwrap(), stats.max.clone().unwrap())
        })
        .collect();
    assert!(ranges.len() > 2, "{} files of {} rows", ranges.len(), snapshot.rows());
    ranges.sort_by(|a, b| a.partial_cmp(b).unwrap());
    // One metric: the files' series follow each other, and at most one is cut in two.
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{ranges:?}");
    assert_eq!(read_samples(&lake).await, before);
}

/// The disk at the moment when a merged file has its name and no commit names it yet.
#[tokio::test]
async fn a_merge_that_died_is_done_again_and_leaves_nothing_behind() {
    for (step, staged) in [(IoStep::Write, true), (IoStep::Rename, true), (IoStep::SyncDir, false)] {
        let dir = scratch();
        let clock = Arc::new(ManualClock::at(start()));
        let taken: Arc<Mutex<Option<tempfile::TempDir>>> = Arc::default();
        let (copied, source) = (taken.clone(), dir.path().to_owned());
        let faults = Faults::new(move |asked, path| {
            let of_samples = path.to_string_lossy().contains("metric_samples/date=");
            let mut taken = copied.lock();
            if asked == step && of_samples && taken.is_none() {
                *taken = Some(copy_of(&source));
            }
            Ok(())
        });
        let hooks = Hooks { faults, ..Hooks::default() };
        let lake = crate::open::open(quiet(dir.path()), clock.clone(), hooks).await.unwrap();
        for n in 0..3 {
            let series = vec![series("a", &[(n, n as f64)])];
            lake.append(Batch { series, ..Batch::default() }).await.unwrap();
            lake.flush().await.unwrap();
        }
        let expected = expect_samples(&[("a", 0, 0.0), ("a", 1, 1.0), ("a", 2, 2.0)]);
        // What the flushes did is not looked at.
        drop(taken.lock().take());
        clock.set(at(2 * HOUR));
        lake.compact().await.unwrap();
        let died = taken.lock().take().unwrap();
        let is_staged = |name: &String| name.contains('#');
        let on_disk = files_on_disk(died.path(), Table::MetricSamples);
        assert_eq!((on_disk.len(), on_disk.iter().any(is_staged)), (4, staged), "{step:?} {on_disk:?}");

        let f = Fixture::with(died, clock.clone()).await;
        assert_eq!(read_samples(&f.lake).await, expected, "{step:?}");
        assert!(!files_on_disk(f.dir.path(), Table::MetricSamples).iter().any(is_staged), "{step:?}");
        f.lake.compact().await.unwrap();
        assert_eq!(kinds(&f.lake, Table::MetricSamples).await, [(FileKind::Hour, 3)], "{step:?}");
        f.clock.advance(Duration::from_secs((DAY + HOUR) as u64));
        f.lake.compact().await.unwrap();
        assert_eq!(files_on_disk(f.dir.path(), Table::MetricSamples).len(), 1, "{step:?}");
        assert_eq!(read_samples(&f.lake).await, expected, "{step:?}");
    }
}

#[tokio::test]
async fn retention_is_a_table_s_own_and_its_files_go_from_the_disk() {
    let dir = scratch();
    let clock = Arc::new(ManualClock::at(start()));
    let days = |days: u64| Some(Duration::from_secs(days * DAY as u64));
    let retention = crate::config::Retention { metrics: days(30), logs: days(14), ..Default::default() };
    let config = LakeConfig { retention, ..quiet(dir.path()) };
    let lake = Lake::open(config, clock.clone()).await.unwrap();
    let batch = Batch {
        series: vec![series("a", &[(0, 1.0)])],
        logs: vec![log("a", 0)],
        events: vec![event("kept")],
        ..Batch::default()
    };
    lake.append(batch).await.unwrap();
    lake.flush().await.unwrap();
    let count = |table| files_on_disk(dir.path(), table).len();
    for (day, logs, samples) in [(13, 1, 1), (15, 0, 1), (31, 0, 0)] {
        clock.set(at(day * DAY));
        lake.compact().await.unwrap();
        clock.advance(Duration::from_secs((DAY + 2 * HOUR) as u64));
        lake.compact().await.unwrap();
        assert_eq!((count(Table::Logs), count(Table::MetricSamples)), (logs, samples), "day {day}");
        assert_eq!((count(Table::Events), count(Table::MetricSeries)), (1, 1), "day {day}");
        // A partition without files is no longer there either.
        let is_there =
            |table: Table| dir.path().join("lake").join(table.name()).join("date=2026-11-23").exists();
        assert_eq!(
            (is_there(Table::Logs), is_there(Table::MetricSamples)),
            (logs > 0, samples > 0),
            "day {day}"
        );
    }
    assert_eq!(read_texts(&lake, Table::Events, "event_id").await, ["kept"]);
}

/// The process dies between a commit and the checkpoint that belongs to it.
#[tokio::test]
async fn a_checkpoint_that_a_crash_left_out_is_written_at_the_next_start() {
    let dir = scratch();
    let config = LakeConfig { checkpoint_commits: 5, ..quiet(dir.path()) };
    let clock = Arc::new(ManualClock::at(start()));
    let lake = Lake::open(config.clone(), clock.clone()).await.unwrap();
    // Version 0 is the table itself.
    for n in 1..=5 {
        lake.append(Batch { logs: vec![log("x", n)], ..Batch::default() }).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake.shutdown().await.unwrap();
    let log_dir = dir.path().join("lake/logs/_delta_log");
    let checkpoints = || {
        let names = fs::read_dir(&log_dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.retain(|name| name.contains(".checkpoint"));
        names.sort();
        names
    };
    assert_eq!(checkpoints(), ["00000000000000000004.checkpoint.parquet"]);
    let reopen = async || {
        let lake = Lake::open(config.clone(), clock.clone()).await.unwrap();
        assert_eq!(read_texts(&lake, Table::Logs, "body").await.len(), 5);
        lake.shutdown().await.unwrap();
    };
    reopen().await;
    assert_eq!(checkpoints().len(), 1, "nothing is overdue");
    for name in checkpoints().iter().map(String::as_str).chain(["_last_checkpoint"]) {
        fs::remove_file(log_dir.join(name)).unwrap();
    }
    reopen().await;
    assert_eq!(checkpoints(), ["00000000000000000005.checkpoint.parquet"]);
    reopen().await;
    assert_eq!(checkpoints().len(), 1);
}

#[tokio::test]
async fn the_log_of_a_table_is_checkpointed_and_its_old_commits_go() {
    let dir = scratch();
    let config = LakeConfig { log_retention: Duration::ZERO, ..quiet(dir.path()) };
    let lake = Lake::open(config, Arc::new(ManualClock::at(start()))).await.unwrap();
    for n in 0..104 {
        let batch = Batch { logs: vec![log("x", n)], ..Batch::default() };
        lake.append(batch).await.unwrap();
        lake.flush().await.unwrap();
    }
    let log_dir = dir.path().join("lake/logs/_delta_log");
    let names: Vec<_> = fs::read_dir(log_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let ending = |end: &str| names.iter().filter(|name| name.to_string_lossy().ends_with(end)).count();
    assert!(ending(".checkpoint.parquet") > 0 && ending("_last_checkpoint") == 1, "{names:?}");
    assert!(ending(".json") < 20, "{names:?}");
    lake.shutdown().await.unwrap();
    let reopened = Lake::open(quiet(dir.path()), Arc::new(ManualClock::at(start()))).await.unwrap();
    assert_eq!(read_texts(&reopened, Table::Logs, "body").await.len(), 104);
}

/// Files of one hour that is over.
async fn with_closed_hour(f: &Fixture, flushes: i64) -> Samples {
    let mut expected = Samples::new();
    for second in 0..flushes {
        f.clock.set(at(second));
        f.append(vec![series("a", &[(second, 1.0)])]).await;
        expected.extend(expect_samples(&[("a", second, 1.0)]));
        f.lake.flush().await.unwrap();
    }
    f.clock.set(at(2 * HOUR));
    f.append(vec![series("a", &[(2 * HOUR, 1.0)])]).await;
    expected.extend(expect_samples(&[("a", 2 * HOUR, 1.0)]));
    expected
}

#[tokio::test]
async fn writers_wait_by_name_while_merges_are_behind_and_not_before() {
    let f = Fixture::with_config(|config| {
        config.unmerged_files_high = 3;
        config.unmerged_files_max = 4;
    })
    .await;
    let usual = f.lake.0.config.flush_bytes;
    let behind = f.lake.0.merging[Lane::Hours as usize].lock().await;
    let mut expected = with_closed_hour(&f, 5).await;
    assert_eq!(f.lake.0.flush_bytes(), usual, "files of an open hour are not behind");
    f.lake.flush().await.unwrap();
    assert_eq!(f.lake.0.flush_bytes(), 2 * usual);
    let batch = || Batch { series: vec![series("a", &[(2 * HOUR + 1, 1.0)])], ..Batch::default() };
    let refused = f.lake.append(batch()).await.unwrap_err();
    let is_named = matches!(&refused, LakeError::Overloaded { limit: Some(Limit::UnmergedFiles), .. });
    assert!(is_named, "{refused}");
    assert!(!f.lake.health().writable);
    drop(behind);
    f.lake.compact().await.unwrap();
    f.lake.append(batch()).await.unwrap();
    assert_eq!(f.lake.0.flush_bytes(), usual);
    expected.extend(expect_samples(&[("a", 2 * HOUR + 1, 1.0)]));
    assert_eq!(read_samples(&f.lake).await, expected);
}

/// A day that takes long keeps hours from nothing, and what it has written is nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_are_merged_and_files_removed_while_a_day_is_being_merged() {
    let (at_work, working) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new((at_work, may_go_on));
    // The day's file has its place by then, and no commit names it.
    let faults = Faults::new(move |step, path| {
        if step == IoStep::SyncDir && path.ends_with("date=2026-11-23") && holds_day_file(path) {
            let gate = gate.lock();
            let _ = gate.0.send(());
            let _ = gate.1.recv();
        }
        Ok(())
    });
    let f = Fixture::with_faults(faults).await;
    let mut expected = with_closed_hour(&f, 3).await;
    f.lake.flush().await.unwrap();
    f.clock.set(at(2 * DAY + 2 * HOUR));
    let later = 2 * DAY;
    for second in 0..3 {
        f.append(vec![series("a", &[(later + second, 1.0)])]).await;
        expected.extend(expect_samples(&[("a", later + second, 1.0)]));
        f.lake.flush().await.unwrap();
    }
    let days = {
        let lake = f.lake.clone();
        tokio::spawn(async move { lake.0.compact_lane(Lane::Days).await })
    };
    tokio::task::spawn_blocking(move || working.recv().unwrap()).await.unwrap();
    let hours = f.lake.0.compact_lane(Lane::Hours).await.unwrap();
    assert!(hours.merges > 0, "{hours:?}");
    let on_disk = files_on_disk(f.dir.path(), Table::MetricSamples);
    f.clock.set(at(9 * DAY));
    f.lake.0.vacuum().await.unwrap();
    f.clock.set(at(18 * DAY));
    f.lake.0.vacuum().await.unwrap();
    let left = files_on_disk(f.dir.path(), Table::MetricSamples);
    assert!(left.len() < on_disk.len() && left.iter().any(|name| name.starts_with("day-")), "{left:?}");
    // Whatever it writes after this one goes through.
    drop(go_on);
    assert!(days.await.unwrap().unwrap().merges > 0);
    assert_eq!(read_samples(&f.lake).await, expected);
}

fn holds_day_file(dir: &Path) -> bool {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    entries.into_iter().any(|name| name.to_string_lossy().starts_with("day-"))
}
