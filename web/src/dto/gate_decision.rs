//! What gates have answered: the events of kind `gate_decision`, read back.

use serde::{Deserialize, Serialize};
use telemetry::Event;
use utoipa::{IntoParams, ToSchema};

use super::Time;
use super::gate::{GateCondition, GateVerdict};

/// Which decisions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct GateDecisionsQuery {
    /// RFC 3339; everything since the first one when absent.
    pub from: Option<String>,
    /// RFC 3339, exclusive; now when absent. The `at` of the last decision of an answer asks for the next
    /// older ones.
    pub to: Option<String>,
    /// At most so many, within what the server allows.
    pub limit: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GateDecisionList {
    /// The newest first.
    pub decisions: Vec<PastGateDecision>,
    /// Whether there are older ones in the time that was asked for.
    pub more: bool,
}

/// What a gate answered once.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PastGateDecision {
    /// The event that tells it.
    pub event_id: String,
    pub at: Time,
    pub service: String,
    pub verdict: GateVerdict,
    /// The gate policy that decided.
    #[schema(required)]
    pub policy: Option<String>,
    /// Who asked.
    #[schema(required)]
    pub actor: Option<String>,
    /// The override that opened the gate.
    #[schema(required)]
    pub override_id: Option<i64>,
    /// Why, in one sentence with the deciding numbers.
    #[schema(required)]
    pub explanation: Option<String>,
    /// Everything that was looked at.
    pub conditions: Vec<GateCondition>,
}

/// The payload of the event; older events say less.
#[derive(Deserialize)]
struct Told {
    verdict: GateVerdict,
    policy: Option<String>,
    override_id: Option<i64>,
    explanation: Option<String>,
    #[serde(default)]
    conditions: Vec<GateCondition>,
}

impl TryFrom<Event> for PastGateDecision {
    type Error = serde_json::Error;

    /// # Errors
    /// When the payload is not that of a decision: anybody with a token may send events.
    fn try_from(event: Event) -> Result<PastGateDecision, serde_json::Error> {
        let told: Told = serde_json::from_value(event.payload)?;
        Ok(PastGateDecision {
            event_id: event.event_id,
            at: event.valid_at.into(),
            service: event.service.unwrap_or(event.subject_id),
            verdict: told.verdict,
            policy: told.policy,
            actor: event.actor,
            override_id: told.override_id,
            explanation: told.explanation,
            conditions: told.conditions,
        })
    }
}
