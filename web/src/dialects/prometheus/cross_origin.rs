//! Around every call of the API: what browsers of other sites are told, and Prometheus' envelope for
//! what is refused before a call begins (no token, no such path, too many requests).
//!
//! Any site may ask, as with Prometheus, if it brings a token: browsers are not told that credentials
//! are allowed, so they neither send the session's cookie along nor show an answer that it got.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::answer::ApiError;
use crate::error::Problem;

const API: &str = "/prometheus/api/v1/";
/// Its senders read status and text alone.
const WRITE: &str = "/prometheus/api/v1/write";

/// Far more than any of our own problem documents.
const PROBLEM_BYTES_MAX: usize = 64 << 10;

/// `OPTIONS` of every call: what a browser asks before it sends a token.
pub(crate) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The middleware around every route: does nothing outside of the API.
pub(crate) async fn across_origins(request: Request, next: Next) -> Response {
    if !is_call(&request) {
        return next.run(request).await;
    }
    let is_cross_origin = request.headers().contains_key(ORIGIN);
    let mut answer = enveloped(next.run(request).await).await;
    if is_cross_origin {
        allow_every_site(answer.headers_mut());
    }
    answer
}

/// The middleware of one route, for what is refused behind the compression of answers.
pub(crate) async fn in_envelope(request: Request, next: Next) -> Response {
    if is_call(&request) { enveloped(next.run(request).await).await } else { next.run(request).await }
}

fn is_call(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with(API) && path != WRITE
}

/// A problem document as an error of Prometheus'; other headers stay as they are.
async fn enveloped(answer: Response) -> Response {
    let problem = HeaderValue::from_static("application/problem+json");
    if answer.headers().get(CONTENT_TYPE) != Some(&problem) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let detail = serde_json::from_slice(&bytes).map_or_else(|_| String::new(), |it: Problem| it.detail);
    let mut answer = ApiError::of_status(parts.status, detail).into_response();
    parts.headers.remove(CONTENT_LENGTH);
    for (name, value) in &parts.headers {
        answer.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    answer
}

fn allow_every_site(headers: &mut HeaderMap) {
    let fixed = [
        (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
}
