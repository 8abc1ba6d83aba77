//! Deploy gates: may this service be changed now?
//!
//! [`decide`] holds the facts about a service against the terms of a policy and answers with every
//! condition it looked at: the value, the limit, and what came of it. What is not known is said to be
//! unknown, and the policy tells whether that blocks. The numbers compared are the ones shown, so the
//! explanation is the decision.
//!
//! Pure: facts come in from whoever has them (budgets, incidents, pages, freezes), `now` is a parameter,
//! and logging the decision is the caller's.

mod judge;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use telemetry::Timestamp;

pub use judge::decide;

/// What a service has to meet; a condition that is `None` or empty is not asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct GateTerms {
    /// Share of the error budget; there has to be more left than this.
    pub budget_remaining_above: Option<f64>,
    /// Per window.
    pub burn_rate_below: BTreeMap<BurnRateWindow, f64>,
    /// Per severity, such as `SEV1`.
    pub open_incidents_max: BTreeMap<String, u64>,
    pub firing_pages_max: Option<u64>,
    pub change_fail_rate_below: Option<ChangeFailRate>,
    pub on_unknown: OnUnknown,
}

impl Default for GateTerms {
    /// Blocked while the budget is spent or burns at the rate of a page, while an incident of SEV1 or
    /// SEV2 is open or a page is firing. The unknown does not block: a service may have no objective.
    fn default() -> GateTerms {
        GateTerms {
            budget_remaining_above: Some(0.0),
            burn_rate_below: BTreeMap::from([(BurnRateWindow::Hour, 14.4), (BurnRateWindow::SixHours, 6.0)]),
            open_incidents_max: BTreeMap::from([("SEV1".to_owned(), 0), ("SEV2".to_owned(), 0)]),
            firing_pages_max: Some(0),
            change_fail_rate_below: None,
            on_unknown: OnUnknown::Allow,
        }
    }
}

/// The burn rates that are kept for every objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BurnRateWindow {
    Hour,
    SixHours,
}

impl BurnRateWindow {
    pub fn name(self) -> &'static str {
        match self {
            BurnRateWindow::Hour => "1h",
            BurnRateWindow::SixHours => "6h",
        }
    }

    pub fn from_name(name: &str) -> Option<BurnRateWindow> {
        [BurnRateWindow::Hour, BurnRateWindow::SixHours].into_iter().find(|window| window.name() == name)
    }
}

/// A limit on failed over all deployments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeFailRate {
    pub below: f64,
    /// Until now.
    pub over: Duration,
    /// With fewer deployments the rate says nothing, and the condition holds.
    pub deployments_min: u64,
}

/// What the unknown does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    #[default]
    Allow,
    Block,
}

/// A fact, or why it is not known.
pub type Known<T> = Result<T, String>;

/// What is known about one service.
#[derive(Clone, Debug)]
pub struct GateFacts {
    pub objectives: Known<Vec<ObjectiveFact>>,
    /// By severity; one that is not there has none.
    pub open_incidents: Known<BTreeMap<String, u64>>,
    pub firing_pages: Known<u64>,
    /// Deployments over the policy's time, and how many of them failed.
    pub deployments: Known<Deployments>,
    /// The freezes that hold at the time of the decision.
    pub freezes: Vec<Freeze>,
}

/// An objective of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveFact {
    /// `NAME/OBJECTIVE`.
    pub slo: String,
    pub budget_remaining: Option<f64>,
    pub burn_rates: BTreeMap<BurnRateWindow, f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deployments {
    pub all: u64,
    pub failed: u64,
}

/// A time in which nothing is to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    pub name: String,
    pub reason: Option<String>,
    pub until: Timestamp,
}

/// Somebody's word that a blocked service may be changed all the same, until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub id: i64,
    pub reason: String,
    pub actor: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Override {
    pub fn holds(&self, now: Timestamp) -> bool {
        self.created_at <= now && now < self.expires_at
    }
}

/// The answer of a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateDecision {
    pub verdict: Verdict,
    /// Everything that was looked at, in the order of the terms.
    pub conditions: Vec<Condition>,
    /// The override that opened the gate.
    pub opened_by: Option<Override>,
}

impl GateDecision {
    pub fn is_allowed(&self) -> bool {
        self.verdict != Verdict::Blocked
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allowed,
    Blocked,
    /// It would be blocked, but for an override.
    Overridden,
}

/// One condition with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition {
    pub check: Check,
    /// What it is about: an objective, a severity, a freeze.
    pub subject: Option<String>,
    pub value: Option<f64>,
    /// How the value has to be to the limit.
    pub relation: Relation,
    pub limit: f64,
    pub outcome: Outcome,
    /// Whether this condition blocks.
    pub blocks: bool,
    /// In words.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    BudgetRemaining,
    BurnRate,
    OpenIncidents,
    FiringPages,
    ChangeFailRate,
    Freeze,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    Above,
    Below,
    AtMost,
}

impl Relation {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Relation::Above => value > limit,
            Relation::Below => value < limit,
            Relation::AtMost => value <= limit,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Met,
    NotMet,
    Unknown,
}

#[cfg(test)]
mod tests;
