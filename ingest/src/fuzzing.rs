//! What holds for every body that anybody may send: one function for each wire decoder, which panics
//! where it does not.
//!
//! The fuzz targets in `ingest/fuzz` call these functions with bodies that a fuzzer makes up, the tests
//! with those that fuzzers found worth keeping. A decoder is held against another one where there is
//! one: readers by hand against generated types, JSON against protobuf, a body that was seen before
//! against the same body when it was new. Limits are small here, so that small bodies reach them.

mod body;
mod events;
mod logs;
mod metrics;
mod promises;

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use telemetry::Timestamp;

use crate::json_text::mend_lone_surrogates;
use crate::{Context, Decoded, Dialect, FamilyTypes, IngestError, IngestLimits, KnownSeries, Receipt};

pub use body::decompression;
pub use events::{cloudevents, events, hooks, pagerduty_change};
pub use logs::{elastic_bulk, loki_json, loki_protobuf, otlp_logs, otlp_logs_json};
pub use metrics::{exposition, otlp_metrics, otlp_metrics_json, remote_write_v1, remote_write_v2};

/// A decoder's name, which is that of its fuzz target and of its corpus, and what must not panic.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 15] = [
    ("cloudevents", cloudevents),
    ("decompression", decompression),
    ("elastic_bulk", elastic_bulk),
    ("events", events),
    ("exposition", exposition),
    ("hooks", hooks),
    ("loki_json", loki_json),
    ("loki_protobuf", loki_protobuf),
    ("otlp_logs", otlp_logs),
    ("otlp_logs_json", otlp_logs_json),
    ("otlp_metrics", otlp_metrics),
    ("otlp_metrics_json", otlp_metrics_json),
    ("pagerduty_change", pagerduty_change),
    ("remote_write_v1", remote_write_v1),
    ("remote_write_v2", remote_write_v2),
];

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

static LIMITS: LazyLock<IngestLimits> = LazyLock::new(|| IngestLimits {
    decompressed_bytes_max: 128 << 10,
    decoded_bytes_max: 128 << 10,
    rows_per_request_max: 200,
    events_per_request_max: 20,
    json_depth_max: 24,
    value_depth_max: 5,
    symbols_per_request_max: 100,
    buckets_per_histogram_max: 30,
    labels_per_series_max: 12,
    label_name_bytes_max: 40,
    label_value_bytes_max: 100,
    attributes_per_log_max: 20,
    attribute_value_bytes_max: 100,
    log_body_bytes_max: 1_000,
    event_payload_bytes_max: 8_000,
    ..IngestLimits::default()
});

fn head(content_type: &'static str) -> Parts {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.headers = HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static(content_type))]);
    parts
}

/// The way of a plain body, without the write.
fn decode(
    dialect: &dyn Dialect,
    parts: &Parts,
    body: &[u8],
    known: &KnownSeries,
) -> Result<Decoded, IngestError> {
    if !dialect.is_json(parts) {
        return with_context(known, |context| dialect.decode(parts, body, context));
    }
    let mended = mend_lone_surrogates(Bytes::copy_from_slice(body));
    assert_eq!(mended.len(), body.len());
    with_context(known, |context| dialect.decode(parts, &mended, context))
}

fn with_context<T>(known: &KnownSeries, work: impl FnOnce(&Context<'_>) -> T) -> T {
    let families = FamilyTypes::default();
    work(&Context { limits: &LIMITS, source: "dialect:token", now: NOW, families: &families, known })
}

/// Decodes a body and checks what every dialect promises: of what it makes of the body, of its answer,
/// and that the same body is the same again.
fn take(dialect: &dyn Dialect, parts: &Parts, body: &[u8]) -> Result<Decoded, IngestError> {
    let known = KnownSeries::new(0);
    let outcome = decode(dialect, parts, body, &known);
    let again = decode(dialect, parts, body, &known);
    match (&outcome, &again) {
        (Ok(first), Ok(second)) => {
            promises::check_decoded(first, &LIMITS);
            assert_eq!(promises::told(first), promises::told(second), "the same body is something else");
        }
        (Err(first), Err(second)) => assert_eq!(first, second),
        _ => panic!("once {outcome:?}, once {again:?}"),
    }
    check_answer(dialect, parts, &outcome);
    outcome
}

/// Nothing that is sent makes us say that we are at fault.
fn check_answer(dialect: &dyn Dialect, parts: &Parts, outcome: &Result<Decoded, IngestError>) {
    let answer = match outcome {
        Ok(decoded) => dialect.answer_items(parts, &Ok(receipt(decoded)), &decoded.items),
        Err(error) => dialect.answer(parts, &Err(error.clone())),
    };
    let status = answer.status();
    match outcome {
        // Remote write and Loki say so when they refused some rows.
        Ok(_) => assert!(status.is_success() || status == StatusCode::BAD_REQUEST, "{status}"),
        Err(error) => assert!(status.is_client_error(), "{status}: {error}"),
    }
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if content_type.contains("json") {
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(answer.body());
        assert!(parsed.is_ok(), "the answer is no JSON: {:?}", answer.body());
    }
}

fn receipt(decoded: &Decoded) -> Receipt {
    Receipt {
        rows: decoded.rows,
        faults: decoded.rejections.faults().to_vec(),
        refused: decoded.rejections.refused("dialect:token"),
        notice: decoded.notice.clone(),
        ..Receipt::default()
    }
}

/// Refused rows.
fn refused(decoded: &Decoded) -> u64 {
    decoded.rejections.refused("").iter().map(|refused| refused.count).sum()
}

#[cfg(test)]
mod tests;
