//! What people do about incidents. Each verb may be repeated: what is done already changes nothing.

use serde_json::json;
use telemetry::{EventKind, Labels};

use super::{Command, Mind, Refusal};
use crate::catalog::SERVICE;
use crate::escalation::EscalationState;
use crate::ids::IncidentId;
use crate::incident::{IncidentState, Severity};
use crate::page::PageState;
use crate::rule::ALERT_NAME;

impl Mind<'_> {
    pub(super) fn command(&mut self, id: IncidentId, command: Command) -> Result<(), Refusal> {
        let incident = self.world.incidents.get(&id).ok_or(Refusal::UnknownIncident(id))?;
        let state = incident.state;
        let is_allowed = match &command {
            Command::Note(_) | Command::Close => true,
            Command::Acknowledge | Command::Resolve | Command::Restore | Command::SetSeverity(_) => {
                !state.is_final()
            }
            Command::Mitigate => state.is_open(),
        };
        if !is_allowed {
            return Err(Refusal::WrongState { incident: id, verb: command.verb(), state });
        }
        match command {
            Command::Acknowledge => self.acknowledge(id),
            Command::Mitigate => self.mitigate(id),
            Command::Restore => self.restore(id),
            Command::Resolve => self.resolve(id),
            Command::Close => self.close(id),
            Command::Note(text) => {
                self.tell(EventKind::NOTE, id, json!({"text": text, "via": self.actor.via.as_str()}))
            }
            Command::SetSeverity(severity) => self.set_severity(id, severity),
        }
        Ok(())
    }

    /// Somebody takes it: nobody else is told any more.
    fn acknowledge(&mut self, id: IncidentId) {
        use EscalationState::{Exhausted, Running, Suspended};
        let (now, actor) = (self.now, self.actor.clone());
        let is_first = self.world.incidents.get(&id).is_some_and(|i| i.acknowledged_at.is_none());
        let escalation = self.world.escalations.get(&id);
        let is_asked = escalation.is_some_and(|e| matches!(e.state, Running | Suspended | Exhausted));
        if is_first && let Some(incident) = self.incident_mut(id) {
            incident.acknowledged_at = Some(now);
            incident.acknowledged_by = Some(actor.name.clone());
            incident.commander.get_or_insert_with(|| actor.name.clone());
            if incident.state == IncidentState::Triage {
                incident.state = IncidentState::Investigating;
            }
        }
        if is_asked && let Some(escalation) = self.escalation_mut(id) {
            escalation.acknowledged_at = Some(now);
            escalation.acknowledged_by = Some(actor.name.clone());
            escalation.end(EscalationState::Acknowledged);
        }
        if !is_first && !is_asked {
            return;
        }
        self.cancel_pages(id);
        for page in self.pages_of(id, |page| matches!(page.state, PageState::Sent | PageState::Delivered)) {
            if let Some(page) = self.page_mut(&page) {
                page.state = PageState::Acknowledged;
                page.acknowledged_at = Some(now);
            }
        }
        let text = format!("acknowledged by {}", actor.name);
        self.tell(EventKind::ACKNOWLEDGEMENT, id, json!({"text": text, "via": actor.via.as_str()}));
    }

    fn mitigate(&mut self, id: IncidentId) {
        self.acknowledge(id);
        if self.world.incidents[&id].mitigated_at.is_some() {
            return;
        }
        let now = self.now;
        if let Some(incident) = self.incident_mut(id) {
            incident.mitigated_at = Some(now);
            incident.state = IncidentState::Mitigated;
        }
    }

    /// A person corrects when service was back: now.
    fn restore(&mut self, id: IncidentId) {
        self.acknowledge(id);
        let now = self.now;
        if let Some(incident) = self.incident_mut(id) {
            incident.restored_at = Some(now);
        }
        self.stop_escalation(id, EscalationState::Stopped);
    }

    fn resolve(&mut self, id: IncidentId) {
        if !self.world.incidents[&id].state.is_open() {
            return;
        }
        self.acknowledge(id);
        let now = self.now;
        // With alerts still firing, the last one to clear will tell when service was back.
        let still_fires = self.world.alerts.values().any(|a| a.incident == Some(id) && a.is_firing());
        if let Some(incident) = self.incident_mut(id) {
            incident.state = IncidentState::Resolved;
            incident.resolved_at = Some(now);
            if !still_fires {
                incident.restored_at.get_or_insert(now);
            }
        }
        self.stop_escalation(id, EscalationState::Stopped);
    }

    fn close(&mut self, id: IncidentId) {
        if self.world.incidents[&id].state.is_final() {
            return;
        }
        self.resolve(id);
        let now = self.now;
        if let Some(incident) = self.incident_mut(id) {
            incident.state = IncidentState::Closed;
            incident.closed_at = Some(now);
        }
    }

    fn set_severity(&mut self, id: IncidentId, severity: Severity) {
        let before = self.world.incidents[&id].severity;
        if before == severity {
            return;
        }
        if let Some(incident) = self.incident_mut(id) {
            incident.severity = severity;
        }
        let text = format!("severity changed from {before} to {severity}");
        self.tell(EventKind::NOTE, id, json!({"text": text, "via": self.actor.via.as_str()}));
    }

    /// A person opens an incident; a bad one pages whoever answers for the service.
    pub(super) fn declare(&mut self, title: String, service: Option<String>, severity: Severity) {
        let service_label = service.clone().unwrap_or_default();
        let id = self.new_incident(title.clone(), service, severity, |id| format!("declared:{id}"));
        let text = format!("declared by {}", self.actor.name);
        self.tell(EventKind::NOTE, id, json!({"text": text, "via": self.actor.via.as_str()}));
        if !severity.pages_when_declared() {
            return;
        }
        let pairs = [(SERVICE, service_label.as_str()), (ALERT_NAME, title.as_str()), ("severity", "page")];
        let labels = Labels::new(pairs).unwrap_or_default();
        let destination = self.catalog.route(&labels).destination;
        self.start_escalation(id, destination);
        self.go_through_due_steps(id);
    }
}
