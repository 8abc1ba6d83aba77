//! `io.prometheus.write.v2.Request` read by hand: every text stands once in the request's symbols, and
//! series refer to them by place.
//!
//! The symbols are gathered first (protobuf promises no order), then the series are walked as in 1.0.
//! A reference to nothing is the fault of its series alone; what the generated type refuses is no
//! request (checked in `against_prost`).
//!
//! A series with samples only is looked up by what it refers to: each symbol is hashed once for the
//! request, and a series' key is made of the hashes of its symbols.

use super::histogram::read_histogram;
use super::series::{Pair, Series, WireSample};
use crate::known_series::{KeyScope, Look, SeriesKey};
use crate::protobuf::{Reader, WireError};

const REQUEST_SYMBOLS: u32 = 4;
const REQUEST_TIMESERIES: u32 = 5;

/// A start of counting that is as close to its row may be another one with the next row; by the key
/// that such a row makes nothing would be found again.
const SETTLED_START_MS: i64 = 10 * 60 * 1_000;

/// The texts of a request; `None` when there are more than `symbols_max`.
pub(super) fn symbols(body: &[u8], symbols_max: usize) -> Result<Option<Vec<&str>>, WireError> {
    let mut request = Reader::new(body);
    let mut symbols = Vec::new();
    while let Some((field, wire)) = request.key()? {
        match field {
            REQUEST_SYMBOLS if symbols.len() == symbols_max => return Ok(None),
            REQUEST_SYMBOLS => symbols.push(request.text(wire)?),
            _ => request.skip(field, wire)?,
        }
    }
    Ok(Some(symbols))
}

/// Walks the series of a request.
#[derive(Debug)]
pub(super) struct SeriesReader<'a, 's> {
    request: Reader<'a>,
    symbols: &'s [&'a str],
    /// One for each symbol.
    symbol_hashes: Vec<u128>,
    series: Series<'a>,
    known: Look<'a>,
    /// Scratch for the references of a series, for those of an exemplar, and for a key's bytes.
    label_refs: Vec<u32>,
    exemplar_refs: Vec<u32>,
    key_bytes: Vec<u8>,
    buckets_max: usize,
}

impl<'a, 's> SeriesReader<'a, 's> {
    pub(super) fn new(
        body: &'a [u8],
        symbols: &'s [&'a str],
        known: Look<'a>,
        buckets_max: usize,
    ) -> SeriesReader<'a, 's> {
        SeriesReader {
            request: Reader::new(body),
            symbols,
            symbol_hashes: symbols.iter().map(|symbol| known.text_hash(symbol)).collect(),
            series: Series::default(),
            known,
            label_refs: Vec::new(),
            exemplar_refs: Vec::new(),
            key_bytes: Vec::new(),
            buckets_max,
        }
    }

    /// The next series, valid until the next call.
    #[allow(clippy::should_implement_trait)] // lends its scratch, which `Iterator` cannot say
    pub(super) fn next(&mut self) -> Result<Option<&Series<'a>>, WireError> {
        while let Some((field, wire)) = self.request.key()? {
            if field == REQUEST_TIMESERIES {
                let message = self.request.message(wire)?;
                self.series.clear();
                self.read_series(message)?;
                return Ok(Some(&self.series));
            }
            self.request.skip(field, wire)?;
        }
        Ok(None)
    }

    fn read_series(&mut self, mut message: Reader<'a>) -> Result<(), WireError> {
        self.label_refs.clear();
        let mut metadata = WireMetadata::default();
        while let Some((field, wire)) = message.key()? {
            match field {
                1 => message.integers(wire, |bits| self.label_refs.push(bits as u32))?,
                2 => self.series.samples.push(read_sample(message.message(wire)?)?),
                3 => {
                    let histogram = read_histogram(message.message(wire)?, self.buckets_max)?;
                    self.series.histograms.push(histogram);
                }
                4 => self.read_exemplar(message.message(wire)?)?,
                5 => metadata.read(message.message(wire)?)?,
                6 => self.series.start_ms = message.integer(wire)? as i64,
                _ => message.skip(field, wire)?,
            }
        }
        self.series.key = self.key(&metadata);
        self.series.known = self.series.key.and_then(|key| self.known.up(key));
        if self.series.known.is_some() {
            return Ok(());
        }
        for pair in pairs(&self.label_refs, self.symbols) {
            match pair {
                Ok(pair) => self.series.labels.push(pair),
                Err(fault) => self.series.fault = Some(fault),
            }
        }
        if !self.series.samples.is_empty() && !self.series.histograms.is_empty() {
            self.series.fault = Some("it has samples and histograms");
        }
        self.series.metadata.metric_type = metadata.metric_type;
        match self.symbols.get(metadata.unit_ref as usize) {
            Some(unit) => self.series.metadata.unit = unit,
            None => self.series.fault = Some("its unit refers to a symbol that is not there"),
        }
        Ok(())
    }

    /// What the series will be known by: its labels, its metadata and when it began to count. `None`
    /// where it is more than samples, or refers to nothing.
    fn key(&mut self, metadata: &WireMetadata) -> Option<SeriesKey> {
        let series = &self.series;
        let is_plain = series.histograms.is_empty() && series.exemplars.is_empty();
        let (first, others) = series.samples.split_first().filter(|_| is_plain)?;
        let start_of = |sample: &WireSample| match sample.start_ms {
            0 => series.start_ms,
            said => said,
        };
        let start_ms = start_of(first);
        let is_settled = |sample: &WireSample| {
            start_ms == 0 || sample.timestamp_ms.saturating_sub(start_ms) > SETTLED_START_MS
        };
        if !is_settled(first) || others.iter().any(|it| start_of(it) != start_ms || !is_settled(it)) {
            return None;
        }
        if !self.label_refs.len().is_multiple_of(2) {
            return None;
        }
        self.key_bytes.clear();
        self.key_bytes.extend(metadata.metric_type.to_le_bytes());
        self.key_bytes.extend(start_ms.to_le_bytes());
        for at in std::iter::once(&metadata.unit_ref).chain(&self.label_refs) {
            self.key_bytes.extend(self.symbol_hashes.get(*at as usize)?.to_le_bytes());
        }
        Some(self.known.key(KeyScope::RemoteWriteV2, &self.key_bytes))
    }

    fn read_exemplar(&mut self, mut message: Reader<'a>) -> Result<(), WireError> {
        let (mut value, mut timestamp_ms) = (0.0, 0);
        self.exemplar_refs.clear();
        while let Some((field, wire)) = message.key()? {
            match field {
                1 => message.integers(wire, |bits| self.exemplar_refs.push(bits as u32))?,
                2 => value = message.double(wire)?,
                3 => timestamp_ms = message.integer(wire)? as i64,
                _ => message.skip(field, wire)?,
            }
        }
        for pair in pairs(&self.exemplar_refs, self.symbols) {
            match pair {
                Ok(pair) => self.series.push_exemplar_label(pair),
                Err(fault) => self.series.fault = Some(fault),
            }
        }
        self.series.push_exemplar(value, timestamp_ms);
        Ok(())
    }
}

/// The pairs that references name; the first fault ends them.
fn pairs<'a>(refs: &[u32], symbols: &[&'a str]) -> impl Iterator<Item = Result<Pair<'a>, &'static str>> {
    let text =
        |at: u32| symbols.get(at as usize).copied().ok_or("a label refers to a symbol that is not there");
    let odd = (refs.len() % 2 == 1).then_some(Err("its labels are not pairs"));
    refs.chunks_exact(2).map(move |pair| Ok((text(pair[0])?, text(pair[1])?))).chain(odd)
}

fn read_sample(mut message: Reader<'_>) -> Result<WireSample, WireError> {
    let mut sample = WireSample::default();
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => sample.value = message.double(wire)?,
            2 => sample.timestamp_ms = message.integer(wire)? as i64,
            3 => sample.start_ms = message.integer(wire)? as i64,
            _ => message.skip(field, wire)?,
        }
    }
    Ok(sample)
}

/// A message that stands once: a second one adds to the first.
#[derive(Default)]
struct WireMetadata {
    metric_type: i32,
    unit_ref: u32,
}

impl WireMetadata {
    fn read(&mut self, mut message: Reader<'_>) -> Result<(), WireError> {
        while let Some((field, wire)) = message.key()? {
            match field {
                1 => self.metric_type = message.integer(wire)? as i32,
                // Help is not kept, but has to be a reference.
                3 => drop(message.integer(wire)?),
                4 => self.unit_ref = message.integer(wire)? as u32,
                _ => message.skip(field, wire)?,
            }
        }
        Ok(())
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod against_prost;
#[cfg(test)]
mod tests;
