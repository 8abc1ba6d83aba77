//! Elasticsearch's shippers: carries bulks and documents to `ingest` and lets it answer their other calls, and sees
//! to it that every answer below the mount is in Elasticsearch's words, also those that are made
//! before a call is known (no token, no such path, a time limit).

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderValue, StatusCode, Uri};
use ingest::elastic::{Call, ElasticBulk, ElasticDocument, IndexInPath, Speech};

use super::telemetry;
use crate::auth::Caller;
use crate::error::Problem;
use crate::state::AppState;

const MOUNT: &str = "/elastic";

/// Far more than any of our own problem documents.
const PROBLEM_BYTES_MAX: usize = 64 << 10;

/// Everything at and below the mount, whatever its method.
pub(crate) async fn call(
    state: State<AppState>,
    caller: Caller,
    path: Option<Path<String>>,
    mut request: Request,
) -> Response {
    let path = path.map_or_else(String::new, |Path(path)| path);
    match Call::of(request.method(), &path) {
        Call::Bulk { index } => {
            if let Some(index) = index {
                request.extensions_mut().insert(IndexInPath(index));
            }
            telemetry::receive(&ElasticBulk, state, caller, request).await
        }
        Call::Document(document) => {
            request.extensions_mut().insert(document);
            telemetry::receive(&ElasticDocument, state, caller, request).await
        }
        Call::Other { path } => {
            let (parts, body) = request.into_parts();
            // Read to its end, though nobody wants it: a client that still writes would see a broken
            // connection instead of the answer.
            let bytes_max = usize::try_from(state.ingest.limits().body_bytes_max).unwrap_or(usize::MAX);
            let answer = match to_bytes(body, bytes_max).await {
                Ok(_unused) => Call::answer(&parts, &path),
                Err(_) => {
                    let reason = format!("the body is longer than {bytes_max} bytes (body_bytes_max)");
                    Speech::of(&parts.headers).error(StatusCode::PAYLOAD_TOO_LARGE, &reason)
                }
            };
            answer.map(Body::from)
        }
    }
}

/// The middleware around every route: does nothing above the mount.
pub(crate) async fn answer_in_kind(request: Request, next: Next) -> Response {
    let below = request.uri().path().strip_prefix(MOUNT);
    if !below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return next.run(request).await;
    }
    let speech = Speech::of(request.headers());
    let mut answer = next.run(request).await;
    let problem = HeaderValue::from_static("application/problem+json");
    if answer.headers().get(CONTENT_TYPE) == Some(&problem) {
        answer = translated(&speech, answer).await;
    }
    Speech::sign(answer.headers_mut());
    answer
}

/// A problem document as an error of Elasticsearch's; other headers stay as they are.
async fn translated(speech: &Speech, answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let detail = serde_json::from_slice(&bytes).map_or_else(|_| String::new(), |it: Problem| it.detail);
    let (said, body) = speech.error(parts.status, &detail).into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    if let Some(content_type) = said.headers.get(CONTENT_TYPE) {
        parts.headers.insert(CONTENT_TYPE, content_type.clone());
    }
    Response::from_parts(parts, Body::from(body))
}

/// What the listener of its own is asked for at `/` is below the mount elsewhere.
pub(crate) async fn below_mount(mut request: Request) -> Request {
    let mut parts = request.uri().clone().into_parts();
    let rest = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    // Longer than a path may be: it stays as it is, and nothing is there.
    if let Ok(path) = PathAndQuery::try_from(format!("{MOUNT}{rest}")) {
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}
