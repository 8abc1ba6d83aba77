//! Maintenance that is written in configuration, told as events like all other maintenance.
//!
//! What a file says becomes an event when it is new or has changed, and what no file says any more is
//! cancelled. So there is one place to read exclusions from, and the events say since when each was so.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slo::Maintenance;
use telemetry::{Batch, Event, EventKind, Timestamp};

use super::SloEvaluator;
use crate::QueryError;

/// Who tells what files say.
const ACTOR: &str = "configuration";
const CANCELLED: &str = "cancelled";

impl SloEvaluator {
    /// Makes `planned` the maintenance that configuration asks for, as of `now`. Maintenance of other origin
    /// is left alone, except that of the same name.
    pub async fn set_maintenance(&self, planned: &[Maintenance], now: Timestamp) -> Result<(), QueryError> {
        let mut newest: BTreeMap<String, Event> = BTreeMap::new();
        for event in self.maintenance_events().await? {
            let is_newer = |known: &Event| (known.seq, known.recorded_at) < (event.seq, event.recorded_at);
            if newest.get(&event.subject_id).is_none_or(is_newer) {
                newest.insert(event.subject_id.clone(), event);
            }
        }
        let is_ours = |event: &Event| event.actor.as_deref() == Some(ACTOR);
        let is_planned = |name: &str| planned.iter().any(|maintenance| maintenance.name == name);
        let said = planned.iter().map(|maintenance| (maintenance.name.as_str(), payload_of(maintenance)));
        let gone = newest.values().filter(|event| {
            is_ours(event) && event.payload["status"] != CANCELLED && !is_planned(&event.subject_id)
        });
        let cancelled = gone.map(|event| (event.subject_id.as_str(), json!({ "status": CANCELLED })));
        let events: Vec<Event> = said
            .chain(cancelled)
            .filter(|(name, payload)| newest.get(*name).is_none_or(|event| event.payload != *payload))
            .map(|(name, payload)| {
                told(name, newest.get(name).map_or(1, |event| event.seq + 1), payload, now)
            })
            .collect();
        if events.is_empty() {
            return Ok(());
        }
        self.engine.lake().append(Batch { events, ..Batch::default() }).await?;
        let objectives = self.objectives.read().clone();
        self.read_maintenance(&objectives, now).await?;
        self.refresh(now).await;
        Ok(())
    }
}

fn payload_of(maintenance: &Maintenance) -> Value {
    json!({
        "title": maintenance.title,
        "reason": maintenance.reason,
        "services": maintenance.services,
        "slos": maintenance.slos,
        "effect": maintenance.effect,
        "started_at": maintenance.from,
        "finished_at": maintenance.from.plus(maintenance.length),
        "rrule": maintenance.repeats.as_ref().map(|repeats| &repeats.rule),
        "timezone": maintenance.repeats.as_ref().map(|repeats| &repeats.timezone),
        "origin": maintenance.origin,
        "status": "planned",
    })
}

fn told(name: &str, seq: i64, payload: Value, now: Timestamp) -> Event {
    Event {
        event_id: format!("maintenance:{name}:{seq}"),
        kind: EventKind::MAINTENANCE,
        subject_id: name.to_owned(),
        seq,
        valid_at: now,
        recorded_at: now,
        service: None,
        env: None,
        actor: Some(ACTOR.to_owned()),
        severity: None,
        payload,
    }
}
