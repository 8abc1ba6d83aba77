//! Deploy gates: the answer with its conditions, and overrides.

use serde::{Deserialize, Serialize};
use slo::gate::{self, ComingFreeze, GateDecision};
use telemetry::Timestamp;
use utoipa::ToSchema;

use super::Time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GateList {
    pub gates: Vec<Gate>,
}

/// Whether a service may be changed now, and why.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Gate {
    pub service: String,
    /// False when the verdict is `blocked`.
    pub allowed: bool,
    pub verdict: GateVerdict,
    /// The gate policy that decided.
    pub policy: String,
    /// Why, in one sentence with the deciding numbers.
    pub explanation: String,
    pub decided_at: Time,
    /// Everything that was looked at.
    pub conditions: Vec<GateCondition>,
    /// The override that opened the gate.
    #[schema(required)]
    pub opened_by: Option<GateOverride>,
    /// The newest overrides of the service, those that are over too.
    pub overrides: Vec<GateOverride>,
    /// The freeze of the policy that begins next; it decides nothing yet.
    #[schema(required)]
    pub next_freeze: Option<GateFreeze>,
}

/// A time in which nothing is to be changed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GateFreeze {
    pub name: String,
    #[schema(required)]
    pub reason: Option<String>,
    pub from: Time,
    pub until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    Allowed,
    Blocked,
    /// It would be blocked, but for an override.
    Overridden,
}

/// One condition with the numbers that decided it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateCondition {
    pub check: GateCheck,
    /// What it is about: an objective, a severity, a freeze.
    #[schema(required)]
    pub subject: Option<String>,
    /// What a burn rate or a change fail rate is over, such as `6h`.
    #[schema(required)]
    pub window: Option<String>,
    #[schema(required)]
    pub value: Option<f64>,
    /// How the value has to be to the limit.
    pub relation: GateRelation,
    pub limit: f64,
    pub outcome: GateOutcome,
    pub blocks: bool,
    /// The same in words.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateCheck {
    BudgetRemaining,
    BurnRate,
    OpenIncidents,
    FiringPages,
    ChangeFailRate,
    Freeze,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateRelation {
    Above,
    Below,
    AtMost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    Met,
    NotMet,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GateOverride {
    pub id: i64,
    pub reason: String,
    pub actor: String,
    pub created_at: Time,
    pub expires_at: Time,
    /// When somebody took it back, who and why.
    #[schema(required)]
    pub revoked_at: Option<Time>,
    #[schema(required)]
    pub revoked_by: Option<String>,
    #[schema(required)]
    pub revoke_reason: Option<String>,
    /// Whether it still opens the gate.
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GateOverrideList {
    /// The newest first, those that are over too.
    pub overrides: Vec<GateOverride>,
}

/// Opens a gate although it is blocked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateOverrideBody {
    pub reason: String,
    /// RFC 3339; at most the policy's `overrideMax` ahead, 24 hours unless it says otherwise.
    pub expires_at: String,
}

/// Takes an override back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateRevocationBody {
    pub reason: String,
}

impl Gate {
    pub fn new(
        service: String,
        policy: String,
        decision: GateDecision,
        overrides: Vec<gate::Override>,
        next_freeze: Option<ComingFreeze>,
        now: Timestamp,
    ) -> Gate {
        Gate {
            service,
            allowed: decision.is_allowed(),
            verdict: match decision.verdict {
                gate::Verdict::Allowed => GateVerdict::Allowed,
                gate::Verdict::Blocked => GateVerdict::Blocked,
                gate::Verdict::Overridden => GateVerdict::Overridden,
            },
            policy,
            explanation: decision.explanation(),
            decided_at: now.into(),
            conditions: decision.conditions.into_iter().map(GateCondition::from).collect(),
            opened_by: decision.opened_by.map(|given| GateOverride::new(given, now)),
            overrides: overrides.into_iter().map(|given| GateOverride::new(given, now)).collect(),
            next_freeze: next_freeze.map(GateFreeze::from),
        }
    }
}

impl From<ComingFreeze> for GateFreeze {
    fn from(freeze: ComingFreeze) -> GateFreeze {
        GateFreeze {
            name: freeze.name,
            reason: freeze.reason,
            from: freeze.from.into(),
            until: freeze.until.into(),
        }
    }
}

impl GateOverride {
    pub fn new(given: gate::Override, now: Timestamp) -> GateOverride {
        let active = given.holds(now);
        let (revoked_at, revoked_by, revoke_reason) = match given.revoked {
            Some(revoked) => (Some(revoked.at.into()), Some(revoked.actor), Some(revoked.reason)),
            None => (None, None, None),
        };
        GateOverride {
            active,
            revoked_at,
            revoked_by,
            revoke_reason,
            id: given.id,
            reason: given.reason,
            actor: given.actor,
            created_at: given.created_at.into(),
            expires_at: given.expires_at.into(),
        }
    }
}

impl From<gate::Condition> for GateCondition {
    fn from(condition: gate::Condition) -> GateCondition {
        GateCondition {
            check: match condition.check {
                gate::Check::BudgetRemaining => GateCheck::BudgetRemaining,
                gate::Check::BurnRate => GateCheck::BurnRate,
                gate::Check::OpenIncidents => GateCheck::OpenIncidents,
                gate::Check::FiringPages => GateCheck::FiringPages,
                gate::Check::ChangeFailRate => GateCheck::ChangeFailRate,
                gate::Check::Freeze => GateCheck::Freeze,
            },
            subject: condition.subject,
            window: condition.window,
            value: condition.value,
            relation: match condition.relation {
                gate::Relation::Above => GateRelation::Above,
                gate::Relation::Below => GateRelation::Below,
                gate::Relation::AtMost => GateRelation::AtMost,
            },
            limit: condition.limit,
            outcome: match condition.outcome {
                gate::Outcome::Met => GateOutcome::Met,
                gate::Outcome::NotMet => GateOutcome::NotMet,
                gate::Outcome::Unknown => GateOutcome::Unknown,
            },
            blocks: condition.blocks,
            detail: condition.detail,
        }
    }
}
