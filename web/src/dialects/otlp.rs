//! Answers to OpenTelemetry's exporters that are made before their dialect sees the request (no token, the
//! wrong role or method, a time limit), as the `google.rpc.Status` that an exporter reads.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use crate::error::Problem;

const PATHS: [&str; 5] = ["/v1/metrics", "/v1/logs", "/v1/traces", "/otlp/v1/logs", "/loki/otlp/v1/logs"];

/// Far more than any of our own problem documents.
const PROBLEM_BYTES_MAX: usize = 64 << 10;

/// The middleware around every route: does nothing at other paths.
pub(crate) async fn answer_in_kind(request: Request, next: Next) -> Response {
    if !PATHS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let asked = request.headers().clone();
    let answer = next.run(request).await;
    let problem = HeaderValue::from_static("application/problem+json");
    if answer.headers().get(CONTENT_TYPE) == Some(&problem) {
        translated(&asked, answer).await
    } else {
        answer
    }
}

/// A problem document as a status; other headers stay as they are.
async fn translated(asked: &HeaderMap, answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let detail = serde_json::from_slice(&bytes).map_or_else(|_| String::new(), |it: Problem| it.detail);
    let (said, body) = ingest::otlp::refusal(asked, parts.status, &detail).into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(said.headers);
    Response::from_parts(parts, Body::from(body))
}
