//! Requests that bring their own proof instead of a token: webhooks with a provider's signature, and
//! PagerDuty's dialect with an integration key in the body. `ingest` checks the proof; what it needs
//! for that travels in the request's extensions.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use ingest::Dialect;
use ingest::hooks::{GithubHook, GitlabHook, Provider};
use ingest::pagerduty::{ChangeEvents, Keyring};

use crate::error::{WebError, WebResult};
use crate::state::AppState;

pub(crate) async fn github(
    state: State<AppState>,
    name: Path<String>,
    request: Request,
) -> WebResult<Response> {
    hook(&GithubHook, Provider::Github, state, name, request).await
}

pub(crate) async fn gitlab(
    state: State<AppState>,
    name: Path<String>,
    request: Request,
) -> WebResult<Response> {
    hook(&GitlabHook, Provider::Gitlab, state, name, request).await
}

async fn hook(
    dialect: &'static dyn Dialect,
    provider: Provider,
    State(state): State<AppState>,
    Path(name): Path<String>,
    mut request: Request,
) -> WebResult<Response> {
    let hook = state.hooks.get(provider, &name).ok_or_else(|| WebError::not_found("hook", &name))?;
    request.extensions_mut().insert(hook);
    Ok(receive(dialect, &state, request, &name).await)
}

pub(crate) async fn pagerduty_change(State(state): State<AppState>, mut request: Request) -> Response {
    request.extensions_mut().insert(Keyring(Arc::new(state.auth.clone())));
    // The key in the body says who it is.
    receive(&ChangeEvents, &state, request, "").await
}

async fn receive(
    dialect: &'static dyn Dialect,
    state: &AppState,
    request: Request,
    sender: &str,
) -> Response {
    let (parts, body) = request.into_parts();
    let answer = state.ingest.receive(dialect, parts, body.into_data_stream(), sender).await;
    answer.map(Body::from)
}
