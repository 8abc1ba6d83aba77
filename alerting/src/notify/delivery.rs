//! Delivery: claims pages that are due, sends them, records how that ended.
//!
//! A page is claimed under a lease and re-checked in the same transaction: if somebody acknowledged
//! in the meantime it is cancelled and not sent. Recording is fenced by the lease. A process that
//! dies between sending and recording leaves a lease behind; when it has run out the page is sent
//! again with the same ids and marked "may repeat": rather twice than never.

use std::time::Duration;

use db::outbox::{self, Claimed};
use futures::StreamExt as _;
use futures::stream;
use telemetry::Timestamp;

use super::{Notice, SendError};
use crate::AlertingError;
use crate::decide::{Attempt, Input, Report};
use crate::engine::{Alerting, Inner};
use crate::ids::PageId;
use crate::page::{Page, PageState};
use crate::store::{self, PAGES};

/// Alerts that a message is given.
const ALERTS_MAX: u32 = 100;
/// Batches per call, so that a call comes back.
const BATCHES_MAX: usize = 50;

/// What a turn of delivery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    pub sent: usize,
    /// Not needed any more.
    pub cancelled: usize,
    /// Will be tried again.
    pub retried: usize,
    /// Given up.
    pub failed: usize,
}

impl Alerting {
    /// Sends every page that is due. Pages that a failure brings forward go out in the same call.
    pub async fn deliver(&self) -> Result<DeliveryReport, AlertingError> {
        let mut report = DeliveryReport::default();
        for _ in 0..BATCHES_MAX {
            let (claimed, cancelled) = self.0.claim_pages().await?;
            report.cancelled += cancelled;
            if claimed.is_empty() && cancelled == 0 {
                break;
            }
            let width = claimed.len().max(1);
            let attempts = claimed.into_iter().map(|(row, page)| self.0.attempt(row, page));
            let outcomes: Vec<_> = stream::iter(attempts).buffer_unordered(width).collect().await;
            for outcome in outcomes {
                match outcome? {
                    Outcome::Sent => report.sent += 1,
                    Outcome::Retried => report.retried += 1,
                    Outcome::Failed => report.failed += 1,
                    Outcome::Lost => {}
                }
            }
        }
        Ok(report)
    }
}

enum Outcome {
    Sent,
    Retried,
    Failed,
    /// Somebody else took over while we were sending; what we did is theirs to find out.
    Lost,
}

impl Inner {
    /// Claims what is due. Pages that nobody needs any more are finished right here.
    async fn claim_pages(&self) -> Result<(Vec<(Claimed, Page)>, usize), AlertingError> {
        let delivery = &self.config.delivery;
        let (now, lease) = (self.now(), delivery.lease.as_micros() as i64);
        // A look without the writer first: there is nothing to send most of the time.
        let backlog = outbox::backlog(&self.store, PAGES).await?;
        if backlog.oldest_due_at.is_none_or(|oldest| oldest > now.micros()) {
            return Ok((Vec::new(), 0));
        }
        let mut tx = self.store.begin_write().await?;
        let owner = self.store.owner();
        let rows =
            outbox::claim_within(&mut tx, owner, PAGES, now.micros(), lease, delivery.batch_max).await?;
        let (mut claimed, mut cancelled, mut reports) = (Vec::new(), 0, Vec::new());
        for row in rows {
            let Some(page) = store::page(&mut *tx, &row.key).await? else {
                outbox::abandon(&mut tx, &row, now.micros(), "there is no such page").await?;
                continue;
            };
            let id = page.id.clone();
            let input = Input::Claim { page: id.clone(), attempt: row.attempt, may_repeat: row.ambiguous };
            let (page, reported) = self.decide_about(&mut tx, &page, input, now).await?;
            reports.extend(reported);
            if page.state == PageState::Sending {
                claimed.push((row, page));
            } else {
                outbox::complete(&mut tx, &row, now.micros()).await?;
                cancelled += 1;
            }
        }
        tx.commit().await?;
        self.heard(&reports);
        Ok((claimed, cancelled))
    }

    async fn attempt(&self, row: Claimed, page: Page) -> Result<Outcome, AlertingError> {
        let id = page.id.clone();
        let notice = self.notice(page).await?;
        let sending = self.channels.send(&notice);
        let sent = match tokio::time::timeout(self.config.delivery.send_timeout, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(SendError::Ambiguous(format!(
                "no answer within {}",
                telemetry::time::format_duration(self.config.delivery.send_timeout)
            ))),
        };
        match self.record(&row, &id, sent).await {
            Err(AlertingError::Store(db::DbError::LeaseLost(_))) => {
                tracing::warn!(page = %id, "a page was taken over while it was being sent");
                Ok(Outcome::Lost)
            }
            other => other,
        }
    }

    async fn record(
        &self,
        row: &Claimed,
        id: &PageId,
        sent: Result<(), SendError>,
    ) -> Result<Outcome, AlertingError> {
        let delivery = &self.config.delivery;
        let now = self.now();
        let attempts_left = row.attempt < i64::from(delivery.attempts_max);
        let (attempt, outcome) = match sent {
            Ok(()) => (Attempt::Sent, Outcome::Sent),
            Err(SendError::Permanent(error)) => (Attempt::GivenUp { error }, Outcome::Failed),
            Err(error) if !attempts_left => (Attempt::GivenUp { error: error.to_string() }, Outcome::Failed),
            Err(error) => {
                let may_repeat = matches!(error, SendError::Ambiguous(_));
                let again_at = now.plus(self.backoff(row.attempt));
                (Attempt::Retry { error: error.to_string(), may_repeat, again_at }, Outcome::Retried)
            }
        };
        if !matches!(outcome, Outcome::Sent) {
            self.metrics.page_attempts_failed.inc();
        }
        let mut tx = self.store.begin_write().await?;
        let page = store::page(&mut *tx, id.as_str())
            .await?
            .ok_or_else(|| AlertingError::Corrupt(format!("page {id} is gone")))?;
        match &attempt {
            Attempt::Sent => outbox::complete(&mut tx, row, now.micros()).await?,
            Attempt::GivenUp { error } => outbox::abandon(&mut tx, row, now.micros(), error).await?,
            Attempt::Retry { error, again_at, .. } => {
                outbox::retry_at(&mut tx, row, again_at.micros(), error).await?;
            }
        }
        // After the outbox row: a retry that is not wanted any more cancels the row again.
        let input = Input::Attempt { page: id.clone(), outcome: attempt };
        let (_, reports) = self.decide_about(&mut tx, &page, input, now).await?;
        tx.commit().await?;
        self.heard(&reports);
        if matches!(outcome, Outcome::Sent) {
            self.metrics.pages_sent.inc();
        }
        Ok(outcome)
    }

    /// Decides about a page and gives back the page as it is then, with what is to be reported
    /// after the commit.
    async fn decide_about(
        &self,
        tx: &mut db::WriteTx,
        page: &Page,
        input: Input,
        now: Timestamp,
    ) -> Result<(Page, Vec<Report>), AlertingError> {
        let mut world = store::load_world(tx, now, Some(page.incident)).await?;
        // Pages of earlier runs are not in view, but this one is what it is about.
        world.pages.entry(page.id.clone()).or_insert_with(|| page.clone());
        let decision = self.decide_on(tx, world, input, now).await?;
        let decided = decision.pages.into_iter().find(|decided| decided.id == page.id);
        Ok((decided.unwrap_or_else(|| page.clone()), decision.reports))
    }

    async fn notice(&self, page: Page) -> Result<Notice, AlertingError> {
        let pool = self.store.read();
        let incident = store::incident(pool, page.incident).await?;
        let incident = incident.ok_or(AlertingError::UnknownIncident(page.incident))?;
        let alerts = store::alerts_of(pool, page.incident, ALERTS_MAX).await?;
        let catalog = self.current_catalog();
        let user = catalog.users.get(&page.recipient);
        let receiver = catalog.receivers.get(&page.recipient);
        let now = self.now();
        Ok(Notice {
            recipient_name: user.map_or_else(|| page.recipient.clone(), |user| user.display_name.clone()),
            zone: catalog.zone_of(&page.recipient),
            acknowledge_url: self.links.acknowledge(&page, now),
            incident_url: self.links.incident(&page),
            host: self.links.host().to_owned(),
            secret_file: receiver.and_then(|receiver| receiver.secret_file.clone()),
            now,
            page,
            incident,
            alerts,
        })
    }

    fn backoff(&self, attempt: i64) -> Duration {
        let delivery = &self.config.delivery;
        let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or_default();
        delivery.backoff.saturating_mul(1 << doublings).min(delivery.backoff_max)
    }
}
