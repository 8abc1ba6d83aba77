//! What senders are told, in both formats.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};

use super::*;
use crate::receiver::tests::{body, ingest_with};

#[test]
fn spans_are_counted_and_not_stored() {
    check(
        &OtlpTraces,
        TRACES,
        expect![[r#"
            rows 2
            rejected unsupported 2: spans are not stored yet
        "#]],
    );
}

fn partly_stored() -> Outcome {
    let refused = vec![telemetry::Rejection {
        source: "otlp:x".into(),
        reason: RejectReason::TooOld,
        count: 2,
        sample: "up{} at 1999-01-01T00:00:00Z".into(),
    }];
    Ok(Receipt { rows: 3, refused, ..Receipt::default() })
}

#[test]
fn success_is_empty_and_partial_success_counts() {
    let answer = OtlpMetrics.answer(&json_head(), &Ok(Receipt::default()));
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]));
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    let answer = OtlpMetrics.answer(&protobuf_head(), &Ok(Receipt::default()));
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 0));
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/x-protobuf");

    let message = "too_old (2): up{} at 1999-01-01T00:00:00Z";
    let answer = OtlpMetrics.answer(&protobuf_head(), &partly_stored());
    let partial = ExportMetricsPartialSuccess { rejected_data_points: 2, error_message: message.into() };
    assert_eq!(
        ExportMetricsServiceResponse::decode(answer.body().clone()).unwrap(),
        ExportMetricsServiceResponse { partial_success: Some(partial) }
    );
    let json = |dialect: &dyn Dialect| {
        serde_json::from_slice::<serde_json::Value>(dialect.answer(&json_head(), &partly_stored()).body())
            .unwrap()
    };
    assert_eq!(
        json(&OtlpLogs),
        json!({"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": message}})
    );
    assert_eq!(json(&OtlpTraces), json!({"partialSuccess": {"rejectedSpans": "2", "errorMessage": message}}));
}

#[test]
fn errors_are_rpc_statuses_in_the_format_of_the_request() {
    let wait = Duration::from_secs(3);
    let overloaded: Outcome =
        Err(IngestError::Overloaded { what: "the WAL is full".into(), limit: None, retry_after: wait });
    let answer = OtlpLogs.answer(&protobuf_head(), &overloaded);
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[RETRY_AFTER]),
        (429, &HeaderValue::from_static("3"))
    );
    let status = RpcStatus::decode(answer.body().clone()).unwrap();
    assert_eq!((status.code, status.message.as_str()), (14, "overloaded: the WAL is full; try again in 3s"));

    let answer = OtlpLogs.answer(&json_head(), &Err(IngestError::Malformed("no".into())));
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (400, &br#"{"code":3,"message":"no"}"#[..]));
}

#[tokio::test]
async fn over_http_both_compressions_and_wrong_heads() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(LOGS.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::encode_all(LOGS.as_bytes(), 1).unwrap();
    for (encoding, packed) in [("identity", LOGS.as_bytes().to_vec()), ("gzip", gzip), ("zstd", zstd)] {
        let parts =
            head(&[("content-type", "application/json; charset=utf-8"), ("content-encoding", encoding)]);
        let answer = ingest.receive(&OtlpLogs, parts, body(&packed), "sdk").await;
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]), "{encoding}");
    }
    {
        let batches = sink.batches.lock();
        assert_eq!(batches.iter().map(|(batch, ..)| batch.log_count()).collect::<Vec<_>>(), [4, 4, 4]);
        assert!(batches[0].2.is_some(), "logs carry a key");
        assert!(
            batches.iter().all(|(_, _, key)| *key == batches[0].2),
            "of the plain body, however it was packed"
        );
    }
    for (content_type, encoding) in [("text/plain", "identity"), ("application/json", "br"), ("", "gzip")] {
        let parts = head(&[("content-type", content_type), ("content-encoding", encoding)]);
        let answer = ingest.receive(&OtlpLogs, parts, body(LOGS.as_bytes()), "sdk").await;
        assert_eq!(answer.status().as_u16(), 415, "{content_type} {encoding}");
        let error: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(error["code"], 3);
    }
}

#[tokio::test]
async fn spans_reach_the_ledger_and_the_answer() {
    let (ingest, sink) = ingest_with(IngestLimits::default());
    let answer = ingest.receive(&OtlpTraces, json_head(), body(TRACES.as_bytes()), "sdk").await;
    assert_eq!(answer.status().as_u16(), 200);
    let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        answer,
        json!({"partialSuccess": {
            "rejectedSpans": "2",
            "errorMessage": "unsupported (2): spans are not stored yet",
        }})
    );
    let batches = sink.batches.lock();
    assert_eq!(batches[0].0.rejections[0].source, "otlp_traces:sdk");
    assert_eq!(batches[0].0.rejections[0].count, 2);
}
