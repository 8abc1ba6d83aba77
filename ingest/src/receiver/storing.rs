//! From what a dialect decoded to rows in the lake, and to the counters.

use lake::RefusedLog;
use telemetry::{Limit, RejectReason};

use super::{Decoded, Ingest, Inner, Item, Outcome, Receipt, Source};
use crate::IngestError;
use crate::gate::Ticket;
use crate::retries::BatchKey;

impl Ingest {
    /// Writes a batch and counts what became of it. The ticket is held until then.
    pub(super) async fn store(
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
            let (what, retry_after) = ("the write did not finish".to_owned(), self.0.limits.retry_after);
            Err(IngestError::Unavailable { what, limit: None, retry_after })
        })
    }
}

impl Inner {
    async fn store(&self, decoded: Decoded, source: &str, retry: Option<BatchKey>) -> Outcome {
        let Decoded { mut batch, rows, rejections, keys, families, never_a_retry, notice, .. } = decoded;
        let left_out = self.families.learn(&families, self.limits.metric_families_max);
        self.metrics.limit_hit(Limit::MetricFamilies, left_out);
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
        self.metrics.limit_hit(Limit::KnownSeries, self.known.learn(learnt));
        for refused in &stored.rejections {
            if let Some(limit) = refused.reason.limit() {
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
    pub(super) fn count_refused(&self, source: &Source, error: &IngestError) {
        self.metrics.refused(source, error);
        tracing::debug!(%source, %error, "request refused");
    }
}

/// Notes at each item what the lake refused of the records that were made of them.
pub(super) fn mark_refused(items: &mut [Item], refused: &[RefusedLog]) {
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
