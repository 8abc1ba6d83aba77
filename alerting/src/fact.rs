//! Facts: what decisions tell the rest of the world, as rows of the table `events`.
//!
//! A fact is written to the outbox in the transaction that makes it true, and brought to the lake
//! afterwards ([`Alerting::publish_facts`](crate::Alerting::publish_facts)). Its place in the outbox
//! becomes the event's `seq`; its id is computed from its content and that place.

use db::{WriteTx, outbox};
use serde_json::{Value, json};
use telemetry::{Event, EventKind, Timestamp};

use crate::AlertingError;
use crate::alert::{Alert, Transition};
use crate::ids::{AlertId, IncidentId};
use crate::incident::Incident;
use crate::page::Page;
use crate::rule::template::number;

/// The outbox topic of facts.
pub const TOPIC: &str = "event";
/// The counter behind event ids.
const COUNTER: &str = "fact";

/// A fact as a decision states it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub kind: EventKind,
    pub subject: String,
    pub service: Option<String>,
    pub actor: String,
    pub severity: Option<String>,
    pub valid_at: Timestamp,
    pub payload: Value,
}

impl Fact {
    pub(crate) fn into_event(self, recorded_at: Timestamp) -> Event {
        Event {
            event_id: String::new(),
            kind: self.kind,
            subject_id: self.subject,
            seq: 0,
            valid_at: self.valid_at,
            recorded_at,
            service: self.service,
            env: None,
            actor: Some(self.actor),
            severity: self.severity,
            payload: self.payload,
        }
    }
}

/// Writes an event to the outbox, in the caller's transaction. `seq` is given by the store; an empty
/// `event_id` is filled in; an id that was written before makes this a no-op.
pub async fn append_fact(tx: &mut WriteTx, mut event: Event) -> Result<(), AlertingError> {
    if event.event_id.is_empty() {
        let number = db::counter::next(tx, COUNTER).await?;
        let content = json!([
            event.kind,
            event.subject_id,
            number,
            event.valid_at.micros(),
            event.recorded_at.micros(),
            event.payload
        ]);
        let namespace = uuid::Uuid::NAMESPACE_OID;
        event.event_id = uuid::Uuid::new_v5(&namespace, content.to_string().as_bytes()).to_string();
    }
    let payload = serde_json::to_string(&event).map_err(|error| AlertingError::Corrupt(error.to_string()))?;
    let seq = outbox::enqueue(tx, TOPIC, &event.event_id, &payload, event.recorded_at.micros()).await?;
    if let (Some(seq), Some(incident)) = (seq, event.payload["incident_id"].as_str()) {
        sqlx::query("INSERT INTO incident_facts (event_id, incident, seq, event) VALUES ($1, $2, $3, $4)")
            .bind(&event.event_id)
            .bind(incident)
            .bind(seq)
            .bind(&payload)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The facts that carry an incident's id, oldest first.
pub(crate) async fn facts_of(store: &db::Store, incident: IncidentId) -> Result<Vec<Event>, AlertingError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT seq, event FROM incident_facts WHERE incident = $1 ORDER BY seq")
            .bind(incident.to_string())
            .fetch_all(store.read())
            .await?;
    let event = |(seq, text): (i64, String)| {
        let event: Event =
            serde_json::from_str(&text).map_err(|error| AlertingError::Corrupt(error.to_string()))?;
        Ok(Event { seq, ..event })
    };
    rows.into_iter().map(event).collect()
}

pub(crate) fn of_incident(incident: &Incident, alerts: &[AlertId], actor: &str, now: Timestamp) -> Fact {
    Fact {
        kind: EventKind::INCIDENT,
        subject: incident.id.to_string(),
        service: incident.service.clone(),
        actor: actor.to_owned(),
        severity: Some(incident.severity.to_string()),
        valid_at: now,
        payload: json!({
            "incident_id": incident.id,
            "title": incident.title,
            "severity": incident.severity,
            "state": incident.state,
            "started_at": incident.started_at,
            "detected_at": incident.detected_at,
            "acknowledged_at": incident.acknowledged_at,
            "acknowledged_by": incident.acknowledged_by,
            "mitigated_at": incident.mitigated_at,
            "restored_at": incident.restored_at,
            "resolved_at": incident.resolved_at,
            "closed_at": incident.closed_at,
            "commander": incident.commander,
            "alerts": alerts,
            "source": "evenkeel",
        }),
    }
}

pub(crate) fn of_alert(alert: &Alert, transition: Transition, actor: &str, now: Timestamp) -> Fact {
    Fact {
        kind: EventKind::ALERT,
        subject: alert.id.to_string(),
        service: alert.service().map(str::to_owned),
        actor: actor.to_owned(),
        severity: alert.severity().map(str::to_owned),
        valid_at: now,
        payload: json!({
            "alert": alert.name(),
            "labels": alert.labels,
            "annotations": alert.annotations,
            "state": transition.as_str(),
            "value": json_number(alert.value),
            "incident_id": alert.incident,
            "explains": alert.explains,
            "source": alert.source,
        }),
    }
}

pub(crate) fn of_page(page: &Page, service: Option<String>, actor: &str, now: Timestamp) -> Fact {
    Fact {
        kind: EventKind::PAGE,
        subject: page.id.to_string(),
        service,
        actor: actor.to_owned(),
        severity: None,
        valid_at: now,
        payload: json!({
            "incident_id": page.incident,
            "alert": page.alert,
            "recipient": page.recipient,
            "channel": page.channel,
            "address": page.address,
            "step": page.place.step + 1,
            "queued_at": page.queued_at,
            "sent_at": page.sent_at,
            "delivered_at": page.delivered_at,
            "acknowledged_at": page.acknowledged_at,
            "state": page.state,
            "attempts": page.attempts,
            "may_repeat": page.may_repeat,
            "error": page.error,
        }),
    }
}

/// A fact about an incident that is told by a text.
pub(crate) fn about(
    kind: EventKind,
    id: IncidentId,
    service: Option<String>,
    actor: &str,
    now: Timestamp,
    payload: Value,
) -> Fact {
    let mut payload = payload;
    payload["incident_id"] = json!(id);
    Fact {
        kind,
        subject: id.to_string(),
        service,
        actor: actor.to_owned(),
        severity: None,
        valid_at: now,
        payload,
    }
}

/// JSON knows no NaN and no infinities: those are the strings `"NaN"`, `"+Inf"`, `"-Inf"`.
pub(crate) fn json_number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(number(value)) }
}
