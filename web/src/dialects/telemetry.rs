//! Carries telemetry requests to `ingest`, which reads, bounds, translates and answers them.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use ingest::Dialect;

use crate::auth::Caller;
use crate::state::{AppState, ReadyRole};

pub(crate) async fn otlp_metrics(state: State<AppState>, caller: Caller, request: Request) -> Response {
    receive(&ingest::otlp::OtlpMetrics, state, caller, request).await
}

pub(crate) async fn otlp_logs(state: State<AppState>, caller: Caller, request: Request) -> Response {
    receive(&ingest::otlp::OtlpLogs, state, caller, request).await
}

pub(crate) async fn otlp_traces(state: State<AppState>, caller: Caller, request: Request) -> Response {
    receive(&ingest::otlp::OtlpTraces, state, caller, request).await
}

pub(crate) async fn remote_write(state: State<AppState>, caller: Caller, request: Request) -> Response {
    receive(&ingest::remote_write::RemoteWrite, state, caller, request).await
}

pub(crate) async fn events(state: State<AppState>, caller: Caller, request: Request) -> Response {
    receive(&ingest::events::Events, state, caller, request).await
}

pub(crate) async fn loki_push(state: State<AppState>, caller: Caller, request: Request) -> Response {
    receive(&ingest::loki::LokiPush, state, caller, request).await
}

pub(crate) async fn loki_otlp_logs(state: State<AppState>, caller: Caller, request: Request) -> Response {
    receive(&ingest::loki::LokiOtlpLogs, state, caller, request).await
}

/// `/loki/ready`: whether logs are taken now, in Loki's words.
pub(crate) async fn loki_ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    if state.health.report().await.is_ready(Some(ReadyRole::Ingest)) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Ingester not ready\n")
    }
}

pub(super) async fn receive(
    dialect: &'static dyn Dialect,
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let answer = state.ingest.receive(dialect, parts, body.into_data_stream(), &caller.name).await;
    answer.map(Body::from)
}
