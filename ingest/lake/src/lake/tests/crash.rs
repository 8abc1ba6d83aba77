//! Crashes and torn files: nothing acknowledged is lost, nothing is there twice.

use std::path::PathBuf;

use super::histograms::{delta_histograms, expect_histograms, histogram, histograms, read_histograms};
use super::*;

fn wal_segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(dir.join("wal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    paths.sort();
    paths
}

fn newest_commit(dir: &Path, table: Table) -> PathBuf {
    let log = dir.join("lake").join(table.name()).join("_delta_log");
    let mut commits: Vec<_> = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path()).collect();
    commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    commits.sort();
    commits.pop().unwrap()
}

/// A log that was cut at any byte holds a prefix of the acknowledged batches, each of them whole.
#[tokio::test]
async fn a_log_cut_anywhere_holds_whole_batches_from_the_first_on() {
    let f = Fixture::new().await;
    for n in 0..6 {
        f.append(vec![series("a", &[(n * 2, 1.0), (n * 2 + 1, 2.0)]), series("b", &[(n, 3.0)])]).await;
    }
    let segment = wal_segments(f.dir.path()).pop().unwrap();
    let content = fs::read(&segment).unwrap();
    let used = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut batches_seen = std::collections::BTreeSet::new();
    for cut in (40..used).step_by(67).chain([used]) {
        let dir = copy_of(f.dir.path());
        let mut torn = content.clone();
        torn[cut..].fill(0);
        fs::write(dir.path().join("wal").join(segment.file_name().unwrap()), torn).unwrap();
        let reopened = Fixture::with(dir, f.clock.clone()).await;
        let samples = read_samples(&reopened.lake).await;
        assert_eq!(samples.len() % 3, 0, "cut at {cut}: a batch is there whole or not at all");
        let batches = samples.len() / 3;
        for n in 0..batches as i64 {
            assert!(samples.contains_key(&("b".to_owned(), n)), "cut at {cut}: batch {n} of {batches}");
        }
        batches_seen.insert(batches);
        // And the lake goes on.
        reopened.append(vec![series("a", &[(100, 1.0)])]).await;
        assert_eq!(read_samples(&reopened.lake).await.len(), samples.len() + 1);
    }
    assert_eq!(batches_seen, (0..=6).collect());
}

#[tokio::test]
async fn a_torn_commit_is_moved_aside_and_the_log_brings_its_rows_back() {
    for content in [&b""[..], b"{\"commitInfo\":{\"oper", b"\0\0\0\0"] {
        let f = Fixture::new().await;
        f.append(vec![series("a", &[(0, 1.0)])]).await;
        let before = copy_of(f.dir.path());
        f.lake.flush().await.unwrap();
        // The state before the flush, plus the flush's commit files without their content.
        for table in [Table::MetricSamples, Table::MetricSeries] {
            let commit = newest_commit(f.dir.path(), table);
            let torn = before.path().join(commit.strip_prefix(f.dir.path()).unwrap());
            fs::write(torn, content).unwrap();
        }
        let f = Fixture::with(before, f.clock.clone()).await;
        let expected = expect_samples(&[("a", 0, 1.0)]);
        assert_eq!(read_samples(&f.lake).await, expected);
        assert_eq!(fs::read_dir(f.dir.path().join("lake/torn")).unwrap().count(), 2);
        f.lake.flush().await.unwrap();
        assert_eq!(read_samples(&f.crash().await.lake).await, expected);
    }
}

/// A flush covers several tables; a crash between their commits leaves some done and some not.
#[tokio::test]
async fn a_flush_that_ended_between_two_tables_is_completed_without_repeating() {
    for done in [
        vec![Table::MetricSeries],
        vec![Table::MetricSeries, Table::MetricSamples],
        vec![Table::MetricSamples, Table::Logs],
        vec![Table::Events],
        vec![Table::MetricHistograms],
        vec![Table::MetricSeries, Table::MetricHistograms],
    ] {
        let f = Fixture::new().await;
        let batch = |n: i64| Batch {
            series: vec![series("a", &[(n, n as f64)]), delta_series("d", &[(n, 1.0)])],
            histograms: vec![
                histograms("h", vec![histogram(n, 3)]),
                delta_histograms("hd", vec![histogram(n, 1)]),
            ],
            logs: vec![log(&format!("log {n}"), n)],
            events: vec![event(&format!("event {n}"))],
            ..Batch::default()
        };
        f.lake.append(batch(0)).await.unwrap();
        f.lake.append(batch(1)).await.unwrap();
        let mut mixed = copy_of(f.dir.path());
        f.lake.flush().await.unwrap();
        // Some tables as they were after the flush, the others as before it; the log as during it.
        for table in &done {
            let name = PathBuf::from("lake").join(table.name());
            fs::remove_dir_all(mixed.path().join(&name)).unwrap();
            fs::rename(copy_of(&f.dir.path().join(&name)).keep(), mixed.path().join(&name)).unwrap();
        }
        for path in wal_segments(f.dir.path()) {
            fs::copy(&path, mixed.path().join("wal").join(path.file_name().unwrap())).unwrap();
        }
        for round in 0..2 {
            let reopened = Fixture::with(mixed, f.clock.clone()).await;
            let expected = expect_samples(&[("a", 0, 0.0), ("a", 1, 1.0), ("d", 0, 1.0), ("d", 1, 2.0)]);
            assert_eq!(read_samples(&reopened.lake).await, expected, "{done:?}, round {round}");
            assert_eq!(read_texts(&reopened.lake, Table::Logs, "body").await, ["log 0", "log 1"]);
            assert_eq!(read_texts(&reopened.lake, Table::Events, "event_id").await, ["event 0", "event 1"]);
            assert_eq!(read_texts(&reopened.lake, Table::MetricSeries, "job").await, ["a", "d", "h", "hd"]);
            let mut counted = expect_histograms(&[("h", 0, 3), ("h", 1, 3), ("hd", 0, 1)]);
            counted.insert(("hd".to_owned(), 1), vec![(1, 2)]);
            assert_eq!(read_histograms(&reopened.lake).await, counted, "{done:?}, round {round}");
            reopened.lake.flush().await.unwrap();
            mixed = copy_of(reopened.dir.path());
        }
    }
}
