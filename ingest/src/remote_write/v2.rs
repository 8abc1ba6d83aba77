//! `io.prometheus.write.v2.Request` read by hand: every text stands once in the request's symbols, and
//! series refer to them by place.
//!
//! The symbols are gathered first (protobuf promises no order), then the series are walked as in 1.0.
//! A reference to nothing is the fault of its series alone; what the generated type refuses is no
//! request.

use super::histogram::read_histogram;
use super::series::{Pair, Series, WireSample};
use crate::protobuf::{Reader, WireError};

const REQUEST_SYMBOLS: u32 = 4;
const REQUEST_TIMESERIES: u32 = 5;

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
    series: Series<'a>,
    /// Scratch for the references of a series, and for those of an exemplar.
    label_refs: Vec<u32>,
    exemplar_refs: Vec<u32>,
    buckets_max: usize,
}

impl<'a, 's> SeriesReader<'a, 's> {
    pub(super) fn new(body: &'a [u8], symbols: &'s [&'a str], buckets_max: usize) -> SeriesReader<'a, 's> {
        SeriesReader {
            request: Reader::new(body),
            symbols,
            series: Series::default(),
            label_refs: Vec::new(),
            exemplar_refs: Vec::new(),
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

#[cfg(test)]
mod tests;
