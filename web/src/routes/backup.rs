//! Backups, for administrators and `evenkeel backup`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::backups::BackupRefusal;
use crate::dto::backup::{Backup, BackupReport, NewBackup};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::JsonBody;
use crate::state::AppState;

/// The last backup that was asked for since the start.
#[utoipa::path(
    get,
    path = "/api/admin/backup",
    operation_id = "last_backup",
    tag = "server",
    responses((status = 200, body = BackupReport))
)]
pub(crate) async fn last(State(state): State<AppState>) -> Json<BackupReport> {
    Json(BackupReport { backup: state.backups.last().map(Backup::from) })
}

/// Begins a backup of lake, store and configuration into a directory on the server.
#[utoipa::path(
    post,
    path = "/api/admin/backup",
    operation_id = "begin_backup",
    tag = "server",
    request_body = NewBackup,
    responses((status = 202, body = Backup), (status = 409, body = Problem))
)]
pub(crate) async fn begin(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<NewBackup>,
) -> WebResult<Response> {
    let backup = state.backups.begin(&body.to).await.map_err(|refusal| match refusal {
        BackupRefusal::BadTarget(_) => WebError::bad_field("/to", refusal.to_string()),
        BackupRefusal::NotAllowed | BackupRefusal::Running(_) => WebError::Conflict(refusal.to_string()),
    })?;
    Ok((StatusCode::ACCEPTED, Json(Backup::from(backup))).into_response())
}
