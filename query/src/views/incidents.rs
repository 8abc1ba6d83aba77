//! Incidents, what happened in them, who was paged, and how alerts changed.

use super::{Described, View, of_all_events};

pub(super) fn views() -> Vec<View> {
    vec![
        of_all_events(INCIDENTS_DESCRIBED, INCIDENTS),
        of_all_events(TIMELINE_DESCRIBED, TIMELINE),
        of_all_events(PAGES_DESCRIBED, PAGES),
        of_all_events(ALERT_HISTORY_DESCRIBED, ALERT_HISTORY),
    ]
}

const INCIDENTS_DESCRIBED: Described = Described {
    name: "incidents",
    comment: "Every incident in its current state, imported history included.",
    columns: &[
        ("incident_id", "Such as INC-12."),
        ("title", "What it is about."),
        ("service", "The service that suffers."),
        ("severity", "SEV1 (worst) to SEV5."),
        ("state", "triage, investigating, identified, mitigated, resolved, closed, declined or merged."),
        ("started_at", "When users began to suffer."),
        ("detected_at", "When Evenkeel or somebody noticed."),
        ("acknowledged_at", "When a person took it."),
        ("mitigated_at", "When the damage was contained."),
        ("restored_at", "When the service worked again."),
        ("resolved_at", "When the cause was gone."),
        ("closed_at", "When the work on it ended."),
        ("source", "evenkeel, or imported for history from elsewhere."),
        ("commander", "Who leads."),
        ("env", "The environment."),
    ],
};

/// Imported history says neither state nor source: both follow from its times. Some senders tell the
/// end of an incident without its title and beginning: an earlier event knows them.
pub(crate) const INCIDENTS: &str = "
    SELECT subject_id AS incident_id,
           title,
           service,
           coalesce(json_text(payload, 'severity'), severity) AS severity,
           coalesce(
             json_text(payload, 'state'),
             CASE WHEN json_time(payload, 'resolved_at') IS NOT NULL THEN 'resolved'
                  WHEN json_time(payload, 'restored_at') IS NOT NULL THEN 'mitigated'
                  ELSE 'investigating' END) AS state,
           started_at,
           detected_at,
           json_time(payload, 'acknowledged_at') AS acknowledged_at,
           json_time(payload, 'mitigated_at') AS mitigated_at,
           json_time(payload, 'restored_at') AS restored_at,
           json_time(payload, 'resolved_at') AS resolved_at,
           json_time(payload, 'closed_at') AS closed_at,
           coalesce(json_text(payload, 'source'), 'imported') AS source,
           json_text(payload, 'commander') AS commander,
           env
    FROM (SELECT subject_id,
                 max_by(service, seq, recorded_at, __sequence) AS service,
                 max_by(env, seq, recorded_at, __sequence) AS env,
                 max_by(severity, seq, recorded_at, __sequence) AS severity,
                 max_by(payload, seq, recorded_at, __sequence) AS payload,
                 max_by(json_text(payload, 'title'), seq, recorded_at, __sequence)
                   FILTER (WHERE json_text(payload, 'title') IS NOT NULL) AS title,
                 max_by(json_time(payload, 'started_at'), seq, recorded_at, __sequence)
                   FILTER (WHERE json_time(payload, 'started_at') IS NOT NULL) AS started_at,
                 max_by(json_time(payload, 'detected_at'), seq, recorded_at, __sequence)
                   FILTER (WHERE json_time(payload, 'detected_at') IS NOT NULL) AS detected_at
          FROM {event_log} WHERE kind = 'incident' GROUP BY subject_id)";

const TIMELINE_DESCRIBED: Described = Described {
    name: "incident_timeline",
    comment: "Everything that happened in an incident, one row per fact: order by at.",
    columns: &[
        ("incident_id", "The incident; joins with incidents."),
        ("at", "When it happened."),
        ("kind", "incident, acknowledgement, escalation, note, page, alert, runbook_run, runbook_step, ..."),
        ("subject_id", "What the fact is about: the incident, page, alert or run."),
        ("actor", "Who did it: a user, a token's name, engine."),
        ("state", "The state that the subject then had."),
        ("detail", "Text of a note, title, alert, reason of an escalation: what the fact says first."),
        ("service", "The service."),
        ("recorded_at", "When Evenkeel learnt of it."),
        ("event_id", "The event; joins with events."),
        ("payload", "All of the fact, as JSON text."),
    ],
};

const TIMELINE: &str = "
    SELECT coalesce(json_text(payload, 'incident_id'), subject_id) AS incident_id,
           valid_at AS at,
           kind,
           subject_id,
           actor,
           json_text(payload, 'state') AS state,
           coalesce(json_text(payload, 'text'), json_text(payload, 'reason'), json_text(payload, 'title'),
                    json_text(payload, 'step'), json_text(payload, 'alert'),
                    json_text(payload, 'runbook')) AS detail,
           service,
           recorded_at,
           event_id,
           payload
    FROM {events}
    WHERE kind IN ('incident', 'acknowledgement', 'escalation', 'note')
       OR json_text(payload, 'incident_id') IS NOT NULL";

const PAGES_DESCRIBED: Described = Described {
    name: "pages",
    comment: "Every page (call for a person's attention) in its current state.",
    columns: &[
        ("page_id", "Number of the page."),
        ("incident_id", "The incident that it belongs to."),
        ("alert", "The alert that caused it."),
        ("recipient", "Who was paged."),
        ("channel", "How: email, webhook, ..."),
        ("step", "Step of the escalation policy, from 1."),
        ("queued_at", "When it was decided."),
        ("sent_at", "When the channel took it."),
        ("delivered_at", "When the channel said that it arrived."),
        ("acknowledged_at", "When the recipient answered."),
        ("state", "queued, sending, sent, delivered, failed, cancelled or acknowledged."),
        ("error", "Why it failed."),
    ],
};

const PAGES: &str = "
    SELECT subject_id AS page_id,
           json_text(payload, 'incident_id') AS incident_id,
           json_text(payload, 'alert') AS alert,
           json_text(payload, 'recipient') AS recipient,
           json_text(payload, 'channel') AS channel,
           CAST(json_number(payload, 'step') AS BIGINT) AS step,
           json_time(payload, 'queued_at') AS queued_at,
           json_time(payload, 'sent_at') AS sent_at,
           json_time(payload, 'delivered_at') AS delivered_at,
           json_time(payload, 'acknowledged_at') AS acknowledged_at,
           json_text(payload, 'state') AS state,
           json_text(payload, 'error') AS error
    FROM (SELECT subject_id, max_by(payload, seq, recorded_at, __sequence) AS payload
          FROM {event_log} WHERE kind = 'page' GROUP BY subject_id)";

const ALERT_HISTORY_DESCRIBED: Described = Described {
    name: "alert_history",
    comment: "Every change of an alert's state.",
    columns: &[
        ("alert", "Name of the alert."),
        ("labels", "Its labels, as a map."),
        ("state", "The state from then on: pending, firing, resolved or inactive."),
        ("at", "When it changed."),
        ("alert_id", "Number of the alert: the same through all its changes."),
        ("value", "The value that the rule then had."),
        ("incident_id", "The incident that it belongs to."),
        ("service", "The service."),
        ("severity", "Severity of the alert."),
    ],
};

const ALERT_HISTORY: &str = "
    SELECT json_text(payload, 'alert') AS alert,
           json_map(payload, 'labels') AS labels,
           json_text(payload, 'state') AS state,
           valid_at AS at,
           subject_id AS alert_id,
           json_number(payload, 'value') AS value,
           json_text(payload, 'incident_id') AS incident_id,
           service,
           severity
    FROM {events} WHERE kind = 'alert'";
