//! GitHub: `deployment` begins a deploy, each `deployment_status` moves it on.
//!
//! Deploys of workflow runs with an environment come as these two as well. A `workflow_run` or
//! `release` by itself says nothing about what runs where and is ignored; so is the status
//! `inactive`, which a later deploy gives to its predecessor and which ends nothing.

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use telemetry::Limit;

use super::reader::{Deploy, Document, Phase, version_of};
use super::{Delivery, proof};
use crate::body::Encoding;
use crate::events::respond;
use crate::{Context, Decoded, Dialect, IngestError, IngestLimits, Outcome};

/// `POST /hooks/github/{name}`.
#[derive(Clone, Copy, Debug)]
pub struct GithubHook;

const EVENT_HEADER: &str = "x-github-event";

impl Dialect for GithubHook {
    fn name(&self) -> &'static str {
        "github_hook"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        super::ENCODINGS
    }

    /// The signature is over the bytes as they are.
    fn is_json(&self, _parts: &Parts) -> bool {
        false
    }

    fn body_bytes_max(&self, limits: &IngestLimits) -> (u64, Limit) {
        super::body_bytes_max(limits)
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        super::hook_of(parts)?;
        proof::github_head(&parts.headers)?;
        super::check_type(parts)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let hook = super::hook_of(parts)?;
        proof::github(&hook.secret, &parts.headers, body)?;
        let document = Document(super::json_of(body, context)?);
        let delivery = match event_of(parts) {
            "ping" => Delivery::Ignored("the ping of a new webhook".to_owned()),
            "deployment" => Delivery::Deploy(Box::new(deployment(&document)?.into_event(hook, context)?)),
            "deployment_status" => match deployment_status(&document)? {
                Ok(deploy) => Delivery::Deploy(Box::new(deploy.into_event(hook, context)?)),
                Err(reason) => Delivery::Ignored(reason),
            },
            "" => return Err(IngestError::Malformed("X-GitHub-Event is missing".to_owned())),
            other => Delivery::Ignored(format!(
                "{} is no deployment; send deployment and deployment_status",
                crate::body::excerpt(other)
            )),
        };
        Ok(super::decoded(delivery))
    }

    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        if outcome.is_ok() && event_of(parts) == "ping" {
            return respond(StatusCode::OK, "application/json", &json!({"message": "the hook works"}));
        }
        super::answer(outcome)
    }
}

fn event_of(parts: &Parts) -> &str {
    parts.headers.get(EVENT_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn deployment(document: &Document) -> Result<Deploy, IngestError> {
    let at = document.time("/deployment/created_at")?;
    about(document, "created".to_owned(), Phase::Pending, at)
}

/// `Err`: why it is ignored.
fn deployment_status(document: &Document) -> Result<Result<Deploy, String>, IngestError> {
    let state = document.required_text("/deployment_status/state")?;
    let phase = match state.as_str() {
        "queued" | "pending" | "waiting" => Phase::Pending,
        "in_progress" => Phase::Running,
        "success" => Phase::Succeeded,
        "failure" | "error" => Phase::Failed,
        "inactive" => return Ok(Err("inactive: a later deployment took its place".to_owned())),
        other => return Ok(Err(format!("{other:?} is not a state of a deployment"))),
    };
    let at = document.time("/deployment_status/created_at")?;
    let change = format!("status/{}", document.number("/deployment_status/id")?);
    let mut deploy = about(document, change, phase, at)?;
    // The environment can be named anew with each status.
    deploy.environment = document.text("/deployment_status/environment").or(deploy.environment);
    deploy.details.extend(kept(
        document,
        [
            ("state", "/deployment_status/state"),
            ("description", "/deployment_status/description"),
            ("log_url", "/deployment_status/log_url"),
            ("environment_url", "/deployment_status/environment_url"),
        ],
    ));
    Ok(Ok(deploy))
}

fn about(
    document: &Document,
    change: String,
    phase: Phase,
    at: telemetry::Timestamp,
) -> Result<Deploy, IngestError> {
    let full_name = document.required_text("/repository/full_name")?;
    let (reference, commit) = (document.text("/deployment/ref"), document.text("/deployment/sha"));
    let version = version_of(reference.as_deref(), commit.as_deref());
    Ok(Deploy {
        subject: format!("github:{full_name}#{}", document.number("/deployment/id")?),
        change,
        phase,
        at,
        started_at: Some(document.time("/deployment/created_at")?.min(at)),
        version: version
            .ok_or_else(|| IngestError::Malformed("/deployment has neither ref nor sha".to_owned()))?,
        commit,
        environment: document.text("/deployment/environment"),
        repository: document.required_text("/repository/name")?,
        actor: document.text("/deployment/creator/login").or_else(|| document.text("/sender/login")),
        details: kept(
            document,
            [
                ("repository", "/repository/full_name"),
                ("ref", "/deployment/ref"),
                ("task", "/deployment/task"),
                ("production", "/deployment/production_environment"),
                ("repository_url", "/repository/html_url"),
            ],
        ),
    })
}

fn kept<const N: usize>(document: &Document, members: [(&str, &str); N]) -> Map<String, Value> {
    let found = members.into_iter().filter_map(|(name, pointer)| {
        let value = match document.get(pointer)? {
            Value::String(_) => Value::String(document.text(pointer)?),
            Value::Bool(flag) => Value::Bool(*flag),
            _ => return None,
        };
        Some((name.to_owned(), value))
    });
    found.collect()
}
