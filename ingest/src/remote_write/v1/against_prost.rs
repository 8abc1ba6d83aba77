//! The reader by hand and the type that prost generates, side by side: what they say of a body is the
//! same, or both refuse it. For the tests and for fuzzing.

use prost::Message;

use super::super::generated::plain;
use super::super::generated::v1::{Label, WriteRequest};
use super::super::histogram::WireHistogram;
use super::super::series::{Pair, WireExemplar};
use super::{SeriesReader, metadata};
use crate::protobuf::WireError;

type Pairs = Vec<(String, String)>;

/// Everything a series says, with floats as bits, so that NaN equals itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Plain {
    labels: Pairs,
    pub(crate) samples: Vec<(u64, i64)>,
    exemplars: Vec<(Pairs, u64, i64)>,
    histograms: Vec<String>,
}

pub(crate) type Family = (i32, String, String);

pub(crate) fn by_hand(body: &[u8]) -> Result<(Vec<Plain>, Vec<Family>), WireError> {
    let families = metadata(body)?
        .iter()
        .map(|(name, family)| (family.metric_type, (*name).to_owned(), family.unit.to_owned()))
        .collect();
    let owned = |pairs: &[Pair<'_>]| -> Pairs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let known = crate::KnownSeries::new(0);
    // A histogram has fewer parts than the body has bytes, so none is cut.
    let mut reader = SeriesReader::new(body, known.look(), body.len());
    let mut all = Vec::new();
    while let Some(series) = reader.next()? {
        let exemplar = |exemplar: &WireExemplar| {
            (owned(series.labels_of(exemplar)), exemplar.value.to_bits(), exemplar.timestamp_ms)
        };
        all.push(Plain {
            labels: owned(&series.labels),
            samples: series.samples.iter().map(|it| (it.value.to_bits(), it.timestamp_ms)).collect(),
            exemplars: series.exemplars.iter().map(exemplar).collect(),
            histograms: series.histograms.iter().map(plain).collect(),
        });
    }
    Ok((all, families))
}

pub(crate) fn by_prost(body: &[u8]) -> Result<(Vec<Plain>, Vec<Family>), prost::DecodeError> {
    let request = WriteRequest::decode(body)?;
    let families = request
        .metadata
        .into_iter()
        .map(|family| (family.r#type, family.metric_family_name, family.unit))
        .collect();
    let pairs =
        |labels: Vec<Label>| -> Pairs { labels.into_iter().map(|label| (label.name, label.value)).collect() };
    let series = request.timeseries.into_iter().map(|series| Plain {
        labels: pairs(series.labels),
        samples: series.samples.iter().map(|it| (it.value.to_bits(), it.timestamp)).collect(),
        exemplars: series
            .exemplars
            .into_iter()
            .map(|it| (pairs(it.labels), it.value.to_bits(), it.timestamp))
            .collect(),
        histograms: series.histograms.into_iter().map(|it| plain(&WireHistogram::from(it))).collect(),
    });
    Ok((series.collect(), families))
}

/// What differs, if something does.
pub(crate) fn check(body: &[u8]) -> Result<(), String> {
    match (by_hand(body), by_prost(body)) {
        (Ok(ours), Ok(theirs)) if ours == theirs => Ok(()),
        (Err(_), Err(_)) => Ok(()),
        (ours, theirs) => Err(format!("{ours:?}, but the generated type says {theirs:?}")),
    }
}
