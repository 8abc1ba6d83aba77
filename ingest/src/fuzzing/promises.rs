//! What every dialect promises of the batch that it makes of a body.

use std::fmt::Write;

use telemetry::{Event, Labels, LogRecord, METRIC_NAME, Timestamp};

use crate::{Decoded, IngestLimits};

pub(super) fn check_decoded(decoded: &Decoded, limits: &IngestLimits) {
    let batch = &decoded.batch;
    assert!(batch.rejections.is_empty() && batch.slices.is_empty());
    for series in &batch.series {
        check_series(&series.labels, limits);
        check_times(series.samples.iter().map(|sample| sample.ts));
    }
    for series in &batch.histograms {
        check_series(&series.labels, limits);
        check_times(series.histograms.iter().map(|histogram| histogram.ts));
        for histogram in &series.histograms {
            histogram.check().expect("a histogram that is stored fits together");
            for side in [&histogram.positive, &histogram.negative] {
                assert!(side.counts.len() <= limits.buckets_per_histogram_max);
                assert_eq!(side.indexed().count(), side.counts.len());
            }
        }
    }
    for series in &batch.exemplars {
        check_series(&series.labels, limits);
        check_times(series.exemplars.iter().map(|exemplar| exemplar.ts));
        series.exemplars.iter().for_each(|exemplar| check_sizes(&exemplar.labels, limits));
    }
    batch.logs.iter().for_each(|log| check_log(log, limits));
    batch.log_rows.records().for_each(|log| check_log(&log, limits));
    batch.events.iter().for_each(check_event);
    let rows = batch.sample_count() + batch.histogram_count() + batch.exemplar_count() + batch.log_count();
    assert!(rows as u64 <= limits.rows_per_request_max, "{rows} rows");
    assert!(batch.events.len() as u64 <= limits.events_per_request_max);
    for fault in decoded.rejections.faults() {
        assert!(!fault.message.is_empty() && fault.message.len() < 2_000, "{fault:?}");
    }
}

fn check_series(labels: &Labels, limits: &IngestLimits) {
    assert!(!labels.metric().is_empty(), "{labels} has no name");
    assert_eq!(labels.iter().filter(|(name, _)| *name == METRIC_NAME).count(), 1);
    check_sizes(labels, limits);
}

fn check_sizes(labels: &Labels, limits: &IngestLimits) {
    assert!(labels.len() <= limits.labels_per_series_max, "{labels}");
    assert!(labels.iter().is_sorted_by(|a, b| a.0 < b.0), "{labels}");
    for (name, value) in labels.iter() {
        assert!(!name.is_empty() && !name.contains(char::is_control) && !value.is_empty(), "{labels}");
        assert!(name.len() <= limits.label_name_bytes_max, "{labels}");
        assert!(value.len() <= limits.label_value_bytes_max, "{labels}");
    }
}

/// Whole milliseconds, oldest first.
fn check_times(times: impl Iterator<Item = Timestamp> + Clone) {
    assert!(times.clone().is_sorted());
    for ts in times {
        let is_clamped = ts == Timestamp::MIN || ts == Timestamp::MAX;
        assert!(is_clamped || ts.micros() % 1_000 == 0, "{ts}");
    }
}

fn check_log(log: &LogRecord, limits: &IngestLimits) {
    assert!((0..1_000).contains(&log.ts_ns_rem), "{log:?}");
    assert!(log.body.len() <= limits.log_body_bytes_max);
    assert!(log.attrs.len() <= limits.attributes_per_log_max);
    assert!(log.attrs.is_sorted_by(|a, b| a.0 < b.0), "each attribute once: {log:?}");
    for (key, value) in &log.attrs {
        assert!(key.len() <= limits.label_name_bytes_max, "{log:?}");
        assert!(value.len() <= limits.attribute_value_bytes_max, "{log:?}");
    }
    for (id, digits) in [(&log.trace_id, 32), (&log.span_id, 16)] {
        let is_lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_id = |id: &str| id.len() == digits && id.bytes().all(is_lower_hex);
        assert!(id.as_deref().is_none_or(is_id), "{id:?}");
    }
    assert_ne!(log.severity.as_deref(), Some(""));
}

/// An event has an identity, and a payload that survives being stored as text.
fn check_event(event: &Event) {
    assert!(!event.event_id.is_empty() && !event.subject_id.is_empty() && !event.kind.as_str().is_empty());
    assert!(event.valid_at.to_jiff().is_some(), "{event:?}");
    assert!(event.payload.is_object(), "{event:?}");
    let stored: serde_json::Value =
        serde_json::from_str(&event.payload.to_string()).expect("what was written as JSON is JSON");
    assert_eq!(stored, event.payload);
}

/// Everything that a body says, as text, so that NaN equals itself; made-up event ids left out.
pub(super) fn told(decoded: &Decoded) -> String {
    let batch = &decoded.batch;
    let mut text = format!(
        "{} rows {:?} {:?} {:?} {:?} {:?} {:?}",
        decoded.rows,
        batch.series,
        batch.histograms,
        batch.exemplars,
        batch.logs,
        batch.log_rows,
        decoded.items
    );
    batch.events.iter().for_each(|event| told_event(event, &mut text));
    text.push_str(decoded.notice.as_deref().unwrap_or_default());
    for refused in decoded.rejections.ledger("") {
        text.push_str(&format!(" {} {:?} {}", refused.count, refused.reason, refused.sample));
    }
    text
}

fn told_event(event: &Event, text: &mut String) {
    let is_made_up = event.event_id.len() == 36;
    let id = if is_made_up { "-" } else { &event.event_id };
    let subject = if event.subject_id == event.event_id { "-" } else { &event.subject_id };
    let head = (id, subject, &event.kind, event.seq, event.valid_at, event.recorded_at);
    let rest = (&event.service, &event.env, &event.actor, &event.severity);
    // Writing into a text does not fail.
    let _ = write!(text, " {head:?} {rest:?} {}", event.payload);
}
