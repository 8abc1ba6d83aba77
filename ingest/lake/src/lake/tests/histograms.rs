//! Native histograms and exemplars: stored like samples, once, with the last value, through flush,
//! merge and crash; delta histograms as running totals; zeros where counting began.

use telemetry::{Buckets, Exemplar, HistogramSample, RejectReason, SeriesExemplars, SeriesHistograms};

use super::*;
use crate::Written;
use crate::columns::read_histograms as rows_of;

/// Everything in one bucket, whose index is the count.
pub(super) fn histogram(secs: i64, count: u32) -> HistogramSample {
    HistogramSample {
        count: f64::from(count),
        sum: f64::from(count) * 0.5,
        positive: Buckets::from_indexed([(count as i32, f64::from(count))]),
        ..HistogramSample::empty(at(secs), 3)
    }
}

/// A histogram of some observations, all in one bucket.
fn in_bucket(secs: i64, index: i32, count: u32) -> HistogramSample {
    let count = f64::from(count);
    let positive = Buckets::from_indexed([(index, count)]);
    HistogramSample { count, sum: count, positive, ..HistogramSample::empty(at(secs), 3) }
}

pub(super) fn histograms(name: &str, histograms: Vec<HistogramSample>) -> SeriesHistograms {
    SeriesHistograms { labels: labels(name), meta: SeriesMeta::default(), start: None, histograms }
}

pub(super) fn delta_histograms(name: &str, points: Vec<HistogramSample>) -> SeriesHistograms {
    let meta = SeriesMeta { delta: true, ..SeriesMeta::default() };
    SeriesHistograms { meta, ..histograms(name, points) }
}

fn exemplar(secs: i64, value: f64, trace: &str) -> SeriesExemplars {
    let labels = Labels::new([("trace_id", trace)]).unwrap();
    let exemplars = vec![Exemplar { ts: at(secs), value, labels }];
    SeriesExemplars { labels: super::labels("a"), meta: SeriesMeta::default(), exemplars }
}

pub(super) type Histograms = BTreeMap<(String, i64), Vec<(i32, u64)>>;

/// What a reader gets who takes the later of two rows with one key: the buckets by job and seconds
/// after the start.
pub(super) async fn read_histograms(lake: &Lake) -> Histograms {
    let (snapshot, batches) = sources(lake, Table::MetricHistograms).await;
    let mut found = Histograms::new();
    let mut repeated = false;
    for batch in batches {
        for (id, histogram) in rows_of(&batch).unwrap() {
            let entry = lake.series().get(telemetry::SeriesId::from_stored(id)).expect("the series is known");
            let key = (entry.labels.get("job").unwrap().to_owned(), histogram.ts.secs() - START_SECS);
            let buckets = histogram.positive.indexed().map(|(index, count)| (index, count as u64)).collect();
            repeated |= found.insert(key, buckets).is_some();
        }
    }
    assert!(!repeated || snapshot.needs_merge() || snapshot.files.is_empty(), "a file repeats a row");
    found
}

pub(super) fn expect_histograms(rows: &[(&str, i64, u32)]) -> Histograms {
    let row = |(job, secs, count): &(&str, i64, u32)| {
        (((*job).to_owned(), *secs), vec![(*count as i32, u64::from(*count))])
    };
    rows.iter().map(row).collect()
}

async fn append(f: &Fixture, histograms: Vec<SeriesHistograms>) -> Appended {
    f.lake.append(Batch { histograms, ..Batch::default() }).await.unwrap()
}

#[tokio::test]
async fn a_repeated_histogram_is_one_and_the_last_one_wins() {
    let mut f = Fixture::new().await;
    let appended = append(&f, vec![histograms("a", vec![histogram(0, 1), histogram(60, 2)])]).await;
    assert_eq!((appended.histograms, appended.written.histograms), (2, 2));
    f.lake.flush().await.unwrap();
    // A retry, a correction and something new; then the correction once more before any flush.
    append(&f, vec![histograms("a", vec![histogram(0, 1), histogram(60, 7), histogram(120, 3)])]).await;
    append(&f, vec![histograms("a", vec![histogram(60, 9)])]).await;
    let expected = expect_histograms(&[("a", 0, 1), ("a", 60, 9), ("a", 120, 3)]);
    assert_eq!(read_histograms(&f.lake).await, expected);
    f = f.crash().await;
    assert_eq!(read_histograms(&f.lake).await, expected);
    f.lake.flush().await.unwrap();
    let files = f.lake.snapshot(Table::MetricHistograms).await.unwrap().files;
    assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 2 + 3, "a file holds each key once");
    f.clock.set(at(3 * 86_400));
    f.lake.compact().await.unwrap();
    let files = f.lake.snapshot(Table::MetricHistograms).await.unwrap().files;
    assert_eq!(files.iter().map(|file| file.rows).collect::<Vec<_>>(), [3]);
    assert_eq!(read_histograms(&f.restart().await.lake).await, expected);
}

#[tokio::test]
async fn series_of_histograms_and_exemplars_are_in_the_registry() {
    let f = Fixture::new().await;
    append(&f, vec![histograms("h", vec![histogram(0, 1)])]).await;
    let batch = Batch { exemplars: vec![exemplar(5, 0.5, "t1")], ..Batch::default() };
    assert_eq!(f.lake.append(batch).await.unwrap().exemplars, 1);
    let jobs = |lake: &Lake| lake.series().label_values("job", &[], at(0)..at(10));
    assert_eq!(jobs(&f.lake), ["a", "h"]);
    assert_eq!(read_texts(&f.lake, Table::MetricSeries, "job").await, ["a", "h"]);
    let f = f.crash().await;
    assert_eq!(jobs(&f.lake), ["a", "h"]);
    let f = f.restart().await;
    assert_eq!(jobs(&f.lake), ["a", "h"]);
    let h = f.lake.series().find(&[], at(0)..at(0));
    assert!(h.iter().any(|entry| entry.labels == labels("h")), "its last histogram is within its range");
    assert_eq!(read_texts(&f.lake, Table::MetricExemplars, "trace_id").await, ["t1"]);
}

#[tokio::test]
async fn exemplars_of_one_time_are_kept_apart_and_repeated_ones_are_not() {
    let f = Fixture::new().await;
    for exemplars in [vec![exemplar(5, 0.5, "t1"), exemplar(5, 0.5, "t2")], vec![exemplar(5, 0.5, "t1")]] {
        let sent = exemplars.len() as u64;
        let appended = f.lake.append(Batch { exemplars, ..Batch::default() }).await.unwrap();
        assert_eq!(appended.written, Written { exemplars: sent, ..Written::default() });
    }
    f.lake.flush().await.unwrap();
    assert_eq!(read_texts(&f.lake, Table::MetricExemplars, "trace_id").await, ["t1", "t2"]);
}

#[tokio::test]
async fn an_exemplar_that_is_too_old_is_in_the_ledger_and_no_complaint() {
    let f = Fixture::new().await;
    let batch = Batch { exemplars: vec![exemplar(-400 * 86_400, 0.5, "old")], ..Batch::default() };
    let appended = f.lake.append(batch).await.unwrap();
    assert_eq!((appended.written.exemplars, appended.rejections.len()), (0, 0));
    assert_eq!(read_texts(&f.lake, Table::IngestRejections, "reason").await, ["too_old"]);
    let appended = append(&f, vec![histograms("h", vec![histogram(-400 * 86_400, 1)])]).await;
    assert_eq!((appended.histograms, appended.rejections[0].reason), (0, RejectReason::TooOld));
}

#[tokio::test]
async fn delta_histograms_add_up_over_crash_and_restart() {
    let mut f = Fixture::new().await;
    let point = |secs, index| vec![delta_histograms("d", vec![in_bucket(secs, index, 2)])];
    append(&f, point(0, 1)).await;
    append(&f, point(60, 1)).await;
    f.lake.flush().await.unwrap();
    f = f.crash().await;
    append(&f, point(120, 5)).await;
    // What is not newer is refused, so that a repeated request changes nothing.
    let repeated = append(&f, point(120, 5)).await;
    assert_eq!((repeated.histograms, repeated.rejections[0].reason), (0, RejectReason::DeltaOutOfOrder));
    f = f.restart().await;
    append(&f, point(180, 5)).await;
    f = f.crash().await;
    let key = |secs: i64| ("d".to_owned(), secs);
    let expected = Histograms::from([
        (key(0), vec![(1, 2)]),
        (key(60), vec![(1, 4)]),
        (key(120), vec![(1, 4), (5, 2)]),
        (key(180), vec![(1, 4), (5, 4)]),
    ]);
    assert_eq!(read_histograms(&f.lake).await, expected);
    f.lake.flush().await.unwrap();
    assert_eq!(read_histograms(&f.lake).await, expected);
}

#[tokio::test]
async fn a_start_time_is_a_zero_once() {
    let f = Fixture::new().await;
    let counted =
        |secs, value, start| SeriesSamples { start: Some(at(start)), ..series("s", &[(secs, value)]) };
    let appended = f.append(vec![counted(60, 5.0, -30)]).await;
    // The zero is nobody's row.
    assert_eq!((appended.samples, appended.written.samples), (1, 1));
    f.append(vec![counted(120, 8.0, -30)]).await;
    // Counting begins anew.
    f.append(vec![counted(240, 1.0, 200)]).await;
    let expected =
        expect_samples(&[("s", -30, 0.0), ("s", 60, 5.0), ("s", 120, 8.0), ("s", 200, 0.0), ("s", 240, 1.0)]);
    assert_eq!(read_samples(&f.lake).await, expected);

    let since =
        |start| SeriesHistograms { start: Some(at(start)), ..histograms("h", vec![histogram(60, 4)]) };
    let appended = append(&f, vec![since(10)]).await;
    assert_eq!(appended.histograms, 1);
    append(&f, vec![since(10)]).await;
    let mut expected_histograms = expect_histograms(&[("h", 60, 4)]);
    expected_histograms.insert(("h".to_owned(), 10), vec![]);
    assert_eq!(read_histograms(&f.lake).await, expected_histograms);
    let f = f.crash().await;
    assert_eq!(read_samples(&f.lake).await, expected);
    assert_eq!(read_histograms(&f.lake).await, expected_histograms);
}

#[tokio::test]
async fn the_start_of_a_delta_series_is_that_of_its_first_point() {
    let f = Fixture::new().await;
    let point = |secs, start| SeriesSamples { start: Some(at(start)), ..delta_series("d", &[(secs, 2.0)]) };
    for appended in [f.append(vec![point(60, 0)]).await, f.append(vec![point(120, 60)]).await] {
        assert_eq!((appended.samples, appended.rejections.len()), (1, 0));
    }
    // An interval is missing: no zero, and no point of its own.
    f.append(vec![point(300, 240)]).await;
    let expected = expect_samples(&[("d", 0, 0.0), ("d", 60, 2.0), ("d", 120, 4.0), ("d", 300, 6.0)]);
    assert_eq!(read_samples(&f.lake).await, expected);
}

#[tokio::test]
async fn a_start_that_cannot_be_stored_is_no_reason_to_refuse_a_sample() {
    let f = Fixture::new().await;
    let ancient = SeriesSamples { start: Some(at(-4000 * 86_400)), ..series("s", &[(0, 1.0)]) };
    let later = SeriesSamples { start: Some(at(10)), ..series("t", &[(0, 1.0)]) };
    let appended = f.append(vec![ancient, later]).await;
    assert_eq!((appended.samples, appended.rejections.len()), (2, 0));
    assert_eq!(read_samples(&f.lake).await, expect_samples(&[("s", 0, 1.0), ("t", 0, 1.0)]));
}
