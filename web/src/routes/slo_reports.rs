//! One objective at one time, and what ate its budget: incidents and deploys of its service.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use telemetry::time::parse_duration;

use super::slos::{find, find_objective, find_window, time_field};
use crate::dto::slo_report::{ReportQuery, SloReport};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::UrlQuery;
use crate::state::AppState;

/// The windows of a report that names none.
const WINDOWS_DEFAULT: &str = "1h,6h,1d,3d";

/// One objective at one time.
#[utoipa::path(
    get,
    path = "/api/slos/{name}/report",
    operation_id = "get_slo_report",
    tag = "observe",
    params(("name" = String, Path), ReportQuery),
    responses((status = 200, body = SloReport), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn report(
    State(state): State<AppState>,
    Path(name): Path<String>,
    UrlQuery(query): UrlQuery<ReportQuery>,
) -> WebResult<Json<SloReport>> {
    let slo = find(&state, &name)?;
    let objective = find_objective(&slo, query.objective.as_deref())?;
    let group = query.group.unwrap_or_default();
    let window = query.window.as_deref().filter(|window| !window.is_empty());
    let windows = query.windows.as_deref().unwrap_or(WINDOWS_DEFAULT);
    let asked = query::sli::ReportQuery {
        slo: slo.name.clone(),
        objective: Some(objective.to_owned()),
        group: group.clone(),
        at: time_field("?at", query.at.as_deref())?,
        recorded_by: time_field("?reported_on", query.reported_on.as_deref())?,
        windows: read_windows(windows, state.config.report_windows_max)?,
        window: Some(find_window(&slo, window)?.text().to_owned()),
    };
    let report = state.slos.report(&asked).await?.ok_or_else(|| WebError::not_found("group", group))?;
    Ok(Json(SloReport::from(report)))
}

fn read_windows(text: &str, most: usize) -> WebResult<Vec<Duration>> {
    let read = |window: &str| {
        let length = parse_duration(window.trim()).ok().filter(|length| !length.is_zero());
        length.ok_or_else(|| WebError::bad_field("?windows", format!("{window:?} is no duration such as 6h")))
    };
    let windows: Vec<Duration> = text.split(',').map(read).collect::<WebResult<_>>()?;
    if windows.len() > most {
        let message = format!("at most {most} windows at once (web.report_windows_max)");
        return Err(WebError::bad_field("?windows", message));
    }
    Ok(windows)
}
