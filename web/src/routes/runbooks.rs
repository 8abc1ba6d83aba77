//! Runbooks and their runs. A step is carried out only because somebody asked for it here.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use runbooks::run::StepAction;

use super::incidents::incident_id;
use crate::auth::Caller;
use crate::dto::run::{NewRunBody, Run};
use crate::dto::runbook::{Runbook, RunbookList, RunbookSummary};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::JsonBody;
use crate::state::AppState;

/// Every runbook.
#[utoipa::path(
    get,
    path = "/api/runbooks",
    operation_id = "list_runbooks",
    tag = "runbooks",
    responses((status = 200, body = RunbookList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> Json<RunbookList> {
    let library = state.runbooks.library();
    let runbooks = library.iter().map(|runbook| RunbookSummary::from(runbook.as_ref())).collect();
    Json(RunbookList { runbooks })
}

/// One runbook with its steps.
#[utoipa::path(
    get,
    path = "/api/runbooks/{id}",
    operation_id = "get_runbook",
    tag = "runbooks",
    params(("id" = String, Path)),
    responses((status = 200, body = Runbook), (status = 404, body = Problem))
)]
pub(crate) async fn detail(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> WebResult<Json<Runbook>> {
    let library = state.runbooks.library();
    let runbook = library.get(&id).ok_or_else(|| WebError::not_found("runbook", id))?;
    Ok(Json(Runbook::from(runbook.as_ref())))
}

/// Starts a run; nothing is carried out yet.
#[utoipa::path(
    post,
    path = "/api/runs",
    operation_id = "start_run",
    tag = "runbooks",
    request_body = NewRunBody,
    responses((status = 201, body = Run), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn start(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<NewRunBody>,
) -> WebResult<Response> {
    let incident = body.incident_id.as_deref().map(incident_id).transpose()?;
    let run = state.runbooks.start_run(&body.runbook_id, incident, body.params, &caller.name).await?;
    Ok((StatusCode::CREATED, Json(Run::from(run))).into_response())
}

/// One run.
#[utoipa::path(
    get,
    path = "/api/runs/{id}",
    operation_id = "get_run",
    tag = "runbooks",
    params(("id" = String, Path)),
    responses((status = 200, body = Run), (status = 404, body = Problem))
)]
pub(crate) async fn run(State(state): State<AppState>, Path(id): Path<String>) -> WebResult<Json<Run>> {
    Ok(Json(Run::from(state.runbooks.run(&id).await?)))
}

macro_rules! step_verbs {
    ($($(#[$doc:meta])* $verb:ident, $action:ident at $path:literal;)*) => {
        $($(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            tag = "runbooks",
            params(("id" = String, Path), ("name" = String, Path)),
            responses((status = 200, body = Run), (status = 404, body = Problem), (status = 409, body = Problem))
        )]
        pub(crate) async fn $verb(
            State(state): State<AppState>,
            caller: Caller,
            Path((id, name)): Path<(String, String)>,
        ) -> WebResult<Json<Run>> {
            let run = state.runbooks.act_on_step(&id, &name, StepAction::$action, &caller.name).await?;
            Ok(Json(Run::from(run)))
        })*
    };
}

step_verbs! {
    /// Carries a step out. It goes on in the background.
    start_step, Start at "/api/runs/{id}/steps/{name}/start";
    /// Leaves a step out.
    skip_step, Skip at "/api/runs/{id}/steps/{name}/skip";
    /// Ticks off a manual step.
    finish_step, MarkDone at "/api/runs/{id}/steps/{name}/done";
}
