//! The reader by hand against the type that prost generates: equal, or both refuse.

use proptest::prelude::*;
use prost::Message;

use super::super::generated::Histogram;
use super::super::generated::strategies::{histogram, label};
use super::super::generated::v1::{Exemplar, MetricMetadata, Sample, TimeSeries, WriteRequest};
use super::against_prost::{by_hand, by_prost};
use super::*;
use crate::protobuf::hostile::bodies;

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    against_prost::check(body).map_err(TestCaseError::fail)
}

prop_compose! {
    fn sample()(bits in any::<u64>(), timestamp in any::<i64>()) -> Sample {
        Sample { value: f64::from_bits(bits), timestamp }
    }
}

prop_compose! {
    fn exemplar()(
        labels in prop::collection::vec(label(), 0..3),
        bits in any::<u64>(),
        timestamp in any::<i64>(),
    ) -> Exemplar {
        Exemplar { labels, value: f64::from_bits(bits), timestamp }
    }
}

prop_compose! {
    fn series()(
        labels in prop::collection::vec(label(), 0..6),
        samples in prop::collection::vec(sample(), 0..4),
        exemplars in prop::collection::vec(exemplar(), 0..3),
        histograms in prop::collection::vec(histogram(), 0..2),
    ) -> TimeSeries {
        TimeSeries { labels, samples, exemplars, histograms }
    }
}

prop_compose! {
    fn family()(
        r#type in any::<i32>(),
        metric_family_name in "[a-z_]{0,12}",
        help in ".{0,12}",
        unit in "[a-z]{0,4}",
    ) -> MetricMetadata {
        MetricMetadata { r#type, metric_family_name, help, unit }
    }
}

prop_compose! {
    fn request()(
        timeseries in prop::collection::vec(series(), 0..6),
        metadata in prop::collection::vec(family(), 0..3),
    ) -> WriteRequest {
        WriteRequest { timeseries, metadata }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_message_decodes_to_the_same(request in request()) {
        let body = request.encode_to_vec();
        prop_assert!(by_hand(&body).is_ok());
        check(&body)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn any_body_decodes_to_the_same_or_is_refused_by_both(body in bodies(request())) {
        check(&body)?;
    }
}

#[test]
fn unknown_fields_and_groups_are_skipped() {
    // Field 7 as a group that holds a varint, then an empty series.
    let body = [0x3b, 0x08, 0x01, 0x3c, 0x0a, 0x00];
    assert_eq!(by_hand(&body).unwrap().0.len(), 1);
    assert_eq!(by_prost(&body).unwrap().0.len(), 1);
}

#[test]
fn a_tower_of_groups_is_refused_without_recursion() {
    let error = by_hand(&[0x3b; 1_000_000]).unwrap_err();
    assert_eq!(error.what, "groups that nest too deeply");
    assert!(by_prost(&[0x3b; 100_000]).is_err());
}

#[test]
fn errors_say_where() {
    let error = by_hand(&[0x0a, 0x06, 0x0a, 0x04, 0x0a, 0x02, 0xff, 0xfe]).unwrap_err();
    assert_eq!(error.to_string(), "text that is not UTF-8 at byte 6");
    let error = by_hand(&[0x0a, 0x7f]).unwrap_err();
    assert_eq!(error.to_string(), "a field that is longer than what holds it at byte 2");
}

#[test]
fn the_stale_marker_keeps_its_bits() {
    let mut body = vec![0x0a, 0x0b, 0x12, 0x09, 0x09];
    body.extend(telemetry::STALE_NAN_BITS.to_le_bytes());
    assert_eq!(by_hand(&body).unwrap().0[0].samples, [(telemetry::STALE_NAN_BITS, 0)]);
}

#[test]
fn a_histogram_of_a_million_buckets_is_cut() {
    let deltas = vec![1_i64; 1_000_000];
    let message = Histogram { positive_deltas: deltas, ..Default::default() };
    let series = TimeSeries { histograms: vec![message], ..TimeSeries::default() };
    let body = WriteRequest { timeseries: vec![series], metadata: Vec::new() }.encode_to_vec();
    let known = crate::KnownSeries::new(0);
    let mut reader = SeriesReader::new(&body, known.look(), 1_000);
    let histogram = &reader.next().unwrap().unwrap().histograms[0];
    assert!(histogram.is_cut);
    assert_eq!(histogram.positive.deltas.len(), 1_000);
}
