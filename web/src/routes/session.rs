//! Logging in and out, by the API and by the server-rendered page.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use minijinja::context;
use serde::Deserialize;

use crate::auth::{AuthError, Caller, NewSession, session_cookie, session_secret};
use crate::dto::session::{NewSessionBody, Session};
use crate::error::{WebError, WebResult};
use crate::extract::{FormBody, JsonBody, UrlQuery};
use crate::pages;
use crate::security::Nonce;
use crate::state::AppState;

/// Whom failed logins are counted against. Behind a proxy that is the proxy: its own limit applies.
pub(crate) struct ClientAddress(IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> WebResult<ClientAddress> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(ClientAddress(peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())))
    }
}

/// Who the caller is.
#[utoipa::path(
    get,
    path = "/api/session",
    operation_id = "get_session",
    tag = "session",
    responses((status = 200, body = Session))
)]
pub(crate) async fn get(State(state): State<AppState>, caller: Caller) -> Json<Session> {
    Json(Session::of(caller, &state))
}

/// Opens a session with a token; sets the cookie.
#[utoipa::path(
    post,
    path = "/api/session",
    operation_id = "create_session",
    tag = "session",
    request_body = NewSessionBody,
    responses((status = 200, body = Session), (status = 401, body = crate::error::Problem))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    JsonBody(body): JsonBody<NewSessionBody>,
) -> WebResult<Response> {
    let session = state.auth.open_session(body.token.trim(), address).await?;
    let cookie = cookie_of(&state, &session)?;
    Ok(([(SET_COOKIE, cookie)], Json(Session::of(session.caller, &state))).into_response())
}

/// Logs out.
#[utoipa::path(
    delete,
    path = "/api/session",
    operation_id = "delete_session",
    tag = "session",
    responses((status = 204))
)]
pub(crate) async fn delete(State(state): State<AppState>, headers: HeaderMap) -> WebResult<Response> {
    if let Some(secret) = session_secret(&headers) {
        state.auth.close_session(secret).await?;
    }
    let cookie = session_cookie(None, std::time::Duration::ZERO, state.config.is_https());
    let cookie = HeaderValue::from_str(&cookie).map_err(WebError::internal)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

#[derive(Deserialize)]
pub(crate) struct LoginQuery {
    /// The secret of a login link.
    token: Option<String>,
    /// Where to go afterwards.
    next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct LoginForm {
    token: Option<String>,
    link: Option<String>,
    next: Option<String>,
}

const LINK_PROBLEM: &str =
    "This login link is unknown, used or expired. Ask for another, or log in with a token.";

/// `/login`: the form, or the button of a login link. Uses nothing up.
pub(crate) async fn login_page(
    State(state): State<AppState>,
    nonce: Nonce,
    UrlQuery(query): UrlQuery<LoginQuery>,
) -> WebResult<Response> {
    let link = query.token.as_deref().filter(|link| !link.is_empty());
    let is_valid = match link {
        Some(link) => state.auth.login_link_is_valid(link).await?,
        None => true,
    };
    let problem = (!is_valid).then_some(LINK_PROBLEM);
    let next = query.next.as_deref().unwrap_or_default();
    Ok(form(&state, &nonce, problem, link.filter(|_| is_valid), next)?.into_response())
}

/// `POST /login`: opens the session and goes on to where the person wanted to be.
pub(crate) async fn login(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    nonce: Nonce,
    FormBody(form): FormBody<LoginForm>,
) -> WebResult<Response> {
    let opened = match (&form.link, &form.token) {
        (Some(link), _) => state.auth.use_login_link(link, address).await,
        (None, Some(token)) => state.auth.open_session(token.trim(), address).await,
        (None, None) => return Err(WebError::bad_field("/token", "it is missing")),
    };
    let next = form.next.as_deref().unwrap_or_default();
    match opened {
        Ok(session) => {
            let cookie = cookie_of(&state, &session)?;
            let target = local_target(next, &state.config.base_path());
            Ok(([(SET_COOKIE, cookie)], Redirect::to(&target)).into_response())
        }
        Err(error @ (AuthError::SecretInvalid | AuthError::LinkInvalid | AuthError::Throttled { .. })) => {
            refused(&state, &nonce, next, error)
        }
        Err(error) => Err(error.into()),
    }
}

fn refused(state: &AppState, nonce: &Nonce, next: &str, error: AuthError) -> WebResult<Response> {
    let problem = match error {
        AuthError::LinkInvalid => LINK_PROBLEM.to_owned(),
        AuthError::Throttled { retry_after } => {
            format!(
                "Too many failed logins from this address. Try again in {} s.",
                retry_after.as_secs().max(1)
            )
        }
        _ => "This token is unknown, revoked or expired.".to_owned(),
    };
    let page = form(state, nonce, Some(&problem), None, next)?;
    Ok((WebError::from(error).status(), page).into_response())
}

/// The login form; with a link's secret, its one button.
fn form(
    state: &AppState,
    nonce: &Nonce,
    problem: Option<&str>,
    link: Option<&str>,
    next: &str,
) -> WebResult<Html<String>> {
    let base = state.config.base_path();
    pages::render("login.html", nonce, &base, context! { title => "Log in", problem, link, next })
}

/// Only paths of our own: `//host`, `/\host` and absolute URLs would send people elsewhere.
fn local_target(next: &str, base: &str) -> String {
    let is_local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_local { next.to_owned() } else { base.to_owned() }
}

fn cookie_of(state: &AppState, session: &NewSession) -> WebResult<HeaderValue> {
    let max_age = state.config.auth.session_lifetime;
    let cookie = session_cookie(Some(&session.secret), max_age, state.config.is_https());
    HeaderValue::from_str(&cookie).map_err(WebError::internal)
}

#[cfg(test)]
mod tests {
    use super::local_target;

    #[test]
    fn logging_in_never_leads_to_another_site() {
        assert_eq!(local_target("/slos/login?from=now-6h", "/"), "/slos/login?from=now-6h");
        for elsewhere in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "javascript:1"]
        {
            assert_eq!(local_target(elsewhere, "/ops/"), "/ops/", "{elsewhere:?}");
        }
    }
}
