//! Deploy gates: may this service be changed now? The decision is `slo::gate`'s; each answer is
//! written down before it is given.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use slo::gate::decide;
use telemetry::Timestamp;

use super::incidents::actor;
use crate::auth::Caller;
use crate::dto::gate::{Gate, GateOverride, GateOverrideBody};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::JsonBody;
use crate::state::AppState;

/// Whether a service may be changed now, with every number that decided it. Asking is recorded as an
/// event of kind `gate_decision`.
#[utoipa::path(
    get,
    path = "/api/gates/{service}",
    operation_id = "get_gate",
    tag = "respond",
    params(("service" = String, Path)),
    responses((status = 200, body = Gate), (status = 404, body = Problem))
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(service): Path<String>,
) -> WebResult<Json<Gate>> {
    let now = state.clock.now();
    let policy = state.alerting.catalog().gate_policy(&service);
    let changes_over = policy.terms.change_fail_rate_below.map(|limit| limit.over);
    let facts = state.gates.facts(&service, changes_over, now).await;
    let mut facts = facts.ok_or_else(|| WebError::not_found("service", service.as_str()))?;
    facts.freezes = policy.freezes_at(now);
    let overrides = state.alerting.gate_overrides(&service).await?;
    let decision = decide(&policy.terms, &facts, &overrides, now);
    let payload = json!({
        "policy": policy.name,
        "verdict": decision.verdict,
        "override_id": decision.opened_by.as_ref().map(|given| given.id),
        "conditions": decision.conditions,
    });
    state.alerting.record_gate_decision(&service, &caller.name, now, payload).await?;
    Ok(Json(Gate::new(service, policy.name, decision, overrides, now)))
}

/// Opens a gate until a time, whatever its conditions say. Recorded as an event of kind
/// `gate_override`.
#[utoipa::path(
    post,
    path = "/api/gates/{service}/override",
    operation_id = "override_gate",
    tag = "respond",
    params(("service" = String, Path)),
    request_body = GateOverrideBody,
    responses(
        (status = 201, body = GateOverride),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
pub(crate) async fn open(
    State(state): State<AppState>,
    caller: Caller,
    Path(service): Path<String>,
    JsonBody(body): JsonBody<GateOverrideBody>,
) -> WebResult<Response> {
    let expires_at = Timestamp::parse_rfc3339(&body.expires_at)
        .map_err(|error| WebError::bad_field("/expires_at", error.to_string()))?;
    if state.gates.facts(&service, None, state.clock.now()).await.is_none() {
        return Err(WebError::not_found("service", service));
    }
    let given = state.alerting.override_gate(&service, &body.reason, expires_at, &actor(&caller)).await?;
    Ok((StatusCode::CREATED, Json(GateOverride::new(given, state.clock.now()))).into_response())
}
