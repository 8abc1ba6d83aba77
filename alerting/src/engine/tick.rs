//! One turn of the engine: rules, signals, then everything that waits for a time.
//!
//! Each rule group, the signals, and the timers are a transaction of their own: a group that fails
//! holds up nobody. Timers go first, and all queries share one deadline: a slow data plane delays no
//! escalation by more than that. Queries run before their transaction begins; what they are compared with is
//! loaded inside it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use telemetry::{Labels, Timestamp};

use super::{Alerting, Inner};
use crate::AlertingError;
use crate::alert::{self, Alert, AlertChange};
use crate::catalog::Catalog;
use crate::decide::{Decision, Input};
use crate::page::PageState;
use crate::rule::{AlertRule, RuleGroup};
use crate::store;

/// Rows removed by one tick's clean-up.
const PRUNE_MAX: u32 = 1_000;
/// Queries under way side by side.
const QUERIES_MAX: usize = 4;
/// Prefix of the sources of rules; all others are signals.
const RULE: &str = "rule:";

/// What a rule's expression says, or why it says nothing.
type RuleResult = Result<Vec<(Labels, f64)>, String>;

/// What a turn did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    pub rules_evaluated: usize,
    /// Rules whose alerts stayed as they were because their query failed.
    pub rules_failed: usize,
    /// Signals seen; `None` if their source failed.
    pub signals: Option<usize>,
    pub alerts_fired: usize,
    pub alerts_resolved: usize,
    pub incidents_opened: usize,
    pub pages_queued: usize,
}

impl TickReport {
    fn add(&mut self, decision: &Decision) {
        for fact in &decision.facts {
            match (fact.kind.as_str(), fact.payload["state"].as_str()) {
                ("alert", Some("firing")) => self.alerts_fired += 1,
                ("alert", Some("resolved")) => self.alerts_resolved += 1,
                _ => {}
            }
        }
        self.incidents_opened += decision.opened;
        let is_new = |page: &&crate::page::Page| page.state == PageState::Queued && page.attempts == 0;
        self.pages_queued += decision.pages.iter().filter(is_new).count();
    }
}

impl Alerting {
    /// Evaluates what is due and carries out what waits. Call it every few seconds; a call while
    /// another one runs waits for it. A failing rule or signal source is counted and logged, not an
    /// error; an error means that the store failed.
    pub async fn tick(&self) -> Result<TickReport, AlertingError> {
        let inner = &self.0;
        let _one_at_a_time = inner.ticking.lock().await;
        let mut report = TickReport::default();
        let Some(catalog) = inner.loaded_catalog() else { return Ok(report) };
        let now = inner.now();
        // Before anything that might take long: whoever is due is told.
        inner.let_time_pass(now, &mut report).await?;
        let last = store::rule_groups::all(inner.store.read()).await?;
        let is_due = |group: &&RuleGroup| {
            group.is_due(last.get(&group.key).copied(), inner.config.evaluation_interval, now)
        };
        let due: Vec<&RuleGroup> = catalog.groups.iter().filter(is_due).collect();
        let mut results = inner.query_all(&due, now).await.into_iter();
        for group in due {
            let results: Vec<RuleResult> = results.by_ref().take(group.rules.len()).collect();
            inner.evaluate_group(group, &results, last.get(&group.key).copied(), now, &mut report).await?;
        }
        inner.observe(&catalog, now, &mut report).await?;
        inner.let_time_pass(now, &mut report).await?;
        inner.prune(now).await?;
        inner.metrics.ticked(now, &report);
        Ok(report)
    }

    /// Why rules failed in their last evaluation, by source.
    pub fn rule_errors(&self) -> std::collections::BTreeMap<String, String> {
        self.0.memory().rule_errors.clone()
    }
}

impl Inner {
    async fn evaluate_group(
        &self,
        group: &RuleGroup,
        results: &[RuleResult],
        last: Option<Timestamp>,
        now: Timestamp,
        report: &mut TickReport,
    ) -> Result<(), AlertingError> {
        let down_at = self.outage_before(group, last, now);
        let mut tx = self.store.begin_write().await?;
        if !store::rule_groups::advance(&mut tx, &group.key, last, now).await? {
            // Another engine was faster.
            return Ok(());
        }
        let world = store::load_world(&mut tx, now, None).await?;
        let (mut changes, mut errors) = (Vec::new(), Vec::new());
        for (rule, result) in group.rules.iter().zip(results) {
            report.rules_evaluated += 1;
            let vector = match result {
                Ok(vector) => vector,
                Err(error) => {
                    errors.push((rule, error.clone()));
                    continue;
                }
            };
            let of_rule =
                world.alerts.values().filter(|alert| alert.is_active() && alert.source == rule.source);
            let mut active: Vec<Alert> = of_rule.cloned().collect();
            if let Some(down_at) = down_at {
                for alert in &mut active {
                    let resumed = alert::resume_pending(rule, alert.clone(), down_at, now);
                    if resumed != *alert {
                        changes.push(AlertChange { alert: resumed.clone(), transition: None });
                        *alert = resumed;
                    }
                }
            }
            let (moved, error) = alert::evaluate_rule(rule, group.limit, active, vector, now);
            changes.extend(moved);
            errors.extend(error.map(|error| (rule, error.to_string())));
        }
        let decision = self.decide_on(&mut tx, world, Input::Alerts(changes), now).await?;
        tx.commit().await?;
        report.add(&decision);
        report.rules_failed += errors.len();
        self.heard(&decision.reports);
        self.remember(group, &errors);
        Ok(())
    }

    /// The results of all rules of some groups, in order, under one deadline.
    async fn query_all(&self, groups: &[&RuleGroup], now: Timestamp) -> Vec<RuleResult> {
        let deadline = tokio::time::Instant::now() + self.config.query_timeout;
        // A loop, because the compiler cannot see that a future made in a closure is `Send`.
        let mut queries = Vec::new();
        for group in groups {
            for rule in &group.rules {
                queries.push(self.query_one(rule, now, deadline));
            }
        }
        stream::iter(queries).buffered(QUERIES_MAX).collect().await
    }

    async fn query_one(
        &self,
        rule: &AlertRule,
        now: Timestamp,
        deadline: tokio::time::Instant,
    ) -> RuleResult {
        let started = tokio::time::Instant::now();
        let answer = tokio::time::timeout_at(deadline, self.ports.queries.query(&rule.expr, now)).await;
        self.memory().rule_took.insert(rule.source.clone(), started.elapsed());
        match answer {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => {
                let limit = telemetry::time::format_duration(self.config.query_timeout);
                Err(format!("no answer within {limit}"))
            }
        }
    }

    /// Since when the group has not been evaluated, if the engine was down for noticeably longer
    /// than the group's interval.
    fn outage_before(&self, group: &RuleGroup, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let is_first = !self.memory().evaluated.contains(&group.key);
        let interval = group.interval.unwrap_or(self.config.evaluation_interval);
        let noticeable = (interval * 2).max(Duration::from_secs(60));
        last.filter(|last| is_first && now.since(*last) > noticeable)
    }

    fn remember(&self, group: &RuleGroup, errors: &[(&AlertRule, String)]) {
        let mut memory = self.memory();
        memory.evaluated.insert(group.key.clone());
        for rule in &group.rules {
            memory.rule_errors.remove(&rule.source);
        }
        for (rule, error) in errors {
            tracing::warn!(
                rule = rule.source,
                error,
                "a rule could not be evaluated; its alerts stay as they are"
            );
            memory.rule_errors.insert(rule.source.clone(), error.clone());
        }
    }

    /// Signals, and alerts of rules that do not exist any more.
    async fn observe(
        &self,
        catalog: &Arc<Catalog>,
        now: Timestamp,
        report: &mut TickReport,
    ) -> Result<(), AlertingError> {
        let asked = tokio::time::timeout(self.config.query_timeout, self.ports.signals.signals(now)).await;
        let signals = match asked {
            Ok(Ok(signals)) => Some(signals),
            Ok(Err(error)) => {
                tracing::warn!(%error, "signals could not be read; their alerts stay as they are");
                None
            }
            Err(_) => {
                tracing::warn!("signals could not be read in time; their alerts stay as they are");
                None
            }
        };
        report.signals = signals.as_ref().map(Vec::len);
        let sources: BTreeSet<&str> = catalog.rules().map(|(_, rule)| rule.source.as_str()).collect();
        let mut tx = self.store.begin_write().await?;
        let world = store::load_world(&mut tx, now, None).await?;
        let is_in_use = |alert: &&Alert| alert.is_active() || alert.told_at.is_some();
        let active = world.alerts.values().filter(is_in_use).cloned();
        let (of_rules, of_signals): (Vec<Alert>, Vec<Alert>) =
            active.partition(|alert| alert.source.starts_with(RULE));
        let orphans = of_rules.into_iter().filter(|alert| !sources.contains(alert.source.as_str()));
        let mut changes: Vec<AlertChange> = orphans.map(|alert| alert::withdraw(alert, now)).collect();
        if let Some(signals) = signals {
            changes.extend(alert::observe_signals(of_signals, &signals, now));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let decision = self.decide_on(&mut tx, world, Input::Alerts(changes), now).await?;
        tx.commit().await?;
        report.add(&decision);
        self.heard(&decision.reports);
        Ok(())
    }

    async fn let_time_pass(&self, now: Timestamp, report: &mut TickReport) -> Result<(), AlertingError> {
        let mut tx = self.store.begin_write().await?;
        let decision = self.decide_within(&mut tx, None, Input::Timer, now).await?;
        tx.commit().await?;
        report.add(&decision);
        self.heard(&decision.reports);
        Ok(())
    }

    /// History is in the lake; the store keeps what it needs to decide, and a while of the rest.
    async fn prune(&self, now: Timestamp) -> Result<(), AlertingError> {
        let before = now.minus(self.config.history_retention).micros();
        let stale: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM alerts WHERE state = 'resolved' AND resolved_at < $1 AND told_at IS NULL",
        )
        .bind(before)
        .fetch_one(self.store.read())
        .await?;
        if stale > 0 {
            let mut tx = self.store.begin_write().await?;
            sqlx::query(
                "DELETE FROM alerts WHERE state = 'resolved' AND resolved_at < $1 AND told_at IS NULL",
            )
            .bind(before)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
        }
        db::outbox::prune(&self.store, before, PRUNE_MAX).await?;
        Ok(())
    }
}
