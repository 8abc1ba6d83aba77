//! Probes: is the process up, does it work, what does it count.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use crate::dto::status::Status;
use crate::error::{WebError, WebResult};
use crate::extract::UrlQuery;
use crate::observe;
use crate::state::{AppState, ReadyRole};

/// `/healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

#[derive(Deserialize)]
pub(crate) struct ReadyQuery {
    role: Option<String>,
}

/// Names and nothing more: the probe is open, details need a token.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    failing: Vec<&'static str>,
}

/// `/readyz`: 200 only when writes, queries and the engine work; `?role=` asks for one of them.
pub(crate) async fn readyz(
    State(state): State<AppState>,
    UrlQuery(query): UrlQuery<ReadyQuery>,
) -> WebResult<Response> {
    let role = match query.role.as_deref() {
        None => None,
        Some(name) => Some(ReadyRole::from_name(name).ok_or_else(|| {
            WebError::bad_field("?role", format!("{name:?} is not a role: ingest, query or engine"))
        })?),
    };
    let report = state.health.report().await;
    let ready = report.is_ready(role);
    let counts = |part: &&crate::state::ComponentHealth| {
        part.role.is_some() && role.is_none_or(|role| part.role == Some(role))
    };
    let failing =
        report.components.iter().filter(counts).filter(|part| !part.ok).map(|part| part.name).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(Ready { ready, failing })).into_response())
}

/// `/metrics`
pub(crate) async fn metrics(State(state): State<AppState>) -> WebResult<Response> {
    let text = observe::openmetrics(&state.registry).map_err(WebError::internal)?;
    Ok(([(CONTENT_TYPE, observe::OPENMETRICS_TYPE)], text).into_response())
}

/// How the server and its configuration are.
#[utoipa::path(
    get,
    path = "/api/status",
    operation_id = "get_status",
    tag = "server",
    responses((status = 200, body = Status))
)]
pub(crate) async fn status(State(state): State<AppState>) -> Json<Status> {
    let report = state.health.report().await;
    Json(Status::of(report, &state))
}
