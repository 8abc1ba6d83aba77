//! `prometheus.WriteRequest` read by hand: labels borrow from the body and one scratch series is
//! reused, so that decoding allocates nothing per label.
//!
//! Accepts and refuses exactly what the generated type does (checked against it in the tests):
//! unknown fields are skipped, a repeated scalar's last value wins, text is UTF-8. Exemplars and
//! histograms are counted, not looked into.

use std::str;

/// A body that is not the message, and where that showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct WireError {
    pub what: &'static str,
    /// Offset in the unpacked body.
    pub at: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WireSample {
    pub value: f64,
    pub timestamp_ms: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeSeries<'a> {
    /// In the sender's order.
    pub labels: Vec<(&'a str, &'a str)>,
    pub samples: Vec<WireSample>,
    pub exemplars: u64,
    /// Native histograms.
    pub histograms: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The number in `MetricMetadata.MetricType`.
    pub metric_type: i32,
    pub name: &'a str,
    pub help: &'a str,
    pub unit: &'a str,
}

const REQUEST_TIMESERIES: u32 = 1;
const REQUEST_METADATA: u32 = 3;

/// The metadata of a request.
pub fn metadata(body: &[u8]) -> Result<Vec<Metadata<'_>>, WireError> {
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
pub struct SeriesReader<'a> {
    request: Reader<'a>,
    series: TimeSeries<'a>,
}

impl<'a> SeriesReader<'a> {
    pub fn new(body: &'a [u8]) -> SeriesReader<'a> {
        SeriesReader { request: Reader::new(body), series: TimeSeries::default() }
    }

    /// The next series, valid until the next call.
    #[allow(clippy::should_implement_trait)] // lends its scratch, which `Iterator` cannot say
    pub fn next(&mut self) -> Result<Option<&TimeSeries<'a>>, WireError> {
        while let Some((field, wire)) = self.request.key()? {
            if field == REQUEST_TIMESERIES {
                let message = self.request.message(wire)?;
                read_series(message, &mut self.series)?;
                return Ok(Some(&self.series));
            }
            self.request.skip(field, wire)?;
        }
        Ok(None)
    }
}

fn read_series<'a>(mut message: Reader<'a>, series: &mut TimeSeries<'a>) -> Result<(), WireError> {
    series.labels.clear();
    series.samples.clear();
    (series.exemplars, series.histograms) = (0, 0);
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => series.labels.push(read_label(message.message(wire)?)?),
            2 => series.samples.push(read_sample(message.message(wire)?)?),
            3 => {
                message.message(wire)?;
                series.exemplars += 1;
            }
            4 => {
                message.message(wire)?;
                series.histograms += 1;
            }
            _ => message.skip(field, wire)?,
        }
    }
    Ok(())
}

fn read_label<'a>(mut message: Reader<'a>) -> Result<(&'a str, &'a str), WireError> {
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

fn read_metadata<'a>(mut message: Reader<'a>) -> Result<Metadata<'a>, WireError> {
    let mut family = Metadata::default();
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => family.metric_type = message.integer(wire)? as i32,
            2 => family.name = message.text(wire)?,
            4 => family.help = message.text(wire)?,
            5 => family.unit = message.text(wire)?,
            _ => message.skip(field, wire)?,
        }
    }
    Ok(family)
}

/// How a field's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Varint,
    Fixed64,
    Delimited,
    GroupStart,
    GroupEnd,
    Fixed32,
}

/// Groups inside groups that an unknown field may hold, as in the generated code.
const GROUP_DEPTH_MAX: usize = 100;

/// A place in the body, and the end of the message being read.
#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn new(body: &'a [u8]) -> Reader<'a> {
        Reader { body, at: 0, end: body.len() }
    }

    fn error(&self, what: &'static str) -> WireError {
        WireError { what, at: self.at }
    }

    /// The next field's number and wire type; `None` at the end of the message.
    fn key(&mut self) -> Result<Option<(u32, Wire)>, WireError> {
        if self.at == self.end {
            return Ok(None);
        }
        let key = self.varint()?;
        let key = u32::try_from(key).map_err(|_| self.error("a field number that is too large"))?;
        let wire = match key & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Delimited,
            3 => Wire::GroupStart,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            _ => return Err(self.error("an unknown wire type")),
        };
        match key >> 3 {
            0 => Err(self.error("field number 0")),
            field => Ok(Some((field, wire))),
        }
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for (index, byte) in self.body[self.at..self.end].iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                if index == 9 && *byte > 1 {
                    break;
                }
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(self.error("a number that does not end"))
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        if length > (self.end - self.at) as u64 {
            return Err(self.error("a field that is longer than what holds it"));
        }
        let start = self.at;
        self.at += length as usize;
        Ok(&self.body[start..self.at])
    }

    fn expect(&self, found: Wire, wanted: Wire) -> Result<(), WireError> {
        if found == wanted { Ok(()) } else { Err(self.error("a field with the wrong wire type")) }
    }

    fn delimited(&mut self, wire: Wire) -> Result<&'a [u8], WireError> {
        self.expect(wire, Wire::Delimited)?;
        let length = self.varint()?;
        self.bytes(length)
    }

    fn message(&mut self, wire: Wire) -> Result<Reader<'a>, WireError> {
        let length = self.delimited(wire)?.len();
        Ok(Reader { body: self.body, at: self.at - length, end: self.at })
    }

    fn text(&mut self, wire: Wire) -> Result<&'a str, WireError> {
        let bytes = self.delimited(wire)?;
        str::from_utf8(bytes)
            .map_err(|_| WireError { what: "text that is not UTF-8", at: self.at - bytes.len() })
    }

    fn double(&mut self, wire: Wire) -> Result<f64, WireError> {
        self.expect(wire, Wire::Fixed64)?;
        let bytes = self.bytes(8)?;
        let bits = bytes.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        Ok(f64::from_bits(bits))
    }

    fn integer(&mut self, wire: Wire) -> Result<u64, WireError> {
        self.expect(wire, Wire::Varint)?;
        self.varint()
    }

    /// Passes over a field that is not known.
    fn skip(&mut self, field: u32, wire: Wire) -> Result<(), WireError> {
        match wire {
            Wire::GroupStart => self.skip_group(field),
            Wire::GroupEnd => Err(self.error("the end of a group that did not begin")),
            other => self.skip_value(other),
        }
    }

    fn skip_value(&mut self, wire: Wire) -> Result<(), WireError> {
        match wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.bytes(8).map(drop),
            Wire::Fixed32 => self.bytes(4).map(drop),
            Wire::Delimited => self.delimited(wire).map(drop),
            Wire::GroupStart | Wire::GroupEnd => Ok(()),
        }
    }

    fn skip_group(&mut self, field: u32) -> Result<(), WireError> {
        let mut open = vec![field];
        while let Some(innermost) = open.last().copied() {
            let Some((field, wire)) = self.key()? else {
                return Err(self.error("a group that does not end"));
            };
            match wire {
                Wire::GroupStart if open.len() == GROUP_DEPTH_MAX => {
                    return Err(self.error("groups that nest too deeply"));
                }
                Wire::GroupStart => open.push(field),
                Wire::GroupEnd if field == innermost => {
                    open.pop();
                }
                Wire::GroupEnd => return Err(self.error("the end of another group")),
                value => self.skip_value(value)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
