//! The demo's inbox. Outside of the demo it does not exist.

use axum::Json;
use axum::extract::State;

use crate::dto::inbox::{Mail, MailList};
use crate::error::{Problem, WebError, WebResult};
use crate::state::AppState;

/// The mails that the demo's SMTP server took, the newest first.
#[utoipa::path(
    get,
    path = "/api/inbox",
    operation_id = "list_mails",
    tag = "demo",
    responses((status = 200, body = MailList), (status = 404, body = Problem))
)]
pub(crate) async fn list(State(state): State<AppState>) -> WebResult<Json<MailList>> {
    let inbox = state.inbox.as_ref().ok_or(WebError::NoSuchPath)?;
    let mails = inbox.mails(state.config.list_rows_max as usize).await;
    Ok(Json(MailList { mails: mails.into_iter().map(Mail::from).collect() }))
}
