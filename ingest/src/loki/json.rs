//! A push as JSON: `{"streams": [{"stream": {…}, "values": [["<nanoseconds>", "<line>", {…}?], …]}]}`, and
//! as Loki had it before 0.4, which python-logging-loki sends unless it is told otherwise:
//! `{"streams": [{"labels": "{…}", "entries": [{"ts": "<RFC 3339>", "line": "<line>"}, …]}]}`.
//!
//! Read as a stream: an entry is a record before the next one is looked at, and texts borrow from the
//! body unless they hold escapes. Unknown members are passed over; numbers and booleans count as the
//! text they are written as, which Loki itself refuses.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::labels;
use super::push::{Entry, PAIRS_MAX, Pairs, Push};
use crate::IngestError;
use crate::json_text::JsonText;

/// Reads a whole request into `push`.
pub(super) fn read(body: &[u8], push: &mut Push<'_>) -> Result<(), IngestError> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let read = Request(push).deserialize(&mut parser).and_then(|()| parser.end());
    read.map_err(|error| push.error(&error))
}

/// Labels or metadata; `null` is none.
struct LabelPairs<'de>(Pairs<'de>);

impl<'de> Deserialize<'de> for LabelPairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = LabelPairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(LabelPairs(Vec::new()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((JsonText(name), JsonText(value))) = map.next_entry()? {
                    if pairs.len() == PAIRS_MAX {
                        return Err(A::Error::custom(format!("more than {PAIRS_MAX} labels")));
                    }
                    pairs.push((name, value));
                }
                Ok(LabelPairs(pairs))
            }
        }

        deserializer.deserialize_any(PairsVisitor)
    }
}

/// `{"streams": […]}`
struct Request<'p, 'a>(&'p mut Push<'a>);

impl<'de> DeserializeSeed<'de> for Request<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Request<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with streams")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_streams = false;
        while let Some(JsonText(key)) = map.next_key()? {
            if key == "streams" {
                has_streams = true;
                map.next_value_seed(Streams(&mut *self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if has_streams { Ok(()) } else { Err(A::Error::missing_field("streams")) }
    }
}

struct Streams<'p, 'a>(&'p mut Push<'a>);

impl<'de> DeserializeSeed<'de> for Streams<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Streams<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of streams")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut streams: A) -> Result<(), A::Error> {
        while streams.next_element_seed(Stream(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

/// `{"stream": {…}, "values": […]}` or `{"labels": "{…}", "entries": […]}`
struct Stream<'p, 'a>(&'p mut Push<'a>);

impl<'de> DeserializeSeed<'de> for Stream<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Stream<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_labels = false;
        // Values that came before the labels, which are needed first.
        let mut waiting: Vec<&'de RawValue> = Vec::new();
        while let Some(JsonText(key)) = map.next_key()? {
            match &*key {
                "stream" | "labels" if has_labels => return Err(A::Error::duplicate_field("stream")),
                "stream" => {
                    let LabelPairs(labels) = map.next_value()?;
                    self.0.begin_stream(Ok(labels)).map_err(A::Error::custom)?;
                    has_labels = true;
                }
                "labels" => {
                    let JsonText(text) = map.next_value()?;
                    self.0.begin_stream(labels::parse(&text)).map_err(A::Error::custom)?;
                    has_labels = true;
                }
                "values" | "entries" if has_labels => map.next_value_seed(Entries(&mut *self.0))?,
                "values" | "entries" => waiting.push(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !has_labels {
            return Err(A::Error::missing_field("stream"));
        }
        for values in waiting {
            let mut parser = serde_json::Deserializer::from_str(values.get());
            Entries(&mut *self.0).deserialize(&mut parser).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

struct Entries<'p, 'a>(&'p mut Push<'a>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<WireEntry<'de>>()? {
            let nanos = entry.nanos.map_err(|()| &*entry.time);
            let entry = Entry { nanos, line: &entry.line, metadata: &entry.metadata };
            self.0.add(&entry).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// `["<nanoseconds>", "<line>", {…}?]` or `{"ts": "<RFC 3339>", "line": "<line>"}`
struct WireEntry<'de> {
    time: Cow<'de, str>,
    nanos: Result<i128, ()>,
    line: Cow<'de, str>,
    metadata: Pairs<'de>,
}

impl<'de> Deserialize<'de> for WireEntry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;

        impl<'de> Visitor<'de> for EntryVisitor {
            type Value = WireEntry<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "an entry: nanoseconds, a line and perhaps metadata, or an object of `ts` and `line`",
                )
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut time, mut line) = (None, None);
                while let Some(JsonText(key)) = map.next_key()? {
                    match &*key {
                        "ts" => time = Some(map.next_value::<JsonText<'de>>()?.0),
                        "line" => line = Some(map.next_value::<JsonText<'de>>()?.0),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                let time = time.ok_or_else(|| A::Error::missing_field("ts"))?;
                let line = line.ok_or_else(|| A::Error::missing_field("line"))?;
                let nanos = time.parse().map(|time: jiff::Timestamp| time.as_nanosecond()).map_err(drop);
                Ok(WireEntry { time, nanos, line, metadata: Vec::new() })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let too_short = |found| A::Error::invalid_length(found, &EntryVisitor);
                let JsonText(time) = parts.next_element()?.ok_or_else(|| too_short(0))?;
                let JsonText(line) = parts.next_element()?.ok_or_else(|| too_short(1))?;
                let metadata = parts.next_element()?.map_or_else(Vec::new, |LabelPairs(pairs)| pairs);
                match parts.next_element::<IgnoredAny>()? {
                    None => {
                        let nanos = time.parse().map_err(drop);
                        Ok(WireEntry { time, nanos, line, metadata })
                    }
                    Some(_) => Err(too_short(4)),
                }
            }
        }

        deserializer.deserialize_any(EntryVisitor)
    }
}
