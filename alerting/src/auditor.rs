//! Checks that nobody is forgotten, whatever the code above believes.
//!
//! Every open incident that nobody has acknowledged either has a next step at a time, or has been
//! reported as exhausted, unrouted or restored; and no page waits noticeably past its time. Looks at
//! the tables only; decides nothing.

use std::time::Duration;

use sqlx::Row as _;

use crate::AlertingError;
use crate::engine::Alerting;
use crate::ids::IncidentId;
use crate::store::PAGES;

/// A page or step that is later than this is overdue.
const OVERDUE_AFTER: Duration = Duration::from_secs(60);

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Open, unacknowledged, and nothing will happen by itself.
    pub forgotten: Vec<IncidentId>,
    /// A step should have come by now.
    pub steps_overdue: Vec<IncidentId>,
    /// Pages that should have gone out by now.
    pub pages_overdue: i64,
}

impl AuditReport {
    pub fn is_clean(&self) -> bool {
        *self == AuditReport::default()
    }
}

impl Alerting {
    /// Looks for broken promises; what it finds is logged and shows in the metrics.
    pub async fn audit(&self) -> Result<AuditReport, AlertingError> {
        let inner = &self.0;
        let overdue_since = inner.now().minus(OVERDUE_AFTER).micros();
        let rows = sqlx::query(
            "SELECT i.id, e.state, e.next_due FROM incidents i JOIN escalations e ON e.incident = i.id \
             WHERE i.state IN ('triage', 'investigating', 'identified', 'mitigated') \
               AND e.state IN ('running', 'suspended') AND i.restored_at IS NULL",
        )
        .fetch_all(inner.store.read())
        .await?;
        let mut report = AuditReport::default();
        for row in rows {
            let id = IncidentId::from_number(row.try_get("id")?);
            let is_running = row.try_get::<String, _>("state")? == "running";
            match row.try_get::<Option<i64>, _>("next_due")? {
                Some(due) if is_running && due < overdue_since => report.steps_overdue.push(id),
                Some(_) if is_running => {}
                _ => report.forgotten.push(id),
            }
        }
        let backlog = db::outbox::backlog(&inner.store, PAGES).await?;
        if backlog.oldest_due_at.is_some_and(|oldest| oldest < overdue_since) {
            report.pages_overdue = sqlx::query_scalar(
                "SELECT count(*) FROM pages WHERE state IN ('queued', 'sending') AND due_at < $1",
            )
            .bind(overdue_since)
            .fetch_one(inner.store.read())
            .await?;
        }
        let violations = report.forgotten.len() + report.steps_overdue.len();
        inner.metrics.invariant_violations.set(violations as i64);
        inner.metrics.pages_overdue.set(report.pages_overdue);
        if !report.is_clean() {
            tracing::error!(?report, "the audit of the pager found broken promises");
        }
        Ok(report)
    }
}
