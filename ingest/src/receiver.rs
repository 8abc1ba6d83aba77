//! The way of one request, the same for every dialect: admit, read, unpack, decode, write, answer.
//!
//! A dialect ([`dialect`]) decides nothing about memory, durability or retries; it translates. Nothing
//! waits inside: at a bound the sender is told when to come again. Once a batch is handed to the lake
//! its write runs to the end, and is counted, even when the sender hangs up.

mod dialect;
mod reading;
mod receipt;

use std::fmt::{self, Display};
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response};
use lake::RefusedLog;
use telemetry::{Batch, Clock, RejectReason};

use crate::body::Encoding;
use crate::families::FamilyRegistry;
use crate::gate::{Gate, Ticket};
use crate::known_series::KnownSeries;
use crate::retries::BatchKey;
use crate::{BatchSink, IngestError, IngestLimits, IngestMetrics, SourceCounts, limits};
use reading::{DecodeJob, read};

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

    async fn store(
        &self,
        decoded: Decoded,
        source: Source,
        retry: Option<BatchKey>,
        ticket: Option<Ticket>,
    ) -> Outcome {
        let inner = self.0.clone();
        // A task of its own: a sender that hangs up must not leave a write half counted.
        let write = tokio::spawn(async move {
            let outcome = inner.store(decoded, &source.to_string(), retry).await;
            match &outcome {
                Ok(receipt) => inner.count_acknowledged(&source, receipt),
                Err(error) => inner.count_refused(&source, error),
            }
            drop(ticket);
            outcome
        });
        write.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a write failed without an answer");
            let retry_after = self.0.limits.retry_after;
            Err(IngestError::Unavailable { what: "the write did not finish".to_owned(), retry_after })
        })
    }
}

impl Inner {
    fn with_context<T>(&self, source: &str, decode: impl FnOnce(&Context<'_>) -> T) -> T {
        let families = self.families.snapshot();
        let (limits, known) = (&self.limits, &self.known);
        decode(&Context { limits, source, now: self.clock.now(), families: &families, known })
    }

    async fn store(&self, decoded: Decoded, source: &str, retry: Option<BatchKey>) -> Outcome {
        let Decoded { mut batch, rows, rejections, keys, families, never_a_retry, notice, .. } = decoded;
        let left_out = self.families.learn(&families, self.limits.metric_families_max);
        self.metrics.limit_hit("metric_families_max", left_out);
        for (limit, hits) in rejections.limits_hit() {
            self.metrics.limit_hit(limit, hits);
        }
        let mut refused = rejections.refused(source);
        batch.rejections.extend(rejections.ledger(source));
        let faults = rejections.into_faults();
        if batch.is_empty() {
            return Ok(Receipt { rows, faults, refused, notice, ..Receipt::default() });
        }
        // Samples and events have an identity of their own; only logs need the key.
        let retry_key = retry.filter(|_| batch.log_count() > 0 && !never_a_retry);
        let stored = self.sink.append(batch, source, retry_key).await?;
        let learnt = keys.iter().filter_map(|(key, at)| Some((*key, (*stored.series.get(*at)?)?)));
        self.metrics.limit_hit("known_series_max", self.known.learn(learnt));
        for refused in &stored.rejections {
            if let Some(limit) = limits::named_in(&refused.sample) {
                self.metrics.limit_hit(limit, refused.count);
            }
        }
        refused.extend(stored.rejections.iter().cloned());
        Ok(Receipt { rows, stored, faults, refused, notice, ..Receipt::default() })
    }

    fn count_acknowledged(&self, source: &Source, receipt: &Receipt) {
        self.metrics.acknowledged(source, receipt);
        if let Some(complaint) = receipt.complaint() {
            tracing::debug!(%source, complaint, "rows refused");
        }
    }

    /// Nothing of a request was stored.
    fn count_refused(&self, source: &Source, error: &IngestError) {
        self.metrics.refused(source, error);
        tracing::debug!(%source, %error, "request refused");
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

#[cfg(test)]
pub(crate) mod tests;
