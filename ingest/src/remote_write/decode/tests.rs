//! The hand-written decoder against the type that prost generates: equal, or both refuse.

use proptest::prelude::*;
use prost::Message;

use super::*;

/// The message as a protobuf compiler sees it, written with prost's derive.
pub(crate) mod generated {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub metadata: Vec<MetricMetadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        /// Opaque here, as in the decoder under test.
        #[prost(bytes = "vec", repeated, tag = "3")]
        pub exemplars: Vec<Vec<u8>>,
        #[prost(bytes = "vec", repeated, tag = "4")]
        pub histograms: Vec<Vec<u8>>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Label {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MetricMetadata {
        #[prost(int32, tag = "1")]
        pub r#type: i32,
        #[prost(string, tag = "2")]
        pub metric_family_name: String,
        #[prost(string, tag = "4")]
        pub help: String,
        #[prost(string, tag = "5")]
        pub unit: String,
    }
}

use generated::WriteRequest;

/// Bit patterns instead of floats, so that NaN equals itself.
type Series = (Vec<(String, String)>, Vec<(u64, i64)>, u64, u64);
type Family = (i32, String, String, String);

fn by_hand(body: &[u8]) -> Result<(Vec<Series>, Vec<Family>), WireError> {
    let families = metadata(body)?
        .iter()
        .map(|family| (family.metric_type, family.name.into(), family.help.into(), family.unit.into()))
        .collect();
    let mut reader = SeriesReader::new(body);
    let mut all = Vec::new();
    while let Some(series) = reader.next()? {
        all.push((
            series.labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            series.samples.iter().map(|sample| (sample.value.to_bits(), sample.timestamp_ms)).collect(),
            series.exemplars,
            series.histograms,
        ));
    }
    Ok((all, families))
}

fn by_prost(body: &[u8]) -> Result<(Vec<Series>, Vec<Family>), prost::DecodeError> {
    let request = WriteRequest::decode(body)?;
    let families = request
        .metadata
        .into_iter()
        .map(|family| (family.r#type, family.metric_family_name, family.help, family.unit))
        .collect();
    let series = request
        .timeseries
        .into_iter()
        .map(|series| {
            (
                series.labels.into_iter().map(|label| (label.name, label.value)).collect(),
                series.samples.iter().map(|sample| (sample.value.to_bits(), sample.timestamp)).collect(),
                series.exemplars.len() as u64,
                series.histograms.len() as u64,
            )
        })
        .collect();
    Ok((series, families))
}

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    match (by_hand(body), by_prost(body)) {
        (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
        (Err(_), Err(_)) => {}
        (ours, theirs) => {
            return Err(TestCaseError::fail(format!("{ours:?}, but the generated type says {theirs:?}")));
        }
    }
    Ok(())
}

prop_compose! {
    fn label()(name in "[a-z_é]{0,12}", value in ".{0,12}") -> generated::Label {
        generated::Label { name, value }
    }
}

prop_compose! {
    fn sample()(bits in any::<u64>(), timestamp in any::<i64>()) -> generated::Sample {
        generated::Sample { value: f64::from_bits(bits), timestamp }
    }
}

prop_compose! {
    fn series()(
        labels in prop::collection::vec(label(), 0..6),
        samples in prop::collection::vec(sample(), 0..4),
        exemplars in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..2),
        histograms in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..2),
    ) -> generated::TimeSeries {
        generated::TimeSeries { labels, samples, exemplars, histograms }
    }
}

prop_compose! {
    fn family()(
        r#type in any::<i32>(),
        metric_family_name in "[a-z_]{0,12}",
        help in ".{0,12}",
        unit in "[a-z]{0,4}",
    ) -> generated::MetricMetadata {
        generated::MetricMetadata { r#type, metric_family_name, help, unit }
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

    #[test]
    fn a_damaged_message_decodes_to_the_same_or_is_refused_by_both(
        request in request(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = request.encode_to_vec();
        if !body.is_empty() {
            for (place, byte) in edits {
                let place = place.index(body.len());
                body[place] = byte;
            }
            check(&body)?;
            body.truncate(cut.index(body.len()));
        }
        check(&body)?;
    }

    #[test]
    fn garbage_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&body)?;
    }

    #[test]
    fn small_bytes_reach_deep(body in prop::collection::vec(0_u8..40, 0..60)) {
        // Small numbers are valid keys and short lengths: these bodies parse far more often.
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
    assert_eq!(by_hand(&body).unwrap().0[0].1, [(telemetry::STALE_NAN_BITS, 0)]);
}
