//! Recovery metrics, delivery metrics and impact: the rows of the SQL functions, under the limits of
//! the caller's role.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use query::reports::ReportRequest;
use query::{QueryError, QueryRole};
use telemetry::Timestamp;

use super::slos::time_field;
use crate::auth::{Caller, Role};
use crate::dto::report::{
    DeliveryReport, DeliveryRow, ImpactQuery, ImpactReport, IncidentImpact, MetricsQuery, RecoveryReport,
    RecoveryRow,
};
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
    let role = query_role(&caller)?;
    let request = request(&state, query)?;
    let rows = state.engine.recovery(&request, role).await.map_err(refused)?;
    Ok(Json(RecoveryReport {
        from: request.from.into(),
        to: request.to.into(),
        rows: rows.into_iter().map(RecoveryRow::from).collect(),
    }))
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
    let role = query_role(&caller)?;
    let request = request(&state, query)?;
    let rows = state.engine.delivery(&request, role).await.map_err(refused)?;
    Ok(Json(DeliveryReport {
        from: request.from.into(),
        to: request.to.into(),
        rows: rows.into_iter().map(DeliveryRow::from).collect(),
    }))
}

/// Whom the incidents of a time hurt: `incident_impact` in SQL.
#[utoipa::path(
    get,
    path = "/api/impact",
    operation_id = "get_impact",
    tag = "observe",
    params(ImpactQuery),
    responses(
        (status = 200, body = ImpactReport),
        (status = 400, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(crate) async fn impact(
    State(state): State<AppState>,
    caller: Caller,
    UrlQuery(query): UrlQuery<ImpactQuery>,
) -> WebResult<Json<ImpactReport>> {
    let role = query_role(&caller)?;
    let (from, to) = times(&state, query.from.as_deref(), query.to.as_deref())?;
    let as_of = time_field("?as_of", query.as_of.as_deref())?;
    let incidents = state.engine.impact((from, to), as_of, role).await?;
    Ok(Json(ImpactReport {
        from: from.into(),
        to: to.into(),
        incidents: incidents.into_iter().map(IncidentImpact::from).collect(),
    }))
}

fn query_role(caller: &Caller) -> WebResult<QueryRole> {
    let forbidden = WebError::Forbidden { needed: Role::Viewer, actual: caller.role };
    caller.role.query_role().ok_or(forbidden)
}

/// There is no query in the request that could be at fault.
fn refused(error: QueryError) -> WebError {
    match error {
        QueryError::Invalid(message) => WebError::BadRequest(message),
        other => other.into(),
    }
}

fn request(state: &AppState, query: MetricsQuery) -> WebResult<ReportRequest> {
    let (from, to) = times(state, query.from.as_deref(), query.to.as_deref())?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(ReportRequest {
        from,
        to,
        by: given(query.by),
        width: given(query.width),
        time_zone: given(query.time_zone),
        as_of: time_field("?as_of", query.as_of.as_deref())?,
    })
}

fn times(state: &AppState, from: Option<&str>, to: Option<&str>) -> WebResult<(Timestamp, Timestamp)> {
    let to = time_field("?to", to)?.unwrap_or_else(|| state.clock.now());
    let from = time_field("?from", from)?.unwrap_or_else(|| to.minus(TIME_DEFAULT));
    if from >= to {
        return Err(WebError::bad_field("?from", "it is not before `to`"));
    }
    Ok((from, to))
}
