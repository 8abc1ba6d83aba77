//! Requests as SDKs and collectors write them, read by hand: texts borrow from the body, what repeats is
//! looked up once, and nothing is allocated per record.
//!
//! Only the plain case, and only when all is well. Fields that a generated writer would not write (unknown
//! ones, a message twice where one belongs), a body that is no request, a record to be refused and a limit
//! that is reached all end in `None`: then the generated types read the body again and say what is what.
//! What is said here is what they would have said, which [`super::against_prost`] checks.

use std::borrow::Cow;

use telemetry::{LogRow, LogRows, Word};

use super::{ENV_KEYS, HOST_KEYS, SERVICE_KEYS, severity, time_of};
use crate::attributes::{Attributes, check_body};
use crate::otlp::plain_value::{Pair, read_pair, read_text};
use crate::protobuf::{Reader, Wire};
use crate::validate::{Meter, check_is_set};
use crate::{Context, Decoded, Rejections};

/// `ExportLogsServiceRequest`.
pub(super) fn decode(body: &[u8], context: &Context<'_>) -> Option<Decoded> {
    let mut decoder = Decoder {
        context,
        meter: Meter::new(context.limits),
        rows: LogRows::default(),
        trace: (&[], Word::NONE),
    };
    let mut request = Reader::new(body);
    while let Some((field, wire)) = request.key().ok()? {
        match field {
            1 => decoder.resource_logs(request.message(wire).ok()?)?,
            _ => return None,
        }
    }
    let mut decoded = Decoded { rejections: Rejections::new(super::FAULTS_MAX), ..Decoded::default() };
    decoded.rows = decoder.rows.len() as u64;
    decoded.batch.log_rows = decoder.rows;
    Some(decoded)
}

struct Decoder<'a> {
    context: &'a Context<'a>,
    meter: Meter<'a>,
    rows: LogRows,
    /// The last trace id and its word: lines of a request stand together.
    trace: (&'a [u8], Word),
}

/// The columns that come from a resource.
#[derive(Clone, Copy)]
struct Origin {
    service: Word,
    env: Word,
    host: Word,
}

/// What the records of a scope share: attributes by key, and the bytes that a copy of them costs.
struct Shared<'s> {
    origin: Origin,
    attrs: &'s [(&'s str, Word, Word)],
    bytes: usize,
}

impl<'a> Decoder<'a> {
    fn resource_logs(&mut self, mut message: Reader<'a>) -> Option<()> {
        let (mut resource, mut scopes) = (None, Vec::new());
        while let Some((field, wire)) = message.key().ok()? {
            match field {
                1 if resource.is_none() => resource = Some(message.message(wire).ok()?),
                2 => scopes.push(message.message(wire).ok()?),
                3 => drop(message.text(wire).ok()?),
                _ => return None,
            }
        }
        let attributes = match resource {
            Some(resource) => resource_attributes(resource, self.context.limits.value_depth_max)?,
            None => Vec::new(),
        };
        let origin = Origin {
            service: self.first(&attributes, &SERVICE_KEYS)?,
            env: self.first(&attributes, &ENV_KEYS)?,
            host: self.first(&attributes, &HOST_KEYS)?,
        };
        scopes.into_iter().try_for_each(|scope| self.scope_logs(scope, origin, &attributes))
    }

    fn first(&mut self, attributes: &[Pair<'a>], keys: &[&str]) -> Option<Word> {
        for key in keys {
            match attributes.iter().find(|pair| pair.key == *key) {
                // Whether an identity that nests is one is not decided here.
                Some(pair) if pair.nests => return None,
                Some(pair) if !pair.value.is_empty() => return Some(self.rows.word(&pair.value)),
                _ => {}
            }
        }
        Some(Word::NONE)
    }

    fn scope_logs(&mut self, message: Reader<'a>, origin: Origin, resource: &[Pair<'a>]) -> Option<()> {
        let limits = self.context.limits;
        let mut attributes = Attributes::default();
        for pair in resource {
            attributes.set(pair.key, &pair.value, limits).ok()?;
        }
        // The scope may stand behind its records.
        let (mut fields, mut scope) = (message, None);
        while let Some((field, wire)) = fields.key().ok()? {
            match field {
                1 if scope.is_none() => scope = Some(fields.message(wire).ok()?),
                2 => drop(fields.message(wire).ok()?),
                3 => drop(fields.text(wire).ok()?),
                _ => return None,
            }
        }
        if let Some(scope) = scope {
            add_scope(scope, &mut attributes, self.context)?;
        }
        let bytes = attributes.bytes();
        let pairs = attributes.into_pairs();
        let attrs: Vec<(&str, Word, Word)> =
            pairs.iter().map(|(key, value)| (&**key, self.rows.word(key), self.rows.word(value))).collect();
        let shared = Shared { origin, attrs: &attrs, bytes };
        let (mut keyed, mut words) = (Vec::new(), Vec::new());
        let mut fields = message;
        while let Some((field, wire)) = fields.key().ok()? {
            match field {
                2 => {
                    keyed.clear();
                    let record = self.record(fields.message(wire).ok()?, &shared, &mut keyed)?;
                    words.clear();
                    words.extend(keyed.iter().map(|(_, key, value)| (*key, *value)));
                    let Record { row, body } = record;
                    self.rows.push_row(LogRow { body: &body, attrs: &words, ..row });
                }
                _ => fields.skip(field, wire).ok()?,
            }
        }
        Some(())
    }

    /// A record but for its attributes, which go into `attrs`, sorted by key.
    fn record<'s>(
        &mut self,
        mut message: Reader<'a>,
        shared: &Shared<'s>,
        attrs: &mut Vec<(&'s str, Word, Word)>,
    ) -> Option<Record<'a>>
    where
        'a: 's,
    {
        let limits = self.context.limits;
        // The record as it is sent is at least as long as its fields.
        self.meter.row(shared.bytes + message.rest().len()).ok()?;
        attrs.extend_from_slice(shared.attrs);
        let mut fields = Fields::default();
        let mut body = None;
        while let Some((field, wire)) = message.key().ok()? {
            match field {
                1 => fields.nanos = message.fixed64(wire).ok()?,
                2 => fields.severity_number = message.integer(wire).ok()? as i32,
                3 => fields.severity_text = message.text(wire).ok()?,
                5 if body.is_none() => {
                    body = Some(read_text(message.message(wire).ok()?, limits.value_depth_max)?.0);
                }
                6 => {
                    let pair = read_pair(message.message(wire).ok()?, limits.value_depth_max)?;
                    self.set(attrs, pair.key, &pair.value)?;
                }
                7 => drop(message.integer(wire).ok()?),
                8 if wire == Wire::Fixed32 => message.skip(field, wire).ok()?,
                9 => fields.trace_id = message.blob(wire).ok()?,
                10 => fields.span_id = message.blob(wire).ok()?,
                11 => fields.observed_nanos = message.fixed64(wire).ok()?,
                12 => fields.event_name = message.text(wire).ok()?,
                _ => return None,
            }
        }
        if !fields.event_name.is_empty() {
            self.set(attrs, "event.name", fields.event_name)?;
        }
        let body = body.unwrap_or_default();
        check_body(&body, limits).ok()?;
        let (ts, ts_ns_rem) = time_of(fields.nanos, fields.observed_nanos, self.context.now);
        check_is_set(ts).ok()?;
        if fields.trace_id != self.trace.0 {
            self.trace = (fields.trace_id, self.id::<16>(fields.trace_id));
        }
        let Origin { service, env, host } = shared.origin;
        let severity = self.severity(&fields);
        let columns = [service, env, host, severity, self.trace.1, self.id::<8>(fields.span_id)];
        Some(Record { row: LogRow { ts, ts_ns_rem, columns, body: "", attrs: &[] }, body })
    }

    /// As [`Attributes::set`].
    fn set<'s>(&mut self, attrs: &mut Vec<(&'s str, Word, Word)>, key: &'s str, value: &str) -> Option<()> {
        let limits = self.context.limits;
        if key.len() > limits.label_name_bytes_max || value.len() > limits.attribute_value_bytes_max {
            return None;
        }
        let value = self.rows.word(value);
        match attrs.binary_search_by(|(present, ..)| present.cmp(&key)) {
            Ok(at) => attrs[at].2 = value,
            Err(at) if attrs.len() < limits.attributes_per_log_max => {
                attrs.insert(at, (key, self.rows.word(key), value));
            }
            Err(_) => return None,
        }
        Some(())
    }

    fn severity(&mut self, fields: &Fields<'_>) -> Word {
        /// Longer words are cut, and short ones of other letters put into upper case.
        const PLAIN_BYTES_MAX: usize = 16;
        let text = fields.severity_text;
        let is_plain = !text.is_empty()
            && text.len() <= PLAIN_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if is_plain {
            return self.rows.word(text);
        }
        severity(text, fields.severity_number).map_or(Word::NONE, |word| self.rows.word(&word))
    }

    /// As [`hex_id`](crate::otlp::values::hex_id).
    fn id<const LENGTH: usize>(&mut self, id: &[u8]) -> Word {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let Some(id) = id.first_chunk::<LENGTH>().filter(|_| id.len() == LENGTH) else { return Word::NONE };
        if *id == [0; LENGTH] {
            return Word::NONE;
        }
        let mut text = [0; 32];
        for (digits, byte) in text.chunks_exact_mut(2).zip(id) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
        }
        let text = std::str::from_utf8(&text[..2 * LENGTH]).unwrap_or_default();
        self.rows.word(text)
    }
}

struct Record<'a> {
    /// Without body and attributes.
    row: LogRow<'static>,
    body: Cow<'a, str>,
}

#[derive(Default)]
struct Fields<'a> {
    nanos: u64,
    observed_nanos: u64,
    severity_number: i32,
    severity_text: &'a str,
    event_name: &'a str,
    trace_id: &'a [u8],
    span_id: &'a [u8],
}

fn resource_attributes(mut message: Reader<'_>, depth_max: usize) -> Option<Vec<Pair<'_>>> {
    let mut attributes = Vec::new();
    while let Some((field, wire)) = message.key().ok()? {
        match field {
            1 => attributes.push(read_pair(message.message(wire).ok()?, depth_max)?),
            2 => drop(message.integer(wire).ok()?),
            _ => return None,
        }
    }
    Some(attributes)
}

/// `InstrumentationScope`.
fn add_scope(mut message: Reader<'_>, attributes: &mut Attributes, context: &Context<'_>) -> Option<()> {
    let limits = context.limits;
    let (mut name, mut version) = ("", "");
    while let Some((field, wire)) = message.key().ok()? {
        match field {
            1 => name = message.text(wire).ok()?,
            2 => version = message.text(wire).ok()?,
            3 => {
                let pair = read_pair(message.message(wire).ok()?, limits.value_depth_max)?;
                attributes.set(pair.key, &pair.value, limits).ok()?;
            }
            4 => drop(message.integer(wire).ok()?),
            _ => return None,
        }
    }
    for (key, value) in [("otel.scope.name", name), ("otel.scope.version", version)] {
        if !value.is_empty() {
            attributes.set(key, value, limits).ok()?;
        }
    }
    Some(())
}
