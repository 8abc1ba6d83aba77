//! What delivery metrics are computed from, and the record of the gates.

use super::{DEPLOYS, Described, View, of_all_events, over_events};

pub(super) fn views() -> Vec<View> {
    vec![of_all_events(GATE_DECISIONS_DESCRIBED, GATE_DECISIONS)]
}

/// The columns of [`deploy_events`] by position.
pub(crate) mod column {
    pub(crate) const DEPLOY: usize = 0;
    pub(crate) const SERVICE: usize = 1;
    pub(crate) const ENV: usize = 2;
    pub(crate) const SEQ: usize = 3;
    pub(crate) const RECORDED: usize = 4;
    pub(crate) const AT: usize = 5;
    pub(crate) const STATUS_THEN: usize = 6;
    pub(crate) const FINISHED_THEN: usize = 7;
    pub(crate) const REWORK_THEN: usize = 8;
    pub(crate) const INCIDENT_THEN: usize = 9;
    pub(crate) const COMMITS_THEN: usize = 10;
}

/// One row per event about a deploy.
const DEPLOY_EVENTS: &str = "
    SELECT deploy.deploy_id, deploy.service, deploy.env,
           told.seq, told.recorded_at, told.valid_at,
           json_text(told.payload, 'status') AS status_then,
           json_time(told.payload, 'finished_at') AS finished_then,
           json_bool(told.payload, 'rework') AS rework_then,
           json_text(told.payload, 'incident_id') AS incident_then,
           json_text(told.payload, 'commits') AS commits_then
    FROM ({deploys}) AS deploy
    JOIN {events} AS told ON told.subject_id = deploy.deploy_id AND told.kind = 'deploy'";

/// Over the table of events, or over some of its rows.
pub(crate) fn deploy_events(events: &str) -> String {
    over_events(&DEPLOY_EVENTS.replace("{deploys}", DEPLOYS), events)
}

/// Which deploy somebody named as the cause of an incident, oldest first by `seq`.
const ATTRIBUTIONS: &str = "
    SELECT coalesce(json_text(payload, 'incident_id'), subject_id) AS incident_id,
           seq, recorded_at,
           json_text(payload, 'deploy_id') AS deploy_id
    FROM {events} WHERE kind = 'attribution'";

pub(crate) fn attributions(events: &str) -> String {
    over_events(ATTRIBUTIONS, events)
}

const GATE_DECISIONS_DESCRIBED: Described = Described {
    name: "gate_decisions",
    comment: "Every answer of a deploy gate.",
    columns: &[
        ("at", "When it was asked."),
        ("service", "The service that was to be changed."),
        ("verdict", "allowed, blocked, or overridden: blocked but for an override."),
        ("policy", "The gate policy that decided."),
        ("actor", "Who asked."),
        ("override_id", "The override that opened the gate."),
        ("conditions", "Every condition with its value, limit and outcome, as JSON text."),
        ("event_id", "The event; joins with events."),
    ],
};

const GATE_DECISIONS: &str = "
    SELECT valid_at AS at,
           service,
           json_text(payload, 'verdict') AS verdict,
           json_text(payload, 'policy') AS policy,
           actor,
           CAST(json_number(payload, 'override_id') AS BIGINT) AS override_id,
           json_text(payload, 'conditions') AS conditions,
           event_id
    FROM {events} WHERE kind = 'gate_decision'";
