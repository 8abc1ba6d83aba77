//! Elasticsearch's words: which content type a client reads, its errors, the items of a bulk answer.
//!
//! `X-Elastic-Product` is on every answer, errors included: clients refuse to talk to what does not
//! say it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use telemetry::{Limit, RejectReason};

use crate::Item;

pub(super) const PRODUCT_HEADER: HeaderName = HeaderName::from_static("x-elastic-product");

/// How to speak to one client.
#[derive(Clone, Debug)]
pub struct Speech {
    content_type: HeaderValue,
}

impl Speech {
    /// A vendor type that the client accepts, or sends, comes back with its version.
    pub fn of(headers: &HeaderMap) -> Speech {
        let vendor = [ACCEPT, CONTENT_TYPE].iter().find_map(|name| {
            let text = headers.get(name)?.to_str().ok()?;
            text.contains("application/vnd.elasticsearch+").then(|| version(text))
        });
        let content_type = match vendor {
            Some(version) => format!("application/vnd.elasticsearch+json;compatible-with={version}"),
            None => "application/json".to_owned(),
        };
        let content_type = HeaderValue::from_str(&content_type);
        Speech { content_type: content_type.unwrap_or(HeaderValue::from_static("application/json")) }
    }

    pub(super) fn json(&self, status: StatusCode, body: &Value) -> Response<Bytes> {
        self.answer(status, self.content_type.clone(), Bytes::from(body.to_string()))
    }

    pub(super) fn text(&self, text: String) -> Response<Bytes> {
        self.answer(StatusCode::OK, HeaderValue::from_static("text/plain; charset=UTF-8"), text.into())
    }

    /// A request that failed as a whole.
    pub fn error(&self, status: StatusCode, reason: &str) -> Response<Bytes> {
        self.json(status, &error_body(status, reason))
    }

    /// Every answer below the mount says what product it is from.
    pub fn sign(headers: &mut HeaderMap) {
        headers.insert(PRODUCT_HEADER, HeaderValue::from_static("Elasticsearch"));
    }

    fn answer(&self, status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Bytes> {
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, content_type);
        Speech::sign(answer.headers_mut());
        answer
    }
}

/// Only digits go back into a header.
fn version(text: &str) -> String {
    const DEFAULT: &str = "8";
    let after = text.split_once("compatible-with=").map_or("", |(_, after)| after);
    let digits: String = after.chars().take_while(char::is_ascii_digit).take(2).collect();
    if digits.is_empty() { DEFAULT.to_owned() } else { digits }
}

fn error_body(status: StatusCode, reason: &str) -> Value {
    error_of_type(status, error_type(status), reason)
}

fn error_of_type(status: StatusCode, kind: &str, reason: &str) -> Value {
    let cause = json!({"type": kind, "reason": reason});
    json!({
        "error": {"root_cause": [cause], "type": kind, "reason": reason},
        "status": status.as_u16(),
    })
}

/// What Elasticsearch calls a failure with this status.
fn error_type(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "security_exception",
        StatusCode::NOT_FOUND => "resource_not_found_exception",
        StatusCode::NOT_ACCEPTABLE | StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type_header_exception",
        StatusCode::PAYLOAD_TOO_LARGE => "content_too_long_exception",
        StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
        StatusCode::SERVICE_UNAVAILABLE => "cluster_block_exception",
        status if status.is_client_error() => "illegal_argument_exception",
        _ => "exception",
    }
}

/// The answer of a bulk request that was stored, maybe not all of it.
pub(super) fn bulk(items: &[Item], took: Duration) -> Value {
    json!({
        "took": took.as_millis() as u64,
        "errors": items.iter().any(|item| item.refused.is_some()),
        "items": items.iter().map(stored_or_refused).collect::<Vec<_>>(),
    })
}

fn stored_or_refused(item: &Item) -> Value {
    match &item.refused {
        None => {
            let rest = json!({"_version": 1, "result": "created", "status": StatusCode::CREATED.as_u16()});
            item_body(item, rest)
        }
        Some((reason, what)) => {
            let error = json!({"type": refusal_type(*reason), "reason": what});
            item_body(item, json!({"status": StatusCode::BAD_REQUEST.as_u16(), "error": error}))
        }
    }
}

/// The answer to one document that was sent alone.
pub(super) fn document_stored(item: &Item) -> Value {
    json!({
        "_index": &*item.target, "_id": &*item.id, "_version": 1, "result": "created",
        "_shards": {"total": 1, "successful": 1, "failed": 0}, "_seq_no": 0, "_primary_term": 1,
    })
}

pub(super) fn document_refused(reason: RejectReason, what: &str) -> Value {
    error_of_type(StatusCode::BAD_REQUEST, refusal_type(reason), what)
}

fn refusal_type(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::InvalidPayload | RejectReason::OverLimit(Limit::JsonDepth) => {
            "document_parsing_exception"
        }
        _ => "illegal_argument_exception",
    }
}

/// The answer of a request of which nothing was stored and which can be sent again: the same at each
/// item, for shippers that look at nothing else. Items that will never be stored say so.
pub(super) fn bulk_refused(items: &[Item], status: StatusCode, reason: &str) -> Value {
    let item = |item: &Item| match item.refused {
        Some(_) => stored_or_refused(item),
        None => {
            let error = json!({"type": error_type(status), "reason": reason});
            item_body(item, json!({"status": status.as_u16(), "error": error}))
        }
    };
    let mut body = error_body(status, reason);
    body["errors"] = true.into();
    body["items"] = items.iter().map(item).collect();
    body
}

fn item_body(item: &Item, mut rest: Value) -> Value {
    rest["_index"] = (&*item.target).into();
    rest["_id"] = (&*item.id).into();
    json!({ item.action: rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], expect: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        assert_eq!(Speech::of(&map).content_type, expect, "{headers:?}");
    }

    #[test]
    fn vendor_types_come_back_with_their_version() {
        check(&[], "application/json");
        check(&[("content-type", "application/x-ndjson"), ("accept", "*/*")], "application/json");
        check(
            &[("accept", "application/vnd.elasticsearch+json; compatible-with=9")],
            "application/vnd.elasticsearch+json;compatible-with=9",
        );
        check(
            &[("content-type", "application/vnd.elasticsearch+x-ndjson;compatible-with=8")],
            "application/vnd.elasticsearch+json;compatible-with=8",
        );
        check(
            &[("accept", "application/vnd.elasticsearch+json; compatible-with=<script>")],
            "application/vnd.elasticsearch+json;compatible-with=8",
        );
    }

    #[test]
    fn an_error_has_the_fields_that_clients_read() {
        let answer = Speech::of(&HeaderMap::new()).error(StatusCode::UNAUTHORIZED, "a token is needed");
        assert_eq!(answer.headers()[PRODUCT_HEADER], "Elasticsearch");
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        let cause = json!({"type": "security_exception", "reason": "a token is needed"});
        assert_eq!(
            body,
            json!({"status": 401, "error": {"root_cause": [cause], "type": "security_exception",
                "reason": "a token is needed"}})
        );
    }
}
