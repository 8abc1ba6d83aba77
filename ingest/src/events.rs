//! `POST /api/events`: one JSON object, an array of them, or NDJSON.
//!
//! 202 `{accepted, rejected: [{index, pointer, message}]}`: good events are kept whatever their
//! neighbours are. Only a body that is no JSON at all, or over a limit, is refused whole, as a
//! problem document. The same `id` is the same event; without one, each arrival is a new event.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use telemetry::RejectReason;

use crate::body::{Encoding, check_json_depth, excerpt, media_type};
use crate::error::retry_after_secs;
use crate::{Context, Decoded, Dialect, Fault, IngestError, Outcome, Receipt, Rejections};

mod documents;
mod envelope;
mod payload;
mod problem;

use documents::Document;
use problem::Problem;

/// `POST /api/events`.
#[derive(Clone, Copy, Debug)]
pub struct Events;

/// More problems than this in one event are not listed.
const PROBLEMS_PER_EVENT_MAX: usize = 16;

const EXPECTED_TYPE: &str = "application/json or application/x-ndjson";

impl Dialect for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        (&[Encoding::Identity, Encoding::Gzip, Encoding::Zstd], "gzip, zstd or none")
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        Format::of(parts).map(drop)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let documents = match Format::of(parts)? {
            Format::Json => documents::of_json(body, context.limits)?,
            Format::Ndjson => documents::of_lines(body, context.limits)?,
        };
        let details_max = documents.len().saturating_mul(PROBLEMS_PER_EVENT_MAX);
        let mut decoded = Decoded {
            rows: documents.len() as u64,
            rejections: Rejections::new(details_max),
            ..Decoded::default()
        };
        for (index, document) in documents.into_iter().enumerate() {
            match read_one(document, index, context) {
                Ok(event) => decoded.batch.events.push(event),
                Err(problems) => reject(&mut decoded.rejections, index, problems),
            }
        }
        Ok(decoded)
    }

    fn answer(&self, _parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        match outcome {
            Ok(receipt) => accepted(receipt),
            Err(error) => refused(error),
        }
    }
}

fn read_one(
    document: Document<'_>,
    index: usize,
    context: &Context<'_>,
) -> Result<telemetry::Event, Vec<Problem>> {
    let text = document.map_err(|problem| vec![problem])?;
    let max = context.limits.event_payload_bytes_max;
    if text.len() > max {
        let message = format!("the event is longer than {max} bytes (event_payload_bytes_max)");
        return Err(vec![Problem::new("", message)]);
    }
    let depth = check_json_depth(text.as_bytes(), context.limits.json_depth_max);
    depth.map_err(|error| vec![Problem::new("", error.to_string())])?;
    let value =
        serde_json::from_str(text).map_err(|error| vec![Problem::new("", format!("not JSON: {error}"))])?;
    envelope::read(value, index, context)
}

fn reject(rejections: &mut Rejections, index: usize, problems: Vec<Problem>) {
    // The event is one refused row, however much is wrong with it.
    let mut count = 1;
    for problem in problems.into_iter().take(PROBLEMS_PER_EVENT_MAX) {
        rejections.reject(Fault {
            index: index as u64,
            pointer: problem.pointer,
            reason: RejectReason::InvalidPayload,
            count,
            message: problem.message,
        });
        count = 0;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Ndjson,
}

impl Format {
    fn of(parts: &Parts) -> Result<Format, IngestError> {
        let (essence, _) = media_type(&parts.headers);
        if essence.starts_with("application/cloudevents") || parts.headers.contains_key("ce-id") {
            return Err(IngestError::UnsupportedVersion(
                "CloudEvents are not supported yet; send application/json as {kind, service, at, payload}",
            ));
        }
        match essence.as_str() {
            "" | "application/json" => Ok(Format::Json),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => Ok(Format::Ndjson),
            _ => Err(IngestError::UnsupportedMediaType { found: excerpt(&essence), expected: EXPECTED_TYPE }),
        }
    }
}

fn accepted(receipt: &Receipt) -> Response<Bytes> {
    let rejected: Vec<_> = receipt
        .faults
        .iter()
        .map(|fault| json!({"index": fault.index, "pointer": fault.pointer, "message": fault.message}))
        .collect();
    let accepted = receipt.rows - receipt.rejected_rows();
    let body = json!({"accepted": accepted, "rejected": rejected});
    respond(StatusCode::ACCEPTED, "application/json", &body)
}

fn refused(error: &IngestError) -> Response<Bytes> {
    let status = error.status();
    let body = json!({
        "title": status.canonical_reason().unwrap_or("Error"),
        "detail": error.to_string(),
        "status": status.as_u16(),
    });
    let mut answer = respond(status, "application/problem+json", &body);
    if let Some(wait) = error.retry_after() {
        answer.headers_mut().insert(RETRY_AFTER, retry_after_secs(wait).into());
    }
    answer
}

fn respond(status: StatusCode, content_type: &'static str, body: &serde_json::Value) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests;
