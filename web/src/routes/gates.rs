//! Deploy gates: may this service be changed now? The decision is `slo::gate`'s; each answer is
//! written down before it is given.

use std::collections::BTreeSet;

use alerting::GatePolicy;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use slo::gate::{ComingFreeze, GateDecision, Override, decide};
use telemetry::{EventKind, Timestamp};

use super::incidents::actor;
use super::slos::time_field;
use crate::auth::Caller;
use crate::dto::gate::{
    Gate, GateList, GateOverride, GateOverrideBody, GateOverrideList, GateRevocationBody,
};
use crate::dto::gate_decision::{GateDecisionList, GateDecisionsQuery, PastGateDecision};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::{JsonBody, UrlQuery};
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
    let judged = judge(&state, &service, now).await?;
    let judged = judged.ok_or_else(|| WebError::not_found("service", service.as_str()))?;
    let decision = &judged.decision;
    let payload = json!({
        "policy": judged.policy.name,
        "verdict": decision.verdict,
        "override_id": decision.opened_by.as_ref().map(|given| given.id),
        "explanation": decision.explanation(),
        "conditions": decision.conditions,
    });
    state.alerting.record_gate_decision(&service, &caller.name, now, payload).await?;
    Ok(Json(judged.answer(service, now)))
}

/// What every gate would say now, by service. Looking is not asking: nothing is recorded.
#[utoipa::path(
    get,
    path = "/api/gates",
    operation_id = "list_gates",
    tag = "respond",
    responses((status = 200, body = GateList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> WebResult<Json<GateList>> {
    let now = state.clock.now();
    let mut services: BTreeSet<String> = state.alerting.catalog().services.keys().cloned().collect();
    services.extend(state.slos.slos().iter().map(|slo| slo.service.clone()));
    let mut gates = Vec::with_capacity(services.len());
    for service in services {
        // A service that went away meanwhile has no gate.
        if let Some(judged) = judge(&state, &service, now).await? {
            gates.push(judged.answer(service, now));
        }
    }
    Ok(Json(GateList { gates }))
}

/// A decision with what it was made of.
struct Judged {
    policy: GatePolicy,
    decision: GateDecision,
    overrides: Vec<Override>,
    next_freeze: Option<ComingFreeze>,
}

impl Judged {
    fn answer(self, service: String, now: Timestamp) -> Gate {
        Gate::new(service, self.policy.name, self.decision, self.overrides, self.next_freeze, now)
    }
}

/// `None` for a service that neither the configuration nor an objective names.
async fn judge(state: &AppState, service: &str, now: Timestamp) -> WebResult<Option<Judged>> {
    let policy = state.alerting.catalog().gate_policy(service);
    let Some(mut facts) = state.gates.facts(service, &policy.terms, now).await else { return Ok(None) };
    facts.freezes = policy.freezes_at(now);
    let overrides = state.alerting.gate_overrides(service).await?;
    let decision = decide(&policy.terms, &facts, &overrides, now);
    let next_freeze = policy.next_freeze(now);
    Ok(Some(Judged { policy, decision, overrides, next_freeze }))
}

/// What a gate has answered to those who asked, the newest first. Looking is not asking: nothing is
/// recorded.
#[utoipa::path(
    get,
    path = "/api/gates/{service}/decisions",
    operation_id = "list_gate_decisions",
    tag = "respond",
    params(("service" = String, Path), GateDecisionsQuery),
    responses(
        (status = 200, body = GateDecisionList),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
    )
)]
pub(crate) async fn decisions(
    State(state): State<AppState>,
    Path(service): Path<String>,
    UrlQuery(query): UrlQuery<GateDecisionsQuery>,
) -> WebResult<Json<GateDecisionList>> {
    let from = time_field("?from", query.from.as_deref())?.unwrap_or(Timestamp::EPOCH);
    let to = time_field("?to", query.to.as_deref())?;
    // A clock that was ahead has left decisions after now.
    let last = to.map_or(Timestamp::MAX, |to| Timestamp::from_micros(to.micros().saturating_sub(1)));
    let limit = query.limit.unwrap_or(u32::MAX).min(state.config.list_rows_max).max(1) as usize;
    let kind = EventKind::GATE_DECISION;
    // One more says whether there are more.
    let mut events = state.engine.events(&kind, Some(&service), from, last, limit + 1).await?;
    // What was answered about a service that is gone since stays to be read.
    if events.is_empty() && !state.gates.knows(&service) {
        return Err(WebError::not_found("service", service));
    }
    events.reverse();
    let more = events.len() > limit;
    events.truncate(limit);
    let read = |event: telemetry::Event| {
        let event_id = event.event_id.clone();
        let decision = PastGateDecision::try_from(event);
        decision.inspect_err(|error| tracing::warn!(event_id, %error, "no decision of a gate")).ok()
    };
    Ok(Json(GateDecisionList { decisions: events.into_iter().filter_map(read).collect(), more }))
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
    if !state.gates.knows(&service) {
        return Err(WebError::not_found("service", service));
    }
    let given = state.alerting.override_gate(&service, &body.reason, expires_at, &actor(&caller)).await?;
    Ok((StatusCode::CREATED, Json(GateOverride::new(given, state.clock.now()))).into_response())
}

/// Who opened a gate, why and until when. Looking is not asking: nothing is recorded.
#[utoipa::path(
    get,
    path = "/api/gates/{service}/overrides",
    operation_id = "list_gate_overrides",
    tag = "respond",
    params(("service" = String, Path)),
    responses((status = 200, body = GateOverrideList), (status = 404, body = Problem))
)]
pub(crate) async fn overrides(
    State(state): State<AppState>,
    Path(service): Path<String>,
) -> WebResult<Json<GateOverrideList>> {
    let overrides = state.alerting.gate_overrides(&service).await?;
    // What was said about a service that is gone since stays to be read.
    if overrides.is_empty() && !state.gates.knows(&service) {
        return Err(WebError::not_found("service", service));
    }
    let now = state.clock.now();
    let overrides = overrides.into_iter().map(|given| GateOverride::new(given, now)).collect();
    Ok(Json(GateOverrideList { overrides }))
}

/// Takes an override back before it expires. Recorded as an event of kind `gate_override`.
#[utoipa::path(
    post,
    path = "/api/gates/{service}/overrides/{id}/revoke",
    operation_id = "revoke_gate_override",
    tag = "respond",
    params(("service" = String, Path), ("id" = i64, Path)),
    request_body = GateRevocationBody,
    responses(
        (status = 200, body = GateOverride),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
    )
)]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path((service, id)): Path<(String, i64)>,
    JsonBody(body): JsonBody<GateRevocationBody>,
) -> WebResult<Json<GateOverride>> {
    let revoked = state.alerting.revoke_gate_override(&service, id, &body.reason, &actor(&caller)).await?;
    Ok(Json(GateOverride::new(revoked, state.clock.now())))
}
