//! Recovery metrics, delivery metrics and impact: the rows of the SQL functions, under the limits of
//! the caller's role.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use query::reports::{ReportRequest, ReportRow};
use query::{QueryError, QueryRole};

use super::slos::time_field;
use crate::auth::{Caller, Role};
use crate::dto::impact::{ImpactReport, IncidentImpact};
use crate::dto::report::{DeliveryReport, MetricsQuery, RecoveryReport};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::UrlQuery;
use crate::state::AppState;

/// How far back a report looks that is not told.
const TIME_DEFAULT: Duration = Duration::from_secs(30 * 86_400);

/// How fast failures are found and ended, and what they cost: `recovery_metrics` in SQL.
#[utoipa::path(
    get,
    path = "/api/recovery",
    operation_id = "get_recovery",
    tag = "observe",
    params(MetricsQuery),
    responses(
        (status = 200, body = RecoveryReport),
        (status = 400, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(crate) async fn recovery(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(query): UrlQuery<MetricsQuery>,
) -> WebResult<Json<RecoveryReport>> {
    let (request, role) = asked(&state, &caller, query)?;
    let rows = rows(state.engine.recovery(&request, role).await)?;
    Ok(Json(RecoveryReport { from: request.from.into(), to: request.to.into(), rows }))
}

/// DORA's metrics: `delivery_metrics` in SQL.
#[utoipa::path(
    get,
    path = "/api/delivery",
    operation_id = "get_delivery",
    tag = "observe",
    params(MetricsQuery),
    responses(
        (status = 200, body = DeliveryReport),
        (status = 400, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(crate) async fn delivery(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(query): UrlQuery<MetricsQuery>,
) -> WebResult<Json<DeliveryReport>> {
    let (request, role) = asked(&state, &caller, query)?;
    let rows = rows(state.engine.delivery(&request, role).await)?;
    Ok(Json(DeliveryReport { from: request.from.into(), to: request.to.into(), rows }))
}

/// Whom the incidents of a time hurt, one by one and added up: `incident_impact` and `impact_metrics` in
/// SQL.
#[utoipa::path(
    get,
    path = "/api/impact",
    operation_id = "get_impact",
    tag = "observe",
    params(MetricsQuery),
    responses(
        (status = 200, body = ImpactReport),
        (status = 400, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(crate) async fn impact(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(query): UrlQuery<MetricsQuery>,
) -> WebResult<Json<ImpactReport>> {
    let (request, role) = asked(&state, &caller, query)?;
    let rows = rows(state.engine.impact_metrics(&request, role).await)?;
    let incidents = state.engine.impact((request.from, request.to), request.as_of, role).await?;
    Ok(Json(ImpactReport {
        from: request.from.into(),
        to: request.to.into(),
        rows,
        incidents: incidents.into_iter().map(IncidentImpact::from).collect(),
    }))
}

/// What somebody asks for, and under whose limits.
fn asked(state: &AppState, caller: &Caller, query: MetricsQuery) -> WebResult<(ReportRequest, QueryRole)> {
    let forbidden = WebError::Forbidden { needed: Role::Viewer, actual: caller.role };
    let role = caller.role.query_role().ok_or(forbidden)?;
    let to = time_field("?to", query.to.as_deref())?.unwrap_or_else(|| state.clock.now());
    let from = time_field("?from", query.from.as_deref())?.unwrap_or_else(|| to.minus(TIME_DEFAULT));
    if from >= to {
        return Err(WebError::bad_field("?from", "it is not before `to`"));
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let request = ReportRequest {
        from,
        to,
        by: given(query.by),
        width: given(query.width),
        time_zone: given(query.time_zone),
        as_of: time_field("?as_of", query.as_of.as_deref())?,
    };
    Ok((request, role))
}

/// There is no query in the request that could be at fault.
fn rows<M, R: From<ReportRow<M>>>(answer: Result<Vec<ReportRow<M>>, QueryError>) -> WebResult<Vec<R>> {
    let rows = answer.map_err(|error| match error {
        QueryError::Invalid(message) => WebError::BadRequest(message),
        other => other.into(),
    })?;
    Ok(rows.into_iter().map(R::from).collect())
}
