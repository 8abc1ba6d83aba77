//! Backfills of one SLO: begin one, and how far they are.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use query::sli::BackfillSpan;
use telemetry::Timestamp;

use super::slos::{find, time_field};
use crate::auth::Caller;
use crate::dto::backfill::{Backfill, BackfillList, NewBackfill};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::JsonBodyOrDefault;
use crate::state::AppState;

/// The backfills of an SLO that wait, run or have ended.
#[utoipa::path(
    get,
    path = "/api/slos/{name}/backfills",
    operation_id = "list_slo_backfills",
    tag = "observe",
    params(("name" = String, Path)),
    responses((status = 200, body = BackfillList), (status = 404, body = Problem))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> WebResult<Json<BackfillList>> {
    let slo = find(&state, &name)?;
    let own = state.slos.backfills().into_iter().filter(|backfill| backfill.slo == slo.name);
    Ok(Json(BackfillList { backfills: own.map(Backfill::from).collect() }))
}

/// Begins to measure an SLO over history. It goes on after a restart, and counts nothing twice.
#[utoipa::path(
    post,
    path = "/api/slos/{name}/backfills",
    operation_id = "begin_slo_backfill",
    tag = "observe",
    params(("name" = String, Path)),
    request_body = NewBackfill,
    responses(
        (status = 202, body = Backfill),
        (status = 400, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(crate) async fn begin(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    JsonBodyOrDefault(body): JsonBodyOrDefault<NewBackfill>,
) -> WebResult<Response> {
    let slo = find(&state, &name)?;
    let now = state.clock.now();
    let from = match time_field("/from", body.from.as_deref())? {
        Some(from) => from,
        None => state.slos.oldest_data().await?.unwrap_or(now),
    };
    let to: Timestamp = time_field("/to", body.to.as_deref())?.unwrap_or(now);
    if from >= to {
        return Err(WebError::bad_field("/from", format!("there is nothing to measure from {from} to {to}")));
    }
    let span = BackfillSpan { from, to, again: body.again };
    let begun = state.slos.start_backfill(&slo.name, span, Some(&caller.name)).await?;
    Ok((StatusCode::ACCEPTED, Json(Backfill::from(begun))).into_response())
}
