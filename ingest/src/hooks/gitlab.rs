//! GitLab: the `Deployment Hook`, once for each change of a deployment's status.
//!
//! GitLab tells when the status changed and not when the deployment began: the event of its start
//! does. Pipelines and jobs deploy nothing by themselves and are ignored; so are deployments that
//! wait or were skipped.

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use serde_json::{Map, Value};
use telemetry::Limit;

use super::reader::{Deploy, Document, Phase, version_of};
use super::{Delivery, proof};
use crate::body::Encoding;
use crate::{Context, Decoded, Dialect, IngestError, IngestLimits, Outcome};

/// `POST /hooks/gitlab/{name}`.
#[derive(Clone, Copy, Debug)]
pub struct GitlabHook;

const EVENT_HEADER: &str = "x-gitlab-event";

impl Dialect for GitlabHook {
    fn name(&self) -> &'static str {
        "gitlab_hook"
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
        let hook = super::hook_of(parts)?;
        proof::gitlab_head(&hook.secret, &parts.headers)?;
        super::check_type(parts)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let hook = super::hook_of(parts)?;
        proof::gitlab(&hook.secret, &parts.headers, body, context.now)?;
        let document = Document(super::json_of(body, context)?);
        let event = parts.headers.get(EVENT_HEADER).and_then(|value| value.to_str().ok());
        let delivery = match event.unwrap_or_default() {
            "Deployment Hook" => match deployment(&document)? {
                Ok(deploy) => Delivery::Deploy(Box::new(deploy.into_event(hook, context)?)),
                Err(reason) => Delivery::Ignored(reason),
            },
            "" => return Err(IngestError::Malformed("X-Gitlab-Event is missing".to_owned())),
            other => Delivery::Ignored(format!(
                "{} is no deployment; send deployment events",
                crate::body::excerpt(other)
            )),
        };
        Ok(super::decoded(delivery))
    }

    fn answer(&self, _parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        super::answer(outcome)
    }
}

/// `Err`: why it is ignored.
fn deployment(document: &Document) -> Result<Result<Deploy, String>, IngestError> {
    let status = document.required_text("/status")?;
    let phase = match status.as_str() {
        "created" => Phase::Pending,
        "running" => Phase::Running,
        "success" => Phase::Succeeded,
        "failed" => Phase::Failed,
        "canceled" => Phase::Canceled,
        "blocked" | "skipped" => return Ok(Err(format!("{status}: nothing is deployed"))),
        other => return Ok(Err(format!("{other:?} is not a status of a deployment"))),
    };
    let at = document.time("/status_changed_at")?;
    let path = document.required_text("/project/path_with_namespace")?;
    // The whole commit stands in its link alone.
    let commit = document.text("/commit_url").and_then(|url| Some(url.rsplit_once("/commit/")?.1.to_owned()));
    let commit = commit.or_else(|| document.text("/short_sha"));
    let version = version_of(document.text("/ref").as_deref(), commit.as_deref());
    Ok(Ok(Deploy {
        subject: format!("gitlab:{path}#{}", document.number("/deployment_id")?),
        change: format!("{status}/{}", at.micros()),
        phase,
        at,
        started_at: (phase == Phase::Running).then_some(at),
        version: version
            .ok_or_else(|| IngestError::Malformed("neither ref nor short_sha says a version".to_owned()))?,
        commit,
        environment: document.text("/environment"),
        repository: path.rsplit('/').next().unwrap_or_default().to_owned(),
        actor: document.text("/user/username"),
        details: details(document),
    }))
}

fn details(document: &Document) -> Map<String, Value> {
    let members = [
        ("repository", "/project/path_with_namespace"),
        ("state", "/status"),
        ("ref", "/ref"),
        ("environment_tier", "/environment_tier"),
        ("description", "/commit_title"),
        ("log_url", "/deployable_url"),
        ("environment_url", "/environment_external_url"),
        ("repository_url", "/project/web_url"),
    ];
    let found = members
        .into_iter()
        .filter_map(|(name, pointer)| Some((name.to_owned(), Value::String(document.text(pointer)?))));
    found.collect()
}
