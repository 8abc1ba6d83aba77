//! CloudEvents 1.0, in the three modes of its HTTP binding: structured, binary and batch.
//!
//! | attribute | becomes |
//! |---|---|
//! | `source` and `id` | `event_id` `SOURCE\|ID`: the two together are an event's identity |
//! | `type` | `kind`: `deploy`, `incident` and `maintenance` as they are, those of CDEvents by [`cdevents`], others in lower case, `_` for whatever is no letter, digit, `.`, `-` or `_` |
//! | `subject` | `subject`; without one the event is its own |
//! | `time` | `at`; without one the time of arrival |
//! | `data` | `payload`; what is no object stands in its member `data`, bytes in `data_base64` |
//! | extensions `service`, `env`, `severity`, `actor` | the members of these names; text members of `data` speak for `service` and `env` where there is no extension |
//! | the rest | the payload's member `cloudevent`, extensions included |
//!
//! Problems point into the event as its JSON form has it, in every mode: `/time`, `/data/version`.

mod cdevents;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use telemetry::{Event, EventKind};

use super::envelope::{Draft, NAME_BYTES_MAX, TimeRange};
use super::problem::{Fields, Problem, kind_of};
use crate::Context;

/// Where a CloudEvent's own attributes are kept.
const KEPT: &str = "cloudevent";
/// Headers of the binary mode.
const HEADER_PREFIX: &str = "ce-";
/// Of `source` and `type`: URIs and reverse domain names.
const URI_BYTES_MAX: usize = 1024;

/// Kinds whose names are types as well.
const KNOWN_KINDS: [EventKind; 3] = [EventKind::DEPLOY, EventKind::INCIDENT, EventKind::MAINTENANCE];

/// Whether the headers are those of an event in binary mode.
pub(crate) fn is_binary(headers: &HeaderMap) -> bool {
    ["ce-specversion", "ce-id", "ce-source", "ce-type"].iter().any(|name| headers.contains_key(*name))
}

/// The JSON form of an event that came in binary mode.
pub(crate) fn of_binary(headers: &HeaderMap, body: &[u8]) -> Result<Value, Vec<Problem>> {
    let mut map = Map::new();
    let mut problems = Vec::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
        match header_text(value.as_bytes()) {
            Some(text) => drop(map.insert(attribute.to_owned(), Value::String(text))),
            None => problems.push(Problem::new(
                super::problem::pointer_to("", attribute),
                format!("header {name} is not percent-encoded UTF-8"),
            )),
        }
    }
    if let Some(content_type) = headers.get(CONTENT_TYPE) {
        let content_type = String::from_utf8_lossy(content_type.as_bytes()).into_owned();
        map.insert("datacontenttype".to_owned(), Value::String(content_type));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if !body.is_empty() {
        map.insert("data_base64".to_owned(), Value::String(STANDARD.encode(body)));
    }
    Ok(Value::Object(map))
}

/// A header's text: a quoted string is taken out of its quotes, then percent-decoded once.
fn header_text(value: &[u8]) -> Option<String> {
    let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = quoted.unwrap_or(value).iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if quoted.is_some() => plain.push(bytes.next()?),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                plain.push((high * 16 + low) as u8);
            }
            byte => plain.push(byte),
        }
    }
    String::from_utf8(plain).ok()
}

/// Translates the JSON form of an event.
pub(crate) fn read(value: Value, index: usize, context: &Context<'_>) -> Result<Event, Vec<Problem>> {
    let mut map = match value {
        Value::Object(map) => map,
        other => return Err(vec![Problem::new("", format!("must be an object, not {}", kind_of(&other)))]),
    };
    let mut problems = Vec::new();
    let data = data_of(&mut map, &mut problems);
    let range = TimeRange::around(context.now);
    let mut fields = Fields { map: &mut map, parent: "", problems: &mut problems };
    check_version(&mut fields);
    let source = fields.required_text("source", URI_BYTES_MAX);
    if source.as_deref().is_some_and(|source| !is_uri_reference(source)) {
        fields.problem("source", "is not a URI reference");
    }
    let id = fields.required_text("id", NAME_BYTES_MAX);
    let event_type = fields.required_text("type", URI_BYTES_MAX);
    let mut draft = Draft {
        // A source holds no `|`: no two pairs are spelt alike.
        id: source.as_ref().zip(id.as_ref()).map(|(source, id)| format!("{source}|{id}")),
        subject: fields.text("subject", URI_BYTES_MAX),
        service: fields.text("service", NAME_BYTES_MAX),
        env: fields.text("env", NAME_BYTES_MAX),
        severity: fields.text("severity", NAME_BYTES_MAX),
        actor: fields.text("actor", NAME_BYTES_MAX),
        at: if fields.is_absent("time") {
            Some(context.now)
        } else {
            fields.time("time", range.earliest, range.latest)
        },
        ..Draft::default()
    };
    map.retain(|name, value| !value.is_null() && !TOLD_ELSEWHERE.contains(&name.as_str()));
    match event_type.as_deref().map(|text| (text, cdevents::Told::of(text))) {
        Some((_, Some(told))) => told.read(&mut draft, data, &source.unwrap_or_default(), &mut problems),
        Some((text, None)) => plain(&mut draft, text, data, &mut problems),
        None => {}
    }
    draft.payload.insert(KEPT.to_owned(), Value::Object(map));
    let needs_service = draft.kind.as_ref().is_some_and(|kind| KNOWN_KINDS.contains(kind));
    if needs_service && draft.service.is_none() && !problems.iter().any(|it| it.pointer == "/service") {
        let message = "is missing: name the service by the extension `service` or by a member of the data";
        problems.push(Problem::new("/service", message));
    }
    draft.finish(problems, index, context).map_err(|problems| problems.into_iter().map(as_sent).collect())
}

/// Attributes that have a column of their own, or one value only.
const TOLD_ELSEWHERE: [&str; 7] = ["specversion", "subject", "time", "service", "env", "severity", "actor"];

fn check_version(fields: &mut Fields<'_>) {
    match fields.required_text("specversion", NAME_BYTES_MAX) {
        Some(version) if version != "1.0" => {
            fields.problem("specversion", format!("is {version:?}; only 1.0 is spoken here"));
        }
        _ => {}
    }
}

/// An event that brings its own words: the data is the payload.
fn plain(draft: &mut Draft, event_type: &str, data: Data, problems: &mut Vec<Problem>) {
    let kind = kind_of_type(event_type);
    draft.payload = match data {
        Data::None => Map::new(),
        Data::Object(members) => members,
        Data::Other(name, value) if KNOWN_KINDS.contains(&kind) => {
            let found = if name == "data" { kind_of(&value) } else { "bytes" };
            problems.push(Problem::new("/data", format!("must be an object, not {found}")));
            Map::new()
        }
        Data::Other(name, value) => Map::from_iter([(name.to_owned(), value)]),
    };
    let member = |name: &str| {
        let text = draft.payload.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty() && text.len() <= NAME_BYTES_MAX).map(str::to_owned)
    };
    let (service, env) = (member("service"), member("env"));
    draft.service = draft.service.take().or(service);
    draft.env = draft.env.take().or(env);
    draft.kind = Some(kind);
}

fn kind_of_type(event_type: &str) -> EventKind {
    if let Some(known) = KNOWN_KINDS.into_iter().find(|kind| kind.as_str() == event_type) {
        return known;
    }
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') => c,
        _ => '_',
    };
    EventKind::new(event_type.chars().map(plain).collect::<String>())
}

/// What an event carries.
enum Data {
    None,
    Object(Map<String, Value>),
    /// With the name of the member that holds it in a payload.
    Other(&'static str, Value),
}

fn data_of(map: &mut Map<String, Value>, problems: &mut Vec<Problem>) -> Data {
    let given = |value: Option<Value>| value.filter(|value| !value.is_null());
    let (data, base64) = (given(map.remove("data")), given(map.remove("data_base64")));
    let value = match (data, base64) {
        (None, None) => return Data::None,
        (Some(data), None) => data,
        (Some(_), Some(_)) => {
            problems.push(Problem::new("/data_base64", "stands beside data; only one of them may"));
            return Data::None;
        }
        (None, Some(base64)) => {
            let content_type = map.get("datacontenttype").and_then(Value::as_str);
            match decoded(&base64, content_type) {
                Ok(Some(data)) => data,
                Ok(None) => return Data::Other("data_base64", base64),
                Err(message) => {
                    problems.push(Problem::new("/data_base64", message));
                    return Data::None;
                }
            }
        }
    };
    match value {
        Value::Object(members) => Data::Object(members),
        other => Data::Other("data", other),
    }
}

/// The JSON or text in bytes, if that is what they are; `None` for any other content.
fn decoded(base64: &Value, content_type: Option<&str>) -> Result<Option<Value>, String> {
    let Some(text) = base64.as_str() else {
        return Err(format!("must be base64 text, not {}", kind_of(base64)));
    };
    let bytes = STANDARD.decode(text).map_err(|error| format!("is not base64: {error}"))?;
    let essence = content_type.unwrap_or("application/json").split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    if essence.ends_with("/json") || essence.ends_with("+json") {
        // Its depth was not looked at with that of the event around it.
        crate::body::check_json_depth(&bytes, DATA_DEPTH_MAX)
            .map_err(|_| format!("holds JSON that nests deeper than {DATA_DEPTH_MAX} levels"))?;
        return serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("holds no JSON: {error}"));
    }
    let text = essence.starts_with("text/").then(|| String::from_utf8(bytes).ok()).flatten();
    Ok(text.map(Value::String))
}

/// Nesting of JSON inside of base64; the parser itself stops at 128.
const DATA_DEPTH_MAX: usize = 64;

/// The characters that RFC 3986 knows.
fn is_uri_reference(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    text.bytes().all(is_known)
}

/// A problem at the place where the sender wrote it.
fn as_sent(problem: Problem) -> Problem {
    let pointer = match problem.pointer.as_str() {
        "/at" => "/time".to_owned(),
        "/kind" => "/type".to_owned(),
        other => match other.strip_prefix("/payload") {
            Some(rest) => format!("/data{rest}"),
            None => return problem,
        },
    };
    Problem { pointer, ..problem }
}

#[cfg(test)]
mod tests;
