//! Earlier versions of a table: read for as long as log retention says, and not a moment longer.

use super::*;
use crate::versions::TableVersion;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The values at a version, read from its files, sorted.
async fn values_at(lake: &Lake, version: TableVersion) -> Result<Vec<f64>, LakeError> {
    let snapshot = lake.snapshot_at(Table::MetricSamples, version).await?;
    assert!(snapshot.buffered.is_empty());
    let mut values = Vec::new();
    for file in snapshot.files.iter() {
        let location = snapshot.location(file)?;
        read::for_each_batch(&snapshot.store, &location, Some(&["value"]), |batch| {
            values.extend(batch.column(0).as_primitive::<Float64Type>().values());
            Ok(())
        })
        .await?;
    }
    values.sort_by(f64::total_cmp);
    Ok(values)
}

async fn flush_one(f: &Fixture, secs: i64) {
    f.clock.set(at(secs));
    f.append(vec![series("a", &[(secs, secs as f64)])]).await;
    f.lake.flush().await.unwrap();
}

/// Version 0 is the empty table; 1, 2 and 3 came after 0, 60 and 120 seconds. Then they are merged.
async fn three_and_a_merge() -> Fixture {
    let f = Fixture::new().await;
    for secs in [0, 60, 120] {
        flush_one(&f, secs).await;
    }
    f.clock.set(at(2 * HOUR as i64));
    f.lake.compact().await.unwrap();
    f
}

#[tokio::test]
async fn a_version_is_what_was_in_files_then() {
    let f = three_and_a_merge().await;
    // Not in files, so in no version.
    f.append(vec![series("a", &[(121, 121.0)])]).await;
    for (version, expected) in [
        (TableVersion::Number(0), vec![]),
        (TableVersion::Number(1), vec![0.0]),
        (TableVersion::Number(2), vec![0.0, 60.0]),
        (TableVersion::At(at(0)), vec![0.0]),
        (TableVersion::At(at(119)), vec![0.0, 60.0]),
        (TableVersion::At(at(120)), vec![0.0, 60.0, 120.0]),
        (TableVersion::Number(4), vec![0.0, 60.0, 120.0]),
        (TableVersion::At(at(1_000_000)), vec![0.0, 60.0, 120.0]),
    ] {
        assert_eq!(values_at(&f.lake, version).await.unwrap(), expected, "{version}");
    }
    let error = values_at(&f.lake, TableVersion::Number(5)).await.unwrap_err();
    assert!(matches!(error, LakeError::VersionToCome { newest, .. } if newest.version == 4), "{error}");
}

#[tokio::test]
async fn versions_and_their_files_go_with_log_retention() {
    let f = three_and_a_merge().await;
    let merged = 2 * HOUR;
    // A restart changes nothing about when files go.
    let f = f.restart().await;
    f.clock.set(at((merged + DAY - 1) as i64));
    f.lake.compact().await.unwrap();
    assert_eq!(values_at(&f.lake, TableVersion::Number(3)).await.unwrap(), [0.0, 60.0, 120.0]);
    let error = values_at(&f.lake, TableVersion::Number(2)).await.unwrap_err();
    let LakeError::VersionGone { oldest, .. } = error else { panic!("{error}") };
    assert_eq!((oldest.version, oldest.at), (3, at(120)));

    // A query that had opened version 3 reads on.
    let opened = f.lake.snapshot_at(Table::MetricSamples, TableVersion::Number(3)).await.unwrap();
    let is_there = || {
        let mut paths = opened.files.iter().map(|file| opened.local_path(file).unwrap().unwrap());
        paths.all(|path| path.exists())
    };
    f.clock.set(at((merged + DAY + HOUR - 1) as i64));
    f.lake.compact().await.unwrap();
    assert!(is_there());
    let error = values_at(&f.lake, TableVersion::Number(3)).await.unwrap_err();
    let LakeError::VersionGone { oldest, .. } = error else { panic!("{error}") };
    assert_eq!((oldest.version, oldest.at), (4, at(merged as i64)));

    f.clock.set(at((merged + DAY + HOUR) as i64));
    f.lake.compact().await.unwrap();
    assert!(!is_there());
    assert_eq!(values_at(&f.lake, TableVersion::Number(4)).await.unwrap(), [0.0, 60.0, 120.0]);
}

#[tokio::test]
async fn versions_before_a_checkpoint_are_read_from_the_one_before() {
    let dir = scratch();
    let clock = Arc::new(ManualClock::at(start()));
    let config = LakeConfig { checkpoint_commits: 3, ..quiet(dir.path()) };
    let lake = Lake::open(config, clock.clone()).await.unwrap();
    let f = Fixture { dir, clock, lake };
    for n in 1..=8 {
        flush_one(&f, n).await;
    }
    for n in 0..=8 {
        let expected: Vec<f64> = (1..=n).map(|n| n as f64).collect();
        assert_eq!(values_at(&f.lake, TableVersion::Number(n)).await.unwrap(), expected);
    }
    let readable = f.lake.readable_versions(Table::MetricSamples).await.unwrap();
    assert_eq!(readable.len(), 9);
}

/// A changed setting holds for tables that are there already, also for other programs that vacuum.
#[tokio::test]
async fn the_table_itself_says_how_long_its_past_is_kept() {
    let f = Fixture::new().await;
    f.lake.shutdown().await.unwrap();
    let config = LakeConfig { log_retention: Duration::from_secs(7 * HOUR), ..quiet(f.dir.path()) };
    let lake = Lake::open(config, f.clock.clone()).await.unwrap();
    let log_dir = f.dir.path().join("lake/logs/_delta_log");
    let newest = fs::read_to_string(log_dir.join("00000000000000000001.json")).unwrap();
    assert!(newest.contains(r#""delta.logRetentionDuration":"interval 25200 seconds""#), "{newest}");
    assert!(newest.contains(r#""delta.deletedFileRetentionDuration":"interval 28800 seconds""#), "{newest}");
    lake.shutdown().await.unwrap();
}
