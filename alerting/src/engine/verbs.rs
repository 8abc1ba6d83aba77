//! What people do: each verb is one decision in one transaction with its pages and facts.

use telemetry::Timestamp;

use super::{Alerting, IncidentView};
use crate::AlertingError;
use crate::decide::{Command, Decision, Input};
use crate::ids::IncidentId;
use crate::incident::{Actor, Severity, TITLE_CHARS_MAX};
use crate::store;

/// Longest note. Longer texts belong into the write-up.
const NOTE_BYTES_MAX: usize = 64 * 1024;

/// What an acknowledgement found.
#[derive(Clone, Debug)]
pub struct AckOutcome {
    pub incident: IncidentView,
    /// Who has acknowledged: the caller, or whoever was first.
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<Timestamp>,
    /// This call did it. Otherwise it was done already, or there was nothing left to acknowledge.
    pub first: bool,
}

impl Alerting {
    /// Takes an incident: nobody else is paged. Repeating it changes nothing and tells who was first.
    pub async fn acknowledge(&self, id: IncidentId, actor: &Actor) -> Result<AckOutcome, AlertingError> {
        let decision = self.command(id, Command::Acknowledge, actor).await?;
        let first = decision.facts.iter().any(|fact| fact.kind == telemetry::EventKind::ACKNOWLEDGEMENT);
        let incident = self.incident(id).await?;
        // A later run of the escalation may have been taken by somebody else than the first.
        let of_run =
            incident.escalation.as_ref().and_then(|e| e.acknowledged_by.clone().zip(e.acknowledged_at));
        let of_incident = incident.incident.acknowledged_by.clone().zip(incident.incident.acknowledged_at);
        let (acknowledged_by, acknowledged_at) = of_run.or(of_incident).unzip();
        Ok(AckOutcome { incident, acknowledged_by, acknowledged_at, first })
    }

    /// Users are no longer hurt. Also acknowledges.
    pub async fn mitigate(&self, id: IncidentId, actor: &Actor) -> Result<IncidentView, AlertingError> {
        self.command(id, Command::Mitigate, actor).await?;
        self.incident(id).await
    }

    /// Service is back as of now, as a person says. Also acknowledges.
    pub async fn restore(&self, id: IncidentId, actor: &Actor) -> Result<IncidentView, AlertingError> {
        self.command(id, Command::Restore, actor).await?;
        self.incident(id).await
    }

    /// Over. Also acknowledges, and restores if no alert fires any more.
    pub async fn resolve(&self, id: IncidentId, actor: &Actor) -> Result<IncidentView, AlertingError> {
        self.command(id, Command::Resolve, actor).await?;
        self.incident(id).await
    }

    /// The write-up is published or waived. Also resolves.
    pub async fn close(&self, id: IncidentId, actor: &Actor) -> Result<IncidentView, AlertingError> {
        self.command(id, Command::Close, actor).await?;
        self.incident(id).await
    }

    /// Adds a note to the timeline.
    pub async fn add_note(&self, id: IncidentId, text: &str, actor: &Actor) -> Result<(), AlertingError> {
        let text = checked("/text", text, text.len(), NOTE_BYTES_MAX, "bytes")?;
        self.command(id, Command::Note(text), actor).await?;
        Ok(())
    }

    pub async fn set_severity(
        &self,
        id: IncidentId,
        severity: Severity,
        actor: &Actor,
    ) -> Result<IncidentView, AlertingError> {
        self.command(id, Command::SetSeverity(severity), actor).await?;
        self.incident(id).await
    }

    /// Opens an incident by hand; SEV1 and SEV2 page whoever answers for the service.
    pub async fn declare(
        &self,
        title: &str,
        service: Option<&str>,
        severity: Severity,
        actor: &Actor,
    ) -> Result<IncidentId, AlertingError> {
        let title = checked("/title", title, title.chars().count(), TITLE_CHARS_MAX, "characters")?;
        let service = service.map(str::trim).filter(|service| !service.is_empty()).map(str::to_owned);
        let (inner, now) = (&self.0, self.0.now());
        let mut tx = inner.store.begin_write().await?;
        let input = Input::Declare { title, service, severity, actor: actor.clone() };
        let decision = inner.decide_within(&mut tx, None, input, now).await?;
        tx.commit().await?;
        inner.heard(&decision.reports);
        let newest = decision.incidents.iter().map(|incident| incident.id).max();
        newest.ok_or_else(|| AlertingError::Corrupt("an incident was declared but not decided on".to_owned()))
    }

    pub(crate) async fn command(
        &self,
        id: IncidentId,
        command: Command,
        actor: &Actor,
    ) -> Result<Decision, AlertingError> {
        let (inner, now) = (&self.0, self.0.now());
        let mut tx = inner.store.begin_write().await?;
        let world = store::load_world(&mut tx, now, Some(id)).await?;
        if !world.incidents.contains_key(&id) {
            return Err(AlertingError::UnknownIncident(id));
        }
        let input = Input::Command { incident: id, command, actor: actor.clone() };
        let decision = inner.decide_on(&mut tx, world, input, now).await?;
        tx.commit().await?;
        inner.heard(&decision.reports);
        Ok(decision)
    }
}

pub(super) fn checked(
    pointer: &'static str,
    text: &str,
    length: usize,
    max: usize,
    unit: &str,
) -> Result<String, AlertingError> {
    let bad = |message: String| AlertingError::BadInput { pointer, message };
    if text.trim().is_empty() {
        return Err(bad("must not be empty".to_owned()));
    }
    if length > max {
        return Err(bad(format!("has {length} {unit}, more than the {max} allowed")));
    }
    Ok(text.trim().to_owned())
}
