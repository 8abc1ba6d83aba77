//! `prometheus.WriteRequest` read by hand: labels borrow from the body and one scratch series is
//! reused, so that decoding allocates nothing per label.
//!
//! Accepts and refuses exactly what the generated type does (checked in `against_prost`):
//! unknown fields are skipped, a repeated scalar's last value wins, text is UTF-8.

use super::histogram::read_histogram;
use super::series::{Metadata, Pair, Series, WireSample};
use crate::known_series::{KeyScope, Look};
use crate::protobuf::{Reader, WireError};

const REQUEST_TIMESERIES: u32 = 1;
const REQUEST_METADATA: u32 = 3;

/// The metadata of a request: family and what is said of it.
pub(super) fn metadata(body: &[u8]) -> Result<Vec<(&str, Metadata<'_>)>, WireError> {
    let mut request = Reader::new(body);
    let mut families = Vec::new();
    while let Some((field, wire)) = request.key()? {
        match field {
            REQUEST_METADATA => families.push(read_metadata(request.message(wire)?)?),
            _ => request.skip(field, wire)?,
        }
    }
    Ok(families)
}

/// Walks the series of a request.
#[derive(Debug)]
pub(super) struct SeriesReader<'a> {
    request: Reader<'a>,
    series: Series<'a>,
    known: Look<'a>,
    buckets_max: usize,
}

impl<'a> SeriesReader<'a> {
    pub(super) fn new(body: &'a [u8], known: Look<'a>, buckets_max: usize) -> SeriesReader<'a> {
        SeriesReader { request: Reader::new(body), series: Series::default(), known, buckets_max }
    }

    /// The next series, valid until the next call.
    #[allow(clippy::should_implement_trait)] // lends its scratch, which `Iterator` cannot say
    pub(super) fn next(&mut self) -> Result<Option<&Series<'a>>, WireError> {
        while let Some((field, wire)) = self.request.key()? {
            if field == REQUEST_TIMESERIES {
                let message = self.request.message(wire)?;
                self.series.clear();
                let labels = read_plain(message, &mut self.series);
                self.series.key = labels.map(|labels| self.known.key(KeyScope::RemoteWriteV1, labels));
                self.series.known = self.series.key.and_then(|key| self.known.up(key));
                if self.series.known.is_none() {
                    self.series.samples.clear();
                    read_series(message, &mut self.series, self.buckets_max)?;
                }
                return Ok(Some(&self.series));
            }
            self.request.skip(field, wire)?;
        }
        Ok(None)
    }
}

/// Reads the samples of a series as Prometheus sends it, labels and then samples, and returns the bytes
/// of the labels without a look at them. `None` for anything else.
fn read_plain<'a>(mut message: Reader<'a>, series: &mut Series<'_>) -> Option<&'a [u8]> {
    let whole = message.rest();
    let mut label_bytes = 0;
    while let Some((field, wire)) = message.key().ok()? {
        match field {
            1 if series.samples.is_empty() => {
                message.message(wire).ok()?;
                label_bytes = whole.len() - message.rest().len();
            }
            2 => series.samples.push(read_sample(message.message(wire).ok()?).ok()?),
            _ => return None,
        }
    }
    (label_bytes > 0).then(|| &whole[..label_bytes])
}

fn read_series<'a>(
    mut message: Reader<'a>,
    series: &mut Series<'a>,
    buckets_max: usize,
) -> Result<(), WireError> {
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => series.labels.push(read_label(message.message(wire)?)?),
            2 => series.samples.push(read_sample(message.message(wire)?)?),
            3 => read_exemplar(message.message(wire)?, series)?,
            4 => series.histograms.push(read_histogram(message.message(wire)?, buckets_max)?),
            _ => message.skip(field, wire)?,
        }
    }
    Ok(())
}

fn read_label<'a>(mut message: Reader<'a>) -> Result<Pair<'a>, WireError> {
    let (mut name, mut value) = ("", "");
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => name = message.text(wire)?,
            2 => value = message.text(wire)?,
            _ => message.skip(field, wire)?,
        }
    }
    Ok((name, value))
}

fn read_sample(mut message: Reader<'_>) -> Result<WireSample, WireError> {
    let mut sample = WireSample::default();
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => sample.value = message.double(wire)?,
            2 => sample.timestamp_ms = message.integer(wire)? as i64,
            _ => message.skip(field, wire)?,
        }
    }
    Ok(sample)
}

fn read_exemplar<'a>(mut message: Reader<'a>, series: &mut Series<'a>) -> Result<(), WireError> {
    let (mut value, mut timestamp_ms) = (0.0, 0);
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => series.push_exemplar_label(read_label(message.message(wire)?)?),
            2 => value = message.double(wire)?,
            3 => timestamp_ms = message.integer(wire)? as i64,
            _ => message.skip(field, wire)?,
        }
    }
    series.push_exemplar(value, timestamp_ms);
    Ok(())
}

fn read_metadata<'a>(mut message: Reader<'a>) -> Result<(&'a str, Metadata<'a>), WireError> {
    let mut family = Metadata::default();
    let mut name = "";
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => family.metric_type = message.integer(wire)? as i32,
            2 => name = message.text(wire)?,
            // Help is not kept, but has to be text.
            4 => drop(message.text(wire)?),
            5 => family.unit = message.text(wire)?,
            _ => message.skip(field, wire)?,
        }
    }
    Ok((name, family))
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod against_prost;
#[cfg(test)]
mod tests;
