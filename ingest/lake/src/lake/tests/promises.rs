//! One test per promise, without crashes.

use telemetry::{Limit, RejectReason};

use super::*;
use crate::file::FileKind;
use crate::prepare::AppendOptions;

#[tokio::test]
async fn acknowledged_rows_are_visible_at_once_and_stay_so_through_flush_and_restart() {
    let f = Fixture::new().await;
    let stale = f64::from_bits(telemetry::STALE_NAN_BITS);
    let batch = Batch {
        series: vec![series("a", &[(0, 1.0), (15, 2.0)]), series("b", &[(0, stale)])],
        logs: vec![log("hello", 1)],
        events: vec![event("e1")],
        ..Batch::default()
    };
    let appended = f.lake.append(batch).await.unwrap();
    assert_eq!((appended.samples, appended.logs, appended.events), (3, 1, 1));
    let expected = expect_samples(&[("a", 0, 1.0), ("a", 15, 2.0), ("b", 0, stale)]);
    assert_eq!(read_samples(&f.lake).await, expected);
    let report = f.lake.flush().await.unwrap();
    assert_eq!((report.tables, report.rows), (4, 7), "samples, series, logs, events");
    assert_eq!(f.lake.health().buffered_rows, 0);
    assert_eq!(read_samples(&f.lake).await, expected);
    let f = f.restart().await;
    assert_eq!(read_samples(&f.lake).await, expected);
    assert_eq!(read_texts(&f.lake, Table::Logs, "body").await, ["hello"]);
    assert_eq!(read_texts(&f.lake, Table::Events, "event_id").await, ["e1"]);
    assert_eq!(read_texts(&f.lake, Table::MetricSeries, "job").await, ["a", "b"]);
    assert_eq!(f.lake.series().len(), 2);
}

#[tokio::test]
async fn a_repeated_sample_is_dropped_and_a_changed_one_wins() {
    let f = Fixture::new().await;
    f.append(vec![series("a", &[(0, 1.0), (15, 2.0)])]).await;
    let again = f.append(vec![series("a", &[(15, 2.0)])]).await;
    assert_eq!((again.samples, again.duplicates), (0, 1));
    f.lake.flush().await.unwrap();
    f.append(vec![series("a", &[(0, 7.0), (15, 8.0)])]).await;
    let expected = expect_samples(&[("a", 0, 7.0), ("a", 15, 8.0)]);
    assert_eq!(read_samples(&f.lake).await, expected);
    f.lake.flush().await.unwrap();
    let snapshot = f.lake.snapshot(Table::MetricSamples).await.unwrap();
    assert!(snapshot.needs_merge() && snapshot.files.iter().any(|file| file.kind == FileKind::Late));
    assert_eq!(snapshot.late_range(), Some((at(0), at(15))));
    assert_eq!(read_samples(&f.lake).await, expected);

    f.clock.set(at(2 * 3600));
    f.lake.compact().await.unwrap();
    let snapshot = f.lake.snapshot(Table::MetricSamples).await.unwrap();
    assert_eq!(
        snapshot.files.iter().map(|file| (file.kind, file.rows)).collect::<Vec<_>>(),
        [(FileKind::Hour, 2)]
    );
    assert!(!snapshot.needs_merge());
    assert_eq!(read_samples(&f.lake).await, expected);
}

#[tokio::test]
async fn delta_points_become_cumulative_and_a_retry_changes_nothing() {
    let f = Fixture::new().await;
    f.append(vec![delta_series("d", &[(0, 5.0), (10, 3.0)])]).await;
    let retried = f.append(vec![delta_series("d", &[(0, 5.0), (10, 3.0), (20, 1.0)])]).await;
    assert_eq!(retried.samples, 1);
    let refused: Vec<_> = retried.rejections.iter().map(|r| (r.reason, r.count)).collect();
    assert_eq!(refused, [(RejectReason::DeltaOutOfOrder, 2)]);
    assert_eq!(read_texts(&f.lake, Table::IngestRejections, "reason").await, ["delta_out_of_order"]);

    // The running total survives in the log alone, behind a flush, and over several crashes.
    let f = f.crash().await;
    f.append(vec![delta_series("d", &[(30, 1.0)])]).await;
    f.lake.flush().await.unwrap();
    let f = f.crash().await;
    f.append(vec![delta_series("d", &[(40, 1.0)])]).await;
    let f = f.crash().await;
    let expected = [("d", 0, 5.0), ("d", 10, 8.0), ("d", 20, 9.0), ("d", 30, 10.0), ("d", 40, 11.0)];
    assert_eq!(read_samples(&f.lake).await, expect_samples(&expected));
}

#[tokio::test]
async fn times_out_of_bounds_are_refused_by_name_and_the_rest_is_stored() {
    let f = Fixture::new().await;
    let month = 31 * 86_400;
    let appended = f.append(vec![series("a", &[(-month, 1.0), (0, 2.0), (601, 3.0), (9_000, 4.0)])]).await;
    assert_eq!(appended.samples, 1);
    let mut refused: Vec<_> = appended.rejections.iter().map(|r| (r.reason, r.count)).collect();
    refused.sort();
    assert_eq!(refused, [(RejectReason::TooOld, 1), (RejectReason::TooFarAhead, 2)]);
    assert_eq!(read_texts(&f.lake, Table::IngestRejections, "reason").await, ["too_far_ahead", "too_old"]);
    let ancient = SeriesSamples {
        samples: vec![Sample { ts: Timestamp::from_secs(-5), value: 0.0 }],
        ..series("never registered", &[])
    };
    f.append(vec![ancient]).await;
    assert_eq!(f.lake.series().len(), 1, "a series without samples is not registered");
}

#[tokio::test]
async fn new_series_beyond_the_bound_are_refused_and_known_ones_go_on() {
    let dir = scratch();
    let config = LakeConfig { series_max: 2, ..quiet(dir.path()) };
    let lake = Lake::open(config, Arc::new(ManualClock::at(start()))).await.unwrap();
    for secs in [0, 15] {
        let series = ["a", "b", "c"].map(|name| series(name, &[(secs, 1.0)])).into();
        let appended = lake.append(Batch { series, ..Batch::default() }).await.unwrap();
        assert_eq!(appended.samples, 2);
        assert_eq!(appended.rejections[0].reason, RejectReason::OverLimit(Limit::Series));
    }
}

#[tokio::test]
async fn a_metric_or_a_source_that_explodes_is_refused_by_name_also_after_a_restart() {
    let dir = scratch();
    let config = LakeConfig { series_per_metric_max: 3, series_per_source_max: 5, ..quiet(dir.path()) };
    let clock = Arc::new(ManualClock::at(start()));
    let mut lake = Lake::open(config.clone(), clock.clone()).await.unwrap();
    let append = async |lake: &Lake, source: &str, metric: &str, users: std::ops::Range<u32>| {
        let one = |user| SeriesSamples {
            labels: Labels::new([("__name__", metric), ("job", "api"), ("user", &format!("u{user}"))])
                .unwrap(),
            ..series(metric, &[(0, 1.0)])
        };
        let batch = Batch { series: users.map(one).collect(), ..Batch::default() };
        let options = AppendOptions { source: Some(source.to_owned()), ..AppendOptions::default() };
        let appended = lake.append_with(batch, options).await.unwrap();
        let refused = appended.rejections.into_iter().next().map(|it| (it.reason, it.count, it.sample));
        (appended.samples + appended.duplicates, refused)
    };
    let (stored, refused) = append(&lake, "otlp:a", "m", 0..5).await;
    assert_eq!(stored, 3);
    let (reason, count, text) = refused.unwrap();
    assert_eq!((reason, count), (RejectReason::OverLimit(Limit::SeriesPerMetric), 2));
    assert_eq!(
        text,
        r#"m{job="api", user="u3"}: metric "m" has 3 series and takes no new ones (series_per_metric_max); of metric "m", label "user" has 3 values in 3 series"#
    );
    lake.shutdown().await.unwrap();
    lake = Lake::open(config, clock).await.unwrap();
    assert_eq!(append(&lake, "otlp:a", "m", 0..3).await, (3, None), "known series go on");
    let (stored, refused) = append(&lake, "otlp:b", "m", 3..4).await;
    assert_eq!((stored, refused.unwrap().1), (0, 1), "new ones do not");
    let (stored, refused) = append(&lake, "otlp:a", "n", 0..3).await;
    assert_eq!(stored, 2);
    let (reason, _, text) = refused.unwrap();
    assert_eq!(reason, RejectReason::OverLimit(Limit::SeriesPerSource));
    assert!(
        text.contains(r#"source "otlp:a" has 5 series and takes no new ones (series_per_source_max)"#),
        "{text}"
    );
    assert_eq!(append(&lake, "otlp:b", "n", 2..3).await, (1, None), "another source has room");
    let costs = lake.source_costs();
    let listed: Vec<_> =
        costs.iter().map(|cost| (cost.source.as_str(), cost.series, cost.rejected)).collect();
    assert_eq!(listed, [("otlp:a", 5, 1), ("otlp:b", 1, 1)]);
    let metrics: Vec<_> =
        lake.series().metric_costs().into_iter().map(|cost| (cost.metric, cost.series)).collect();
    assert_eq!(metrics, [("m".to_owned(), 3), ("n".to_owned(), 3)]);
    let labels = lake.series().label_costs();
    let user = labels.iter().find(|cost| cost.label == "user").unwrap();
    assert_eq!((user.values, user.series, user.value_bytes), (3, 6, 12));
}

#[tokio::test]
async fn an_event_is_stored_once_however_often_it_comes() {
    let send = async |f: &Fixture, ids: &[&str]| {
        let events = ids.iter().map(|id| event(id)).collect();
        f.lake.append(Batch { events, ..Batch::default() }).await.unwrap()
    };
    let f = Fixture::new().await;
    assert_eq!(send(&f, &["a", "b", "a"]).await.duplicates, 1);
    f.lake.flush().await.unwrap();
    let f = f.crash().await;
    let again = send(&f, &["b", "c"]).await;
    assert_eq!((again.events, again.duplicates), (1, 1));
    assert_eq!(read_texts(&f.lake, Table::Events, "event_id").await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_batch_with_a_known_retry_key_is_acknowledged_and_not_stored_again() {
    let send = async |f: &Fixture, secs| {
        let batch = Batch { logs: vec![log("once", secs), log("once", secs + 1)], ..Batch::default() };
        let options = AppendOptions { retry_key: Some(42), ..AppendOptions::default() };
        f.lake.append_with(batch, options).await.unwrap()
    };
    let f = Fixture::new().await;
    assert_eq!(send(&f, 0).await.logs, 2);
    assert_eq!(send(&f, 0).await, Appended { duplicates: 2, ..Appended::default() });
    let f = f.crash().await;
    assert_eq!(send(&f, 0).await.duplicates, 2, "keys in the log are known after a crash");
    f.clock.advance(Duration::from_secs(601));
    assert_eq!(send(&f, 0).await.logs, 2, "the window is over");
}

#[tokio::test]
async fn late_samples_of_old_hours_land_in_their_hour() {
    let f = Fixture::new().await;
    f.append(vec![series("a", &[(0, 1.0)])]).await;
    f.append(vec![series("a", &[(-7200, 2.0), (-3600, 3.0)])]).await;
    f.lake.flush().await.unwrap();
    let snapshot = f.lake.snapshot(Table::MetricSamples).await.unwrap();
    assert_eq!(snapshot.files.len(), 3, "one file per hour");
    let expected = expect_samples(&[("a", 0, 1.0), ("a", -7200, 2.0), ("a", -3600, 3.0)]);
    assert_eq!(read_samples(&f.lake).await, expected);
}

#[tokio::test]
async fn history_is_imported_as_day_files_and_counts_as_any_other() {
    const DAY: i64 = 86_400;
    let f = Fixture::new().await;
    f.append(vec![series("a", &[(0, 1.0)])]).await;
    let history = Batch {
        series: vec![
            series("a", &[(-2 * DAY, 5.0), (-DAY, 6.0), (-DAY + 15, 7.0)]),
            series("new", &[(-DAY, 8.0)]),
        ],
        logs: vec![log("old", -DAY)],
        ..Batch::default()
    };
    let imported = f.lake.import(history).await.unwrap();
    assert_eq!((imported.samples, imported.logs), (4, 1));
    let mut expected = expect_samples(&[
        ("a", 0, 1.0),
        ("a", -2 * DAY, 5.0),
        ("a", -DAY, 6.0),
        ("a", -DAY + 15, 7.0),
        ("new", -DAY, 8.0),
    ]);
    assert_eq!(read_samples(&f.lake).await, expected);
    let snapshot = f.lake.snapshot(Table::MetricSamples).await.unwrap();
    assert!(!snapshot.needs_merge() && snapshot.files.iter().all(|file| file.kind == FileKind::Day));
    f.append(vec![series("new", &[(0, 9.0)])]).await;
    expected.extend(expect_samples(&[("new", 0, 9.0)]));
    let f = f.crash().await;
    assert_eq!(read_samples(&f.lake).await, expected);
    assert_eq!(read_texts(&f.lake, Table::Logs, "body").await, ["old"]);

    // Some of it again, with one change: the later import wins.
    let again = vec![series("a", &[(-DAY, 60.0), (-2 * DAY, 5.0)])];
    f.lake.import(Batch { series: again, ..Batch::default() }).await.unwrap();
    expected.extend(expect_samples(&[("a", -DAY, 60.0)]));
    assert!(f.lake.snapshot(Table::MetricSamples).await.unwrap().needs_merge());
    assert_eq!(read_samples(&f.lake).await, expected);
    f.lake.flush().await.unwrap();
    f.lake.compact().await.unwrap();
    assert_eq!(read_samples(&f.lake).await, expected);
    assert!(!f.lake.snapshot(Table::MetricSamples).await.unwrap().needs_merge());
}

#[tokio::test]
async fn retention_drops_files_and_vacuum_removes_them() {
    const MONTH: i64 = 31 * 86_400;
    let f = Fixture::new().await;
    f.append(vec![series("a", &[(0, 1.0)])]).await;
    f.lake.flush().await.unwrap();
    let data_files = || {
        let days =
            fs::read_dir(f.dir.path().join("lake/metric_samples")).unwrap().map(|entry| entry.unwrap());
        let days = days.filter(|day| day.file_name() != "_delta_log");
        days.map(|day| fs::read_dir(day.path()).unwrap().count()).sum::<usize>()
    };
    f.clock.set(at(MONTH));
    f.append(vec![series("a", &[(MONTH, 2.0)])]).await;
    f.lake.flush().await.unwrap();
    assert_eq!(f.lake.compact().await.unwrap().expired, 1);
    assert_eq!(read_samples(&f.lake).await, expect_samples(&[("a", MONTH, 2.0)]));
    assert_eq!(data_files(), 2, "a reader may still hold it");
    f.clock.advance(Duration::from_secs(86_400 + 3_599));
    f.lake.compact().await.unwrap();
    assert_eq!(data_files(), 3, "the other one is an hour's file by now");
    f.clock.advance(Duration::from_secs(1));
    assert_eq!(f.lake.compact().await.unwrap().vacuumed, 1);
    assert_eq!(data_files(), 2);
    assert_eq!(read_samples(&f.lake).await.len(), 1);
}

#[tokio::test]
async fn hours_become_sorted_runs_and_days_become_day_files() {
    let f = Fixture::new().await;
    let mut expected = Samples::new();
    for minute in 0..150 {
        f.clock.set(at(minute * 60));
        let rows = ["a", "b", "c"].map(|name| (name, minute * 60, minute as f64));
        f.append(rows.iter().map(|(job, secs, value)| series(job, &[(*secs, *value)])).collect()).await;
        expected.extend(expect_samples(&rows));
        if minute % 10 == 9 {
            f.lake.flush().await.unwrap();
        }
    }
    f.lake.compact().await.unwrap();
    let files = async |f: &Fixture| {
        let snapshot = f.lake.snapshot(Table::MetricSamples).await.unwrap();
        snapshot.files.iter().map(|file| (file.kind, file.rows)).collect::<Vec<_>>()
    };
    let two_hours = [
        (FileKind::Flush, 30),
        (FileKind::Flush, 30),
        (FileKind::Flush, 30),
        (FileKind::Hour, 180),
        (FileKind::Hour, 180),
    ];
    assert_eq!(files(&f).await, two_hours);
    assert_eq!(read_samples(&f.lake).await, expected);
    assert_eq!(f.lake.compact().await.unwrap().merges, 0, "nothing is left to do");
    f.clock.advance(Duration::from_secs(2 * 86_400));
    f.lake.compact().await.unwrap();
    assert_eq!(files(&f).await, [(FileKind::Day, 450)]);
    assert_eq!(read_samples(&f.lake).await, expected);
    let f = f.crash().await;
    assert_eq!(read_samples(&f.lake).await, expected);
}

#[tokio::test]
async fn logs_events_and_the_registry_are_merged_too() {
    let f = Fixture::new().await;
    let mut expected = Vec::new();
    for n in 0..9 {
        f.clock.set(at(n * 60));
        let name = format!("{n}");
        let mut record = log(&name, n * 60);
        record.attrs = vec![("region".into(), "eu".into()), ("n".into(), name.as_str().into())];
        let batch = Batch {
            series: vec![series(&name, &[(n * 60, 1.0)])],
            logs: vec![record.clone(), record],
            events: vec![event(&name)],
            ..Batch::default()
        };
        f.lake.append(batch).await.unwrap();
        f.lake.flush().await.unwrap();
        expected.push(name);
    }
    f.clock.set(at(2 * 3_600));
    let report = f.lake.compact().await.unwrap();
    assert_eq!((report.merges, report.files_in, report.files_out, report.rows_dropped), (4, 36, 4, 0));
    let f = f.crash().await;
    assert_eq!(read_texts(&f.lake, Table::Events, "event_id").await, expected);
    assert_eq!(read_texts(&f.lake, Table::MetricSeries, "job").await, expected);
    let twice: Vec<_> = expected.iter().flat_map(|name| [name.clone(), name.clone()]).collect();
    assert_eq!(read_texts(&f.lake, Table::Logs, "body").await, twice, "equal logs are different logs");
    let found = f.lake.series().find(&[], Timestamp::MIN..Timestamp::MAX);
    assert_eq!(found.len(), 9, "the registry is read from merged files");
}

#[tokio::test]
async fn bounds_refuse_clearly_and_let_go_again() {
    let dir = scratch();
    let config = LakeConfig { buffer_bytes_max: 200, ..quiet(dir.path()) };
    let lake = Lake::open(config, Arc::new(ManualClock::at(start()))).await.unwrap();
    let send = async |secs: i64| {
        let rows: Vec<_> = (0..10).map(|n| (secs + n, 1.0)).collect();
        lake.append(Batch { series: vec![series("a", &rows)], ..Batch::default() }).await
    };
    send(0).await.unwrap();
    let refused = send(20).await.unwrap_err();
    assert!(matches!(&refused, LakeError::Overloaded { limit: Some(Limit::BufferBytes), .. }));
    assert_eq!(refused.to_string(), "the write buffer is full (buffer_bytes_max): try again in 5 s");
    assert!(!lake.health().writable);
    assert_eq!(read_samples(&lake).await.len(), 10, "reads go on");
    lake.flush().await.unwrap();
    send(20).await.unwrap();
    assert_eq!(read_samples(&lake).await.len(), 20);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_not_reads_until_there_is_room() {
    use std::sync::atomic::{AtomicU64, Ordering};

    let dir = scratch();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let probed = free.clone();
    let hooks = Hooks {
        disk_space: Arc::new(move |_| Ok(Space { free: probed.load(Ordering::SeqCst), total: 0 })),
        ..Hooks::default()
    };
    let config = LakeConfig { disk_free_min_bytes: 1_000, ..quiet(dir.path()) };
    let lake = crate::open::open(config, Arc::new(ManualClock::at(start())), hooks).await.unwrap();
    let send = async |secs| {
        lake.append(Batch { series: vec![series("a", &[(secs, 1.0)])], ..Batch::default() }).await
    };
    send(0).await.unwrap();
    for (bytes, writable) in [(999, false), (1_000, true)] {
        free.store(bytes, Ordering::SeqCst);
        lake.0.disk.forget();
        let health = lake.health();
        assert_eq!((health.writable, health.disk_full), (writable, !writable));
        let sent = send(bytes as i64 - 500).await;
        let refused = matches!(
            sent,
            Err(LakeError::DiskFull { free_bytes: 999, needed_bytes: 1_000, limit: Limit::DiskFreeBytes })
        );
        assert_eq!(sent.is_err(), refused);
        assert_eq!(refused, !writable);
        assert_eq!(read_samples(&lake).await.len(), if writable { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_closed_lake_says_so_and_lets_another_process_in() {
    let f = Fixture::new().await;
    let other = Lake::open(quiet(f.dir.path()), f.clock.clone()).await;
    assert!(matches!(other, Err(LakeError::InUse(_))));
    f.append(vec![series("a", &[(0, 1.0)])]).await;
    f.lake.shutdown().await.unwrap();
    f.lake.shutdown().await.unwrap();
    assert!(matches!(f.lake.append(Batch::default()).await, Err(LakeError::Closed)));
    let reopened = Lake::open(quiet(f.dir.path()), f.clock.clone()).await.unwrap();
    assert_eq!(read_samples(&reopened).await.len(), 1);
}

#[tokio::test]
async fn concurrent_writers_and_flushes_lose_nothing_and_repeat_nothing() {
    let f = Fixture::new().await;
    let writers = (0..20).map(|writer| {
        let lake = f.lake.clone();
        tokio::spawn(async move {
            for n in 0..10 {
                let series = vec![series(&format!("w{writer}"), &[(n, n as f64)])];
                lake.append(Batch { series, ..Batch::default() }).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for _ in 0..5 {
        f.lake.flush().await.unwrap();
        read_samples(&f.lake).await;
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(read_samples(&f.lake).await.len(), 200);
    let mut registry = Registry::default();
    f.lake.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("evenkeel_ingest_samples_total 200\n"), "{text}");
}

#[tokio::test]
async fn a_refused_delta_point_stays_refused_over_restarts() {
    let mut f = Fixture::new().await;
    let now = f.clock.now().secs() - START_SECS;
    f.append(vec![delta_series("delta", &[(now, 2.0)])]).await;
    f = f.restart().await;
    let refused = f.append(vec![delta_series("delta", &[(now, 1.0)])]).await.rejections;
    assert_eq!(refused.len(), 1);
    f = f.restart().await;
    assert_eq!(read_samples(&f.lake).await, expect_samples(&[("delta", now, 2.0)]));
}

#[tokio::test]
async fn who_wants_few_series_gets_their_buffered_rows_alone() {
    let f = Fixture::new().await;
    let rows = |jobs: std::ops::Range<usize>, samples: &[(i64, f64)]| -> Vec<SeriesSamples> {
        jobs.map(|job| series(&format!("job-{job:02}"), samples)).collect()
    };
    f.append(rows(0..20, &[(0, 1.0), (15, 2.0)])).await;
    // Later than its series, and the same time again.
    f.append(rows(7..8, &[(15, 3.0)])).await;
    let all = f.lake.series().find(&[], at(0)..at(60));
    assert_eq!(all.len(), 20);
    let one: Vec<_> = all.iter().filter(|entry| entry.labels.get("job") == Some("job-07")).cloned().collect();

    let values = |snapshot: &TableSnapshot| -> Vec<f64> {
        let column = |batch: &RecordBatch| batch.column_by_name("value").unwrap().clone();
        let values = snapshot.buffered.iter().map(column);
        values.flat_map(|column| column.as_primitive::<Float64Type>().values().to_vec()).collect()
    };
    let snapshot = f.lake.snapshot_of_series(&one).await.unwrap();
    assert_eq!(values(&snapshot), [1.0, 2.0, 3.0], "oldest first");
    assert_eq!(snapshot.late_range(), Some((at(15), at(15))));
    let snapshot = f.lake.snapshot_of_series(&all).await.unwrap();
    assert_eq!(values(&snapshot).len(), 41);
}
