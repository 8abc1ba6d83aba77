//! Loki push: `POST /loki/api/v1/push` as JSON or as a snappy block of `logproto.PushRequest`, and
//! OTLP logs as Loki takes them.
//!
//! 204 when every entry was stored. Otherwise 400 with a text that names the stream, the entry and
//! the reason, while the other entries are kept: clients never repeat a 400, so overload is never
//! answered with one. An entry without a usable time is refused alone; a body that is not a push
//! request is refused whole.
//!
//! Labels and structured metadata end in one list of attributes (metadata wins), the header
//! `X-Scope-OrgID` in the attribute `tenant`. Not here: the tenant as a boundary (one installation is
//! one organisation), limits of a stream's order or rate, and Loki's queries.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use crate::body::{Encoding, check_json_depth, excerpt, media_type};
use crate::error::retry_after_secs;
use crate::otlp::OtlpLogs;
use crate::{Context, Decoded, Dialect, IngestError, Outcome};

mod json;
pub(crate) mod labels;
pub mod protobuf;
mod push;

use push::Push;

/// `POST /loki/api/v1/push`.
#[derive(Clone, Copy, Debug)]
pub struct LokiPush;

/// `POST /otlp/v1/logs` and `/loki/otlp/v1/logs`: OTLP logs with Loki's tenant.
#[derive(Clone, Copy, Debug)]
pub struct LokiOtlpLogs;

const TENANT_HEADER: &str = "x-scope-orgid";
const TENANT: &str = "tenant";
/// As Loki's own bound. The tenant is repeated in every record.
const TENANT_BYTES_MAX: usize = 150;

const EXPECTED_TYPE: &str = "application/json or application/x-protobuf";

impl Dialect for LokiPush {
    fn name(&self) -> &'static str {
        "loki"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        (
            &[Encoding::Identity, Encoding::Gzip, Encoding::Deflate],
            "gzip, deflate or none with JSON, snappy (block format) with protobuf",
        )
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        check_tenant(parts)?;
        Format::of(parts).map(drop)
    }

    /// Protobuf is always a snappy block; most clients do not say so.
    fn encoding(&self, parts: &Parts) -> Result<Encoding, IngestError> {
        let (json_encodings, expected) = self.encodings();
        match Format::of(parts)? {
            Format::Json => Encoding::of(&parts.headers, json_encodings, expected),
            Format::Protobuf => {
                Encoding::of(&parts.headers, &[Encoding::Identity, Encoding::Snappy], expected)
                    .map(|_named| Encoding::Snappy)
            }
        }
    }

    fn batch_scope<'a>(&self, parts: &'a Parts) -> &'a str {
        tenant(parts).unwrap_or_default()
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let mut push = Push::new(context, tenant(parts));
        match Format::of(parts)? {
            Format::Json => {
                check_json_depth(body, context.limits.json_depth_max)?;
                json::read(body, &mut push)?;
            }
            Format::Protobuf => protobuf::read(body, &mut push)?,
        }
        Ok(push.finish())
    }

    fn answer(&self, _parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        match outcome {
            Ok(receipt) => match receipt.complaint_about("entries") {
                None => text(StatusCode::NO_CONTENT, ""),
                Some(complaint) => text(StatusCode::BAD_REQUEST, &format!("{complaint}\n")),
            },
            Err(error) => {
                let mut answer = text(error.status(), &format!("{error}\n"));
                if let Some(wait) = error.retry_after() {
                    answer.headers_mut().insert(RETRY_AFTER, retry_after_secs(wait).into());
                }
                answer
            }
        }
    }
}

impl Dialect for LokiOtlpLogs {
    fn name(&self) -> &'static str {
        "loki_otlp"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        OtlpLogs.encodings()
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        check_tenant(parts)?;
        OtlpLogs.check_head(parts)
    }

    fn batch_scope<'a>(&self, parts: &'a Parts) -> &'a str {
        tenant(parts).unwrap_or_default()
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let mut decoded = OtlpLogs.decode(parts, body, context)?;
        if let Some(tenant) = tenant(parts) {
            decoded.batch.log_rows.set_attribute(TENANT, tenant);
        }
        Ok(decoded)
    }

    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        OtlpLogs.answer(parts, outcome)
    }
}

/// The organisation that the sender says it is.
fn tenant(parts: &Parts) -> Option<&str> {
    let header = parts.headers.get(TENANT_HEADER)?;
    header.to_str().ok().map(str::trim).filter(|tenant| !tenant.is_empty())
}

fn check_tenant(parts: &Parts) -> Result<(), IngestError> {
    match tenant(parts) {
        Some(tenant) if tenant.len() > TENANT_BYTES_MAX => {
            Err(IngestError::Malformed(format!("X-Scope-OrgID is longer than {TENANT_BYTES_MAX} bytes")))
        }
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Protobuf,
}

impl Format {
    /// No type at all is protobuf, as Loki has it.
    fn of(parts: &Parts) -> Result<Format, IngestError> {
        let (essence, _) = media_type(&parts.headers);
        match essence.as_str() {
            "application/json" => Ok(Format::Json),
            "" | "application/x-protobuf" | "application/protobuf" => Ok(Format::Protobuf),
            _ => Err(IngestError::UnsupportedMediaType { found: excerpt(&essence), expected: EXPECTED_TYPE }),
        }
    }
}

fn text(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    *answer.status_mut() = status;
    if !text.is_empty() {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    answer
}

#[cfg(test)]
mod tests;
