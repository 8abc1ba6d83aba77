//! Alert states, and Prometheus' machine that moves the alerts of rules from one to the next. Pure.
//!
//! An alert is inactive (no row), pending, firing or resolved. Its identity is its source and its
//! labels; each time it becomes active it is another occurrence with another [`AlertId`]. A query
//! that failed is never passed in here: what is not known changes nothing.

mod signals;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::{Labels, Timestamp};

use crate::catalog::SERVICE;
use crate::ids::{AlertId, IncidentId};
use crate::rule::{ALERT_NAME, AlertRule};

pub use signals::{SIGNAL_GONE_AFTER, observe_signals};

/// The severity of what pages nobody.
pub const NOTICE_SEVERITY: &str = "notice";
/// After a longer outage pending alerts start over (Prometheus' `for-outage-tolerance`).
pub const FOR_OUTAGE_TOLERANCE: Duration = Duration::from_secs(3_600);
/// After an outage a pending alert waits at least so long before it fires, unless its `for` is
/// shorter (Prometheus' `for-grace-period`): the series need time to come back.
pub const FOR_GRACE_PERIOD: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The expression holds, but not for long enough.
    Pending,
    Firing,
    /// It fired and is over; kept as history.
    Resolved,
}

impl AlertState {
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
            AlertState::Resolved => "resolved",
        }
    }

    pub fn parse(text: &str) -> Option<AlertState> {
        [AlertState::Pending, AlertState::Firing, AlertState::Resolved]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One occurrence of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub id: AlertId,
    /// `rule:...` or `slo:NAME`.
    pub source: String,
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub state: AlertState,
    /// When the condition began to hold.
    pub active_at: Timestamp,
    /// When the trouble began, as far as the source can tell; not after `active_at`.
    pub started_at: Timestamp,
    pub fired_at: Option<Timestamp>,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub value: f64,
    pub incident: Option<IncidentId>,
    /// Since when its source has not mentioned it.
    pub unseen_since: Option<Timestamp>,
    /// When a notice was over because it had been shown for its time. It is not told again before what
    /// it says has stopped.
    pub told_at: Option<Timestamp>,
    /// Why it fires, for people.
    pub explains: Option<String>,
}

impl Alert {
    pub fn name(&self) -> &str {
        self.labels.get(ALERT_NAME).unwrap_or_default()
    }

    pub fn service(&self) -> Option<&str> {
        self.labels.get(SERVICE)
    }

    /// The label `severity`: `page`, `critical`, `ticket`, ...
    pub fn severity(&self) -> Option<&str> {
        self.labels.get("severity")
    }

    pub fn is_firing(&self) -> bool {
        self.state == AlertState::Firing
    }

    pub fn is_active(&self) -> bool {
        matches!(self.state, AlertState::Pending | AlertState::Firing)
    }

    /// It pages nobody: it is shown and written down.
    pub fn is_notice(&self) -> bool {
        self.severity() == Some(NOTICE_SEVERITY)
    }
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    Pending,
    Firing,
    Resolved,
    /// Gone without having fired, or dropped with its rule's state: there is no alert any more.
    Inactive,
}

impl Transition {
    pub fn as_str(self) -> &'static str {
        match self {
            Transition::Pending => "pending",
            Transition::Firing => "firing",
            Transition::Resolved => "resolved",
            Transition::Inactive => "inactive",
        }
    }
}

/// An alert as it is after an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertChange {
    pub alert: Alert,
    /// `None`: only its value or annotations changed.
    pub transition: Option<Transition>,
}

/// Why a rule's result cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("the result has the labels {0} twice after the rule's labels are set")]
    DuplicateLabels(Labels),
    #[error("the labels of the rule are not valid: {0}")]
    BadLabels(#[from] telemetry::LabelError),
    #[error("{alerts} alerts are more than the group's limit of {limit}")]
    Limit { alerts: usize, limit: usize },
}

/// Moves the alerts of one rule on. `active` are its pending and firing alerts, `vector` the result
/// of its expression at `now`. On an error the state stays, except that too many alerts drop all.
pub fn evaluate_rule(
    rule: &AlertRule,
    limit: usize,
    active: Vec<Alert>,
    vector: &[(Labels, f64)],
    now: Timestamp,
) -> (Vec<AlertChange>, Option<RuleError>) {
    let seen = match expand(rule, vector) {
        Ok(seen) => seen,
        Err(error) => return (Vec::new(), Some(error)),
    };
    if limit > 0 && seen.len() > limit {
        let dropped = active.into_iter().map(|alert| change(alert, Some(Transition::Inactive)));
        return (dropped.collect(), Some(RuleError::Limit { alerts: seen.len(), limit }));
    }
    let mut active: BTreeMap<Labels, Alert> =
        active.into_iter().map(|alert| (alert.labels.clone(), alert)).collect();
    let mut changes = Vec::new();
    for (labels, value) in seen {
        let known = active.remove(&labels);
        changes.extend(holds(rule, labels, value, known, now));
    }
    changes.extend(active.into_values().filter_map(|alert| holds_no_more(rule, alert, now)));
    (changes, None)
}

/// The label sets of the alerts that hold, each once.
fn expand(rule: &AlertRule, vector: &[(Labels, f64)]) -> Result<BTreeMap<Labels, f64>, RuleError> {
    let mut seen = BTreeMap::new();
    for (series, value) in vector {
        let mut labels = series.without_metric();
        for (name, template) in &rule.labels {
            labels = labels.with(name, &template.expand(series, *value));
        }
        labels = labels.with(ALERT_NAME, &rule.alert);
        if seen.insert(labels.clone(), *value).is_some() {
            return Err(RuleError::DuplicateLabels(labels));
        }
    }
    Ok(seen)
}

fn holds(
    rule: &AlertRule,
    labels: Labels,
    value: f64,
    known: Option<Alert>,
    now: Timestamp,
) -> Option<AlertChange> {
    let is_new = known.is_none();
    let before = known.clone();
    let annotations: BTreeMap<String, String> =
        rule.annotations.iter().map(|(name, text)| (name.clone(), text.expand(&labels, value))).collect();
    let mut alert = known.unwrap_or_else(|| Alert {
        id: AlertId::of(&rule.source, &labels, now),
        source: rule.source.clone(),
        labels,
        annotations: BTreeMap::new(),
        state: AlertState::Pending,
        active_at: now,
        started_at: now,
        fired_at: None,
        keep_firing_since: None,
        resolved_at: None,
        value,
        incident: None,
        unseen_since: None,
        told_at: None,
        explains: Some(rule.explains()),
    });
    alert.annotations = annotations;
    alert.value = value;
    alert.keep_firing_since = None;
    alert.unseen_since = None;
    let mut transition = is_new.then_some(Transition::Pending);
    if alert.state == AlertState::Pending && now.since(alert.active_at) >= rule.hold {
        alert.state = AlertState::Firing;
        alert.fired_at = Some(now);
        transition = Some(Transition::Firing);
    }
    let is_same = before.as_ref().is_some_and(|before| same(before, &alert));
    (!is_same).then(|| change(alert, transition))
}

fn holds_no_more(rule: &AlertRule, mut alert: Alert, now: Timestamp) -> Option<AlertChange> {
    if alert.state == AlertState::Pending {
        return Some(change(alert, Some(Transition::Inactive)));
    }
    if !rule.keep_firing_for.is_zero() {
        let since = *alert.keep_firing_since.get_or_insert(now);
        if now.since(since) < rule.keep_firing_for {
            let has_just_begun = since == now;
            return has_just_begun.then(|| change(alert, None));
        }
    }
    Some(resolve(alert, now))
}

/// Like `==`, but NaN is NaN.
fn same(a: &Alert, b: &Alert) -> bool {
    let without_value = |alert: &Alert| Alert { value: 0.0, ..alert.clone() };
    a.value.to_bits() == b.value.to_bits() && without_value(a) == without_value(b)
}

fn resolve(mut alert: Alert, now: Timestamp) -> AlertChange {
    alert.state = AlertState::Resolved;
    alert.resolved_at = Some(now);
    alert.keep_firing_since = None;
    change(alert, Some(Transition::Resolved))
}

fn change(alert: Alert, transition: Option<Transition>) -> AlertChange {
    AlertChange { alert, transition }
}

/// Where a pending alert stands after an outage that began at `down_at`: the outage does not count,
/// and at least [`FOR_GRACE_PERIOD`] (or the whole `for`, if that is shorter) is left.
pub fn resume_pending(rule: &AlertRule, mut alert: Alert, down_at: Timestamp, now: Timestamp) -> Alert {
    let outage = now.since(down_at);
    if alert.state != AlertState::Pending {
        return alert;
    }
    if outage > FOR_OUTAGE_TOLERANCE {
        alert.active_at = now;
        return alert;
    }
    let spent = down_at.since(alert.active_at);
    let Some(left) = rule.hold.checked_sub(spent).filter(|left| !left.is_zero()) else { return alert };
    let left = left.max(FOR_GRACE_PERIOD.min(rule.hold));
    alert.active_at = now.plus(left).minus(rule.hold);
    alert
}

/// The rule of an alert is not configured any more, or its signal is quiet.
pub fn withdraw(mut alert: Alert, now: Timestamp) -> AlertChange {
    match alert.state {
        AlertState::Firing => resolve(alert, now),
        // It was over before, and may be told again from now on.
        AlertState::Resolved => {
            (alert.told_at, alert.unseen_since) = (None, None);
            change(alert, None)
        }
        AlertState::Pending => change(alert, Some(Transition::Inactive)),
    }
}

#[cfg(test)]
mod tests;
