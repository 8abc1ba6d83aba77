//! Alerting's own metrics.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use telemetry::Timestamp;

use crate::decide::Report;
use crate::engine::TickReport;

#[derive(Default)]
pub(crate) struct Metrics {
    pub facts_published: Counter,
    pub pages_sent: Counter,
    pub page_attempts_failed: Counter,
    pub invariant_violations: Gauge,
    pub pages_overdue: Gauge,
    rules_evaluated: Counter,
    rules_failed: Counter,
    last_tick_timestamp: Gauge<f64, AtomicU64>,
    incidents_unrouted: Counter,
    steps_without_recipient: Counter,
    escalations_exhausted: Counter,
    escalations_unreached: Counter,
    pages_failed: Counter,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("evenkeel_alerting");
        let counters = [
            ("facts_published", "Facts brought to the lake", &self.facts_published),
            ("pages_sent", "Pages that the other side took", &self.pages_sent),
            ("page_attempts_failed", "Attempts to send a page that failed", &self.page_attempts_failed),
            ("rules_evaluated", "Evaluations of alerting rules", &self.rules_evaluated),
            ("rules_failed", "Evaluations of alerting rules that failed", &self.rules_failed),
            ("incidents_unrouted", "Incidents that nobody answers for", &self.incidents_unrouted),
            ("steps_without_recipient", "Escalation steps that found nobody", &self.steps_without_recipient),
            ("escalations_exhausted", "Escalations that nobody acknowledged", &self.escalations_exhausted),
            ("escalations_unreached", "Escalations that reached nobody", &self.escalations_unreached),
            ("pages_failed", "Pages given up", &self.pages_failed),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let violations = self.invariant_violations.clone();
        registry.register("invariant_violations", "Findings of the last audit", violations);
        registry.register("pages_overdue", "Pages that wait past their time", self.pages_overdue.clone());
        let last_tick = self.last_tick_timestamp.clone();
        registry.register("last_tick_timestamp_seconds", "When the engine last finished a turn", last_tick);
    }

    pub fn ticked(&self, now: Timestamp, report: &TickReport) {
        self.rules_evaluated.inc_by(report.rules_evaluated as u64);
        self.rules_failed.inc_by(report.rules_failed as u64);
        self.last_tick_timestamp.set(now.secs_f64());
    }

    pub fn count(&self, report: &Report) {
        match report {
            Report::Unrouted { .. } => self.incidents_unrouted.inc(),
            Report::NobodyToPage { .. } => self.steps_without_recipient.inc(),
            Report::Exhausted { .. } => self.escalations_exhausted.inc(),
            Report::Unreached { .. } => self.escalations_unreached.inc(),
            Report::PageFailed { .. } => self.pages_failed.inc(),
        };
    }
}
