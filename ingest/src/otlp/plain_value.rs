//! `KeyValue` and `AnyValue` read by hand, in the plain case: see [`super::logs`]. The texts are those of
//! [`super::values::text`].

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::values::float_text;
use crate::protobuf::Reader;

/// An attribute.
pub(super) struct Pair<'a> {
    pub(super) key: &'a str,
    pub(super) value: Cow<'a, str>,
    /// Whether the value is a list or map.
    pub(super) nests: bool,
}

pub(super) fn read_pair(mut message: Reader<'_>, depth_max: usize) -> Option<Pair<'_>> {
    let (key, value) = read_key_value(&mut message)?;
    let (value, nests) = match value {
        Some(value) => read_text(value, depth_max)?,
        None => (Cow::Borrowed(""), false),
    };
    Some(Pair { key, value, nests })
}

fn read_key_value<'a>(message: &mut Reader<'a>) -> Option<(&'a str, Option<Reader<'a>>)> {
    let (mut key, mut value) = ("", None);
    while let Some((field, wire)) = message.key().ok()? {
        match field {
            1 => key = message.text(wire).ok()?,
            2 if value.is_none() => value = Some(message.message(wire).ok()?),
            _ => return None,
        }
    }
    Some((key, value))
}

/// The text of an `AnyValue`, and whether it is a list or map.
pub(super) fn read_text(message: Reader<'_>, depth_max: usize) -> Option<(Cow<'_, str>, bool)> {
    Some(match read_value(message)? {
        Any::Nothing => (Cow::Borrowed(""), false),
        Any::Text(text) => (Cow::Borrowed(text), false),
        Any::Flag(flag) => (Cow::Borrowed(if flag { "true" } else { "false" }), false),
        Any::Integer(number) => (Cow::Owned(number.to_string()), false),
        Any::Float(number) => (Cow::Owned(float_text(number)), false),
        Any::Bytes(bytes) => (Cow::Owned(BASE64_STANDARD.encode(bytes)), false),
        nested @ (Any::List(_) | Any::Map(_)) => (Cow::Owned(json_of(nested, depth_max)?.to_string()), true),
    })
}

enum Any<'a> {
    Nothing,
    Text(&'a str),
    Flag(bool),
    Integer(i64),
    Float(f64),
    Bytes(&'a [u8]),
    List(Reader<'a>),
    Map(Reader<'a>),
}

fn read_value(mut message: Reader<'_>) -> Option<Any<'_>> {
    let Some((field, wire)) = message.key().ok()? else { return Some(Any::Nothing) };
    let value = match field {
        1 => Any::Text(message.text(wire).ok()?),
        2 => Any::Flag(message.integer(wire).ok()? != 0),
        3 => Any::Integer(message.integer(wire).ok()? as i64),
        4 => Any::Float(message.double(wire).ok()?),
        5 => Any::List(message.message(wire).ok()?),
        6 => Any::Map(message.message(wire).ok()?),
        7 => Any::Bytes(message.blob(wire).ok()?),
        _ => return None,
    };
    // A second value would replace the first, or be added to it.
    message.rest().is_empty().then_some(value)
}

fn json_of(value: Any<'_>, depth_left: usize) -> Option<Value> {
    let inner = |message: Reader<'_>| match read_value(message)? {
        Any::Nothing => Some(Value::Null),
        value => json_of(value, depth_left.checked_sub(1)?),
    };
    Some(match value {
        Any::Nothing => Value::Null,
        Any::Text(text) => json!(text),
        Any::Flag(flag) => json!(flag),
        Any::Integer(number) => json!(number),
        Any::Float(number) if number.is_finite() => json!(number),
        Any::Float(number) => json!(float_text(number)),
        Any::Bytes(bytes) => json!(BASE64_STANDARD.encode(bytes)),
        Any::List(mut list) => {
            let mut values = Vec::new();
            while let Some((field, wire)) = list.key().ok()? {
                match field {
                    1 => values.push(inner(list.message(wire).ok()?)?),
                    _ => return None,
                }
            }
            Value::Array(values)
        }
        Any::Map(mut map) => {
            let mut entries = serde_json::Map::new();
            while let Some((field, wire)) = map.key().ok()? {
                if field != 1 {
                    return None;
                }
                let (key, value) = read_key_value(&mut map.message(wire).ok()?)?;
                entries.insert(key.to_owned(), value.map_or(Some(Value::Null), inner)?);
            }
            Value::Object(entries)
        }
    })
}
