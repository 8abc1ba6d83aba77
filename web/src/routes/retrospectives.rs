//! Retrospectives: drafted from an incident, written by people, exported as Markdown.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::incidents::incident_id;
use crate::auth::Caller;
use crate::dto::retrospective::{Retrospective, RetrospectiveBody, RetrospectiveList, RetrospectiveSummary};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::JsonBody;
use crate::state::AppState;

/// Every retrospective, the newest first.
#[utoipa::path(
    get,
    path = "/api/retrospectives",
    operation_id = "list_retrospectives",
    tag = "retrospectives",
    responses((status = 200, body = RetrospectiveList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> WebResult<Json<RetrospectiveList>> {
    let retrospectives = state.runbooks.retrospectives().await?;
    let retrospectives = retrospectives.into_iter().map(RetrospectiveSummary::from).collect();
    Ok(Json(RetrospectiveList { retrospectives }))
}

/// The incident's retrospective, drafted if there is none.
#[utoipa::path(
    post,
    path = "/api/incidents/{id}/retrospective",
    operation_id = "draft_retrospective",
    tag = "retrospectives",
    params(("id" = String, Path)),
    responses((status = 200, body = Retrospective), (status = 404, body = Problem))
)]
pub(crate) async fn draft(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> WebResult<Json<Retrospective>> {
    let retro = state.runbooks.draft_retrospective(incident_id(&id)?, &caller.name).await?;
    Ok(Json(retro.into()))
}

/// One retrospective.
#[utoipa::path(
    get,
    path = "/api/retrospectives/{id}",
    operation_id = "get_retrospective",
    tag = "retrospectives",
    params(("id" = String, Path)),
    responses((status = 200, body = Retrospective), (status = 404, body = Problem))
)]
pub(crate) async fn detail(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> WebResult<Json<Retrospective>> {
    Ok(Json(state.runbooks.retrospective(&id).await?.into()))
}

/// Stores what somebody wrote.
#[utoipa::path(
    put,
    path = "/api/retrospectives/{id}",
    operation_id = "save_retrospective",
    tag = "retrospectives",
    params(("id" = String, Path)),
    request_body = RetrospectiveBody,
    responses((status = 200, body = Retrospective), (status = 404, body = Problem))
)]
pub(crate) async fn save(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RetrospectiveBody>,
) -> WebResult<Json<Retrospective>> {
    Ok(Json(state.runbooks.save_retrospective(&id, &body.markdown, &caller.name).await?.into()))
}

/// Publishes it.
#[utoipa::path(
    post,
    path = "/api/retrospectives/{id}/publish",
    operation_id = "publish_retrospective",
    tag = "retrospectives",
    params(("id" = String, Path)),
    responses((status = 200, body = Retrospective), (status = 404, body = Problem))
)]
pub(crate) async fn publish(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> WebResult<Json<Retrospective>> {
    Ok(Json(state.runbooks.publish_retrospective(&id, &caller.name).await?.into()))
}

/// `/retros/{id}/export.md`: the Markdown as a file.
pub(crate) async fn export_markdown(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> WebResult<Response> {
    let retro = state.runbooks.retrospective(&id).await?;
    // Ids are ours (`RETRO-7`), but a header is no place to rely on that.
    let name: String = retro.id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let disposition = http::HeaderValue::from_str(&format!("attachment; filename=\"{name}.md\""));
    let disposition = disposition.map_err(WebError::internal)?;
    let content_type = http::HeaderValue::from_static("text/markdown; charset=utf-8");
    Ok(([(CONTENT_TYPE, content_type), (CONTENT_DISPOSITION, disposition)], retro.markdown).into_response())
}
