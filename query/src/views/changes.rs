//! Deploys, and what was refused at the door.

use super::{Described, View, of_all_events};

pub(super) fn views() -> Vec<View> {
    vec![of_all_events(DEPLOYS_DESCRIBED, DEPLOYS), View::new(REJECTIONS_DESCRIBED, REJECTIONS)]
}

const DEPLOYS_DESCRIBED: Described = Described {
    name: "deploys",
    comment: "Every deploy in its current state.",
    columns: &[
        ("deploy_id", "As the sender named it."),
        ("service", "What was deployed."),
        ("env", "Where to."),
        ("version", "Which version."),
        ("started_at", "When it began."),
        ("finished_at", "When it ended."),
        ("status", "Such as running, succeeded, failed."),
    ],
};

/// Some senders tell the end of a deploy without its beginning: an earlier event knows it.
pub(crate) const DEPLOYS: &str = "
    SELECT subject_id AS deploy_id,
           service,
           env,
           json_text(payload, 'version') AS version,
           started_at,
           json_time(payload, 'finished_at') AS finished_at,
           json_text(payload, 'status') AS status
    FROM (SELECT subject_id,
                 max_by(service, seq, recorded_at, __sequence) AS service,
                 max_by(env, seq, recorded_at, __sequence) AS env,
                 max_by(payload, seq, recorded_at, __sequence) AS payload,
                 max_by(json_time(payload, 'started_at'), seq, recorded_at, __sequence)
                   FILTER (WHERE json_time(payload, 'started_at') IS NOT NULL) AS started_at
          FROM {event_log} WHERE kind = 'deploy' GROUP BY subject_id)";

const REJECTIONS_DESCRIBED: Described = Described {
    name: "rejections",
    comment: "What was refused at the door, by sender and reason.",
    columns: &[
        ("recorded_at", "When."),
        ("source", "The token that sent it."),
        ("reason", "Why it was refused."),
        ("count", "How many rows."),
        ("sample", "One of them."),
    ],
};

const REJECTIONS: &str = "SELECT recorded_at, source, reason, count, sample FROM ingest_rejections";
