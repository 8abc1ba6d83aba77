//! What is wrong with one event, and where in it.

use serde_json::{Map, Value};
use telemetry::{RejectReason, Timestamp};

use crate::OverLimit;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// JSON pointer into the event.
    pub(crate) pointer: String,
    pub(crate) reason: RejectReason,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Problem {
        let reason = RejectReason::InvalidPayload;
        Problem { pointer: pointer.into(), reason, message: message.into() }
    }
}

/// Of the whole event.
impl From<OverLimit> for Problem {
    fn from(over: OverLimit) -> Problem {
        let (pointer, (reason, message)) = (String::new(), over.into());
        Problem { pointer, reason, message }
    }
}

/// A pointer to a member. Names may hold `/` and `~`.
pub(crate) fn pointer_to(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Reads the members of one object and gathers what is wrong with them.
pub(crate) struct Fields<'a> {
    pub(crate) map: &'a mut Map<String, Value>,
    /// JSON pointer of the object.
    pub(crate) parent: &'static str,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Fields<'_> {
    pub(crate) fn problem(&mut self, name: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(pointer_to(self.parent, name), message));
    }

    /// A text of 1 to `bytes_max` bytes without control characters; absent and null are `None`.
    pub(crate) fn text(&mut self, name: &str, bytes_max: usize) -> Option<String> {
        match self.map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => {
                self.problem(name, "must not be empty");
                None
            }
            Some(Value::String(text)) if text.len() > bytes_max => {
                self.problem(name, format!("is longer than {bytes_max} bytes"));
                None
            }
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                self.problem(name, "holds a control character");
                None
            }
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                let message = format!("must be text, not {}", kind_of(other));
                self.problem(name, message);
                None
            }
        }
    }

    pub(crate) fn required_text(&mut self, name: &str, bytes_max: usize) -> Option<String> {
        if self.is_absent(name) {
            self.problem(name, "is missing");
        }
        self.text(name, bytes_max)
    }

    /// A time between `earliest` and `latest`; absent and null are `None`.
    pub(crate) fn time(&mut self, name: &str, earliest: Timestamp, latest: Timestamp) -> Option<Timestamp> {
        let text = self.text(name, 64)?;
        match Timestamp::parse_rfc3339(&text) {
            Err(error) => {
                self.problem(name, error.to_string());
                None
            }
            Ok(time) if time < earliest => {
                self.problem(name, format!("{time} is before {earliest}: is the clock or the unit wrong?"));
                None
            }
            Ok(time) if time > latest => {
                self.problem(name, format!("{time} is after {latest}, too far in the future"));
                None
            }
            Ok(time) => Some(time),
        }
    }

    pub(crate) fn is_absent(&self, name: &str) -> bool {
        self.map.get(name).is_none_or(Value::is_null)
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.map.insert(name.to_owned(), value.into());
    }
}

pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
