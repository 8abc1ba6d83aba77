//! What Elasticsearch's shippers speak: `_bulk`, documents one by one (`_doc`, `_create`), and the questions
//! they ask before.
//!
//! The body of a bulk is NDJSON, an action line and a document in turn. `index` and `create` are the same here:
//! a document is one more log record. The answer is 200 with one item per action, in order; an item
//! that was not stored has a status and an error of its own, and its neighbours are kept. At a bound
//! the whole request is answered 429 (503 when writes are stopped), and says so at each item as well,
//! for shippers that look only there.
//!
//! Documents have no identity: an `_id` is kept as an attribute and never compared. Not here:
//! updates, deletes (an error at their item), mappings, and reading anything back.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Response, StatusCode};

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
mod single;
mod time;

pub use answer::Speech;
pub use calls::Call;
pub use single::{DocumentInPath, ElasticDocument};

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
        check_type(parts)
    }

    /// Whatever the shipper calls it.
    fn is_json(&self, _parts: &Parts) -> bool {
        true
    }

    fn batch_scope<'a>(&self, parts: &'a Parts) -> &'a str {
        index_in_path(parts)
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let mut documents = Documents::new(context);
        for operation in bulk::operations(body, index_in_path(parts), context.limits) {
            documents.add(&operation?)?;
        }
        Ok(documents.decoded)
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
            Err(error) if error.retry_after().is_some() && !items.is_empty() => {
                let status = status(error);
                let body = answer::bulk_refused(items, status, &error.to_string());
                in_time(error, speech.json(status, &body))
            }
            Err(error) => refused_whole(&speech, error),
        }
    }
}

fn check_type(parts: &Parts) -> Result<(), IngestError> {
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

fn refused_whole(speech: &Speech, error: &IngestError) -> Response<Bytes> {
    in_time(error, speech.error(status(error), &error.to_string()))
}

/// Says when to come again.
fn in_time(error: &IngestError, mut answer: Response<Bytes>) -> Response<Bytes> {
    if let Some(wait) = error.retry_after() {
        answer.headers_mut().insert(RETRY_AFTER, retry_after_secs(wait).into());
    }
    answer
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

/// Documents that become records and items, one after the other.
struct Documents<'a> {
    context: &'a Context<'a>,
    meter: Meter<'a>,
    decoded: Decoded,
}

impl<'a> Documents<'a> {
    fn new(context: &'a Context<'a>) -> Documents<'a> {
        let decoded = Decoded { rejections: Rejections::new(FAULTS_MAX), ..Decoded::default() };
        Documents { context, meter: Meter::new(context.limits), decoded }
    }

    fn add(&mut self, operation: &Operation<'_>) -> Result<(), IngestError> {
        // Its text ends in the record, in the best case; what an answer repeats comes on top.
        self.meter.row(operation.bytes())?;
        let decoded = &mut self.decoded;
        let row = decoded.rows;
        decoded.rows += 1;
        let refused = match document::read(operation, self.context) {
            Ok((record, timed_on_arrival)) => {
                self.meter.text(record.attrs.len() * ATTRIBUTE_BYTES)?;
                decoded.batch.logs.push(record);
                decoded.never_a_retry |= timed_on_arrival;
                None
            }
            Err((reason, what)) => {
                let message = format!("document {row}: {what}");
                let pointer = String::new();
                decoded.rejections.reject(Fault { index: row, pointer, reason, count: 1, message });
                Some((reason, what.into()))
            }
        };
        let id = match &operation.id {
            Some(id) => Box::from(&**id),
            None => bulk::generated_id(operation, row),
        };
        let (action, target) = (operation.action.as_str(), Box::from(&*operation.index));
        decoded.items.push(Item { action, target, id, refused });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
