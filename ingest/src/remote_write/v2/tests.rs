//! The reader by hand against the type that prost generates: equal, or both refuse; and references
//! that lead nowhere.

use proptest::prelude::*;
use prost::Message;

use super::super::generated::strategies::histogram;
use super::super::generated::v2::{Exemplar, Metadata, Request, Sample, TimeSeries};
use super::against_prost::by_hand;
use super::*;
use crate::protobuf::hostile::bodies;

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    against_prost::check(body).map_err(TestCaseError::fail)
}

/// Mostly symbols that are there.
fn refs() -> impl Strategy<Value = Vec<u32>> {
    let symbol = prop_oneof![30 => 0_u32..5, 1 => any::<u32>()];
    prop_oneof![
        9 => prop::collection::vec((symbol.clone(), symbol.clone()), 0..4)
            .prop_map(|pairs| pairs.into_iter().flat_map(|(a, b)| [a, b]).collect()),
        1 => prop::collection::vec(symbol, 0..4),
    ]
}

prop_compose! {
    fn sample()(bits in any::<u64>(), timestamp in any::<i64>(), start_timestamp in any::<i64>()) -> Sample {
        Sample { value: f64::from_bits(bits), timestamp, start_timestamp }
    }
}

prop_compose! {
    fn exemplar()(labels_refs in refs(), bits in any::<u64>(), timestamp in any::<i64>()) -> Exemplar {
        Exemplar { labels_refs, value: f64::from_bits(bits), timestamp }
    }
}

prop_compose! {
    fn metadata()(r#type in any::<i32>(), help_ref in any::<u32>(), unit_ref in 0_u32..6) -> Metadata {
        Metadata { r#type, help_ref, unit_ref }
    }
}

prop_compose! {
    fn series()(
        labels_refs in refs(),
        samples in prop::collection::vec(sample(), 0..4),
        histograms in prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(histogram(), 0..2)],
        exemplars in prop::collection::vec(exemplar(), 0..3),
        metadata in prop::option::of(metadata()),
        created_timestamp in any::<i64>(),
    ) -> TimeSeries {
        TimeSeries { labels_refs, samples, histograms, exemplars, metadata, created_timestamp }
    }
}

prop_compose! {
    fn request()(
        symbols in prop::collection::vec(".{0,8}", 4..6),
        timeseries in prop::collection::vec(series(), 0..6),
    ) -> Request {
        Request { symbols, timeseries }
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
fn symbols_may_follow_the_series_that_refer_to_them() {
    let symbols = ["", "__name__", "up"].map(str::to_owned).to_vec();
    let series = TimeSeries { labels_refs: vec![1, 2], ..TimeSeries::default() };
    let mut body = Request { symbols: vec![], timeseries: vec![series] }.encode_to_vec();
    body.extend(Request { symbols, timeseries: vec![] }.encode_to_vec());
    let read = by_hand(&body).unwrap().remove(0).unwrap();
    assert_eq!(read.labels, [("__name__".to_owned(), "up".to_owned())]);
}

#[test]
fn unpacked_references_are_references_too() {
    // labels_refs as two fields of one number each instead of one packed list.
    let body = [0x22, 0, 0x22, 1, b'a', 0x22, 1, b'b', 0x2a, 4, 0x08, 1, 0x08, 2];
    let read = by_hand(&body).unwrap().remove(0).unwrap();
    assert_eq!(read.labels, [("a".to_owned(), "b".to_owned())]);
    check(&body).unwrap();
}

#[test]
fn references_to_nothing_are_the_fault_of_their_series() {
    let read = |labels_refs: &[u32]| {
        let series = TimeSeries { labels_refs: labels_refs.to_vec(), ..TimeSeries::default() };
        let request = Request { symbols: vec![String::new()], timeseries: vec![series.clone(), series] };
        by_hand(&request.encode_to_vec()).unwrap().remove(1).unwrap_err()
    };
    assert_eq!(read(&[0, 1]), "a label refers to a symbol that is not there");
    assert_eq!(read(&[0]), "its labels are not pairs");
}

#[test]
fn more_symbols_than_allowed_are_noticed_before_they_are_kept() {
    let request = Request { symbols: vec![String::new(); 11], timeseries: vec![] };
    let body = request.encode_to_vec();
    assert_eq!(symbols(&body, 10).unwrap(), None);
    assert_eq!(symbols(&body, 11).unwrap().unwrap().len(), 11);
}
