//! `POST /api/events`: one JSON object, an array of them, or NDJSON; CloudEvents by content type.
//!
//! 202 `{accepted, rejected: [{index, pointer, message}]}`: good events are kept whatever their
//! neighbours are. Only a body that is no JSON at all, or over a limit, is refused whole, as a
//! problem document. The same `id` is the same event; without one, each arrival is a new event.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use telemetry::Limit;

use crate::body::{Encoding, check_json_depth, excerpt, media_type};
use crate::error::retry_after_secs;
use crate::{Context, Decoded, Dialect, Fault, IngestError, Outcome, OverLimit, Receipt, Rejections};

mod cloudevents;
mod documents;
pub(crate) mod envelope;
pub(crate) mod payload;
pub(crate) mod problem;

use documents::Document;
use problem::Problem;

/// `POST /api/events`.
#[derive(Clone, Copy, Debug)]
pub struct Events;

/// More problems than this in one event are not listed.
const PROBLEMS_PER_EVENT_MAX: usize = 16;

const EXPECTED_TYPE: &str = "application/json, application/x-ndjson, application/cloudevents+json or \
                             application/cloudevents-batch+json";

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
        let format = Format::of(parts)?;
        let documents = match format {
            Format::Json => documents::of_json(body, context.limits)?,
            Format::Ndjson => documents::of_lines(body, context.limits)?,
            Format::CloudEvent => documents::one(body, context.limits)?,
            Format::CloudEventBatch => documents::batch(body, context.limits)?,
            Format::CloudEventBinary => return Ok(read_binary(parts, body, context)),
        };
        let details_max = documents.len().saturating_mul(PROBLEMS_PER_EVENT_MAX);
        let mut decoded = Decoded {
            rows: documents.len() as u64,
            rejections: Rejections::new(details_max),
            ..Decoded::default()
        };
        for (index, document) in documents.into_iter().enumerate() {
            match read_one(document, format, index, context) {
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
    format: Format,
    index: usize,
    context: &Context<'_>,
) -> Result<telemetry::Event, Vec<Problem>> {
    let text = document.map_err(|problem| vec![problem])?;
    check_length(text.len(), context)?;
    check_json_depth(text.as_bytes(), context.limits.json_depth_max).map_err(|over| vec![over.into()])?;
    let value =
        serde_json::from_str(text).map_err(|error| vec![Problem::new("", format!("not JSON: {error}"))])?;
    match format {
        Format::Json | Format::Ndjson => envelope::read(value, index, context),
        Format::CloudEvent | Format::CloudEventBatch | Format::CloudEventBinary => {
            cloudevents::read(value, index, context)
        }
    }
}

fn read_binary(parts: &Parts, body: &[u8], context: &Context<'_>) -> Decoded {
    let mut decoded =
        Decoded { rows: 1, rejections: Rejections::new(PROBLEMS_PER_EVENT_MAX), ..Decoded::default() };
    let event = check_length(body.len(), context)
        .and_then(|()| cloudevents::of_binary(&parts.headers, body))
        .and_then(|value| cloudevents::read(value, 0, context));
    match event {
        Ok(event) => decoded.batch.events.push(event),
        Err(problems) => reject(&mut decoded.rejections, 0, problems),
    }
    decoded
}

fn check_length(bytes: usize, context: &Context<'_>) -> Result<(), Vec<Problem>> {
    let max = context.limits.event_payload_bytes_max;
    if bytes > max {
        let what = format!("the event is longer than {max} bytes");
        return Err(vec![OverLimit::new(Limit::EventPayloadBytes, what).into()]);
    }
    Ok(())
}

fn reject(rejections: &mut Rejections, index: usize, problems: Vec<Problem>) {
    // The event is one refused row, however much is wrong with it.
    let mut count = 1;
    for problem in problems.into_iter().take(PROBLEMS_PER_EVENT_MAX) {
        rejections.reject(Fault {
            index: index as u64,
            pointer: problem.pointer,
            reason: problem.reason,
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
    /// Structured mode.
    CloudEvent,
    CloudEventBatch,
    CloudEventBinary,
}

impl Format {
    fn of(parts: &Parts) -> Result<Format, IngestError> {
        let (essence, _) = media_type(&parts.headers);
        match essence.as_str() {
            "application/cloudevents+json" => Ok(Format::CloudEvent),
            "application/cloudevents-batch+json" => Ok(Format::CloudEventBatch),
            other if other.starts_with("application/cloudevents") => Err(IngestError::UnsupportedVersion(
                "CloudEvents are read as JSON here; send application/cloudevents+json",
            )),
            // The content type is that of the data.
            _ if cloudevents::is_binary(&parts.headers) => Ok(Format::CloudEventBinary),
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

/// A problem document.
pub(crate) fn refused(error: &IngestError) -> Response<Bytes> {
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

pub(crate) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: &serde_json::Value,
) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests;
