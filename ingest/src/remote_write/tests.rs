//! From a body to series: what is kept, what is named.

mod answers;
mod histograms;
mod version_2;

use prost::Message;
use telemetry::{MetricType, RejectReason, STALE_NAN_BITS, SeriesSamples, Timestamp};

use super::generated::v1::{self as generated, WriteRequest};
use super::*;
use crate::{FamilyTypes, IngestLimits};

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
    let context =
        Context { limits, source: "remote_write:test", now, families, known: &crate::KnownSeries::new(0) };
    let parts = head(&[("content-type", "application/x-protobuf")]);
    RemoteWrite.decode(&parts, &request.encode_to_vec(), &context)
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
fn exemplars_hang_on_their_series_and_a_bad_one_is_no_complaint() {
    let exemplar = |labels: &[(&str, &str)], timestamp| generated::Exemplar {
        labels: series(labels, &[]).labels,
        value: 0.25,
        timestamp,
    };
    let mut with = series(&[("__name__", "x")], &[(1.0, NOW_MS)]);
    with.exemplars =
        vec![exemplar(&[("trace_id", "abc")], NOW_MS - 5), exemplar(&[("", "y")], 1), exemplar(&[], 0)];
    let decoded = decode(vec![with]);
    let [series] = decoded.batch.exemplars.as_slice() else { panic!("one series") };
    let found: Vec<_> = series
        .exemplars
        .iter()
        .map(|exemplar| (exemplar.ts.millis() - NOW_MS, exemplar.trace_id(), exemplar.value))
        .collect();
    // One without a time has that of the newest sample beside it.
    assert_eq!(found, [(-5, Some("abc"), 0.25), (0, None, 0.25)]);
    assert_eq!(decoded.rejections.refused("rw:x"), []);
    let ledger = decoded.rejections.ledger("rw:x");
    assert_eq!((ledger.len(), ledger[0].count), (1, 1));
    assert_eq!(ledger[0].sample, "an exemplar of x{}: a label has an empty name");
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
    assert!(matches!(error, Err(IngestError::TooLarge { limit: Limit::RowsPerRequest, .. })));
}

#[test]
fn a_learnt_series_is_known_by_its_bytes_while_it_has_samples_only() {
    let known = crate::KnownSeries::new(10);
    let (limits, families) = (IngestLimits::default(), FamilyTypes::default());
    let now = Timestamp::from_millis(NOW_MS);
    let context =
        Context { limits: &limits, source: "remote_write:test", now, families: &families, known: &known };
    let decode = |series: generated::TimeSeries| {
        let request = WriteRequest { timeseries: vec![series], metadata: Vec::new() };
        let parts = head(&[("content-type", "application/x-protobuf")]);
        RemoteWrite.decode(&parts, &request.encode_to_vec(), &context).unwrap()
    };
    let labels = [("__name__", "up"), ("job", "a")];
    let first = decode(series(&labels, &[(1.0, 1_000)]));
    assert_eq!((first.batch.series.len(), first.batch.known.len(), first.keys.len()), (1, 0, 1));
    let name = telemetry::SeriesRef::new(7);
    known.learn(first.keys.iter().map(|(key, _)| (*key, name)));

    let again = decode(series(&labels, &[(3.0, 3_000), (2.0, 2_000)]));
    let samples: Vec<_> =
        again.batch.known.iter().map(|it| (it.series, it.sample.ts.millis(), it.sample.value)).collect();
    assert_eq!(samples, [(name, 2_000, 2.0), (name, 3_000, 3.0)]);
    assert_eq!((again.batch.series.len(), again.keys.len(), again.rows), (0, 0, 2));

    let turned = decode(series(&[labels[1], labels[0]], &[(1.0, 1_000)]));
    assert_eq!((turned.batch.series.len(), turned.keys.len()), (1, 1), "other bytes, learnt on their own");
    let exemplar = generated::Exemplar { value: 1.0, timestamp: 1_000, ..Default::default() };
    let with_exemplar =
        generated::TimeSeries { exemplars: vec![exemplar], ..series(&labels, &[(1.0, 4_000)]) };
    let decoded = decode(with_exemplar);
    assert_eq!((decoded.batch.series.len(), decoded.batch.known.len()), (1, 0));
    assert_eq!(decoded.batch.exemplars.len(), 1);
}
