//! What 2.0 says beside 1.0, and what it can get wrong.

use super::histograms::integer_histogram;
use super::*;
use crate::remote_write::generated::{Histogram, v2};

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
fn a_body_under_the_other_versions_name_is_no_empty_request() {
    let of_1 =
        WriteRequest { timeseries: vec![series(&[("__name__", "up")], &[(1.0, 1_000)])], metadata: vec![] };
    let of_2 = RequestV2::default().series(&[("__name__", "up")], v2::TimeSeries::default()).0;
    for (body, named, expect) in [
        (of_1.encode_to_vec(), PROTO_V2, "it seems to be a prometheus.WriteRequest"),
        (of_2.encode_to_vec(), PROTO_V1, "it seems to be a io.prometheus.write.v2.Request"),
    ] {
        let (limits, families) = (IngestLimits::default(), FamilyTypes::default());
        let (now, known) = (Timestamp::from_millis(NOW_MS), crate::KnownSeries::new(0));
        let context = Context { limits: &limits, source: "rw:x", now, families: &families, known: &known };
        let decode = |named: &str, body: &[u8]| {
            let content_type = format!("application/x-protobuf;proto={named}");
            RemoteWrite.decode(&head(&[("content-type", &content_type)]), body, &context)
        };
        let error = decode(named, &body).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
        assert_eq!(decode(named, b"").unwrap().rows, 0, "an empty request is one of both");
    }
}
