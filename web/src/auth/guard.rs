//! The gate in front of every route: finds the caller and compares with what the route asks.
//!
//! Deny by default: a path whose access is not in the map asks for `admin`. A browser that
//! navigates without a session is sent to the login page; everything else gets a problem document.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, Method};
use url::Url;

use super::credentials::presented_secrets;
use super::same_origin::is_same_origin;
use super::{Access, Auth, Caller, Role, Via, session_secret};
use crate::config::WebConfig;
use crate::error::{WebError, WebResult};
use crate::pages;
use crate::security::Nonce;

/// Who may call what: built from the URL map, consulted by [`Guard::check`].
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    auth: Auth,
    external_url: Option<Url>,
    /// Where the login page is, as browsers see it.
    base_path: String,
    access: AccessMap,
}

/// By path pattern, what each method asks.
pub(crate) type AccessMap = HashMap<&'static str, Vec<(Method, Access)>>;

impl Guard {
    pub(crate) fn new(auth: Auth, config: &WebConfig, access: AccessMap) -> Guard {
        let (external_url, base_path) = (config.external_url.clone(), config.base_path());
        Guard(Arc::new(Inner { auth, external_url, base_path, access }))
    }

    /// The middleware. Needs the matched path, so it is a `route_layer`.
    pub(crate) async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
        let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        let access = guard.access(request.method(), matched.as_deref().unwrap_or_default());
        match guard.admit(access, request.method(), request.headers()).await {
            Ok(caller) => {
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                next.run(request).await
            }
            Err(WebError::Unauthorized) if is_navigation(&request) => to_login(&request, &guard.0.base_path),
            Err(error) => error.into_response(),
        }
    }

    /// A `HEAD` asks for what its `GET` asks. A method that a path does not know is nobody's secret
    /// and needs no more than any role; a path that the map does not know is for administrators.
    fn access(&self, method: &Method, path: &str) -> Access {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let Some(of_path) = self.0.access.get(path) else { return Access::Needs(Role::Admin) };
        let known = of_path.iter().find(|(known, _)| known == method);
        known.map_or(Access::AnyRole, |(_, access)| *access)
    }

    async fn admit(&self, access: Access, method: &Method, headers: &HeaderMap) -> WebResult<Option<Caller>> {
        let needed = match access {
            Access::Open | Access::Signed => return Ok(None),
            Access::AnyRole => None,
            Access::Needs(role) => Some(role),
        };
        let caller = self.caller(headers).await?.ok_or(WebError::Unauthorized)?;
        if let Some(needed) = needed.filter(|needed| !caller.role.covers(*needed)) {
            return Err(WebError::Forbidden { needed, actual: caller.role });
        }
        let is_ours = || is_same_origin(headers, self.0.external_url.as_ref());
        if caller.via == Via::Session && !method.is_safe() && !is_ours() {
            return Err(WebError::CrossSite);
        }
        Ok(Some(caller))
    }

    /// An `Authorization` header decides alone; a cookie counts only without one.
    async fn caller(&self, headers: &HeaderMap) -> WebResult<Option<Caller>> {
        if let Some(secrets) = presented_secrets(headers) {
            return Ok(secrets.iter().find_map(|secret| self.0.auth.caller_by_token(secret)));
        }
        match session_secret(headers) {
            Some(secret) => Ok(self.0.auth.caller_by_session(secret).await?),
            None => Ok(None),
        }
    }
}

fn is_navigation(request: &Request) -> bool {
    let wants_html = |value: &http::HeaderValue| value.to_str().is_ok_and(|text| text.contains("text/html"));
    request.method() == Method::GET && request.headers().get_all(ACCEPT).iter().any(wants_html)
}

/// The browser withholds a `SameSite=Strict` cookie from a link that another site (a web mailer)
/// shows. A page of our own that reloads itself gets the cookie sent; only then is the login asked.
fn to_login(request: &Request, base_path: &str) -> Response {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if site == Some("cross-site")
        && let Some(nonce) = request.extensions().get::<Nonce>()
    {
        return pages::reload(nonce, base_path);
    }
    let wanted = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let wanted = format!("{base_path}{}", wanted.trim_start_matches('/'));
    let next = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", &wanted).finish();
    Redirect::to(&format!("{base_path}login?{next}")).into_response()
}

/// In handlers of routes that are not open.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> WebResult<Caller> {
        parts.extensions.get::<Caller>().cloned().ok_or(WebError::Unauthorized)
    }
}
