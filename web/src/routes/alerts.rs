//! Alerts as they stand.

use std::time::Duration;

use alerting::AlertFilter;
use axum::Json;
use axum::extract::State;

use crate::dto::alert::{Alert, AlertList};
use crate::error::WebResult;
use crate::state::AppState;

/// How long a resolved alert stays in the list; its history is in the lake.
const RESOLVED_SHOWN: Duration = Duration::from_secs(24 * 3600);

/// Firing alerts first, then pending ones, then those that resolved within a day.
#[utoipa::path(
    get,
    path = "/api/alerts",
    operation_id = "list_alerts",
    tag = "respond",
    responses((status = 200, body = AlertList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> WebResult<Json<AlertList>> {
    let resolved_since = Some(state.clock.now().minus(RESOLVED_SHOWN));
    let filter = AlertFilter { resolved_since, limit: state.config.list_rows_max, ..AlertFilter::default() };
    let alerts = state.alerting.alerts(&filter).await?;
    Ok(Json(AlertList { alerts: alerts.into_iter().map(Alert::from).collect() }))
}
