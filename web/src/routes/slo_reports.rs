//! One objective at one time, and what ate its budget: incidents and deploys of its service.

use std::collections::HashMap;
use std::time::Duration;

use alerting::IncidentFilter;
use axum::Json;
use axum::extract::{Path, State};
use slo::spending::Cause;
use telemetry::Timestamp;
use telemetry::time::parse_duration;

use super::deploys;
use super::slos::{find, time_field};
use crate::dto::slo::SloStatus;
use crate::dto::slo_report::{
    CauseKind, ExcludedTime, GroupSpending, ReportQuery, SloReport, Spending, Spent, WindowBurn,
};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::UrlQuery;
use crate::state::AppState;

/// The windows of a report that names none.
const WINDOWS_DEFAULT: &str = "1h,6h,1d,3d";
/// More are no report.
const WINDOWS_MAX: usize = 20;
/// How long a deploy is held responsible unless another follows it.
const DEPLOY_REACH: Duration = Duration::from_secs(3_600);

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
    let objective = match query.objective.as_deref().filter(|objective| !objective.is_empty()) {
        Some(objective) => slo.objective(objective),
        None => slo.objectives.first(),
    };
    let objective =
        objective.ok_or_else(|| WebError::not_found("objective", query.objective.unwrap_or_default()))?;
    let now = state.clock.now();
    let group = query.group.unwrap_or_default();
    let at = match time_field("?at", query.at.as_deref())? {
        Some(at) => at.min(now),
        // Where its numbers end, not where the clock is.
        None => {
            let newest =
                state.slos.with_slices(&slo.name, &objective.name, &group, slo::SliceSeries::newest_end);
            newest.flatten().unwrap_or(now)
        }
    };
    let causes = causes(&state, &slo.service, at).await?;
    let known: HashMap<String, KnownCause> =
        causes.iter().map(|cause| (cause.cause.id.clone(), cause.clone())).collect();
    let asked = query::sli::ReportQuery {
        slo: slo.name.clone(),
        objective: objective.name.clone(),
        group: group.clone(),
        at,
        recorded_by: time_field("?reported_on", query.reported_on.as_deref())?,
        windows: windows(query.windows.as_deref().unwrap_or(WINDOWS_DEFAULT))?,
        causes: causes.into_iter().map(|cause| cause.cause).collect(),
    };
    let report = state.slos.report(&asked).await?.ok_or_else(|| WebError::not_found("group", group))?;
    let spent = report.spent;
    let spending = |spending: slo::spending::Spending| {
        let cause = known.get(&spending.id)?;
        Some(Spending {
            kind: cause.kind,
            id: cause.id.clone(),
            title: cause.title.clone(),
            from: spending.from.into(),
            to: spending.to.into(),
            bad: spending.bad,
            budget_share: spending.budget_share,
            bad_share: spending.bad_share,
        })
    };
    Ok(Json(SloReport {
        status: SloStatus::from(report.status),
        burn: report.burn.into_iter().map(WindowBurn::from).collect(),
        spent: Spent {
            from: spent.from.into(),
            to: spent.to.into(),
            bad: spent.bad,
            allowed_bad: spent.allowed_bad,
            causes: spent.causes.into_iter().filter_map(spending).collect(),
            unexplained_bad: spent.unexplained.bad,
            unexplained_budget_share: spent.unexplained.budget_share,
        },
        groups: report.groups.into_iter().map(GroupSpending::from).collect(),
        excluded: report.excluded.into_iter().map(ExcludedTime::from).collect(),
    }))
}

fn windows(text: &str) -> WebResult<Vec<Duration>> {
    let read = |window: &str| {
        let length = parse_duration(window.trim()).ok().filter(|length| !length.is_zero());
        length.ok_or_else(|| WebError::bad_field("?windows", format!("{window:?} is no duration such as 6h")))
    };
    let windows: Vec<Duration> = text.split(',').map(read).collect::<WebResult<_>>()?;
    if windows.len() > WINDOWS_MAX {
        return Err(WebError::bad_field("?windows", format!("at most {WINDOWS_MAX} windows at once")));
    }
    Ok(windows)
}

#[derive(Clone)]
struct KnownCause {
    cause: Cause,
    kind: CauseKind,
    id: String,
    title: String,
}

/// Incidents of a service until they were over, and its deploys until the next one.
async fn causes(state: &AppState, service: &str, at: Timestamp) -> WebResult<Vec<KnownCause>> {
    let filter = IncidentFilter {
        service: Some(service.to_owned()),
        limit: state.config.list_rows_max,
        ..IncidentFilter::default()
    };
    let incidents = state.alerting.incidents(&filter).await?;
    let mut causes: Vec<KnownCause> = incidents
        .iter()
        .map(|view| &view.incident)
        .map(|incident| {
            let id = incident.id.to_string();
            KnownCause {
                cause: Cause {
                    id: format!("incident/{id}"),
                    from: incident.started_at,
                    to: incident.restored_at.or(incident.resolved_at).unwrap_or(at),
                },
                kind: CauseKind::Incident,
                id,
                title: incident.title.clone(),
            }
        })
        .collect();
    // The newest first: each ends at the latest where the one before it in this order begins.
    let mut next = Timestamp::MAX;
    for deploy in deploys::newest(state).await {
        let Some(from) = deploy.at.filter(|_| deploy.service.as_deref() == Some(service)) else { continue };
        causes.push(KnownCause {
            cause: Cause {
                id: format!("deploy/{}", deploy.deploy_id),
                from,
                to: from.plus(DEPLOY_REACH).min(next),
            },
            kind: CauseKind::Deploy,
            id: deploy.deploy_id,
            title: deploy.version.unwrap_or_default(),
        });
        next = from;
    }
    Ok(causes)
}
