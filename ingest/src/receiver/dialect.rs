//! What a dialect is: the parts of a request's way that differ from one to the next, and what they
//! hand to each other.

use std::borrow::Cow;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use telemetry::{Batch, Limit, RejectReason, Timestamp};

use super::Outcome;
use crate::body::{Encoding, media_type};
use crate::known_series::{KnownSeries, SeriesKey};
use crate::{FamilyMeta, FamilyTypes, IngestError, IngestLimits, Rejections};

/// One wire dialect over HTTP. Implementations are unit structs without state.
pub trait Dialect: Send + Sync + 'static {
    /// As in metrics and in `ingest_rejections.source`.
    fn name(&self) -> &'static str;

    /// Content encodings that senders may use, and the same for people.
    fn encodings(&self) -> (&'static [Encoding], &'static str);

    /// Refuses what the head of the request already tells, before the body is read.
    fn check_head(&self, parts: &Parts) -> Result<(), IngestError>;

    /// How the body of this request is packed.
    fn encoding(&self, parts: &Parts) -> Result<Encoding, IngestError> {
        let (allowed, expected) = self.encodings();
        Encoding::of(&parts.headers, allowed, expected)
    }

    /// The longest body, and the limit that says so. Less where no token vouches for a request before it
    /// is read.
    fn body_bytes_max(&self, limits: &IngestLimits) -> (u64, Limit) {
        (limits.body_bytes_max, Limit::BodyBytes)
    }

    /// Whether the plain body is JSON text that may be mended before it is parsed. Not where a
    /// signature covers the bytes.
    fn is_json(&self, parts: &Parts) -> bool {
        media_type(&parts.headers).0.contains("json")
    }

    /// What of the head belongs to the identity of a batch without one: with another value here the
    /// same body is another batch, not a retry.
    fn batch_scope<'a>(&self, _parts: &'a Parts) -> &'a str {
        ""
    }

    /// Translates a plain body. Pure; refused rows go into [`Decoded::rejections`].
    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError>;

    /// Says in the dialect's words what happened.
    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes>;

    /// Says it row by row. `items` are [`Decoded::items`] with what became of each; there are none
    /// when the body was not decoded.
    fn answer_items(&self, parts: &Parts, outcome: &Outcome, _items: &[Item]) -> Response<Bytes> {
        self.answer(parts, outcome)
    }
}

/// What a decoder may know beside the request.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub limits: &'a IngestLimits,
    /// Dialect and token, such as `remote_write:prometheus-eu`.
    pub source: &'a str,
    pub now: Timestamp,
    pub families: &'a FamilyTypes,
    pub known: &'a KnownSeries,
}

/// A translated request.
#[derive(Debug, Default)]
pub struct Decoded {
    /// `batch.rejections` stays empty: it is filled from `rejections`.
    pub batch: Batch,
    /// How many rows the sender sent, in the dialect's unit, refused ones included.
    pub rows: u64,
    pub rejections: Rejections,
    /// Keys of series of the batch, by their place in it, to be learnt once they are stored.
    pub(crate) keys: Vec<(SeriesKey, usize)>,
    /// Metadata to remember for later requests.
    pub families: Vec<(Box<str>, FamilyMeta)>,
    /// Every row by name, where the dialect answers row by row. Those that the decoder did not refuse
    /// are the batch's log records, in the same order.
    pub items: Vec<Item>,
    /// Who sent it, where the body tells and not the head (an integration key).
    pub sender: Option<String>,
    /// What the answer says beside the counts: why there was nothing to keep.
    pub notice: Option<String>,
    /// The same body later is something new: a log record without a time of its own got the time of
    /// arrival, or came alone and without an id.
    pub never_a_retry: bool,
}

/// A row as its sender named it, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What was asked for, such as `create`.
    pub action: &'static str,
    /// Where the sender wants it, such as an index.
    pub target: Box<str>,
    pub id: Box<str>,
    /// Why it is not stored.
    pub refused: Option<(RejectReason, Cow<'static, str>)>,
}
