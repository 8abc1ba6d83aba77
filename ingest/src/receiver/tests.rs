//! The shared way of a request, with a sink that plays the lake.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream;
use parking_lot::Mutex;
use prost::Message;
use telemetry::{Limit, ManualClock, RejectReason, Rejection, Timestamp};

use super::reading::INLINE_BODY_BYTES_MAX;
use super::*;
use crate::Stored;
use crate::remote_write::RemoteWrite;
use crate::remote_write::generated::v1 as generated;

/// Keeps what it is given, and answers as told.
#[derive(Default)]
pub(crate) struct FakeSink {
    pub(crate) batches: Mutex<Vec<(Batch, String, Option<u128>)>>,
    pub(crate) refuse_with: Mutex<Option<IngestError>>,
    pub(crate) rejections: Mutex<Vec<Rejection>>,
    pub(crate) refused_logs: Mutex<Vec<lake::RefusedLog>>,
    /// While it is locked, writes wait.
    pub(crate) stall: tokio::sync::Mutex<()>,
}

#[async_trait]
impl BatchSink for FakeSink {
    async fn append(
        &self,
        batch: Batch,
        source: &str,
        retry_key: Option<u128>,
    ) -> Result<Stored, IngestError> {
        let _turn = self.stall.lock().await;
        if let Some(error) = self.refuse_with.lock().clone() {
            return Err(error);
        }
        let rejections = self.rejections.lock().clone();
        let stored = Stored {
            samples: batch.sample_count() as u64,
            logs: batch.log_count() as u64,
            events: batch.events.len() as u64,
            rejections,
            refused_logs: self.refused_logs.lock().clone(),
            ..Stored::default()
        };
        self.batches.lock().push((batch, source.to_owned(), retry_key));
        Ok(stored)
    }
}

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) fn ingest_with(limits: IngestLimits) -> (Ingest, Arc<FakeSink>) {
    let sink = Arc::new(FakeSink::default());
    (Ingest::new(sink.clone(), limits, Arc::new(ManualClock::at(NOW))), sink)
}

pub(crate) fn head(headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::post("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// A body in chunks of 1000 bytes, as a socket gives it.
pub(crate) fn body(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Unpin + use<> {
    let chunks: Vec<_> = bytes.chunks(1_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    stream::iter(chunks)
}

fn request(series_count: usize) -> Vec<u8> {
    let series = |number: usize| generated::TimeSeries {
        labels: vec![
            generated::Label { name: "__name__".into(), value: "up".into() },
            generated::Label { name: "instance".into(), value: number.to_string() },
        ],
        samples: vec![generated::Sample { value: 1.0, timestamp: NOW.millis() }],
        ..generated::TimeSeries::default()
    };
    let timeseries = (0..series_count).map(series).collect();
    let plain = generated::WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&plain).unwrap()
}

const HEAD: [(&str, &str); 2] = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];

async fn send(ingest: &Ingest, packed: &[u8]) -> (u16, String) {
    let answer = ingest.receive(&RemoteWrite, head(&HEAD), body(packed), "prom").await;
    (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
}

#[tokio::test]
async fn a_request_is_written_counted_and_answered() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let packed = request(3);
    assert_eq!(send(&ingest, &packed).await, (204, String::new()));
    let batches = sink.batches.lock();
    assert_eq!((batches[0].0.sample_count(), batches[0].1.as_str()), (3, "remote_write:prom"));
    let counts = ingest.counts().into_iter().find(|counts| counts.source == "prom").unwrap();
    assert_eq!((counts.requests, counts.stored_rows, counts.failed_requests), (1, 3, 0));
    assert_eq!(counts.body_bytes, packed.len() as u64);
}

#[tokio::test]
async fn a_large_body_takes_the_same_way() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let packed = request(20_000);
    assert!(packed.len() > INLINE_BODY_BYTES_MAX);
    assert_eq!(send(&ingest, &packed).await.0, 204);
    assert_eq!(sink.batches.lock()[0].0.sample_count(), 20_000);
}

#[tokio::test]
async fn rows_that_the_lake_refuses_are_answered_for() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    *sink.rejections.lock() = vec![Rejection {
        source: String::new(),
        reason: RejectReason::TooOld,
        count: 1,
        sample: "up{instance=\"0\"} is older than 30d".into(),
    }];
    let (status, text) = send(&ingest, &request(2)).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("1 of 2 samples") && text.contains("older than 30d"), "{text}");
}

#[tokio::test]
async fn an_empty_request_writes_nothing() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    assert_eq!(send(&ingest, &request(0)).await.0, 204);
    assert!(sink.batches.lock().is_empty());
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_announced_or_not() {
    let limits = IngestLimits { body_bytes_max: 1_500, ..IngestLimits::default() };
    let (ingest, sink) = ingest_with(limits);
    let (status, text) = send(&ingest, &[0; 4_000]).await;
    assert_eq!(status, 413);
    assert!(text.contains("body_bytes_max"), "{text}");
    let announced = [HEAD[0], HEAD[1], ("content-length", "999999999")];
    let endless = stream::pending::<Result<Bytes, std::io::Error>>();
    let answer = ingest.receive(&RemoteWrite, head(&announced), endless, "prom").await;
    assert_eq!(answer.status().as_u16(), 413, "refused before a byte is read");
    assert!(sink.batches.lock().is_empty());
}

#[tokio::test]
async fn a_wrong_head_is_refused_before_the_body_is_read() {
    let (ingest, _) = ingest_with(IngestLimits::default());
    for headers in [
        [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")],
        [("content-type", "application/json"), ("content-encoding", "snappy")],
    ] {
        let endless = stream::pending::<Result<Bytes, std::io::Error>>();
        let answer = ingest.receive(&RemoteWrite, head(&headers), endless, "prom").await;
        assert_eq!(answer.status().as_u16(), 415, "{headers:?}");
    }
}

#[tokio::test]
async fn overload_is_retryable_and_passes() {
    let limits = IngestLimits { requests_in_flight_max: 1, ..IngestLimits::default() };
    let (ingest, sink) = ingest_with(limits);
    let stalled = sink.stall.lock().await;
    let first = tokio::spawn({
        let ingest = ingest.clone();
        async move { send(&ingest, &request(1)).await }
    });
    while ingest.metrics().in_flight.get() == 0 {
        tokio::task::yield_now().await;
    }
    let (status, text) = send(&ingest, &request(1)).await;
    assert_eq!(status, 503);
    assert!(text.contains("requests_in_flight_max"), "{text}");
    drop(stalled);
    assert_eq!(first.await.unwrap().0, 204);
    assert_eq!(send(&ingest, &request(1)).await.0, 204);
    assert_eq!(ingest.metrics().in_flight.get(), 0);
}

#[tokio::test]
async fn unpacked_bytes_count_as_in_flight() {
    let limits = IngestLimits { bytes_in_flight_max: 10_000, ..IngestLimits::default() };
    let (ingest, _) = ingest_with(limits);
    let packed = snap::raw::Encoder::new().compress_vec(&[0; 100_000]).unwrap();
    assert!(packed.len() < 10_000);
    let (status, text) = send(&ingest, &packed).await;
    assert_eq!(status, 503);
    assert!(text.contains("bytes_in_flight_max"), "{text}");
}

#[tokio::test]
async fn a_sender_that_hangs_up_leaves_a_whole_write() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let stalled = sink.stall.lock().await;
    let sending = tokio::spawn({
        let ingest = ingest.clone();
        async move { send(&ingest, &request(5)).await }
    });
    while ingest.metrics().in_flight.get() == 0 {
        tokio::task::yield_now().await;
    }
    // Let it reach the sink, then hang up.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert_eq!(ingest.metrics().in_flight.get(), 1, "the write still counts");
    drop(stalled);
    while ingest.metrics().in_flight.get() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sink.batches.lock()[0].0.sample_count(), 5);
    let counts = &ingest.counts()[0];
    assert_eq!((counts.requests, counts.stored_rows), (1, 5), "it is counted as well");
}

#[tokio::test]
async fn a_refusing_lake_is_the_answer_and_the_next_request_is_fine() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let retry_after = Duration::from_secs(30);
    *sink.refuse_with.lock() =
        Some(IngestError::Unavailable { what: "the disk is full".into(), limit: None, retry_after });
    let (status, text) = send(&ingest, &request(1)).await;
    assert_eq!((status, text.as_str()), (503, "not accepting writes: the disk is full; try again in 30s\n"));
    *sink.refuse_with.lock() = None;
    assert_eq!(send(&ingest, &request(1)).await.0, 204);
    let counts = ingest.counts().into_iter().find(|counts| counts.source == "prom").unwrap();
    assert_eq!((counts.requests, counts.failed_requests), (2, 1));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let (ingest, _) = ingest_with(IngestLimits::default());
    let chunks = vec![Ok(Bytes::from_static(b"abc")), Err(std::io::Error::other("connection reset"))];
    let answer = ingest.receive(&RemoteWrite, head(&HEAD), stream::iter(chunks), "prom").await;
    assert_eq!(answer.status().as_u16(), 400);
    assert!(answer.body().starts_with(b"the body ended early: connection reset"));
}

#[tokio::test]
async fn batches_made_here_are_written_and_counted_too() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let batch = Batch { events: vec![], ..Batch::default() };
    assert_eq!(ingest.write(batch, "telemetry").await, Ok(Receipt::default()));
    assert!(sink.batches.lock().is_empty());
}

#[tokio::test]
async fn a_byte_order_mark_before_json_is_passed_over() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let push =
        "\u{feff}{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1800000000000000000\",\"x\"]]}]}";
    let parts = head(&[("content-type", "application/json")]);
    let answer = ingest.receive(&crate::loki::LokiPush, parts, body(push.as_bytes()), "powershell").await;
    assert_eq!(answer.status().as_u16(), 204);
    assert_eq!(sink.batches.lock()[0].0.log_count(), 1);
}

/// What the page of metrics says of limits.
fn limit_hits(ingest: &Ingest) -> Vec<String> {
    let mut registry = prometheus_client::registry::Registry::default();
    ingest.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("evenkeel_ingest_limit_hits_total"));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn limits_that_are_hit_are_counted_by_their_settings() {
    let limits = IngestLimits { body_bytes_max: 10_000, label_value_bytes_max: 2, ..IngestLimits::default() };
    let (ingest, sink) = ingest_with(limits);
    assert_eq!(send(&ingest, &[0; 20_000]).await.0, 413);
    assert_eq!(limit_hits(&ingest), [r#"{limit="body_bytes_max"} 1"#]);
    // Instances 100 to 102 have names that are too long.
    assert_eq!(send(&ingest, &request(103)).await.0, 400);
    *sink.rejections.lock() = vec![Rejection {
        source: String::new(),
        reason: RejectReason::OverLimit(Limit::SeriesPerMetric),
        count: 7,
        sample: "up{}".into(),
    }];
    assert_eq!(send(&ingest, &request(1)).await.0, 400);
    *sink.refuse_with.lock() = Some(IngestError::Overloaded {
        what: "the write-ahead log is full".into(),
        limit: Some(Limit::WalBytes),
        retry_after: Duration::from_secs(1),
    });
    assert_eq!(send(&ingest, &request(1)).await.0, 503);
    *sink.refuse_with.lock() = Some(IngestError::Unavailable {
        what: "the disk is full".into(),
        limit: Some(Limit::DiskFreeBytes),
        retry_after: Duration::from_secs(1),
    });
    assert_eq!(send(&ingest, &request(1)).await.0, 503);
    assert_eq!(
        limit_hits(&ingest),
        [
            r#"{limit="body_bytes_max"} 1"#,
            r#"{limit="disk_free_min_bytes"} 1"#,
            r#"{limit="label_value_bytes_max"} 3"#,
            r#"{limit="series_per_metric_max"} 7"#,
            r#"{limit="wal.bytes_max"} 1"#,
        ]
    );
}
