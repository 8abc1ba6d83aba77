//! SLOs: all objectives, one SLO whole, its history.

use std::sync::Arc;

use alerting::{Incident, IncidentFilter};
use axum::Json;
use axum::extract::{Path, State};
use query::sli::BudgetOf;
use slo::Slo;
use telemetry::Timestamp;

use super::deploys::{self, Deploy};
use crate::dto::slo::{
    HistoryDeploy, HistoryIncident, HistoryPoint, HistoryQuery, ProjectionPoint, SloDefinition, SloDetail,
    SloHistory, SloList, SloProblem, SloStatus,
};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::UrlQuery;
use crate::state::AppState;

/// Points of a chart when the request names no number.
const POINTS_DEFAULT: usize = 300;
/// Steps of the dashed line behind it: smooth enough for what comes back to a rolling window.
const PROJECTION_STEPS: u32 = 60;

/// Every objective as of its watermark, the most urgent first.
#[utoipa::path(
    get,
    path = "/api/slos",
    operation_id = "list_slos",
    tag = "observe",
    responses((status = 200, body = SloList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> Json<SloList> {
    let mut slos: Vec<SloStatus> = state.slos.statuses().iter().cloned().map(SloStatus::from).collect();
    slos.sort_by(SloStatus::by_urgency);
    let further = state.slos.further_statuses();
    Json(SloList {
        slos,
        further_windows: further.iter().cloned().map(SloStatus::from).collect(),
        problems: problems(&state).collect(),
    })
}

fn problems(state: &AppState) -> impl Iterator<Item = SloProblem> {
    state.slos.problems().into_iter().map(|(slo_id, problem)| SloProblem { slo_id, problem })
}

/// One SLO: the fields of its worst objective, all objectives, and where it is written.
#[utoipa::path(
    get,
    path = "/api/slos/{name}",
    operation_id = "get_slo",
    tag = "observe",
    params(("name" = String, Path)),
    responses((status = 200, body = SloDetail), (status = 404, body = Problem))
)]
pub(crate) async fn detail(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> WebResult<Json<SloDetail>> {
    let slo = find(&state, &name)?;
    let statuses = state.slos.statuses();
    let objectives: Vec<SloStatus> =
        statuses.iter().filter(|status| status.slo == name).cloned().map(SloStatus::from).collect();
    let further = state.slos.further_statuses();
    let further = further.iter().filter(|status| status.slo == name).cloned();
    let worst = objectives.iter().min_by(|a, b| SloStatus::by_urgency(a, b)).cloned();
    Ok(Json(SloDetail {
        // A catalogue that was loaded a moment ago may have no status yet.
        worst: worst.ok_or_else(|| WebError::not_found("status of the SLO", name.as_str()))?,
        description: slo.description.clone().unwrap_or_default(),
        objectives,
        further_windows: further.map(SloStatus::from).collect(),
        definition: SloDefinition {
            yaml: state.objects.document(&slo.file, slo.line).unwrap_or_default(),
            file: slo.file.clone(),
            line: slo.line,
        },
        alerts: slo.alerts_on,
        problems: problems(&state).filter(|it| it.slo_id.split('/').next() == Some(&name)).collect(),
    }))
}

/// The burn-down of one objective, with the incidents and deploys of its service.
#[utoipa::path(
    get,
    path = "/api/slos/{name}/history",
    operation_id = "get_slo_history",
    tag = "observe",
    params(("name" = String, Path), HistoryQuery),
    responses((status = 200, body = SloHistory), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn history(
    State(state): State<AppState>,
    Path(name): Path<String>,
    UrlQuery(query): UrlQuery<HistoryQuery>,
) -> WebResult<Json<SloHistory>> {
    let slo = find(&state, &name)?;
    let objective = find_objective(&slo, query.objective.as_deref())?;
    let window = query.window.as_deref().filter(|window| !window.is_empty());
    let length = find_window(&slo, window)?.nominal();
    let to = time_field("?to", query.to.as_deref())?.unwrap_or_else(|| state.clock.now());
    let from = time_field("?from", query.from.as_deref())?.unwrap_or_else(|| to.minus(length));
    if from >= to {
        return Err(WebError::bad_field("?from", "it is not before `to`"));
    }
    let points = query.points.unwrap_or(POINTS_DEFAULT).clamp(2, state.config.history_points_max) as u32;
    let group = query.group.unwrap_or_default();
    let of = BudgetOf { slo: &slo.name, objective, group: &group, window };
    let reported_on = time_field("?reported_on", query.reported_on.as_deref())?;
    let points = match reported_on {
        None => state.slos.history(of, (from, to), points),
        Some(reported_on) => state.slos.history_as_of(of, (from, to), points, reported_on).await?,
    };
    let now = state.clock.now();
    // What was known then had not heard of what goes on now.
    let projection = match reported_on {
        None => state.slos.projection(of, now, PROJECTION_STEPS),
        Some(_) => None,
    };
    // It goes on where the points end: not from a range that ended before.
    let projection = projection.filter(|line| line.first().is_some_and(|first| first.at <= to));
    let filter = IncidentFilter {
        service: Some(slo.service.clone()),
        limit: state.config.list_rows_max,
        ..IncidentFilter::default()
    };
    let incidents = state.alerting.incidents(&filter).await?;
    let deploys = deploys::newest(&state).await;
    Ok(Json(SloHistory {
        points: points.unwrap_or_default().into_iter().map(HistoryPoint::from).collect(),
        incidents: incidents
            .iter()
            .map(|view| &view.incident)
            .filter(|incident| meets(incident, from, to))
            .map(HistoryIncident::from)
            .collect(),
        deploys: deploys
            .into_iter()
            .filter(|deploy| deploy.service.as_deref() == Some(&slo.service))
            .filter_map(|deploy| history_deploy(deploy, from, to))
            .collect(),
        projection: projection.unwrap_or_default().into_iter().map(ProjectionPoint::from).collect(),
    }))
}

pub(super) fn find(state: &AppState, name: &str) -> WebResult<Arc<Slo>> {
    let found = state.slos.slos().into_iter().find(|slo| slo.name == name);
    found.ok_or_else(|| WebError::not_found("SLO", name))
}

/// The name of the objective or composite of a name, of the first one without.
pub(super) fn find_objective<'a>(slo: &'a Slo, name: Option<&str>) -> WebResult<&'a str> {
    let name = name.filter(|name| !name.is_empty());
    slo.objective_name(name).ok_or_else(|| WebError::not_found("objective", name.unwrap_or_default()))
}

/// One of its windows by its text, the first one without.
pub(super) fn find_window<'a>(slo: &'a Slo, text: Option<&str>) -> WebResult<&'a slo::Window> {
    let mut windows = slo.windows();
    let found = text.map_or_else(|| Some(&slo.window), |text| windows.find(|window| window.text() == text));
    found.ok_or_else(|| WebError::not_found("window of the SLO", text.unwrap_or_default()))
}

pub(super) fn time_field(pointer: &str, text: Option<&str>) -> WebResult<Option<Timestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = Timestamp::parse_rfc3339(text);
    time.map(Some).map_err(|error| WebError::bad_field(pointer, error.to_string()))
}

/// Whether the incident lasted into the range.
pub(super) fn meets(incident: &Incident, from: Timestamp, to: Timestamp) -> bool {
    let over_at = incident.restored_at.or(incident.resolved_at).unwrap_or(Timestamp::MAX);
    incident.started_at <= to && over_at >= from
}

fn history_deploy(deploy: Deploy, from: Timestamp, to: Timestamp) -> Option<HistoryDeploy> {
    let at = deploy.at.filter(|at| (from..=to).contains(at))?;
    Some(HistoryDeploy {
        deploy_id: deploy.deploy_id,
        version: deploy.version.unwrap_or_default(),
        service: deploy.service.unwrap_or_default(),
        at: at.into(),
        status: deploy.status.unwrap_or_default(),
    })
}
