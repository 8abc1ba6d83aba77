//! What recovery metrics are computed from: every event about an incident, beside the incident as it
//! stands now.

use super::{INCIDENTS, over_events};

/// The columns of [`incident_events`] by position.
pub(crate) mod column {
    pub(crate) const INCIDENT: usize = 0;
    pub(crate) const SERVICE: usize = 1;
    pub(crate) const SEVERITY: usize = 2;
    pub(crate) const STATE: usize = 3;
    pub(crate) const STARTED: usize = 4;
    pub(crate) const DETECTED: usize = 5;
    pub(crate) const ACKNOWLEDGED: usize = 6;
    pub(crate) const SEQ: usize = 7;
    pub(crate) const RECORDED: usize = 8;
    pub(crate) const AT: usize = 9;
    pub(crate) const RESTORED_THEN: usize = 10;
    pub(crate) const RESOLVED_THEN: usize = 11;
    pub(crate) const REPAIRED_THEN: usize = 12;
    pub(crate) const ACKNOWLEDGED_BY_THEN: usize = 13;
    pub(crate) const SERVICES_THEN: usize = 14;
    pub(crate) const FALSE_ALARM_THEN: usize = 15;
    pub(crate) const DEPLOY_THEN: usize = 16;
    pub(crate) const TITLE: usize = 17;
}

/// One row per event; `$2` is the time before which the incident began.
const INCIDENT_EVENTS: &str = "
    SELECT incident.incident_id, incident.service, incident.severity, incident.state,
           incident.started_at, incident.detected_at, incident.acknowledged_at,
           told.seq, told.recorded_at, told.valid_at,
           json_time(told.payload, 'restored_at') AS restored_then,
           json_time(told.payload, 'resolved_at') AS resolved_then,
           json_time(told.payload, 'repaired_at') AS repaired_then,
           json_text(told.payload, 'acknowledged_by') AS acknowledged_by_then,
           json_text(told.payload, 'services') AS services_then,
           json_bool(told.payload, 'false_alarm') AS false_alarm_then,
           json_text(told.payload, 'deploy_id') AS deploy_then,
           incident.title
    FROM ({incidents}) AS incident
    JOIN {events} AS told ON told.subject_id = incident.incident_id AND told.kind = 'incident'
    WHERE incident.started_at < $2";

/// Over the table of events, or over some of its rows.
pub(crate) fn incident_events(events: &str) -> String {
    over_events(&INCIDENT_EVENTS.replace("{incidents}", INCIDENTS), events)
}
