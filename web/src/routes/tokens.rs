//! Tokens and login links: for administrators, and for `evenkeel token`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::auth::{Caller, NewToken};
use crate::dto::token::{CreatedToken, LoginLinkCreated, NewLoginLinkBody, NewTokenBody, Token, TokenList};
use crate::error::{Problem, WebResult};
use crate::extract::JsonBody;
use crate::state::AppState;

/// Every token by name, without secrets.
#[utoipa::path(get, path = "/api/tokens", tag = "tokens", responses((status = 200, body = TokenList)))]
pub(crate) async fn list(State(state): State<AppState>) -> Json<TokenList> {
    let tokens = state.auth.tokens().into_iter().map(Token::from).collect();
    Json(TokenList { tokens })
}

/// Makes a token. The answer shows its secret, once.
#[utoipa::path(
    post,
    path = "/api/tokens",
    tag = "tokens",
    request_body = NewTokenBody,
    responses((status = 201, body = CreatedToken), (status = 409, body = Problem))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<NewTokenBody>,
) -> WebResult<Response> {
    let new = NewToken { name: body.name.clone(), role: body.role, expires_at: body.expires_at };
    let secret = state.auth.create_token(new, &caller.name).await?;
    let created = CreatedToken { name: body.name, role: body.role, token: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Revokes a token and ends its sessions.
#[utoipa::path(
    post,
    path = "/api/tokens/{name}/revoke",
    tag = "tokens",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
pub(crate) async fn revoke(State(state): State<AppState>, Path(name): Path<String>) -> WebResult<StatusCode> {
    state.auth.revoke_token(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link that logs somebody in once.
#[utoipa::path(
    post,
    path = "/api/login-links",
    tag = "tokens",
    request_body = NewLoginLinkBody,
    responses((status = 201, body = LoginLinkCreated))
)]
pub(crate) async fn create_login_link(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<NewLoginLinkBody>,
) -> WebResult<Response> {
    let link = state.auth.create_login_link(&body.name, body.role).await?;
    let url = match &state.config.external_url {
        Some(external_url) => link.url(external_url),
        None => format!("/login?token={}", link.secret.expose()),
    };
    let created = LoginLinkCreated { url, expires_at: link.expires_at.into() };
    Ok((StatusCode::CREATED, Json(created)).into_response())
}
