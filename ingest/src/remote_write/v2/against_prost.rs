//! The reader by hand and the type that prost generates, side by side: what they say of a body is the
//! same, or both refuse it. For the tests and for fuzzing.

use prost::Message;

use super::super::generated::v2::{Exemplar, Request, TimeSeries};
use super::super::generated::{Histogram, plain};
use super::super::histogram::WireHistogram;
use super::super::series::{Pair, WireExemplar, WireSample};
use super::{SeriesReader, symbols};
use crate::protobuf::WireError;

pub(crate) type Pairs = Vec<(String, String)>;

/// Everything a series says, with floats as bits, so that NaN equals itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Plain {
    pub(crate) labels: Pairs,
    samples: Vec<(u64, i64, i64)>,
    exemplars: Vec<(Pairs, u64, i64)>,
    histograms: Vec<String>,
    metadata: (i32, String),
    start: i64,
}

pub(crate) fn by_hand(body: &[u8]) -> Result<Vec<Result<Plain, &'static str>>, WireError> {
    let symbols = symbols(body, body.len())?.expect("there are fewer symbols than bytes");
    let owned = |pairs: &[Pair<'_>]| -> Pairs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let known = crate::KnownSeries::new(0);
    let mut reader = SeriesReader::new(body, &symbols, known.look(), body.len());
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
        let histogram = |it: &Histogram| plain(&WireHistogram::from(it.clone()));
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

/// What differs, if something does.
pub(crate) fn check(body: &[u8]) -> Result<(), String> {
    match (by_hand(body), by_prost(body)) {
        (Ok(ours), Ok(theirs)) => {
            let ours: Vec<_> = ours.into_iter().map(Result::ok).collect();
            if ours == theirs {
                Ok(())
            } else {
                Err(format!("{ours:?}, but the generated type says {theirs:?}"))
            }
        }
        (Err(_), Err(_)) => Ok(()),
        (ours, theirs) => Err(format!("{ours:?}, but the generated type says {theirs:?}")),
    }
}
