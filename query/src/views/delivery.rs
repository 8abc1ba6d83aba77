//! What delivery metrics are computed from, and the record of the gates.

use super::{DEPLOYS, Described, View, of_all_events, over_events};

pub(super) fn views() -> Vec<View> {
    vec![
        of_all_events(GATE_DECISIONS_DESCRIBED, GATE_DECISIONS),
        of_all_events(GATE_OVERRIDES_DESCRIBED, GATE_OVERRIDES),
    ]
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
    pub(crate) const VERSION: usize = 11;
}

/// One row per event about a deploy.
const DEPLOY_EVENTS: &str = "
    SELECT deploy.deploy_id, deploy.service, deploy.env,
           told.seq, told.recorded_at, told.valid_at,
           json_text(told.payload, 'status') AS status_then,
           json_time(told.payload, 'finished_at') AS finished_then,
           json_bool(told.payload, 'rework') AS rework_then,
           json_text(told.payload, 'incident_id') AS incident_then,
           json_text(told.payload, 'commits') AS commits_then,
           deploy.version
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
        ("explanation", "Why, in one sentence with the deciding numbers."),
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
           json_text(payload, 'explanation') AS explanation,
           json_text(payload, 'conditions') AS conditions,
           event_id
    FROM {events} WHERE kind = 'gate_decision'";

const GATE_OVERRIDES_DESCRIBED: Described = Described {
    name: "gate_overrides",
    comment: "Who opened a blocked gate, why and until when, and who took that back.",
    columns: &[
        ("override_id", "Its number; joins with gate_decisions."),
        ("service", "The service whose gate it opens."),
        ("actor", "Who opened the gate."),
        ("reason", "Why."),
        ("given_at", "Since when."),
        ("expires_at", "Until when, unless it is revoked."),
        ("revoked_at", "When somebody took it back."),
        ("revoked_by", "Who."),
        ("revoke_reason", "Why."),
    ],
};

/// An event without an action is one of before there were revocations.
const GATE_OVERRIDES: &str = "
    SELECT CAST(override_id AS BIGINT) AS override_id, service,
           max(actor) FILTER (WHERE NOT is_revoked) AS actor,
           max(reason) FILTER (WHERE NOT is_revoked) AS reason,
           max(at) FILTER (WHERE NOT is_revoked) AS given_at,
           max(expires_at) AS expires_at,
           max(at) FILTER (WHERE is_revoked) AS revoked_at,
           max(actor) FILTER (WHERE is_revoked) AS revoked_by,
           max(reason) FILTER (WHERE is_revoked) AS revoke_reason
    FROM (SELECT json_number(payload, 'override_id') AS override_id, service, actor,
                 json_text(payload, 'reason') AS reason,
                 json_time(payload, 'expires_at') AS expires_at,
                 valid_at AS at,
                 coalesce(json_text(payload, 'action') = 'revoked', false) AS is_revoked
          FROM {events} WHERE kind = 'gate_override')
    GROUP BY override_id, service";
