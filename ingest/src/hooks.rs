//! Webhooks of code hosts: deployments as GitHub and GitLab tell them, on
//! `POST /hooks/github/{name}` and `POST /hooks/gitlab/{name}`.
//!
//! No token vouches for these requests. Each hook has a secret, and nothing of a body is looked at
//! before [`Proof`] has seen that the provider knows it: 401 and nothing stored otherwise.
//! Everything that a provider tells about one deployment becomes events of one subject, so that the
//! view `deploys` has one row for it. An event's id comes from what the body says: a delivery that
//! is sent again, by the provider or by somebody who recorded it, changes nothing. Their order is
//! the provider's, whatever order they arrive in.
//!
//! Answers: 202 `{accepted, rejected: []}`, with `ignored` and a reason for events that are no
//! deployment; 200 for a ping.

mod config;
mod github;
mod gitlab;
mod proof;
mod reader;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use telemetry::{Event, Limit};

pub use config::{Hook, HookConfig, HookError, Hooks, Provider};
pub use github::GithubHook;
pub use gitlab::GitlabHook;

use crate::body::{Encoding, check_json_depth, media_type};
use crate::events::{refused, respond};
use crate::{Context, Decoded, IngestError, IngestLimits, Outcome};

/// What a delivery says.
enum Delivery {
    Deploy(Box<Event>),
    /// It is right and nothing to keep; why, for people.
    Ignored(String),
}

/// What both providers have in common; the rest is in their files.
const ENCODINGS: (&[Encoding], &str) = (&[Encoding::Identity], "none");

fn body_bytes_max(limits: &IngestLimits) -> (u64, Limit) {
    (limits.hook_body_bytes_max, Limit::HookBodyBytes)
}

/// The hook that the route found for the request.
fn hook_of(parts: &Parts) -> Result<&Hook, IngestError> {
    parts
        .extensions
        .get::<std::sync::Arc<Hook>>()
        .map(AsRef::as_ref)
        .ok_or(IngestError::Unauthenticated("the request was not matched with a configured hook"))
}

fn check_type(parts: &Parts) -> Result<(), IngestError> {
    let (essence, _) = media_type(&parts.headers);
    if essence == "application/json" {
        return Ok(());
    }
    let found = crate::body::excerpt(&essence);
    Err(IngestError::UnsupportedMediaType { found, expected: "application/json (the hook's content type)" })
}

fn json_of(body: &[u8], context: &Context<'_>) -> Result<Value, IngestError> {
    check_json_depth(body, context.limits.json_depth_max)?;
    serde_json::from_slice(body)
        .map_err(|error| IngestError::Malformed(format!("the body is not JSON: {error}")))
}

fn decoded(delivery: Delivery) -> Decoded {
    let mut decoded = Decoded { rows: 1, ..Decoded::default() };
    match delivery {
        Delivery::Deploy(event) => decoded.batch.events.push(*event),
        Delivery::Ignored(reason) => {
            decoded.rows = 0;
            decoded.notice = Some(reason);
        }
    }
    decoded
}

fn answer(outcome: &Outcome) -> Response<Bytes> {
    match outcome {
        Ok(receipt) => {
            let mut body = json!({"accepted": receipt.rows - receipt.rejected_rows(), "rejected": []});
            if let Some(reason) = &receipt.notice {
                body["ignored"] = json!(reason);
            }
            respond(StatusCode::ACCEPTED, "application/json", &body)
        }
        Err(error) => refused(error),
    }
}

#[cfg(test)]
mod tests;
