//! What alerts do to incidents: open one, join one, bring one back, restore it.

use std::collections::BTreeSet;

use serde_json::json;
use telemetry::EventKind;

use super::Mind;
use crate::alert::{Alert, AlertChange, Transition};
use crate::escalation::EscalationState;
use crate::fact;
use crate::grouping::{group_key, joinable};
use crate::ids::{AlertId, IncidentId};
use crate::incident::{Incident, IncidentState, REOPEN_QUIET, Severity, TITLE_CHARS_MAX, one_line};

impl Mind<'_> {
    pub(super) fn alerts_changed(&mut self, changes: Vec<AlertChange>) {
        let mut cleared = BTreeSet::new();
        for AlertChange { alert, transition } in changes {
            let id = alert.id.clone();
            self.world.alerts.insert(id.clone(), alert);
            self.changed.alerts.insert(id.clone());
            match transition {
                Some(Transition::Firing) => self.fired(&id),
                Some(Transition::Resolved) => cleared.extend(self.world.alerts[&id].incident),
                Some(Transition::Inactive) => {
                    self.changed.dropped_alerts.insert(id.clone());
                }
                Some(Transition::Pending) | None => {}
            }
            if let Some(transition) = transition {
                let alert = &self.world.alerts[&id];
                self.facts.push(fact::of_alert(alert, transition, &self.actor.name, self.now));
            }
        }
        for id in cleared {
            self.cleared(id);
        }
    }

    fn fired(&mut self, id: &AlertId) {
        let alert = self.world.alerts[id].clone();
        let pages = alert
            .severity()
            .is_some_and(|severity| self.terms.paging_severities.iter().any(|paging| paging == severity));
        if !pages {
            return;
        }
        let routed = self.catalog.route(&alert.labels);
        let group_key = group_key(&alert.labels, &routed.group_by);
        let incident = match joinable(&self.world.incidents, &group_key, self.now) {
            Some(incident) => incident,
            None => self.open_incident(&alert, group_key),
        };
        if let Some(alert) = self.world.alerts.get_mut(id) {
            alert.incident = Some(incident);
        }
        self.join(incident, &alert, routed.destination);
    }

    fn open_incident(&mut self, alert: &Alert, group_key: String) -> IncidentId {
        let summary = alert.annotations.get("summary").filter(|summary| !summary.trim().is_empty());
        let title = match (summary, alert.service()) {
            (Some(summary), _) => summary.clone(),
            (None, Some(service)) => format!("{} on {service}", alert.name()),
            (None, None) => alert.name().to_owned(),
        };
        self.new_incident(title, alert.service().map(str::to_owned), Severity::OF_PAGES, |_| group_key)
    }

    /// Adds an incident that starts and is detected now.
    pub(super) fn new_incident(
        &mut self,
        title: String,
        service: Option<String>,
        severity: Severity,
        group_key: impl FnOnce(IncidentId) -> String,
    ) -> IncidentId {
        let title = one_line(&title, TITLE_CHARS_MAX);
        self.world.last_incident += 1;
        let id = IncidentId::from_number(self.world.last_incident);
        let incident = Incident {
            id,
            title,
            service,
            severity,
            state: IncidentState::Triage,
            group_key: group_key(id),
            started_at: self.now,
            detected_at: self.now,
            acknowledged_at: None,
            acknowledged_by: None,
            mitigated_at: None,
            restored_at: None,
            resolved_at: None,
            closed_at: None,
            commander: None,
        };
        self.world.incidents.insert(id, incident);
        self.changed.incidents.insert(id);
        id
    }

    fn join(&mut self, id: IncidentId, alert: &Alert, destination: Option<crate::route::Destination>) {
        let now = self.now;
        let mut restored_at = None;
        if let Some(incident) = self.incident_mut(id) {
            incident.started_at = incident.started_at.min(alert.started_at);
            restored_at = incident.restored_at.take();
            if restored_at.is_some() && incident.state == IncidentState::Resolved {
                incident.resolved_at = None;
                incident.state = match incident.acknowledged_at {
                    Some(_) => IncidentState::Investigating,
                    None => IncidentState::Triage,
                };
            }
        }
        let state = self.world.escalations.get(&id).map(|escalation| escalation.state);
        let is_flap = restored_at.is_some_and(|restored_at| now.since(restored_at) < REOPEN_QUIET);
        if restored_at.is_some() {
            self.tell(EventKind::NOTE, id, json!({"text": format!("{} fires again", alert.name())}));
        }
        match state {
            Some(EscalationState::Suspended) if is_flap => {
                if let Some(escalation) = self.escalation_mut(id) {
                    escalation.state = EscalationState::Running;
                    escalation.next_due = escalation.next_due.map(|due| due.max(now)).or(Some(now));
                }
            }
            Some(EscalationState::Acknowledged) if restored_at.is_none() || is_flap => {}
            Some(EscalationState::Running) => {}
            // New, back after a while, or the last run ended without an answer.
            None | Some(_) => self.start_escalation(id, destination),
        }
        self.go_through_due_steps(id);
    }

    /// An alert of the incident resolved: the last one restores it.
    fn cleared(&mut self, id: IncidentId) {
        let mut linked = self.world.alerts.values().filter(|alert| alert.incident == Some(id));
        if linked.any(Alert::is_firing) {
            return;
        }
        let wants = |incident: &&Incident| incident.restored_at.is_none() && !incident.state.is_final();
        if self.world.incidents.get(&id).filter(wants).is_none() {
            return;
        }
        let now = self.now;
        if let Some(incident) = self.incident_mut(id) {
            incident.restored_at = Some(now);
        }
        // `next_due` stays: a flap goes on where it was.
        if self.world.escalations.get(&id).is_some_and(|escalation| escalation.is_running())
            && let Some(escalation) = self.escalation_mut(id)
        {
            escalation.state = EscalationState::Suspended;
        }
        self.cancel_pages(id);
    }
}
