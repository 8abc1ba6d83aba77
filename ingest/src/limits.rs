//! Every bound of the receivers, by name. What a limit refuses says which one ([`OverLimit`]), so that
//! whoever reads it finds the setting.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::time::duration_text;
use telemetry::{Limit, RejectReason};

use crate::validate::Refusal;

/// The section `ingest.limits` of the server settings. Bytes are bytes, not KiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestLimits {
    /// A request's body as it comes over the wire.
    pub body_bytes_max: u64,
    /// The body of a webhook or change event: nothing vouches for it before it is read.
    pub hook_body_bytes_max: u64,
    /// A request's body after decompression (OTLP's customary 64 MiB).
    pub decompressed_bytes_max: u64,
    /// Label, attribute and text bytes that one request may expand to: attributes of a resource or
    /// scope are repeated for each of its rows.
    pub decoded_bytes_max: u64,
    /// Samples or log records of one request.
    pub rows_per_request_max: u64,
    /// Events of one request.
    pub events_per_request_max: u64,
    /// Nesting of objects and arrays in a JSON body.
    pub json_depth_max: usize,
    /// Nesting of an attribute's or log body's value.
    pub value_depth_max: usize,
    /// Distinct texts of one remote write 2.0 request.
    pub symbols_per_request_max: usize,
    /// Buckets of one native histogram.
    pub buckets_per_histogram_max: usize,
    pub labels_per_series_max: usize,
    pub label_name_bytes_max: usize,
    pub label_value_bytes_max: usize,
    /// Attributes of one log record, those of scope and resource included.
    pub attributes_per_log_max: usize,
    pub attribute_value_bytes_max: usize,
    pub log_body_bytes_max: usize,
    pub event_payload_bytes_max: usize,
    /// Requests between their first byte and their answer.
    pub requests_in_flight_max: usize,
    /// Body bytes (packed and unpacked) of those requests.
    pub bytes_in_flight_max: u64,
    /// Metric families whose type and unit are remembered from remote write metadata.
    pub metric_families_max: usize,
    /// Series that are recognised by the bytes they are sent as; about 80 bytes each. Beyond it all are
    /// forgotten and learnt again.
    pub known_series_max: usize,
    /// Sources (dialect and token, hook or job) that are counted by name; the others together.
    pub sources_counted_max: usize,
    /// What a sender is told to wait when a bound on requests or bytes in flight is reached.
    #[serde(with = "duration_text")]
    pub retry_after: Duration,
}

impl Default for IngestLimits {
    fn default() -> Self {
        const KIB: u64 = 1 << 10;
        const MIB: u64 = 1 << 20;
        IngestLimits {
            body_bytes_max: 32 * MIB,
            hook_body_bytes_max: MIB,
            decompressed_bytes_max: 64 * MIB,
            decoded_bytes_max: 256 * MIB,
            rows_per_request_max: 500_000,
            events_per_request_max: 10_000,
            json_depth_max: 64,
            value_depth_max: 32,
            symbols_per_request_max: 1_000_000,
            buckets_per_histogram_max: 10_000,
            labels_per_series_max: 128,
            label_name_bytes_max: 1024,
            label_value_bytes_max: 8 * KIB as usize,
            attributes_per_log_max: 256,
            attribute_value_bytes_max: 64 * KIB as usize,
            log_body_bytes_max: MIB as usize,
            event_payload_bytes_max: 256 * KIB as usize,
            requests_in_flight_max: 256,
            bytes_in_flight_max: 512 * MIB,
            metric_families_max: 50_000,
            known_series_max: 2_000_000,
            sources_counted_max: 1_000,
            retry_after: Duration::from_secs(1),
        }
    }
}

/// A row, or a part of a request, is over a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({limit})")]
pub struct OverLimit {
    pub limit: Limit,
    /// What is, and how much is allowed.
    pub what: String,
}

impl OverLimit {
    pub(crate) fn new(limit: Limit, what: impl Into<String>) -> OverLimit {
        OverLimit { limit, what: what.into() }
    }

    /// The same, with the place where it is before it.
    pub(crate) fn at(self, place: impl std::fmt::Display) -> OverLimit {
        OverLimit { what: format!("{place}: {}", self.what), ..self }
    }
}

impl From<OverLimit> for Refusal {
    fn from(over: OverLimit) -> Refusal {
        (RejectReason::OverLimit(over.limit), over.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_a_limit_is_refused_for_it_whatever_its_sender_wrote() {
        let what = r#"up{a="(body_bytes_max)"}: 200 labels, 128 are allowed"#;
        let (reason, text) = Refusal::from(OverLimit::new(Limit::LabelsPerSeries, what).at("row 7"));
        assert_eq!(reason.limit(), Some(Limit::LabelsPerSeries));
        assert_eq!(text, format!("row 7: {what} (labels_per_series_max)"));
    }

    #[test]
    fn every_limit_can_be_named() {
        let limits = serde_json::to_value(IngestLimits::default()).unwrap();
        for name in limits.as_object().unwrap().keys().filter(|name| *name != "retry_after") {
            assert!(Limit::ALL.iter().any(|limit| limit.setting() == name), "{name}");
        }
    }

    #[test]
    fn an_unknown_setting_is_an_error_and_missing_ones_have_defaults() {
        let some: IngestLimits =
            serde_json::from_str(r#"{"json_depth_max": 8, "retry_after": "5s"}"#).unwrap();
        assert_eq!((some.json_depth_max, some.retry_after), (8, Duration::from_secs(5)));
        assert_eq!(some.rows_per_request_max, IngestLimits::default().rows_per_request_max);
        let error = serde_json::from_str::<IngestLimits>(r#"{"json_deptth_max": 8}"#).unwrap_err();
        assert!(error.to_string().contains("json_deptth_max"), "{error}");
    }
}
