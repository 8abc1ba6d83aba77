//! PagerDuty change events: `POST /pagerduty/v2/change/enqueue`.
//!
//! No token: the body's `routing_key` is an integration key, bound to one service, and nothing else
//! of the body is looked at before the key is known. A change is an event of kind `change`; one whose
//! `custom_details` name a `version` is a deploy (with `status` and `env` or `environment`, if they
//! are there). A change with a timestamp that is sent again is the same change.
//!
//! Answers are PagerDuty's: 202 `{status, message}`, 400 `{status: "invalid event", message, errors}`,
//! 429 to slow down.

use std::sync::Arc;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use telemetry::{Event, EventKind, Limit, RejectReason};
use uuid::Uuid;

use crate::body::{Encoding, check_json_depth, media_type};
use crate::error::retry_after_secs;
use crate::events::envelope::{Draft, NAME_BYTES_MAX};
use crate::events::payload::Completeness;
use crate::events::respond;
use crate::{
    Context, Decoded, Dialect, Fault, IngestError, IngestLimits, Outcome, Receipt, Rejections, loose_time,
};

/// `POST /pagerduty/v2/change/enqueue`.
#[derive(Clone, Copy, Debug)]
pub struct ChangeEvents;

/// Whom an integration key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// The key's own name.
    pub name: String,
    /// The one service that it speaks for.
    pub service: String,
}

/// Port: the integration keys that exist.
pub trait IntegrationKeys: Send + Sync {
    /// `None` for a key that is unknown, revoked or expired.
    fn integration(&self, key: &str) -> Option<Integration>;
}

/// What the route puts into the request's extensions.
#[derive(Clone)]
pub struct Keyring(pub Arc<dyn IntegrationKeys>);

/// Characters of a routing key.
pub const ROUTING_KEY_CHARS: usize = 32;
/// Of a summary, in PagerDuty as here.
const SUMMARY_CHARS_MAX: usize = 1024;
/// More problems than this are not listed.
const PROBLEMS_MAX: usize = 16;

const UNKNOWN_KEY: IngestError = IngestError::Unauthenticated("Invalid routing key");

impl Dialect for ChangeEvents {
    fn name(&self) -> &'static str {
        "pagerduty_change"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        (&[Encoding::Identity, Encoding::Gzip], "gzip or none")
    }

    fn body_bytes_max(&self, limits: &IngestLimits) -> (u64, Limit) {
        (limits.hook_body_bytes_max, Limit::HookBodyBytes)
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        let (essence, _) = media_type(&parts.headers);
        if essence.is_empty() || essence == "application/json" {
            return Ok(());
        }
        let found = crate::body::excerpt(&essence);
        Err(IngestError::UnsupportedMediaType { found, expected: "application/json" })
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let max = context.limits.event_payload_bytes_max;
        if body.len() > max {
            let (what, limit) = ("the event in bytes", Limit::EventPayloadBytes);
            return Err(IngestError::TooLarge { what, limit, max: max as u64 });
        }
        check_json_depth(body, context.limits.json_depth_max)?;
        let mut map: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| IngestError::Malformed(format!("the body is no JSON object: {error}")))?;
        let integration = integration_of(map.remove("routing_key"), parts)?;
        let mut decoded =
            Decoded { rows: 1, rejections: Rejections::new(PROBLEMS_MAX), ..Decoded::default() };
        match read(map, body, &integration, context) {
            Ok(event) => decoded.batch.events.push(event),
            Err(problems) => reject(&mut decoded.rejections, problems),
        }
        decoded.sender = Some(integration.name);
        Ok(decoded)
    }

    fn answer(&self, _parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        match outcome {
            Ok(receipt) if receipt.rejected_rows() == 0 => {
                let body = json!({"status": "success", "message": "Change event processed"});
                respond(StatusCode::ACCEPTED, "application/json", &body)
            }
            Ok(receipt) => invalid(StatusCode::BAD_REQUEST, "invalid event", &problems_of(receipt)),
            Err(error) => refused(error),
        }
    }
}

fn integration_of(key: Option<Value>, parts: &Parts) -> Result<Integration, IngestError> {
    let key = match key {
        Some(Value::String(key)) if !key.trim().is_empty() => key,
        _ => return Err(IngestError::Unauthenticated("'routing_key' is missing or blank")),
    };
    if key.chars().count() != ROUTING_KEY_CHARS {
        let message = "Length of 'routing_key' is incorrect (should be 32 characters)";
        return Err(IngestError::Unauthenticated(message));
    }
    parts.extensions.get::<Keyring>().and_then(|keys| keys.0.integration(&key)).ok_or(UNKNOWN_KEY)
}

fn read(
    mut map: Map<String, Value>,
    body: &[u8],
    integration: &Integration,
    context: &Context<'_>,
) -> Result<Event, Vec<String>> {
    let Some(Value::Object(mut told)) = map.remove("payload") else {
        return Err(vec!["'payload' is missing or blank".to_owned()]);
    };
    let mut problems = Vec::new();
    match told.get("summary").and_then(Value::as_str).map(str::trim) {
        None | Some("") => problems.push("'payload.summary' is missing or blank".to_owned()),
        Some(summary) if summary.chars().count() > SUMMARY_CHARS_MAX => problems.push(format!(
            "Length of 'payload.summary' is incorrect (at most {SUMMARY_CHARS_MAX} characters)"
        )),
        Some(_) => {}
    }
    let at = match told.remove("timestamp") {
        None | Some(Value::Null) => None,
        Some(text) => {
            let at = text.as_str().and_then(loose_time::parse);
            if at.is_none() {
                problems.push("'payload.timestamp' is not a valid ISO 8601 time".to_owned());
            }
            at
        }
    };
    let is_absent_or = |value: Option<&Value>, right: fn(&Value) -> bool| {
        value.is_none_or(|value| value.is_null() || right(value))
    };
    if !is_absent_or(told.get("custom_details"), |value| value.is_object() || value.is_string()) {
        problems.push("'payload.custom_details' is not an object".to_owned());
    }
    for name in ["links", "images"] {
        if !is_absent_or(map.get(name), Value::is_array) {
            problems.push(format!("'{name}' is not an array"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    told.extend(map.into_iter().filter(|(name, _)| name == "links" || name == "images"));
    told.retain(|_, value| !value.is_null());
    let mut draft = Draft {
        // Without a time of its own, two equal ones are two changes.
        id: at.map(|_| id_of(integration, body)),
        kind: Some(EventKind::CHANGE),
        service: Some(integration.service.clone()),
        actor: Some(integration.name.clone()),
        at: at.or(Some(context.now)),
        payload: told,
        ..Draft::default()
    };
    as_deploy(&mut draft);
    draft.finish(Vec::new(), 0, context).map_err(|problems| {
        problems.into_iter().map(|problem| format!("'{}' {}", problem.pointer, problem.message)).collect()
    })
}

fn id_of(integration: &Integration, body: &[u8]) -> String {
    let name = [integration.name.as_bytes(), b"\0", body].concat();
    format!("pagerduty:{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, &name))
}

/// A change that says which version came is a deploy.
fn as_deploy(draft: &mut Draft) {
    let detail = |name: &str| {
        let text = draft.payload.get("custom_details")?.get(name)?.as_str()?.trim();
        (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then(|| text.to_owned())
    };
    let env = detail("env").or_else(|| detail("environment"));
    let (version, status) = (detail("version"), detail("status"));
    draft.env = env;
    let Some(version) = version else { return };
    draft.kind = Some(EventKind::DEPLOY);
    draft.completeness = Completeness::Change;
    draft.payload.insert("version".to_owned(), version.into());
    draft.payload.insert("status".to_owned(), status.unwrap_or_else(|| "succeeded".to_owned()).into());
    draft.payload.insert("finished_at".to_owned(), json!(draft.at));
}

fn reject(rejections: &mut Rejections, problems: Vec<String>) {
    // The event is one refused row, however much is wrong with it.
    let mut count = 1;
    for message in problems.into_iter().take(PROBLEMS_MAX) {
        let (pointer, reason) = (String::new(), RejectReason::InvalidPayload);
        rejections.reject(Fault { index: 0, pointer, reason, count, message });
        count = 0;
    }
}

fn problems_of(receipt: &Receipt) -> Vec<String> {
    let told: Vec<String> = receipt.faults.iter().map(|fault| fault.message.clone()).collect();
    if told.is_empty() { receipt.complaint().into_iter().collect() } else { told }
}

fn refused(error: &IngestError) -> Response<Bytes> {
    let (status, word) = match error.status() {
        // PagerDuty says so of a key that it does not know.
        StatusCode::UNAUTHORIZED => (StatusCode::BAD_REQUEST, "invalid event"),
        StatusCode::TOO_MANY_REQUESTS => (StatusCode::TOO_MANY_REQUESTS, "throttle exceeded"),
        status if status.is_server_error() => (status, "unavailable"),
        status => (status, "invalid event"),
    };
    let mut answer = invalid(status, word, &[error.to_string()]);
    if let Some(wait) = error.retry_after() {
        answer.headers_mut().insert(RETRY_AFTER, retry_after_secs(wait).into());
    }
    answer
}

fn invalid(status: StatusCode, word: &str, errors: &[String]) -> Response<Bytes> {
    let message = match word {
        "invalid event" => "Event object is invalid",
        _ => "Requests are not taken right now. Please retry later.",
    };
    respond(status, "application/json", &json!({"status": word, "message": message, "errors": errors}))
}

#[cfg(test)]
mod tests;
