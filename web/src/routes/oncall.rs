//! Who is on call.

use axum::Json;
use axum::extract::State;

use crate::dto::oncall::{OnCallList, OnCallSchedule};
use crate::state::AppState;

/// Every schedule: who is on call now, who is next, and the gaps ahead.
#[utoipa::path(
    get,
    path = "/api/oncall",
    operation_id = "list_on_call",
    tag = "respond",
    responses((status = 200, body = OnCallList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> Json<OnCallList> {
    let schedules = state.alerting.on_call_all(state.clock.now());
    Json(OnCallList { schedules: schedules.into_iter().map(OnCallSchedule::from).collect() })
}
