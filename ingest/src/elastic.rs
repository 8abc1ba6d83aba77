//! What Elasticsearch's shippers speak: `_bulk`, and the questions they ask before.
//!
//! The body is NDJSON, an action line and a document in turn. `index` and `create` are the same here:
//! a document is one more log record. The answer is 200 with one item per action, in order; an item
//! that was not stored has a status and an error of its own, and its neighbours are kept. At a bound
//! the whole request is answered 429 (503 when writes are stopped), and says so at each item as well,
//! for shippers that look only there.
//!
//! Documents have no identity: an `_id` is kept as an attribute and never compared. Not here:
//! updates, deletes (an error at their item), mappings, and reading anything back.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Response, StatusCode};
use telemetry::RejectReason;

use crate::attributes::ATTRIBUTE_BYTES;
use crate::body::{Encoding, excerpt, media_type};
use crate::error::retry_after_secs;
use crate::validate::Meter;
use crate::{Context, Decoded, Dialect, Fault, IngestError, Item, Outcome, Rejections};

mod answer;
mod bulk;
mod calls;
mod document;
mod filter_path;
mod probes;
mod time;

pub use answer::Speech;
pub use calls::Call;

use bulk::Operation;

/// `POST` and `PUT` of `/elastic/_bulk` and `/elastic/{index}/_bulk`.
#[derive(Clone, Copy, Debug)]
pub struct ElasticBulk;

/// The index in the path of a request, in its extensions: where actions go that do not name one.
#[derive(Clone, Debug)]
pub struct IndexInPath(pub String);

/// Faults that go into the log; the answer has every one, at its item.
const FAULTS_MAX: usize = 10;

const EXPECTED_TYPE: &str = "application/x-ndjson or application/json";

impl Dialect for ElasticBulk {
    fn name(&self) -> &'static str {
        "elastic"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        (&[Encoding::Identity, Encoding::Gzip], "gzip or none")
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        let (essence, _) = media_type(&parts.headers);
        match essence.as_str() {
            // The last is what older rsyslogs say.
            ""
            | "application/json"
            | "application/x-ndjson"
            | "application/vnd.elasticsearch+json"
            | "application/vnd.elasticsearch+x-ndjson"
            | "text/json" => Ok(()),
            _ => Err(IngestError::UnsupportedMediaType { found: excerpt(&essence), expected: EXPECTED_TYPE }),
        }
    }

    /// Whatever the shipper calls it.
    fn is_json(&self, _parts: &Parts) -> bool {
        true
    }

    fn batch_scope<'a>(&self, parts: &'a Parts) -> &'a str {
        index_in_path(parts)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let mut decoded = Decoded { rejections: Rejections::new(FAULTS_MAX), ..Decoded::default() };
        let mut meter = Meter::new(context.limits);
        for operation in bulk::operations(body, index_in_path(parts), context.limits) {
            let operation = operation?;
            // Its text ends in the record, in the best case; what an answer repeats comes on top.
            meter.row(operation.bytes())?;
            let row = decoded.rows;
            decoded.rows += 1;
            let refused = match document::read(&operation, context) {
                Ok((record, timed_on_arrival)) => {
                    meter.text(record.attrs.len() * ATTRIBUTE_BYTES)?;
                    decoded.batch.logs.push(record);
                    decoded.timed_on_arrival |= timed_on_arrival;
                    None
                }
                Err((reason, what)) => {
                    let message = format!("document {row}: {what}");
                    let pointer = String::new();
                    decoded.rejections.reject(Fault { index: row, pointer, reason, count: 1, message });
                    Some((reason, what.into()))
                }
            };
            decoded.items.push(item(&operation, row, refused));
        }
        Ok(decoded)
    }

    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        self.answer_items(parts, outcome, &[])
    }

    fn answer_items(&self, parts: &Parts, outcome: &Outcome, items: &[Item]) -> Response<Bytes> {
        let speech = Speech::of(&parts.headers);
        match outcome {
            Ok(receipt) => {
                let answer = answer::bulk(items, receipt.took);
                speech.json(StatusCode::OK, &filter_path::apply(parts.uri.query(), answer))
            }
            Err(error) => {
                let status = status(error);
                let mut answer = match error.retry_after() {
                    Some(_) if !items.is_empty() => {
                        speech.json(status, &answer::bulk_refused(items, status, &error.to_string()))
                    }
                    _ => speech.error(status, &error.to_string()),
                };
                if let Some(wait) = error.retry_after() {
                    answer.headers_mut().insert(RETRY_AFTER, retry_after_secs(wait).into());
                }
                answer
            }
        }
    }
}

/// Elasticsearch has 406 for types that it does not read.
fn status(error: &IngestError) -> StatusCode {
    match error {
        IngestError::UnsupportedMediaType { .. } => StatusCode::NOT_ACCEPTABLE,
        other => other.status(),
    }
}

fn index_in_path(parts: &Parts) -> &str {
    parts.extensions.get::<IndexInPath>().map_or("", |index| index.0.as_str())
}

fn item(operation: &Operation<'_>, row: u64, refused: Option<(RejectReason, Cow<'static, str>)>) -> Item {
    let id = match &operation.id {
        Some(id) => Box::from(&**id),
        None => bulk::generated_id(operation, row),
    };
    Item { action: operation.action.as_str(), target: Box::from(&*operation.index), id, refused }
}

#[cfg(test)]
mod tests;
