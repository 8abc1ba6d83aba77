//! From a body to series and an answer: what is kept, what is named, which status.

use std::time::Duration;

use prost::Message;
use telemetry::{MetricType, RejectReason, STALE_NAN_BITS, SeriesSamples, Timestamp};

use super::generated::v1::{self as generated, WriteRequest};
use super::generated::{BucketSpan, Count, Histogram, ZeroCount, v2};
use super::*;
use crate::{FamilyTypes, IngestLimits, Receipt, Stored};

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

/// A request of 2.0 whose symbols are gathered from texts.
#[derive(Default)]
struct RequestV2(v2::Request);

impl RequestV2 {
    fn symbol(&mut self, text: &str) -> u32 {
        let symbols = &mut self.0.symbols;
        if symbols.is_empty() {
            symbols.push(String::new());
        }
        let at = symbols.iter().position(|symbol| symbol == text).unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        at as u32
    }

    fn refs(&mut self, labels: &[(&str, &str)]) -> Vec<u32> {
        labels.iter().flat_map(|(name, value)| [self.symbol(name), self.symbol(value)]).collect()
    }

    fn series(mut self, labels: &[(&str, &str)], series: v2::TimeSeries) -> RequestV2 {
        let labels_refs = self.refs(labels);
        self.0.timeseries.push(v2::TimeSeries { labels_refs, ..series });
        self
    }
}

fn decode_v2(request: &v2::Request) -> Result<Decoded, IngestError> {
    let (limits, families) = (IngestLimits::default(), FamilyTypes::default());
    let now = Timestamp::from_millis(NOW_MS);
    let known = crate::KnownSeries::new(0);
    let context =
        Context { limits: &limits, source: "remote_write:test", now, families: &families, known: &known };
    let parts = head(&[("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")]);
    RemoteWrite.decode(&parts, &request.encode_to_vec(), &context)
}

/// Buckets (0.5, 1] and (2, 4] of schema 0 with 3 and 1 observations, and 2 at zero.
fn integer_histogram(timestamp: i64) -> Histogram {
    Histogram {
        count: Some(Count::Int(6)),
        sum: 5.5,
        zero_threshold: 1e-3,
        zero_count: Some(ZeroCount::Int(2)),
        positive_spans: vec![BucketSpan { offset: 0, length: 1 }, BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![3, -2],
        timestamp,
        ..Histogram::default()
    }
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
fn a_histogram_keeps_counts_spans_and_hint() {
    let labels = [("__name__", "x")];
    let mut with = series(&labels, &[]);
    let float = Histogram {
        count: Some(Count::Float(2.5)),
        zero_count: None,
        negative_spans: vec![BucketSpan { offset: -3, length: 2 }],
        negative_counts: vec![0.5, 2.0],
        reset_hint: 3,
        schema: -4,
        timestamp: NOW_MS,
        ..Histogram::default()
    };
    let custom = Histogram {
        count: Some(Count::Int(2)),
        schema: -53,
        positive_spans: vec![BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![2],
        custom_values: vec![0.1, 1.0],
        timestamp: NOW_MS + 1,
        ..Histogram::default()
    };
    with.histograms = vec![integer_histogram(NOW_MS - 1), float, custom];
    let decoded = decode(vec![with]);
    assert_eq!((decoded.rows, decoded.batch.series.len()), (3, 0));
    let [series] = decoded.batch.histograms.as_slice() else { panic!("one series") };
    assert_eq!((series.labels.to_string().as_str(), series.meta.metric_type), ("x{}", MetricType::Histogram));
    let [integer, float, custom] = series.histograms.as_slice() else { panic!("three histograms") };
    assert_eq!((integer.count, integer.sum, integer.zero_count), (6.0, 5.5, 2.0));
    assert_eq!(integer.positive.indexed().collect::<Vec<_>>(), [(0, 3.0), (2, 1.0)]);
    assert_eq!((float.schema, float.reset_hint), (-4, telemetry::ResetHint::Gauge));
    assert_eq!(float.negative.indexed().collect::<Vec<_>>(), [(-3, 0.5), (-2, 2.0)]);
    assert_eq!((custom.schema, custom.custom_values.as_slice()), (-53, [0.1, 1.0].as_slice()));
}

#[test]
fn a_bad_histogram_is_refused_alone_and_a_stale_one_is_no_bad_one() {
    let mut with = series(&[("__name__", "x")], &[]);
    let bad = Histogram { count: Some(Count::Int(5)), ..integer_histogram(NOW_MS) };
    let mixed = Histogram { positive_counts: vec![1.0], ..integer_histogram(NOW_MS) };
    let huge = Histogram { count: Some(Count::Int(u64::MAX)), ..integer_histogram(NOW_MS) };
    let stale = Histogram { sum: f64::from_bits(STALE_NAN_BITS), ..Histogram::default() };
    with.histograms = vec![bad, mixed, huge, stale, integer_histogram(NOW_MS)];
    let decoded = decode(vec![with]);
    let faults: Vec<_> = decoded.rejections.faults().iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        faults,
        [
            "series x{}: the histogram at 2027-01-15T08:00:00Z: the buckets hold more observations than the count says",
            "series x{}: the histogram at 2027-01-15T08:00:00Z: an integer histogram has bucket deltas, not counts",
            "series x{}: the histogram at 2027-01-15T08:00:00Z: a count is beyond 2^53",
        ]
    );
    let kept = &decoded.batch.histograms[0].histograms;
    assert_eq!((decoded.rows, kept.len(), kept[0].is_stale()), (5, 2, true));
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
fn version_2_says_type_unit_and_start_with_each_series() {
    let mut request = RequestV2::default();
    let unit_ref = request.symbol("seconds");
    let sample = |timestamp| v2::Sample { value: 2.0, timestamp, start_timestamp: 0 };
    let metadata = |r#type| Some(v2::Metadata { r#type, help_ref: 0, unit_ref });
    let counter = v2::TimeSeries {
        samples: vec![sample(NOW_MS), sample(NOW_MS - 15_000)],
        metadata: metadata(1),
        created_timestamp: NOW_MS - 60_000,
        ..v2::TimeSeries::default()
    };
    let gauge = v2::TimeSeries { metadata: metadata(2), ..counter.clone() };
    let own_start = v2::TimeSeries {
        samples: vec![v2::Sample { start_timestamp: NOW_MS - 30_000, ..sample(NOW_MS) }],
        ..counter.clone()
    };
    let histogram = v2::TimeSeries {
        samples: Vec::new(),
        histograms: vec![Histogram { start_timestamp: NOW_MS - 1_000, ..integer_histogram(NOW_MS) }],
        ..v2::TimeSeries::default()
    };
    let request = request
        .series(&[("__name__", "a_total")], counter)
        .series(&[("__name__", "b")], gauge)
        .series(&[("__name__", "c_total")], own_start)
        .series(&[("__name__", "d")], histogram);
    let decoded = decode_v2(&request.0).unwrap();
    let told: Vec<_> = decoded
        .batch
        .series
        .iter()
        .map(|series| {
            let start = series.start.map(|start| start.millis() - NOW_MS);
            (series.labels.metric(), series.meta.metric_type, series.meta.unit.as_deref(), start)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a_total", MetricType::Counter, Some("seconds"), Some(-60_000)),
            ("b", MetricType::Gauge, Some("seconds"), None),
            ("c_total", MetricType::Counter, Some("seconds"), Some(-30_000)),
        ]
    );
    assert_eq!(written(&decoded.batch.series)[0], "a_total{} 2@-15000 2@0");
    let histograms = &decoded.batch.histograms[0];
    assert_eq!(histograms.start.map(|start| start.millis() - NOW_MS), Some(-1_000));
    assert_eq!(decoded.rows, 6);
}

#[test]
fn version_2_refuses_a_series_that_cannot_be_told_and_keeps_the_others() {
    let sample = v2::Sample { value: 1.0, timestamp: NOW_MS, start_timestamp: 0 };
    let up = v2::TimeSeries { samples: vec![sample], ..v2::TimeSeries::default() };
    let both = v2::TimeSeries { histograms: vec![integer_histogram(NOW_MS)], ..up.clone() };
    let mut request =
        RequestV2::default().series(&[("__name__", "up")], up.clone()).series(&[("__name__", "both")], both);
    request.0.timeseries.push(v2::TimeSeries { labels_refs: vec![1, 99], ..up });
    let decoded = decode_v2(&request.0).unwrap();
    assert_eq!(written(&decoded.batch.series), ["up{} 1@0"]);
    let faults: Vec<_> =
        decoded.rejections.faults().iter().map(|f| (f.index, f.count, f.message.as_str())).collect();
    assert_eq!(
        faults,
        [
            (1, 2, "series both{}: it has samples and histograms"),
            (2, 1, "series {}: a label refers to a symbol that is not there"),
        ]
    );
    assert_eq!(decoded.rows, 4);
}

#[test]
fn version_2_needs_the_empty_symbol_first() {
    let request = v2::Request {
        symbols: vec!["__name__".into()],
        timeseries: vec![v2::TimeSeries { labels_refs: vec![0, 0], ..v2::TimeSeries::default() }],
    };
    let error = decode_v2(&request).unwrap_err();
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    assert!(error.to_string().ends_with("the first symbol is not the empty text"), "{error}");
    assert!(decode_v2(&v2::Request::default()).unwrap().batch.is_empty());
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
        Ok(()) => 200,
        Err(error) => error.status().as_u16(),
    };
    for good in [
        "application/x-protobuf",
        "application/x-protobuf;proto=prometheus.WriteRequest",
        "Application/X-Protobuf; charset=utf-8; proto=\"prometheus.WriteRequest\"",
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    ] {
        assert_eq!(status(good), 200, "{good}");
    }
    for bad in ["application/json", "text/plain", "", "application/x-protobuf;proto=my.Message"] {
        assert_eq!(status(bad), 415, "{bad}");
    }
    assert_eq!(RemoteWrite.check_head(&head(&[])).unwrap_err().status().as_u16(), 415);
}

fn check_answer(outcome: Outcome, status: u16, retry_after: Option<&str>, written: [&str; 3], body: &str) {
    let answer = RemoteWrite.answer(&head(&[]), &outcome);
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap()), retry_after);
    let counts = ["samples", "histograms", "exemplars"].map(|kind| {
        let name = format!("X-Prometheus-Remote-Write-{kind}-Written");
        answer.headers().get(name).expect("every answer counts").to_str().unwrap()
    });
    assert_eq!(counts, written);
    assert_eq!(std::str::from_utf8(answer.body()).unwrap(), body);
}

#[test]
fn answers_are_retryable_for_overload_only() {
    // One of the samples was stored by an earlier attempt.
    let written = Written { samples: 2, histograms: 1, exemplars: 4 };
    let stored = Stored { samples: 1, histograms: 1, duplicates: 1, written, ..Stored::default() };
    let receipt = Receipt { rows: 3, stored: stored.clone(), ..Receipt::default() };
    check_answer(Ok(receipt), 204, None, ["2", "1", "4"], "");
    let refused = vec![telemetry::Rejection {
        source: "remote_write:x".into(),
        reason: RejectReason::TooFarAhead,
        count: 1,
        sample: "series up{} at 2200-01-01T00:00:00Z".into(),
    }];
    check_answer(
        Ok(Receipt { rows: 4, stored, refused, ..Receipt::default() }),
        400,
        None,
        ["2", "1", "4"],
        "1 of 4 samples were not stored, the others were. too_far_ahead (1): series up{} at 2200-01-01T00:00:00Z\n",
    );
    let wait = Duration::from_millis(1_500);
    check_answer(
        Err(IngestError::Overloaded { what: "the WAL is full".into(), retry_after: wait }),
        503,
        Some("2"),
        ["0", "0", "0"],
        "overloaded: the WAL is full; try again in 1s500ms\n",
    );
    check_answer(
        Err(IngestError::Unavailable { what: "the disk is full".into(), retry_after: wait }),
        503,
        Some("2"),
        ["0", "0", "0"],
        "not accepting writes: the disk is full; try again in 1s500ms\n",
    );
    check_answer(Err(IngestError::Malformed("not it".into())), 400, None, ["0"; 3], "not it\n");
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
