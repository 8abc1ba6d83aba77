//! From a request's bytes to rows of a real lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use http::Response;
use lake::{LakeConfig, Table};
use prost::Message;
use telemetry::{ManualClock, STALE_NAN_BITS};

use super::*;
use crate::events::Events;
use crate::otlp::{OtlpLogs, OtlpMetrics};
use crate::receiver::tests::{NOW, body, head};
use crate::remote_write::RemoteWrite;
use crate::remote_write::generated::v1::{Label, Sample, TimeSeries, WriteRequest};
use crate::{Dialect, Ingest, IngestLimits};

struct Bench {
    _dir: tempfile::TempDir,
    lake: Lake,
    ingest: Ingest,
}

impl Bench {
    async fn open() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let mut config =
            LakeConfig { dir: dir.path().to_owned(), disk_free_min_bytes: 0, ..LakeConfig::default() };
        config.wal.segment_bytes = 1 << 20;
        let clock = Arc::new(ManualClock::at(NOW));
        let lake = Lake::open(config, clock.clone()).await.unwrap();
        let ingest = Ingest::new(Arc::new(lake.clone()), IngestLimits::default(), clock);
        Bench { _dir: dir, lake, ingest }
    }

    async fn send(
        &self,
        dialect: &'static dyn Dialect,
        headers: &[(&str, &str)],
        bytes: &[u8],
    ) -> Response<Bytes> {
        self.ingest.receive(dialect, head(headers), body(bytes), "tester").await
    }

    async fn rows(&self, table: Table) -> Vec<RecordBatch> {
        self.lake.snapshot(table).await.unwrap().buffered
    }

    async fn count(&self, table: Table) -> usize {
        self.rows(table).await.iter().map(RecordBatch::num_rows).sum()
    }

    async fn texts(&self, table: Table, column: &str) -> Vec<String> {
        let text = |batch: &RecordBatch| {
            let values = batch.column_by_name(column).unwrap().as_string::<i32>().clone();
            (0..values.len()).map(|row| values.value(row).to_owned()).collect::<Vec<_>>()
        };
        self.rows(table).await.iter().flat_map(text).collect()
    }
}

const REMOTE_WRITE: [(&str, &str); 2] =
    [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn packed(samples: &[(f64, i64)]) -> Vec<u8> {
    let label = |name: &str, value: &str| Label { name: name.into(), value: value.into() };
    let series = TimeSeries {
        labels: vec![label("__name__", "up"), label("job", "node")],
        samples: samples
            .iter()
            .map(|(value, timestamp)| Sample { value: *value, timestamp: *timestamp })
            .collect(),
        ..TimeSeries::default()
    };
    let plain = WriteRequest { timeseries: vec![series], metadata: Vec::new() }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&plain).unwrap()
}

#[tokio::test]
async fn remote_write_samples_are_rows_bit_by_bit() {
    let bench = Bench::open().await;
    let stale = f64::from_bits(STALE_NAN_BITS);
    let samples = packed(&[(1.0, NOW.millis() - 15_000), (stale, NOW.millis())]);
    for _ in 0..2 {
        // A sender's retry is acknowledged again and stored once.
        let answer = bench.send(&RemoteWrite, &REMOTE_WRITE, &samples).await;
        assert_eq!(answer.status().as_u16(), 204, "{:?}", answer.body());
    }
    // As readers do it: of two rows of one series and time, the later one is the row.
    let mut values = BTreeMap::new();
    for batch in bench.rows(Table::MetricSamples).await {
        let times = batch.column_by_name("ts").unwrap().as_primitive::<TimestampMicrosecondType>().clone();
        let column = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>().clone();
        values
            .extend(times.values().iter().copied().zip(column.values().iter().map(|value| value.to_bits())));
    }
    let expected = [(NOW.micros() - 15_000_000, 1.0_f64.to_bits()), (NOW.micros(), STALE_NAN_BITS)];
    assert_eq!(values.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(bench.texts(Table::MetricSeries, "job").await, ["node"]);
    bench.lake.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_known_series_takes_the_short_way_and_is_answered_for_all_the_same() {
    let bench = Bench::open().await;
    let now = NOW.millis();
    let send = async |samples: &[(f64, i64)]| {
        let answer = bench.send(&RemoteWrite, &REMOTE_WRITE, &packed(samples)).await;
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    };
    assert_eq!(send(&[(1.0, now - 30_000)]).await.0, 204);
    let (status, text) = send(&[(3.0, now), (9.0, 1), (2.0, now - 15_000)]).await;
    assert_eq!(status, 400);
    assert!(text.contains("1 of 3 samples were not stored"), "{text}");
    assert!(text.contains(r#"too_old (1): up{job="node"} at 1970-01-01"#), "{text}");
    let batches = bench.rows(Table::MetricSamples).await;
    let values =
        |batch: &RecordBatch| batch.column_by_name("value").unwrap().as_primitive::<Float64Type>().clone();
    let values: Vec<f64> = batches.iter().flat_map(|batch| values(batch).values().to_vec()).collect();
    assert_eq!(values, [1.0, 2.0, 3.0]);
    assert_eq!(bench.count(Table::MetricSeries).await, 1);
    bench.lake.shutdown().await.unwrap();
}

#[tokio::test]
async fn samples_of_1970_and_2200_are_named_and_in_the_ledger_and_the_rest_is_kept() {
    let bench = Bench::open().await;
    let samples = packed(&[(1.0, 0), (2.0, NOW.millis()), (3.0, 7_258_118_400_000), (4.0, i64::MAX)]);
    let answer = bench.send(&RemoteWrite, &REMOTE_WRITE, &samples).await;
    assert_eq!(answer.status().as_u16(), 400);
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    for part in [
        "3 of 4 samples were not stored",
        "too_old (1)",
        "too_far_ahead (2)",
        "up{job=\"node\"}",
        "1970",
        "2200",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert_eq!(bench.count(Table::MetricSamples).await, 1);
    let ledger = bench.rows(Table::IngestRejections).await;
    let counts = ledger.iter().flat_map(|batch| {
        batch.column_by_name("count").unwrap().as_primitive::<Int64Type>().values().to_vec()
    });
    assert_eq!(counts.sum::<i64>(), 3);
    let sources = bench.texts(Table::IngestRejections, "source").await;
    assert!(sources.iter().all(|source| source == "remote_write:tester"), "{sources:?}");
    bench.lake.shutdown().await.unwrap();
}

#[tokio::test]
async fn otlp_metrics_and_logs_are_rows_and_a_retry_of_logs_is_not() {
    let bench = Bench::open().await;
    let metrics = include_bytes!("../../tests/data/otlp/metrics.json");
    let answer = bench.send(&OtlpMetrics, &JSON, metrics).await;
    assert_eq!(answer.status().as_u16(), 200);
    let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedDataPoints"], "1", "{answer}");
    // Two counter points, one delta, two gauges, five of the histogram, four of the summary, two of
    // target_info; and zeros where one of the counters and the histogram began.
    assert_eq!(bench.count(Table::MetricSamples).await, 16 + 1 + 5);
    // One that counts since a time, and that time's zero.
    assert_eq!(bench.count(Table::MetricHistograms).await, 2);
    let mut traces = Vec::new();
    for batch in bench.rows(Table::MetricExemplars).await {
        let ids = batch.column_by_name("trace_id").unwrap().as_string::<i32>().clone();
        traces.extend(ids.iter().map(|id| id.map(str::to_owned)));
    }
    traces.sort();
    assert_eq!(traces, [None, None, Some("5b8efff798038103d269b633813fc60c".to_owned())]);

    let logs = include_bytes!("../../tests/data/otlp/logs.json");
    for _ in 0..2 {
        let answer = bench.send(&OtlpLogs, &JSON, logs).await;
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]));
    }
    assert_eq!(bench.count(Table::Logs).await, 4);
    bench.lake.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_same_event_id_is_the_same_event() {
    let bench = Bench::open().await;
    let event = br#"{"id": "d1", "kind": "deploy", "service": "api", "at": "2027-01-15T07:00:00Z",
                     "payload": {"version": "2", "status": "succeeded"}}"#;
    for _ in 0..2 {
        let answer = bench.send(&Events, &JSON, event).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (202, &br#"{"accepted":1,"rejected":[]}"#[..])
        );
    }
    assert_eq!(bench.texts(Table::Events, "event_id").await, ["d1"]);
    bench.lake.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_closed_lake_is_unavailable() {
    let bench = Bench::open().await;
    bench.lake.shutdown().await.unwrap();
    let answer = bench.send(&RemoteWrite, &REMOTE_WRITE, &packed(&[(1.0, NOW.millis())])).await;
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}

#[test]
fn what_the_lake_refuses_keeps_its_limit() {
    let limit = Limit::DiskFreePercent;
    let full = refusal(LakeError::DiskFull { free_bytes: 1, needed_bytes: 2, limit });
    assert_eq!(full.limit(), Some(limit));
    assert_eq!(full.to_string(), "not accepting writes: the disk is full; try again in 30s");
    let (what, retry_after) = ("the write buffer is full", Duration::from_secs(5));
    let busy = refusal(LakeError::Overloaded { what, limit: Some(Limit::BufferBytes), retry_after });
    assert_eq!(busy.limit(), Some(Limit::BufferBytes));
    assert_eq!(busy.to_string(), "overloaded: the write buffer is full (buffer_bytes_max); try again in 5s");
    assert_eq!(refusal(LakeError::Closed).limit(), None);
}
