//! The reader by hand against the type that prost generates: equal, or both refuse; and references
//! that lead nowhere.

use proptest::prelude::*;
use prost::Message;

use super::super::generated::v2::{Exemplar, Metadata, Request, Sample, TimeSeries};
use super::super::generated::{histogram, plain};
use super::super::histogram::WireHistogram;
use super::super::series::WireExemplar;
use super::*;

type Pairs = Vec<(String, String)>;

/// Everything a series says, with floats as bits, so that NaN equals itself.
#[derive(Debug, PartialEq)]
struct Plain {
    labels: Pairs,
    samples: Vec<(u64, i64, i64)>,
    exemplars: Vec<(Pairs, u64, i64)>,
    histograms: Vec<String>,
    metadata: (i32, String),
    start: i64,
}

fn by_hand(body: &[u8]) -> Result<Vec<Result<Plain, &'static str>>, WireError> {
    let symbols = symbols(body, 1_000)?.expect("the tests have fewer");
    let owned = |pairs: &[Pair<'_>]| -> Pairs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut reader = SeriesReader::new(body, &symbols, 1_000);
    let mut all = Vec::new();
    while let Some(series) = reader.next()? {
        let exemplar = |exemplar: &WireExemplar| {
            (owned(series.labels_of(exemplar)), exemplar.value.to_bits(), exemplar.timestamp_ms)
        };
        let sample = |it: &WireSample| (it.value.to_bits(), it.timestamp_ms, it.start_ms);
        let plain = Plain {
            labels: owned(&series.labels),
            samples: series.samples.iter().map(sample).collect(),
            exemplars: series.exemplars.iter().map(exemplar).collect(),
            histograms: series.histograms.iter().map(plain).collect(),
            metadata: (series.metadata.metric_type, series.metadata.unit.to_owned()),
            start: series.start_ms,
        };
        all.push(series.fault.map_or(Ok(plain), Err));
    }
    Ok(all)
}

/// `None` stands for a series that refers to nothing, or has two kinds of rows.
fn by_prost(body: &[u8]) -> Result<Vec<Option<Plain>>, prost::DecodeError> {
    let request = Request::decode(body)?;
    let text = |at: u32| request.symbols.get(at as usize).cloned();
    let pairs = |refs: &[u32]| -> Option<Pairs> {
        if !refs.len().is_multiple_of(2) {
            return None;
        }
        refs.chunks_exact(2).map(|pair| Some((text(pair[0])?, text(pair[1])?))).collect()
    };
    let series = |series: &TimeSeries| {
        if !series.samples.is_empty() && !series.histograms.is_empty() {
            return None;
        }
        let exemplar = |it: &Exemplar| Some((pairs(&it.labels_refs)?, it.value.to_bits(), it.timestamp));
        let metadata = series.metadata.clone().unwrap_or_default();
        let histogram = |it: &super::super::generated::Histogram| plain(&WireHistogram::from(it.clone()));
        Some(Plain {
            labels: pairs(&series.labels_refs)?,
            samples: series
                .samples
                .iter()
                .map(|it| (it.value.to_bits(), it.timestamp, it.start_timestamp))
                .collect(),
            exemplars: series.exemplars.iter().map(exemplar).collect::<Option<_>>()?,
            histograms: series.histograms.iter().map(histogram).collect(),
            metadata: (metadata.r#type, text(metadata.unit_ref)?),
            start: series.created_timestamp,
        })
    };
    Ok(request.timeseries.iter().map(series).collect())
}

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    match (by_hand(body), by_prost(body)) {
        (Ok(ours), Ok(theirs)) => {
            prop_assert_eq!(ours.into_iter().map(Result::ok).collect::<Vec<_>>(), theirs);
        }
        (Err(_), Err(_)) => {}
        (ours, theirs) => {
            return Err(TestCaseError::fail(format!("{ours:?}, but the generated type says {theirs:?}")));
        }
    }
    Ok(())
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

    #[test]
    fn a_damaged_message_decodes_to_the_same_or_is_refused_by_both(
        request in request(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = request.encode_to_vec();
        for (place, byte) in edits {
            let place = place.index(body.len());
            body[place] = byte;
        }
        check(&body)?;
        body.truncate(cut.index(body.len()));
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
