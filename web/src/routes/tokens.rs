//! Tokens and login links: for administrators, and for `evenkeel token`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::auth::{Caller, NewIntegrationKey, NewToken, Role};
use crate::dto::token::{CreatedToken, LoginLinkCreated, NewLoginLinkBody, NewTokenBody, Token, TokenList};
use crate::error::{Problem, WebError, WebResult};
use crate::extract::JsonBody;
use crate::state::AppState;

/// Every token and integration key by name, without secrets.
#[utoipa::path(
    get,
    path = "/api/tokens",
    operation_id = "list_tokens",
    tag = "tokens",
    responses((status = 200, body = TokenList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> Json<TokenList> {
    let tokens = state.auth.tokens().into_iter().map(Token::from).collect();
    Json(TokenList { tokens })
}

/// Makes a token or an integration key. The answer shows its secret, once.
#[utoipa::path(
    post,
    path = "/api/tokens",
    operation_id = "create_token",
    tag = "tokens",
    request_body = NewTokenBody,
    responses((status = 201, body = CreatedToken), (status = 409, body = Problem))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<NewTokenBody>,
) -> WebResult<Response> {
    let (name, expires_at) = (body.name.clone(), body.expires_at);
    let secret = match body.service {
        Some(_) if body.role != Role::Ingest => {
            return Err(WebError::bad_field("/role", "an integration key has the role ingest"));
        }
        Some(service) => {
            let new = NewIntegrationKey { name, service, expires_at };
            state.auth.create_integration_key(new, &caller.name).await?
        }
        None => {
            let new = NewToken { name, role: body.role, expires_at };
            state.auth.create_token(new, &caller.name).await?
        }
    };
    let created = CreatedToken { name: body.name, role: body.role, token: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Revokes a token and ends its sessions, or an integration key.
#[utoipa::path(
    post,
    path = "/api/tokens/{name}/revoke",
    operation_id = "revoke_token",
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
