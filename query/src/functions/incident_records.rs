//! Incidents as the `slo` crate wants them, read from the events about them.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use slo::recovery::{IncidentRecord, Standing, history};
use telemetry::Timestamp;

use super::summary::{InputRow, each_row};
use crate::views::recovery::column;

/// States of what was none, or is part of another one.
const FALSE_ALARM_STATES: [&str; 2] = ["declined", "merged"];
/// Who acknowledges without being a person.
const ENGINE: &str = "engine";

/// One incident with what groups it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incident {
    pub(crate) id: String,
    /// Empty when nobody told it.
    pub(crate) title: String,
    /// All that it concerns; empty when that is not known.
    pub(crate) services: Vec<String>,
    pub(super) severity: Option<String>,
    pub(crate) record: IncidentRecord,
    /// The deploy that its own events name as the cause.
    pub(super) deploy_id: Option<String>,
}

impl Incident {
    /// When the service was normal again for good; `None` while it is not.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        let last = self.record.reopened.last();
        match last {
            Some(last) => last.restored_at.or(last.resolved_at),
            None => self.record.restored_at.or(self.record.resolved_at),
        }
    }
}

/// One event about an incident.
struct Told {
    /// Events of one incident in their order.
    order: (i64, Option<Timestamp>),
    standing: Standing,
    repaired_at: Option<Timestamp>,
    acknowledged_by: Option<String>,
    services: Option<String>,
    is_false_alarm: bool,
    deploy_id: Option<String>,
}

/// Reads the rows of `views::recovery::incident_events`.
pub(crate) fn incidents(batches: &[RecordBatch]) -> Result<Vec<Incident>> {
    let mut found: BTreeMap<String, (Incident, Vec<Told>)> = BTreeMap::new();
    each_row(batches, |row| {
        let (Some(id), Some(started_at)) = (row.text(column::INCIDENT), row.time(column::STARTED)) else {
            return;
        };
        let (_, events) =
            found.entry(id.clone()).or_insert_with(|| (now_known(row, id, started_at), Vec::new()));
        events.push(told(row, started_at));
    })?;
    Ok(found.into_values().map(|(incident, events)| completed(incident, events)).collect())
}

/// What the row says about the incident as it stands.
fn now_known(row: &InputRow<'_>, id: String, started_at: Timestamp) -> Incident {
    let state = row.text(column::STATE);
    let is_none = state.is_some_and(|state| FALSE_ALARM_STATES.contains(&state.as_str()));
    Incident {
        id,
        title: row.text(column::TITLE).unwrap_or_default(),
        services: row.text(column::SERVICE).into_iter().collect(),
        severity: row.text(column::SEVERITY),
        record: IncidentRecord {
            started_at,
            detected_at: row.time(column::DETECTED),
            acknowledged_at: row.time(column::ACKNOWLEDGED),
            is_false_alarm: is_none,
            ..IncidentRecord::default()
        },
        deploy_id: None,
    }
}

fn told(row: &InputRow<'_>, started_at: Timestamp) -> Told {
    Told {
        order: (row.integer(column::SEQ).unwrap_or_default(), row.time(column::RECORDED)),
        standing: Standing {
            at: row.time(column::AT).unwrap_or(started_at),
            restored_at: row.time(column::RESTORED_THEN),
            resolved_at: row.time(column::RESOLVED_THEN),
        },
        repaired_at: row.time(column::REPAIRED_THEN),
        acknowledged_by: row.text(column::ACKNOWLEDGED_BY_THEN),
        services: row.text(column::SERVICES_THEN),
        is_false_alarm: row.is_true(column::FALSE_ALARM_THEN),
        deploy_id: row.text(column::DEPLOY_THEN),
    }
}

fn completed(mut incident: Incident, mut events: Vec<Told>) -> Incident {
    events.sort_by_key(|event| event.order);
    let history = history(events.iter().map(|event| event.standing));
    let record = &mut incident.record;
    (record.restored_at, record.resolved_at) = (history.restored_at, history.resolved_at);
    record.reopened = history.reopened;
    if let Some(last) = events.pop() {
        record.repaired_at = last.repaired_at;
        record.is_false_alarm |= last.is_false_alarm;
        if last.acknowledged_by.as_deref() == Some(ENGINE) {
            record.acknowledged_at = None;
        }
        incident.services = services_of(incident.services.pop(), last.services);
        incident.deploy_id = last.deploy_id;
    }
    incident
}

/// The services that an incident concerns, each once: its own, and those of a JSON list.
pub(super) fn services_of(own: Option<String>, listed: Option<String>) -> Vec<String> {
    let listed: Vec<String> = listed.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    let mut services: Vec<String> = own.into_iter().collect();
    for service in listed {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}
