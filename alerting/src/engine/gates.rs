//! Gates: their overrides, and the record of what they decided.

use db::counter;
use serde_json::{Value, json};
use slo::gate::{Override, Revocation};
use telemetry::time::format_duration;
use telemetry::{EventKind, Timestamp};

use super::Alerting;
use super::verbs::checked;
use crate::AlertingError;
use crate::fact::{Fact, append_fact};
use crate::incident::Actor;
use crate::store::gates;

/// Longest reason of an override.
const REASON_CHARS_MAX: usize = 1_000;
/// Overrides of a service that are looked at and listed, the newest.
const OVERRIDES_MAX: u32 = 100;
const COUNTER: &str = "gate_override";

impl Alerting {
    /// Opens the gate of a service until a time, whatever its conditions say.
    ///
    /// # Errors
    /// [`AlertingError::BadInput`] without a reason, and for a time that has passed or lies further
    /// ahead than the service's policy allows.
    pub async fn override_gate(
        &self,
        service: &str,
        reason: &str,
        expires_at: Timestamp,
        actor: &Actor,
    ) -> Result<Override, AlertingError> {
        let reason = checked("/reason", reason, reason.chars().count(), REASON_CHARS_MAX, "characters")?;
        let now = self.0.now();
        let longest = self.catalog().gate_policy(service).override_max;
        let bad = |message: String| AlertingError::BadInput { pointer: "/expires_at", message };
        if expires_at <= now {
            return Err(bad(format!("{expires_at} has passed")));
        }
        if expires_at > now.plus(longest) {
            let longest = format_duration(longest);
            return Err(bad(format!("an override lasts {longest} at most (overrideMax of the gate policy)")));
        }
        let mut tx = self.0.store.begin_write().await?;
        let id = counter::next(&mut tx, COUNTER).await?;
        let given =
            Override { id, reason, actor: actor.name.clone(), created_at: now, expires_at, revoked: None };
        gates::save(&mut tx, service, &given).await?;
        let payload = json!({
            "override_id": given.id,
            "action": "given",
            "reason": given.reason,
            "expires_at": given.expires_at,
            "via": actor.via.as_str(),
        });
        let fact = of_gate(EventKind::GATE_OVERRIDE, service, &actor.name, now, payload);
        append_fact(&mut tx, fact.into_event(now)).await?;
        tx.commit().await?;
        Ok(given)
    }

    /// Takes an override back before it expires.
    ///
    /// # Errors
    /// [`AlertingError::BadInput`] without a reason, [`AlertingError::UnknownOverride`], and
    /// [`AlertingError::OverrideIsOver`] for one that has expired or was revoked before.
    pub async fn revoke_gate_override(
        &self,
        service: &str,
        id: i64,
        reason: &str,
        actor: &Actor,
    ) -> Result<Override, AlertingError> {
        let reason = checked("/reason", reason, reason.chars().count(), REASON_CHARS_MAX, "characters")?;
        let now = self.0.now();
        let mut tx = self.0.store.begin_write().await?;
        let found = gates::one(&mut tx, service, id).await?;
        let given =
            found.ok_or_else(|| AlertingError::UnknownOverride { id, service: service.to_owned() })?;
        let is_over = match &given.revoked {
            Some(revoked) => Some(format!("{} revoked it at {}", revoked.actor, revoked.at)),
            None if !given.holds(now) => Some(format!("it expired at {}", given.expires_at)),
            None => None,
        };
        if let Some(reason) = is_over {
            return Err(AlertingError::OverrideIsOver { id, reason });
        }
        let revoked = Revocation { at: now, actor: actor.name.clone(), reason };
        gates::revoke(&mut tx, id, &revoked).await?;
        let payload = json!({
            "override_id": id,
            "action": "revoked",
            "reason": revoked.reason,
            "via": actor.via.as_str(),
        });
        let fact = of_gate(EventKind::GATE_OVERRIDE, service, &actor.name, now, payload);
        append_fact(&mut tx, fact.into_event(now)).await?;
        tx.commit().await?;
        Ok(Override { revoked: Some(revoked), ..given })
    }

    /// The newest overrides of a service, those that are over too.
    pub async fn gate_overrides(&self, service: &str) -> Result<Vec<Override>, AlertingError> {
        gates::of_service(self.0.store.read(), service, OVERRIDES_MAX).await
    }

    /// Writes down what a gate decided, and for whom.
    pub async fn record_gate_decision(
        &self,
        service: &str,
        actor: &str,
        decided_at: Timestamp,
        payload: Value,
    ) -> Result<(), AlertingError> {
        let mut tx = self.0.store.begin_write().await?;
        let fact = of_gate(EventKind::GATE_DECISION, service, actor, decided_at, payload);
        append_fact(&mut tx, fact.into_event(self.0.now())).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn of_gate(kind: EventKind, service: &str, actor: &str, at: Timestamp, payload: Value) -> Fact {
    Fact {
        kind,
        subject: service.to_owned(),
        service: Some(service.to_owned()),
        actor: actor.to_owned(),
        severity: None,
        valid_at: at,
        payload,
    }
}
