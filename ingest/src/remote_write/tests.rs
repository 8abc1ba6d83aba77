//! From a body to series and an answer: what is kept, what is named, which status.

use std::time::Duration;

use prost::Message;
use telemetry::{STALE_NAN_BITS, SeriesSamples};

use super::decode::tests::generated::{self, WriteRequest};
use super::*;
use crate::{IngestLimits, Receipt, Stored};

const NOW_MS: i64 = 1_800_000_000_000;

fn series(labels: &[(&str, &str)], samples: &[(f64, i64)]) -> generated::TimeSeries {
    generated::TimeSeries {
        labels: labels
            .iter()
            .map(|(name, value)| generated::Label { name: name.to_string(), value: value.to_string() })
            .collect(),
        samples: samples
            .iter()
            .map(|(value, timestamp)| generated::Sample { value: *value, timestamp: *timestamp })
            .collect(),
        ..generated::TimeSeries::default()
    }
}

fn decode_with(
    request: &WriteRequest,
    limits: &IngestLimits,
    families: &FamilyTypes,
) -> Result<Decoded, IngestError> {
    let now = Timestamp::from_millis(NOW_MS);
    let context = Context { limits, source: "remote_write:test", now, families };
    RemoteWrite.decode(&head(&[]), &request.encode_to_vec(), &context)
}

fn decode(timeseries: Vec<generated::TimeSeries>) -> Decoded {
    let request = WriteRequest { timeseries, metadata: Vec::new() };
    decode_with(&request, &IngestLimits::default(), &FamilyTypes::default()).unwrap()
}

fn head(headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::post("/prometheus/api/v1/write");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn written(series: &[SeriesSamples]) -> Vec<String> {
    let of = |series: &SeriesSamples| {
        let samples: Vec<String> = series
            .samples
            .iter()
            .map(|sample| format!("{}@{}", sample.value, sample.ts.millis() - NOW_MS))
            .collect();
        format!("{} {}", series.labels, samples.join(" "))
    };
    series.iter().map(of).collect()
}

#[test]
fn samples_of_a_series_are_gathered_and_sorted() {
    let up = [("__name__", "up"), ("job", "api")];
    let decoded = decode(vec![
        series(&up, &[(1.0, NOW_MS)]),
        series(&[("job", "db"), ("__name__", "up")], &[(0.0, NOW_MS)]),
        series(&up, &[(0.0, NOW_MS - 15_000)]),
        series(&[("__name__", "no_samples")], &[]),
    ]);
    assert_eq!(decoded.rows, 3);
    assert_eq!(written(&decoded.batch.series), [r#"up{job="api"} 0@-15000 1@0"#, r#"up{job="db"} 0@0"#]);
    assert!(decoded.rejections.faults().is_empty());
}

#[test]
fn bad_series_are_named_and_the_others_kept() {
    let decoded = decode(vec![
        series(&[("job", "a")], &[(1.0, NOW_MS), (1.0, NOW_MS + 1)]),
        series(&[("__name__", "ok")], &[(1.0, NOW_MS)]),
        series(&[("__name__", "dup"), ("a", "1"), ("a", "2")], &[(1.0, NOW_MS)]),
    ]);
    assert_eq!(written(&decoded.batch.series), ["ok{} 1@0"]);
    assert_eq!(decoded.rows, 4);
    let faults: Vec<_> =
        decoded.rejections.faults().iter().map(|f| (f.index, f.count, f.message.as_str())).collect();
    assert_eq!(
        faults,
        [
            (0, 2, r#"series {job="a"}: the metric name (label __name__) is missing"#),
            (2, 1, r#"series dup{a="1", a="2"}: label "a" occurs twice"#),
        ]
    );
}

#[test]
fn every_bit_of_a_value_is_kept() {
    let patterns = [STALE_NAN_BITS, f64::NAN.to_bits(), 0x7ff8_0000_0000_1234, f64::NEG_INFINITY.to_bits()];
    let samples: Vec<_> =
        patterns.iter().enumerate().map(|(at, bits)| (f64::from_bits(*bits), NOW_MS + at as i64)).collect();
    let decoded = decode(vec![series(&[("__name__", "x")], &samples)]);
    let kept: Vec<u64> =
        decoded.batch.series[0].samples.iter().map(|sample| sample.value.to_bits()).collect();
    assert_eq!(kept, patterns);
}

#[test]
fn times_beyond_the_calendar_do_not_overflow() {
    let decoded = decode(vec![series(
        &[("__name__", "x")],
        &[(1.0, i64::MAX), (1.0, i64::MIN), (1.0, 7_289_654_400_000)],
    )]);
    // They pass on: the lake knows what is too old and how far ahead is too far.
    assert_eq!(decoded.batch.series[0].samples.len(), 3);
}

#[test]
fn native_histograms_are_refused_and_exemplars_only_counted() {
    let mut with_both = series(&[("__name__", "x")], &[(1.0, NOW_MS)]);
    with_both.histograms = vec![vec![], vec![]];
    with_both.exemplars = vec![vec![]];
    let decoded = decode(vec![with_both]);
    assert_eq!(decoded.rows, 3);
    let refused = decoded.rejections.refused("rw:x");
    assert_eq!((refused.len(), refused[0].count), (1, 2));
    assert_eq!(refused[0].sample, "series x{}: native histograms are not stored yet");
    assert_eq!(decoded.rejections.ledger("rw:x").iter().map(|entry| entry.count).sum::<u64>(), 3);
    assert_eq!(written(&decoded.batch.series), ["x{} 1@0"]);
}

#[test]
fn metadata_gives_types_in_the_same_and_in_later_requests() {
    let metadata = vec![generated::MetricMetadata {
        r#type: 3,
        metric_family_name: "latency_seconds".into(),
        help: "h".into(),
        unit: "seconds".into(),
    }];
    let bucket = series(&[("__name__", "latency_seconds_bucket"), ("le", "1")], &[(1.0, NOW_MS)]);
    let request = WriteRequest { timeseries: vec![bucket.clone()], metadata };
    let limits = IngestLimits::default();
    let first = decode_with(&request, &limits, &FamilyTypes::default()).unwrap();
    assert_eq!(first.batch.series[0].meta.metric_type, MetricType::Histogram);
    assert_eq!(first.batch.series[0].meta.unit.as_deref(), Some("seconds"));
    let known = FamilyTypes::default().with(&first.families);
    let later = WriteRequest { timeseries: vec![bucket], metadata: Vec::new() };
    let later = decode_with(&later, &limits, &known).unwrap();
    assert_eq!(later.batch.series[0].meta.metric_type, MetricType::Histogram);
}

#[test]
fn one_request_cannot_hold_more_rows_than_allowed() {
    let limits = IngestLimits { rows_per_request_max: 2, ..IngestLimits::default() };
    let timeseries = vec![series(&[("__name__", "x")], &[(1.0, 1), (1.0, 2), (1.0, 3)])];
    let error = decode_with(&WriteRequest { timeseries, metadata: vec![] }, &limits, &FamilyTypes::default());
    assert!(matches!(error, Err(IngestError::TooLarge { name: "rows_per_request_max", .. })));
}

#[test]
fn the_head_tells_what_is_not_spoken() {
    let status = |content_type: &str| match RemoteWrite.check_head(&head(&[("content-type", content_type)])) {
        Ok(()) => (200, String::new()),
        Err(error) => (error.status().as_u16(), error.to_string()),
    };
    for good in [
        "application/x-protobuf",
        "application/x-protobuf;proto=prometheus.WriteRequest",
        "Application/X-Protobuf; charset=utf-8; proto=\"prometheus.WriteRequest\"",
    ] {
        assert_eq!(status(good).0, 200, "{good}");
    }
    let (code, text) = status("application/x-protobuf;proto=io.prometheus.write.v2.Request");
    assert_eq!(code, 415);
    assert!(text.contains("2.0 is not supported yet"), "{text}");
    for bad in ["application/json", "text/plain", "", "application/x-protobuf;proto=my.Message"] {
        assert_eq!(status(bad).0, 415, "{bad}");
    }
    assert_eq!(RemoteWrite.check_head(&head(&[])).unwrap_err().status().as_u16(), 415);
}

fn check_answer(outcome: Outcome, status: u16, retry_after: Option<&str>, body: &str) {
    let answer = RemoteWrite.answer(&head(&[]), &outcome);
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap()), retry_after);
    assert_eq!(std::str::from_utf8(answer.body()).unwrap(), body);
}

#[test]
fn answers_are_retryable_for_overload_only() {
    let stored = Stored { samples: 2, ..Stored::default() };
    check_answer(Ok(Receipt { rows: 2, stored: stored.clone(), ..Receipt::default() }), 204, None, "");
    let refused = vec![telemetry::Rejection {
        source: "remote_write:x".into(),
        reason: RejectReason::TooFarAhead,
        count: 1,
        sample: "series up{} at 2200-01-01T00:00:00Z".into(),
    }];
    check_answer(
        Ok(Receipt { rows: 3, stored, refused, ..Receipt::default() }),
        400,
        None,
        "1 of 3 samples were not stored, the others were. too_far_ahead (1): series up{} at 2200-01-01T00:00:00Z\n",
    );
    let wait = Duration::from_millis(1_500);
    check_answer(
        Err(IngestError::Overloaded { what: "the WAL is full".into(), retry_after: wait }),
        503,
        Some("2"),
        "overloaded: the WAL is full; try again in 1s500ms\n",
    );
    check_answer(
        Err(IngestError::Unavailable { what: "the disk is full".into(), retry_after: wait }),
        503,
        Some("2"),
        "not accepting writes: the disk is full; try again in 1s500ms\n",
    );
    check_answer(Err(IngestError::Malformed("not it".into())), 400, None, "not it\n");
}
