//! Extractors whose refusals are problem documents: JSON bodies, forms, query strings.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::{Form, RequestExt};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::{WebError, WebResult};
use crate::state::AppState;

/// A JSON body. Says where it is wrong; nests at most `web.json_depth_max` deep.
pub(crate) struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &AppState) -> WebResult<JsonBody<T>> {
        expect_json(request.headers())?;
        let body = read(request, state).await?;
        parse_json(&body, state.config.json_depth_max).map(JsonBody)
    }
}

/// As [`JsonBody`]; an empty body is the default value (`POST .../acknowledge` without a note).
pub(crate) struct JsonBodyOrDefault<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<AppState> for JsonBodyOrDefault<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &AppState) -> WebResult<JsonBodyOrDefault<T>> {
        let headers = request.headers().clone();
        let body = read(request, state).await?;
        if body.is_empty() {
            return Ok(JsonBodyOrDefault(T::default()));
        }
        expect_json(&headers)?;
        parse_json(&body, state.config.json_depth_max).map(JsonBodyOrDefault)
    }
}

/// A URL-encoded form of one of our own pages.
pub(crate) struct FormBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for FormBody<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &AppState) -> WebResult<FormBody<T>> {
        expect_type(request.headers(), "application/x-www-form-urlencoded")?;
        let bytes_max = state.config.form_body_bytes_max;
        let form = Form::<T>::from_request(request, state).await;
        form.map(|Form(form)| FormBody(form)).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => WebError::TooLarge { bytes_max },
            _ => WebError::BadRequest(rejection.body_text()),
        })
    }
}

/// The query string.
pub(crate) struct UrlQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for UrlQuery<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> WebResult<UrlQuery<T>> {
        Query::<T>::try_from_uri(&parts.uri)
            .map(|Query(query)| UrlQuery(query))
            .map_err(|rejection| WebError::BadRequest(rejection.body_text()))
    }
}

/// A body of the API, whole and in time.
pub(crate) async fn read(request: Request, state: &AppState) -> WebResult<Bytes> {
    let bytes_max = state.config.api_body_bytes_max;
    // Queries have no time limit but their own, which begins when they are read.
    let timeout = state.config.request_timeout;
    let body = tokio::time::timeout(timeout, request.extract::<Bytes, _>()).await;
    let body = body.map_err(|_| WebError::Timeout(timeout))?;
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => WebError::TooLarge { bytes_max },
        _ => WebError::BadRequest("the body ended early".into()),
    })
}

fn expect_json(headers: &HeaderMap) -> WebResult<()> {
    expect_type(headers, "application/json")
}

fn expect_type(headers: &HeaderMap, expected: &'static str) -> WebResult<()> {
    let named = headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("not ASCII"));
    let essence = named.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let actual = if named.is_empty() { "of no content type".to_owned() } else { essence.to_owned() };
    Err(WebError::UnsupportedMediaType { expected, actual })
}

/// serde_json says line and column; the pointer comes from walking down to the failing field.
fn parse_json<T: DeserializeOwned>(body: &[u8], depth_max: usize) -> WebResult<T> {
    ingest::body::check_json_depth(body, depth_max)
        .map_err(|error| WebError::BadRequest(error.to_string()))?;
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => WebError::bad_field(pointer_of(&error), error.to_string()),
        _ => WebError::BadRequest(format!("the body is not valid JSON: {error}")),
    })
}

/// The field that serde's message names; the whole body when it names none.
fn pointer_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let named = text.strip_prefix("unknown field `").or_else(|| text.strip_prefix("missing field `"));
    let field = named.and_then(|rest| rest.split('`').next());
    field.map_or_else(String::new, |field| format!("/{}", field.replace('~', "~0").replace('/', "~1")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        text: String,
    }

    fn problem(body: &str) -> crate::error::Problem {
        parse_json::<Body>(body.as_bytes(), 4).unwrap_err().problem()
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let good = parse_json::<Body>(br#"{"text": "a"}"#, 4).unwrap();
        assert_eq!(good, Body { text: "a".into() });
        assert_eq!(problem(r#"{"text": "a", "x/y": 1}"#).errors[0].pointer, "/x~1y");
        assert_eq!(problem("{}").errors[0].pointer, "/text");
        assert_eq!(problem(r#"{"text": 1}"#).errors[0].pointer, "");
        assert!(problem("{").detail.starts_with("the body is not valid JSON: EOF"));
        assert_eq!(
            problem(r#"{"text": [[[[[1]]]]]}"#).detail,
            "the JSON nests deeper than 4 levels (json_depth_max)"
        );
    }
}
