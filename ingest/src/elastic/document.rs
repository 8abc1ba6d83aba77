//! One document as a log record.
//!
//! `message` is the body (`msg` and `log` where other shippers put a line), `@timestamp` the time.
//! Everything else is an attribute: objects are flattened with dots, so `{"host": {"name": "a"}}` and
//! `{"host.name": "a"}` are the same; lists stay JSON, numbers stay as written, nulls are left out. A
//! document without a text of its own is its record's body as a whole.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use telemetry::{Limit, LogRecord, RejectReason, Timestamp};

use super::bulk::{Action, Operation};
use super::time;
use crate::attributes::{Attributes, Columns, check_body};
use crate::body::{check_json_depth, excerpt};
use crate::json_text::JsonText;
use crate::validate::Refusal;
use crate::{Context, IngestLimits, OverLimit};

/// The first that is a string; `message` may be anything.
const MESSAGE: &str = "message";
const OTHER_MESSAGES: [&str; 2] = ["msg", "log"];

/// Has to be a time when it is there.
const TIMESTAMP: &str = "@timestamp";
/// The first that is a time. The last two are in rsyslog's standard template.
const OTHER_TIMES: [&str; 4] = ["timestamp", "time", "timereported", "timegenerated"];

/// Members of one object beyond which reading stops: far above what `attributes_per_log_max` lets
/// pass, and little memory.
const MEMBERS_MAX: usize = 10_000;

/// The record, and whether its time is that of its arrival.
pub(super) fn read(operation: &Operation<'_>, context: &Context<'_>) -> Result<(LogRecord, bool), Refusal> {
    if matches!(operation.action, Action::Update | Action::Delete) {
        let what = format!("{} is not possible: logs are only appended", operation.action.as_str());
        return Err((RejectReason::Unsupported, what));
    }
    let limits = context.limits;
    let invalid = |what: String| (RejectReason::InvalidPayload, what);
    let document = std::str::from_utf8(operation.document)
        .map_err(|error| invalid(format!("the document is not UTF-8 after byte {}", error.valid_up_to())))?;
    check_json_depth(operation.document, limits.json_depth_max)?;
    let Members(mut members) = members_of(document)?;

    let own_time = take_time(&mut members)?;
    let body = take_body(&mut members).unwrap_or_else(|| document.into());
    check_body(&body, limits)?;
    let mut attributes = Attributes::default();
    Flattener { attributes: &mut attributes, limits, key: String::new() }
        .add(members, limits.value_depth_max)?;
    attributes.set("_index", &operation.index, limits)?;
    if let Some(id) = &operation.id {
        attributes.set("_id", id, limits)?;
    }

    let (ts, ts_ns_rem) = own_time.unwrap_or((context.now, 0));
    let Columns { service, env, host, severity, trace_id, span_id } = Columns::of(&attributes);
    let (body, attrs) = (body.into(), attributes.into_pairs());
    let record = LogRecord { ts, ts_ns_rem, service, env, host, severity, trace_id, span_id, body, attrs };
    Ok((record, own_time.is_none()))
}

/// An object's members, none of them looked into.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

fn members_of(text: &str) -> Result<Members<'_>, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        (RejectReason::InvalidPayload, format!("the document is not a JSON object: {error}"))
    })
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((JsonText(key), value)) = map.next_entry()? {
                    if members.len() == MEMBERS_MAX {
                        return Err(A::Error::custom(format!(
                            "an object of more than {MEMBERS_MAX} members"
                        )));
                    }
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

type MemberList<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The document's own time, taken out of its members.
fn take_time(members: &mut MemberList<'_>) -> Result<Option<(Timestamp, i16)>, Refusal> {
    let place = |key: &str| members.iter().position(|(known, _)| known == key);
    if let Some(at) = place(TIMESTAMP)
        && members[at].1.get() != "null"
    {
        let raw = members.swap_remove(at).1.get();
        return time::read(raw).map(Some).ok_or_else(|| {
            let raw = excerpt(raw);
            let what =
                format!("{TIMESTAMP} {raw} is not a date with a time, and not milliseconds since 1970");
            (RejectReason::InvalidPayload, what)
        });
    }
    let found = OTHER_TIMES.iter().find_map(|key| {
        let at = place(key)?;
        Some((at, time::read(members[at].1.get())?))
    });
    Ok(found.map(|(at, time)| {
        members.swap_remove(at);
        time
    }))
}

fn take_body<'a>(members: &mut MemberList<'a>) -> Option<Cow<'a, str>> {
    let place = |key: &str| members.iter().position(|(known, _)| known == key);
    let at = place(MESSAGE).filter(|at| members[*at].1.get() != "null").or_else(|| {
        let is_string = |at: &usize| members[*at].1.get().starts_with('"');
        OTHER_MESSAGES.iter().find_map(|key| place(key).filter(is_string))
    })?;
    Some(text_of(members.swap_remove(at).1))
}

/// A string's text; any other value as it is written.
fn text_of(raw: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str(raw.get()) {
        Ok(JsonText(text)) if raw.get().starts_with('"') => text,
        _ => raw.get().into(),
    }
}

/// Writes members into attributes, with the keys of the objects around them before their own.
struct Flattener<'f> {
    attributes: &'f mut Attributes,
    limits: &'f IngestLimits,
    key: String,
}

impl Flattener<'_> {
    fn add(&mut self, members: MemberList<'_>, depth_left: usize) -> Result<(), Refusal> {
        let outer = self.key.len();
        for (name, raw) in members {
            if outer > 0 {
                self.key.push('.');
            }
            self.key.push_str(&name);
            self.add_value(raw, depth_left)?;
            self.key.truncate(outer);
        }
        Ok(())
    }

    fn add_value(&mut self, raw: &RawValue, depth_left: usize) -> Result<(), Refusal> {
        match raw.get().as_bytes().first() {
            // `null`
            Some(b'n') => Ok(()),
            Some(b'{') => {
                let limits = self.limits;
                let depth_left = depth_left.checked_sub(1).ok_or_else(|| {
                    let (max, key) = (limits.value_depth_max, excerpt(&self.key));
                    OverLimit::new(Limit::ValueDepth, format!("{key:?} nests deeper than {max} levels"))
                })?;
                self.check_key()?;
                self.add(members_of(raw.get())?.0, depth_left)
            }
            _ => Ok(self.attributes.set(&self.key, &text_of(raw), self.limits)?),
        }
    }

    /// A key that is too long already grows no further.
    fn check_key(&self) -> Result<(), OverLimit> {
        let max = self.limits.label_name_bytes_max;
        if self.key.len() > max {
            let what = format!("an attribute key is longer than {max} bytes");
            return Err(OverLimit::new(Limit::LabelNameBytes, what));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
