//! The reader by hand and the types that prost generates, side by side: what they say of a body is the
//! same, or both refuse it. For the tests and for fuzzing.

use prost::Message;

use super::generated::{EntryAdapter, PushRequest, StreamAdapter};
use super::{StreamReader, TOO_MUCH_METADATA, WireEntry, WireError};

pub(crate) type Line = (i64, i32, String, Vec<(String, String)>);
pub(crate) type Streams = Vec<(String, Vec<Line>)>;

pub(crate) fn by_hand(body: &[u8]) -> Result<Streams, WireError> {
    let mut reader = StreamReader::new(body);
    let mut entry = WireEntry::default();
    let mut streams = Vec::new();
    while let Some(mut stream) = reader.next()? {
        let mut lines = Vec::new();
        while stream.read_entry(&mut entry)? {
            let metadata = entry.metadata.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            lines.push((entry.seconds, entry.nanos, entry.line.to_owned(), metadata.collect()));
        }
        streams.push((stream.labels.to_owned(), lines));
    }
    Ok(streams)
}

pub(crate) fn by_prost(body: &[u8]) -> Result<Streams, prost::DecodeError> {
    let line = |entry: EntryAdapter| {
        let time = entry.timestamp.unwrap_or_default();
        let metadata = entry.structured_metadata.into_iter().map(|pair| (pair.name, pair.value));
        (time.seconds, time.nanos, entry.line, metadata.collect())
    };
    let stream = |stream: StreamAdapter| (stream.labels, stream.entries.into_iter().map(line).collect());
    Ok(PushRequest::decode(body)?.streams.into_iter().map(stream).collect())
}

/// What differs, if something does.
pub(crate) fn check(body: &[u8]) -> Result<(), String> {
    match (by_hand(body), by_prost(body)) {
        (Ok(ours), Ok(theirs)) if ours == theirs => Ok(()),
        (Err(_), Err(_)) => Ok(()),
        // A bound that the generated types do not have.
        (Err(WireError { what: TOO_MUCH_METADATA, .. }), _) => Ok(()),
        (ours, theirs) => Err(format!("{ours:?}, but the generated types say {theirs:?}")),
    }
}
