//! `logproto.PushRequest` read by hand: everything borrows from the body, one scratch entry is reused.
//!
//! Accepts and refuses exactly what the generated types do (checked in `against_prost`). The
//! hash of a stream and the labels that Loki itself parsed out of a line are passed over.

use std::borrow::Cow;

use super::labels;
use super::push::{Entry, PAIRS_MAX, Push};
use crate::IngestError;
use crate::protobuf::Reader;
pub use crate::protobuf::WireError;

const REQUEST_STREAMS: u32 = 1;
const STREAM_LABELS: u32 = 1;
const STREAM_ENTRIES: u32 = 2;

const TOO_MUCH_METADATA: &str = "too much metadata";

/// Walks the streams of a request.
#[derive(Debug)]
pub struct StreamReader<'a> {
    request: Reader<'a>,
}

/// One stream, whose entries are still to be read.
#[derive(Debug)]
pub struct WireStream<'a> {
    /// As sent: `{app="shop"}`.
    pub labels: &'a str,
    message: Reader<'a>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireEntry<'a> {
    pub seconds: i64,
    pub nanos: i32,
    pub line: &'a str,
    /// Structured metadata in the sender's order.
    pub metadata: Vec<(&'a str, &'a str)>,
}

impl<'a> StreamReader<'a> {
    pub fn new(body: &'a [u8]) -> StreamReader<'a> {
        StreamReader { request: Reader::new(body) }
    }

    /// The next stream. The entries of the one before may be left unread.
    #[allow(clippy::should_implement_trait)] // an error ends it, which `Iterator` cannot say
    pub fn next(&mut self) -> Result<Option<WireStream<'a>>, WireError> {
        while let Some((field, wire)) = self.request.key()? {
            if field == REQUEST_STREAMS {
                return WireStream::of(self.request.message(wire)?).map(Some);
            }
            self.request.skip(field, wire)?;
        }
        Ok(None)
    }
}

impl<'a> WireStream<'a> {
    /// Fields come in any order: the labels are looked for first.
    fn of(message: Reader<'a>) -> Result<WireStream<'a>, WireError> {
        let mut labels = "";
        let mut scan = message;
        while let Some((field, wire)) = scan.key()? {
            match field {
                STREAM_LABELS => labels = scan.text(wire)?,
                STREAM_ENTRIES => drop(scan.message(wire)?),
                _ => scan.skip(field, wire)?,
            }
        }
        Ok(WireStream { labels, message })
    }

    /// Reads the next entry into `entry`; `false` at the end.
    pub fn read_entry(&mut self, entry: &mut WireEntry<'a>) -> Result<bool, WireError> {
        while let Some((field, wire)) = self.message.key()? {
            if field == STREAM_ENTRIES {
                read_entry(self.message.message(wire)?, entry)?;
                return Ok(true);
            }
            self.message.skip(field, wire)?;
        }
        Ok(false)
    }
}

fn read_entry<'a>(mut message: Reader<'a>, entry: &mut WireEntry<'a>) -> Result<(), WireError> {
    (entry.seconds, entry.nanos, entry.line) = (0, 0, "");
    entry.metadata.clear();
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => read_time(message.message(wire)?, entry)?,
            2 => entry.line = message.text(wire)?,
            3 if entry.metadata.len() == PAIRS_MAX => return Err(message.error(TOO_MUCH_METADATA)),
            3 => entry.metadata.push(read_pair(message.message(wire)?)?),
            _ => message.skip(field, wire)?,
        }
    }
    Ok(())
}

/// `google.protobuf.Timestamp`. One that comes twice is merged, field by field.
fn read_time(mut message: Reader<'_>, entry: &mut WireEntry<'_>) -> Result<(), WireError> {
    while let Some((field, wire)) = message.key()? {
        match field {
            1 => entry.seconds = message.integer(wire)? as i64,
            2 => entry.nanos = message.integer(wire)? as i32,
            _ => message.skip(field, wire)?,
        }
    }
    Ok(())
}

fn read_pair<'a>(mut message: Reader<'a>) -> Result<(&'a str, &'a str), WireError> {
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

/// Reads a whole request into `push`.
pub(super) fn read(body: &[u8], push: &mut Push<'_>) -> Result<(), IngestError> {
    let mut streams = StreamReader::new(body);
    let mut wire_entry = WireEntry::default();
    loop {
        let stream = streams.next().map_err(|error| push.error(&error))?;
        let Some(mut stream) = stream else { return Ok(()) };
        push.begin_stream(labels::parse(stream.labels)).map_err(|stopped| push.error(&stopped))?;
        while stream.read_entry(&mut wire_entry).map_err(|error| push.error(&error))? {
            let WireEntry { seconds, nanos, line, metadata } = &wire_entry;
            let metadata: Vec<(Cow<'_, str>, Cow<'_, str>)> =
                metadata.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let nanos = i128::from(*seconds) * 1_000_000_000 + i128::from(*nanos);
            let entry = Entry { nanos: Ok(nanos), line, metadata: &metadata };
            push.add(&entry).map_err(|stopped| push.error(&stopped))?;
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod against_prost;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod generated;
#[cfg(test)]
mod tests;
