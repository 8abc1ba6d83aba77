//! The way of one request, the same for every dialect: admit, read, unpack, decode, write, answer.
//!
//! A dialect ([`dialect`]) decides nothing about memory, durability or retries; it translates. Nothing
//! waits inside: at a bound the sender is told when to come again. Once a batch is handed to the lake
//! its write runs to the end, and is counted, even when the sender hangs up.

mod dialect;
mod reading;
mod receipt;
mod storing;

use std::fmt::{self, Display};
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response};
use telemetry::{Batch, Clock};

use crate::body::Encoding;
use crate::families::FamilyRegistry;
use crate::gate::{Gate, Ticket};
use crate::known_series::KnownSeries;
use crate::retries::BatchKey;
use crate::{BatchSink, IngestError, IngestLimits, IngestMetrics, SourceCounts};
use reading::{DecodeJob, read};
use storing::mark_refused;

pub use dialect::{Context, Decoded, Dialect, Item};
pub use receipt::{Outcome, Receipt};

/// Who sent something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub dialect: &'static str,
    /// The token's name, or what stands in for one: a hook, a scrape job, a service.
    pub name: String,
}

/// As in `ingest_rejections.source`.
impl Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dialect, self.name)
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
        let metrics = IngestMetrics::new(limits.sources_counted_max);
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

    /// The counters of every source since the start of the process, sorted by dialect and name.
    pub fn counts(&self) -> Vec<SourceCounts> {
        self.0.metrics.counts()
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
        let source = Source { dialect: dialect.name(), name: source.to_owned() };
        let mut outcome = self.receive_body(dialect, &parts, body, source, &mut items).await;
        if let Ok(receipt) = &mut outcome {
            receipt.took = self.0.clock.now().since(began);
            mark_refused(&mut items, &receipt.stored.refused_logs);
        }
        dialect.answer_items(&parts, &outcome, &items)
    }

    /// Writes a batch that was made in this process, counted as dialect `internal`. It passes no gate:
    /// our own telemetry is small, and most wanted when senders are turned away.
    pub async fn write(&self, batch: Batch, source: &str) -> Outcome {
        let metrics = batch.sample_count() + batch.histogram_count();
        let rows = (metrics + batch.log_count() + batch.events.len()) as u64;
        let decoded = Decoded { batch, rows, ..Decoded::default() };
        let source = Source { dialect: "internal", name: source.to_owned() };
        self.store(decoded, source, None, None).await
    }

    /// Writes what a scrape came to. It passes no gate, so that scrapes take no sender's place: the
    /// scraper has its own bounds.
    pub(crate) async fn write_scraped(&self, job: &str, decoded: Decoded) -> Outcome {
        self.store(decoded, Source { dialect: "scrape", name: job.to_owned() }, None, None).await
    }

    /// Counts the bytes of a page under its job; the page is read elsewhere.
    pub(crate) fn count_scraped_body(&self, job: &str, bytes: u64) {
        self.0.metrics.body(&Source { dialect: "scrape", name: job.to_owned() }, bytes);
    }

    async fn receive_body<S, E>(
        &self,
        dialect: &'static dyn Dialect,
        parts: &Arc<Parts>,
        body: S,
        source: Source,
        items: &mut Vec<Item>,
    ) -> Outcome
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Display,
    {
        let decoded = self.decode_body(dialect, parts, body, &source).await;
        let (mut decoded, retry, source, ticket) =
            decoded.inspect_err(|error| self.0.count_refused(&source, error))?;
        *items = std::mem::take(&mut decoded.items);
        self.store(decoded, source, retry, Some(ticket)).await
    }

    async fn decode_body<S, E>(
        &self,
        dialect: &'static dyn Dialect,
        parts: &Arc<Parts>,
        body: S,
        source: &Source,
    ) -> Result<(Decoded, Option<BatchKey>, Source, Ticket), IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Display,
    {
        dialect.check_head(parts)?;
        let encoding = dialect.encoding(parts)?;
        let mut ticket = self.0.gate.enter(&self.0.limits)?;
        let bytes_max = dialect.body_bytes_max(&self.0.limits);
        let body = read(body, &parts.headers, bytes_max, &mut ticket).await?;
        self.0.metrics.body(source, body.len() as u64);
        let (inner, parts, source) = (self.0.clone(), parts.clone(), source.clone());
        DecodeJob { inner, dialect, parts, encoding, body, source, ticket }.run_where_it_fits().await
    }

    /// A place for a message that something else reads (gRPC).
    pub(crate) fn admit(&self, name: &'static str, token: &str) -> Result<Ticket, IngestError> {
        self.0.gate.enter(&self.0.limits).inspect_err(|error| {
            self.0.count_refused(&Source { dialect: name, name: token.to_owned() }, error);
        })
    }

    /// Receives a message that something else has read and unpacked already, and that is protobuf. `name`
    /// stands for the dialect in metrics and in the ledger.
    pub(crate) async fn receive_message(
        &self,
        dialect: &'static dyn Dialect,
        name: &'static str,
        token: &str,
        message: Bytes,
        ticket: Ticket,
    ) -> Outcome {
        let source = Source { dialect: name, name: token.to_owned() };
        self.0.metrics.body(&source, message.len() as u64);
        let decoded = self.decode_message(dialect, message, &source, ticket).await;
        let (decoded, retry, source, ticket) =
            decoded.inspect_err(|error| self.0.count_refused(&source, error))?;
        self.store(decoded, source, retry, Some(ticket)).await
    }

    async fn decode_message(
        &self,
        dialect: &'static dyn Dialect,
        body: Bytes,
        source: &Source,
        mut ticket: Ticket,
    ) -> Result<(Decoded, Option<BatchKey>, Source, Ticket), IngestError> {
        ticket.charge_up_to(body.len() as u64)?;
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let (inner, source, encoding) = (self.0.clone(), source.clone(), Encoding::Identity);
        DecodeJob { inner, dialect, parts: Arc::new(parts), encoding, body, source, ticket }
            .run_where_it_fits()
            .await
    }
}

impl Inner {
    fn with_context<T>(&self, source: &str, decode: impl FnOnce(&Context<'_>) -> T) -> T {
        let families = self.families.snapshot();
        let (limits, known) = (&self.limits, &self.known);
        decode(&Context { limits, source, now: self.clock.now(), families: &families, known })
    }
}

#[cfg(test)]
pub(crate) mod tests;
