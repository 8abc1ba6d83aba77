//! The way of one request, the same for every dialect: admit, read, unpack, decode, write, answer.
//!
//! A dialect decides nothing about memory, durability or retries; it translates. Nothing waits
//! inside: at a bound the sender is told when to come again. Once a batch is handed to the lake its
//! write runs to the end even when the sender hangs up.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderMap, Response};
use lake::RefusedLog;
use telemetry::{Batch, Clock, RejectReason, Rejection, Timestamp};

use crate::body::{Encoding, decompress};
use crate::families::FamilyRegistry;
use crate::gate::{Gate, Ticket};
use crate::known_series::{KnownSeries, SeriesKey};
use crate::retries::{BatchKey, batch_key};
use crate::{
    BatchSink, DialectCounts, FamilyMeta, FamilyTypes, Fault, IngestError, IngestLimits, IngestMetrics,
    Rejections, Stored,
};

/// Bodies up to this size are unpacked and decoded where they arrive; larger ones would keep the
/// executor's thread from its other connections.
const INLINE_BODY_BYTES_MAX: usize = 16 << 10;

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

    /// The longest body, and the limit's name. Less where no token vouches for a request before it
    /// is read.
    fn body_bytes_max(&self, limits: &IngestLimits) -> (u64, &'static str) {
        (limits.body_bytes_max, "body_bytes_max")
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
    /// A log record without a time of its own got the time of arrival: the same body later is
    /// something new, not a retry.
    pub timed_on_arrival: bool,
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

/// What became of a request.
pub type Outcome = Result<Receipt, IngestError>;

/// The request was acknowledged, maybe not all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// As [`Decoded::rows`].
    pub rows: u64,
    pub stored: Stored,
    /// Details of what the decoder refused, bounded.
    pub faults: Vec<Fault>,
    /// Everything that was refused, by the decoder and by the lake, one entry per reason.
    pub refused: Vec<Rejection>,
    /// As [`Decoded::notice`].
    pub notice: Option<String>,
    /// From the head of the request to the answer.
    pub took: Duration,
}

impl Receipt {
    pub fn stored_rows(&self) -> u64 {
        self.stored.samples + self.stored.histograms + self.stored.logs + self.stored.events
    }

    /// Refused rows in the dialect's unit.
    pub fn rejected_rows(&self) -> u64 {
        self.refused.iter().map(|refused| refused.count).sum::<u64>().min(self.rows)
    }

    /// What was refused and why, in one line for people; `None` when all is well.
    pub fn complaint(&self) -> Option<String> {
        let reasons: Vec<String> = self
            .refused
            .iter()
            .map(|refused| format!("{} ({}): {}", refused.reason.as_str(), refused.count, refused.sample))
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// The receivers' shared state. Cheap to clone.
#[derive(Clone)]
pub struct Ingest(Arc<Inner>);

struct Inner {
    sink: Arc<dyn BatchSink>,
    limits: IngestLimits,
    clock: Arc<dyn Clock>,
    metrics: IngestMetrics,
    gate: Gate,
    families: FamilyRegistry,
    known: KnownSeries,
}

impl Ingest {
    pub fn new(sink: Arc<dyn BatchSink>, limits: IngestLimits, clock: Arc<dyn Clock>) -> Ingest {
        let metrics = IngestMetrics::default();
        Ingest(Arc::new(Inner {
            gate: Gate::new(&limits, metrics.in_flight.clone()),
            families: FamilyRegistry::default(),
            known: KnownSeries::new(limits.known_series_max),
            metrics,
            sink,
            limits,
            clock,
        }))
    }

    pub fn limits(&self) -> &IngestLimits {
        &self.0.limits
    }

    pub fn metrics(&self) -> &IngestMetrics {
        &self.0.metrics
    }

    /// The counters of every dialect, for `/api/status`.
    pub fn counts(&self) -> Vec<DialectCounts> {
        self.0.metrics.counts(DIALECT_NAMES)
    }

    /// Receives one HTTP request of a dialect. `source` is the token's name. The body is read here,
    /// so that nothing is read beyond the limits.
    pub async fn receive<S, E>(
        &self,
        dialect: &'static dyn Dialect,
        parts: Parts,
        body: S,
        source: &str,
    ) -> Response<Bytes>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Display,
    {
        let parts = Arc::new(parts);
        let began = self.0.clock.now();
        let mut items = Vec::new();
        let mut outcome = self.receive_body(dialect, &parts, body, source, &mut items).await;
        if let Ok(receipt) = &mut outcome {
            receipt.took = self.0.clock.now().since(began);
            mark_refused(&mut items, &receipt.stored.refused_logs);
        }
        self.count(dialect.name(), source, &outcome);
        dialect.answer_items(&parts, &outcome, &items)
    }

    /// Writes a batch that was made in this process, counted as dialect `internal`. It passes no gate:
    /// our own telemetry is small, and most wanted when senders are turned away.
    pub async fn write(&self, batch: Batch, source: &str) -> Outcome {
        let metrics = batch.sample_count() + batch.histogram_count();
        let rows = (metrics + batch.logs.len() + batch.events.len()) as u64;
        let decoded = Decoded { batch, rows, ..Decoded::default() };
        let outcome = self.store(decoded, format!("internal:{source}"), None, None).await;
        self.count("internal", source, &outcome);
        outcome
    }

    /// Writes what a scrape came to. It passes no gate, so that scrapes take no sender's place: the
    /// scraper has its own bounds.
    pub(crate) async fn write_scraped(&self, job: &str, decoded: Decoded) -> Outcome {
        let outcome = self.store(decoded, format!("scrape:{job}"), None, None).await;
        self.count("scrape", job, &outcome);
        outcome
    }

    async fn receive_body<S, E>(
        &self,
        dialect: &'static dyn Dialect,
        parts: &Arc<Parts>,
        body: S,
        source: &str,
        items: &mut Vec<Item>,
    ) -> Outcome
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Display,
    {
        dialect.check_head(parts)?;
        let encoding = dialect.encoding(parts)?;
        let mut ticket = self.0.gate.enter(&self.0.limits)?;
        let bytes_max = dialect.body_bytes_max(&self.0.limits);
        let body = read(body, &parts.headers, bytes_max, &mut ticket).await?;
        self.0.metrics.body(dialect.name(), body.len() as u64);

        let source = format!("{}:{source}", dialect.name());
        let job = DecodeJob {
            inner: self.0.clone(),
            dialect,
            parts: parts.clone(),
            encoding,
            body,
            source,
            ticket,
        };
        let (mut decoded, retry, source, ticket) = job.run_where_it_fits().await?;
        *items = std::mem::take(&mut decoded.items);
        self.store(decoded, source, retry, Some(ticket)).await
    }

    /// Decodes and writes a request that something else has read already (gRPC).
    pub(crate) async fn receive_decoded(
        &self,
        dialect: &'static str,
        token: &str,
        body_bytes: u64,
        retry: impl FnOnce(&str) -> Option<BatchKey>,
        decode: impl FnOnce(&Context<'_>) -> Result<Decoded, IngestError>,
    ) -> Outcome {
        self.0.metrics.body(dialect, body_bytes);
        let outcome = self.decode_and_store(dialect, token, body_bytes, retry, decode).await;
        self.count(dialect, token, &outcome);
        outcome
    }

    async fn decode_and_store(
        &self,
        dialect: &'static str,
        token: &str,
        body_bytes: u64,
        retry: impl FnOnce(&str) -> Option<BatchKey>,
        decode: impl FnOnce(&Context<'_>) -> Result<Decoded, IngestError>,
    ) -> Outcome {
        let mut ticket = self.0.gate.enter(&self.0.limits)?;
        ticket.charge(body_bytes)?;
        let source = format!("{dialect}:{token}");
        let decoded = self.0.with_context(&source, decode)?;
        let retry = retry(&source);
        self.store(decoded, source, retry, Some(ticket)).await
    }

    async fn store(
        &self,
        decoded: Decoded,
        source: String,
        retry: Option<BatchKey>,
        ticket: Option<Ticket>,
    ) -> Outcome {
        let inner = self.0.clone();
        // A task of its own: a sender that hangs up must not leave a write half counted.
        let write = tokio::spawn(async move {
            let outcome = inner.store(decoded, &source, retry).await;
            drop(ticket);
            outcome
        });
        write.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a write failed without an answer");
            let retry_after = self.0.limits.retry_after;
            Err(IngestError::Unavailable { what: "the write did not finish".to_owned(), retry_after })
        })
    }

    fn count(&self, dialect: &'static str, token: &str, outcome: &Outcome) {
        self.0.metrics.outcome(dialect, outcome);
        match outcome {
            Ok(receipt) => {
                if let Some(complaint) = receipt.complaint() {
                    tracing::debug!(dialect, token, complaint, "rows refused");
                }
            }
            Err(error) => tracing::debug!(dialect, token, %error, "request refused"),
        }
    }
}

/// Everything that appears as `dialect` in metrics.
const DIALECT_NAMES: &[&str] = &[
    "otlp_metrics",
    "otlp_logs",
    "otlp_traces",
    "otlp_grpc_metrics",
    "otlp_grpc_logs",
    "otlp_grpc_traces",
    "remote_write",
    "loki",
    "loki_otlp",
    "elastic",
    "events",
    "github_hook",
    "gitlab_hook",
    "pagerduty_change",
    "scrape",
    "internal",
];

impl Inner {
    fn with_context<T>(&self, source: &str, decode: impl FnOnce(&Context<'_>) -> T) -> T {
        let families = self.families.snapshot();
        let (limits, known) = (&self.limits, &self.known);
        decode(&Context { limits, source, now: self.clock.now(), families: &families, known })
    }

    async fn store(&self, decoded: Decoded, source: &str, retry: Option<BatchKey>) -> Outcome {
        let Decoded { mut batch, rows, rejections, keys, families, timed_on_arrival, notice, .. } = decoded;
        self.families.learn(&families, self.limits.metric_families_max);
        let mut refused = rejections.refused(source);
        batch.rejections.extend(rejections.ledger(source));
        let faults = rejections.into_faults();
        if batch.is_empty() {
            return Ok(Receipt { rows, faults, refused, notice, ..Receipt::default() });
        }
        // Samples and events have an identity of their own; only logs need the key.
        let retry_key = retry.filter(|_| !batch.logs.is_empty() && !timed_on_arrival);
        let stored = self.sink.append(batch, source, retry_key).await?;
        self.known.learn(keys.iter().filter_map(|(key, at)| Some((*key, (*stored.series.get(*at)?)?))));
        refused.extend(stored.rejections.iter().cloned());
        Ok(Receipt { rows, stored, faults, refused, notice, ..Receipt::default() })
    }
}

/// Notes at each item what the lake refused of the records that were made of them.
fn mark_refused(items: &mut [Item], refused: &[RefusedLog]) {
    let mut sent: Vec<&mut Item> = items.iter_mut().filter(|item| item.refused.is_none()).collect();
    for log in refused {
        let why = match log.reason {
            RejectReason::TooOld => "the record is older than logs are kept",
            RejectReason::TooFarAhead => "the record's time is too far ahead of the clock",
            other => other.as_str(),
        };
        if let Some(item) = sent.get_mut(log.index) {
            item.refused = Some((log.reason, why.into()));
        }
    }
}

/// Reads a body within the limits.
async fn read<S, E>(
    mut body: S,
    headers: &HeaderMap,
    (limit, name): (u64, &'static str),
    ticket: &mut Ticket,
) -> Result<Bytes, IngestError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    let too_large = || IngestError::TooLarge { what: "the body in bytes", name, limit };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut collected = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| IngestError::Malformed(format!("the body ended early: {error}")))?;
        if (collected.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        ticket.charge(chunk.len() as u64)?;
        collected.extend_from_slice(&chunk);
    }
    Ok(collected.freeze())
}

/// The part of a request's way that only computes.
struct DecodeJob {
    inner: Arc<Inner>,
    dialect: &'static dyn Dialect,
    parts: Arc<Parts>,
    encoding: Encoding,
    body: Bytes,
    source: String,
    ticket: Ticket,
}

type DecodeDone = (Decoded, Option<BatchKey>, String, Ticket);

impl DecodeJob {
    async fn run_where_it_fits(self) -> Result<DecodeDone, IngestError> {
        if self.body.len() <= INLINE_BODY_BYTES_MAX {
            return self.run();
        }
        let dialect = self.dialect.name();
        tokio::task::spawn_blocking(move || self.run()).await.unwrap_or_else(|error| {
            tracing::error!(%error, dialect, "a decoder failed");
            Err(IngestError::Malformed("the body could not be decoded".to_owned()))
        })
    }

    fn run(self) -> Result<DecodeDone, IngestError> {
        let DecodeJob { inner, dialect, parts, encoding, body, source, mut ticket } = self;
        let plain = decompress(encoding, body, &inner.limits, &mut |bytes| ticket.charge(bytes))?;
        let decoded = inner.with_context(&source, |context| dialect.decode(&parts, &plain, context))?;
        let source = match &decoded.sender {
            Some(sender) => format!("{}:{sender}", dialect.name()),
            None => source,
        };
        let scope = dialect.batch_scope(&parts);
        let retry = (!decoded.batch.logs.is_empty()).then(|| batch_key(&source, scope, &plain));
        Ok((decoded, retry, source, ticket))
    }
}

#[cfg(test)]
pub(crate) mod tests;
