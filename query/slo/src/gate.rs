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

use crate::report::{BURN_1H, BURN_6H};

pub use judge::decide;

/// What a service has to meet; a condition that is `None` or empty is not asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct GateTerms {
    /// Share of the error budget; there has to be more left than this.
    pub budget_remaining_above: Option<f64>,
    /// Per window, of any length.
    pub burn_rate_below: BTreeMap<Duration, f64>,
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
            burn_rate_below: BTreeMap::from([(BURN_1H, 14.4), (BURN_6H, 6.0)]),
            open_incidents_max: BTreeMap::from([("SEV1".to_owned(), 0), ("SEV2".to_owned(), 0)]),
            firing_pages_max: Some(0),
            change_fail_rate_below: None,
            on_unknown: OnUnknown::Allow,
        }
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
    /// `NAME/OBJECTIVE`, and the key of the group where there are groups.
    pub slo: String,
    pub budget_remaining: Option<f64>,
    /// Over the windows of the terms, where they are known.
    pub burn_rates: BTreeMap<Duration, f64>,
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

/// A freeze that does not hold yet. It decides nothing: it is for those who plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComingFreeze {
    pub name: String,
    pub reason: Option<String>,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// Somebody's word that a blocked service may be changed all the same, until a time or until somebody
/// takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub id: i64,
    pub reason: String,
    pub actor: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked: Option<Revocation>,
}

/// Who took an override back, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub at: Timestamp,
    pub actor: String,
    pub reason: String,
}

impl Override {
    pub fn holds(&self, now: Timestamp) -> bool {
        let ends = self.revoked.as_ref().map_or(self.expires_at, |revoked| revoked.at.min(self.expires_at));
        self.created_at <= now && now < ends
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

    /// Why, in one sentence: the conditions that block with their numbers, and who opened the gate all
    /// the same.
    pub fn explanation(&self) -> String {
        let blocking = self.conditions.iter().filter(|condition| condition.blocks);
        let reasons: Vec<String> = blocking.map(Condition::sentence).collect();
        let reasons = reasons.join("; ");
        match &self.opened_by {
            _ if self.verdict == Verdict::Allowed => {
                format!("none of {} conditions blocks", self.conditions.len())
            }
            Some(given) => format!(
                "opened by {} until {} ({}), although {reasons}",
                given.actor, given.expires_at, given.reason
            ),
            None => reasons,
        }
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
    /// What a burn rate or a change fail rate is over, such as `6h`.
    pub window: Option<String>,
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

impl Condition {
    /// What it is about, and what came of it.
    fn sentence(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{subject}: {}", self.detail),
            None => self.detail.clone(),
        }
    }
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
