//! Splits a body into its events without building anything of them: each stays a slice of the body
//! until its size is known.

use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use telemetry::Limit;

use super::problem::Problem;
use crate::{IngestError, IngestLimits};

/// One event's JSON text, or why there is none.
pub(crate) type Document<'a> = Result<&'a str, Problem>;

/// One object, an array of them, or several objects one after the other.
pub(crate) fn of_json<'a>(body: &'a [u8], limits: &IngestLimits) -> Result<Vec<Document<'a>>, IngestError> {
    let max = limits.events_per_request_max as usize;
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    // The parser recurses: a body that is deeper than allowed must not reach it.
    crate::body::check_json_depth(body, limits.json_depth_max.saturating_add(1))?;
    let documents = if is_array {
        let mut parser = serde_json::Deserializer::from_slice(body);
        let documents = parser.deserialize_seq(Elements { max }).map_err(malformed)?;
        parser.end().map_err(malformed)?;
        documents
    } else {
        let values = serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>();
        values.take(max.saturating_add(1)).collect::<Result<Vec<_>, _>>().map_err(malformed)?
    };
    if documents.is_empty() && !is_array {
        return Err(IngestError::Malformed(
            "the body is empty; send a JSON object, an array or NDJSON".to_owned(),
        ));
    }
    check_count(documents.len(), limits)?;
    Ok(documents.into_iter().map(|raw| Ok(raw.get())).collect())
}

/// One object and nothing after it.
pub(crate) fn one<'a>(body: &'a [u8], limits: &IngestLimits) -> Result<Vec<Document<'a>>, IngestError> {
    crate::body::check_json_depth(body, limits.json_depth_max)?;
    let value: &RawValue = serde_json::from_slice(body).map_err(malformed)?;
    Ok(vec![Ok(value.get())])
}

/// An array of objects.
pub(crate) fn batch<'a>(body: &'a [u8], limits: &IngestLimits) -> Result<Vec<Document<'a>>, IngestError> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => of_json(body, limits),
        _ => Err(IngestError::Malformed("the body is not a JSON array; a batch is one".to_owned())),
    }
}

/// One object per line. Empty lines are passed over; a line that is no JSON spoils only itself.
pub(crate) fn of_lines<'a>(body: &'a [u8], limits: &IngestLimits) -> Result<Vec<Document<'a>>, IngestError> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let lines: Vec<&[u8]> = lines.take(limits.events_per_request_max as usize + 1).collect();
    check_count(lines.len(), limits)?;
    let text_of = |line: &'a [u8]| std::str::from_utf8(line).map_err(|_| Problem::new("", "not UTF-8"));
    Ok(lines.into_iter().map(text_of).collect())
}

fn malformed(error: serde_json::Error) -> IngestError {
    IngestError::Malformed(format!("the body is not JSON: {error}"))
}

fn check_count(count: usize, limits: &IngestLimits) -> Result<(), IngestError> {
    if count as u64 > limits.events_per_request_max {
        return Err(IngestError::TooLarge {
            what: "the number of events",
            limit: Limit::EventsPerRequest,
            max: limits.events_per_request_max,
        });
    }
    Ok(())
}

/// Takes one element more than allowed, so that its surplus shows, and passes over the rest.
struct Elements {
    max: usize,
}

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = elements.next_element()? {
            if all.len() <= self.max {
                all.push(element);
            }
        }
        Ok(all)
    }
}
