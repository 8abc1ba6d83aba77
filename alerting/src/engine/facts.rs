//! Brings facts from the outbox to the lake.

use std::time::Duration;

use db::outbox::{self, Claimed};
use telemetry::Event;

use super::{Alerting, Inner};
use crate::AlertingError;
use crate::fact::TOPIC;

/// Facts per batch; one batch is one append to the lake.
const BATCH_MAX: u32 = 500;
/// Batches per call, so that a call comes back.
const BATCHES_MAX: usize = 20;
/// How long claimed facts are left alone before they are taken to be abandoned.
const LEASE: Duration = Duration::from_secs(60);
/// Wait after a failed batch.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Alerting {
    /// Records facts that wait, oldest first; returns how many. A sink that fails is an error, and
    /// the facts stay; recording twice is harmless, since the sink knows them by their ids.
    pub async fn publish_facts(&self) -> Result<usize, AlertingError> {
        let mut published = 0;
        for _ in 0..BATCHES_MAX {
            let batch = self.0.publish_batch().await?;
            published += batch;
            if batch < BATCH_MAX as usize {
                break;
            }
        }
        Ok(published)
    }
}

impl Inner {
    async fn publish_batch(&self) -> Result<usize, AlertingError> {
        let now = self.now().micros();
        let lease = LEASE.as_micros() as i64;
        let claimed = outbox::claim(&self.store, TOPIC, now, lease, BATCH_MAX).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let (mut events, mut readable, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        for row in &claimed {
            match event_of(row) {
                Ok(event) => {
                    events.push(event);
                    readable.push(row);
                }
                Err(error) => {
                    tracing::error!(%error, "a fact is dropped");
                    unreadable.push((row, error.to_string()));
                }
            }
        }
        let recorded = self.ports.facts.record(events).await;
        let mut tx = self.store.begin_write().await?;
        for (row, error) in &unreadable {
            outbox::abandon(&mut tx, row, self.now().micros(), error).await?;
        }
        for row in &readable {
            match &recorded {
                Ok(()) => outbox::complete(&mut tx, row, self.now().micros()).await?,
                Err(error) => {
                    let again = self.now().plus(RETRY_AFTER).micros();
                    outbox::retry_at(&mut tx, row, again, &error.to_string()).await?;
                }
            }
        }
        tx.commit().await?;
        recorded?;
        self.metrics.facts_published.inc_by(readable.len() as u64);
        Ok(claimed.len())
    }
}

/// The event as it is recorded: its place in the outbox is its `seq`.
fn event_of(row: &Claimed) -> Result<Event, AlertingError> {
    let event: Event = serde_json::from_str(&row.payload)
        .map_err(|error| AlertingError::Corrupt(format!("fact {}: {error}", row.key)))?;
    Ok(Event { seq: row.seq, ..event })
}
