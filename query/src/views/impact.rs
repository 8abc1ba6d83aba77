//! Whom incidents hurt: what was reported, and what the objectives of the service measured.

use std::time::Duration;

use super::{INCIDENTS, over_events, slo};

/// What is reported about an incident wins over what its own events say, and both over what the slices
/// of its service's objectives count. Objectives of one service see the same requests, so the one
/// that saw the most bad ones is taken, not their sum: the least that it can have been.
///
/// The parameters are those of a report: `$1` is as of when, where that is asked for; `$3` and `$2` are where
/// the time begins and ends, `$4` is where slices begin that reach into it.
const INCIDENT_IMPACT: &str = "
    WITH reported AS (
      SELECT incident_id,
             json_number(payload, 'users') AS users,
             json_number(payload, 'requests') AS requests
      FROM (SELECT coalesce(json_text(payload, 'incident_id'), subject_id) AS incident_id, payload,
                   row_number() OVER (PARTITION BY coalesce(json_text(payload, 'incident_id'), subject_id)
                                      ORDER BY seq DESC, recorded_at DESC) AS age
            FROM {events} WHERE kind = 'impact')
      WHERE age = 1),
    told AS (
      SELECT subject_id,
             json_number(payload, 'impact', 'users') AS users,
             json_number(payload, 'impact', 'requests') AS requests,
             json_text(payload, 'services') AS services
      FROM (SELECT subject_id, payload,
                   row_number() OVER (PARTITION BY subject_id ORDER BY seq DESC, recorded_at DESC) AS age
            FROM {events} WHERE kind = 'incident')
      WHERE age = 1),
    hurt AS (
      SELECT incident_id, service, severity, started_at,
             coalesce(restored_at, resolved_at) AS ended_at
      FROM ({incidents})
      WHERE started_at >= $3 AND started_at < $2 AND state NOT IN ('declined', 'merged')),
    objectives AS (SELECT DISTINCT slo || '/' || objective AS slo_id, service FROM slo_status),
    measured AS (
      SELECT incident_id, max(bad) AS bad
      FROM (SELECT hurt.incident_id, slice.slo_id,
                   coalesce(sum(slice.total - slice.good) FILTER (WHERE slice.group_key = ''),
                            sum(slice.total - slice.good)) AS bad
            FROM hurt
            JOIN objectives ON objectives.service = hurt.service
            JOIN ({slices}) AS slice
              ON slice.slo_id = objectives.slo_id
                 AND (slice.slice_start < hurt.ended_at OR hurt.ended_at IS NULL)
                 AND date_part('epoch', slice.slice_start) + slice.slice_secs
                     > date_part('epoch', hurt.started_at)
            GROUP BY hurt.incident_id, slice.slo_id)
      GROUP BY incident_id)
    SELECT hurt.incident_id,
           hurt.service,
           hurt.severity,
           hurt.started_at,
           hurt.ended_at,
           (date_part('epoch', hurt.ended_at) - date_part('epoch', hurt.started_at)) / 60 AS minutes,
           coalesce(reported.users, told.users) AS users_affected,
           coalesce(reported.users, told.users)
             * (date_part('epoch', hurt.ended_at) - date_part('epoch', hurt.started_at)) / 60 AS user_minutes,
           coalesce(reported.requests, told.requests, measured.bad) AS requests_affected,
           CASE WHEN coalesce(reported.requests, told.requests) IS NOT NULL THEN 'reported'
                WHEN measured.bad IS NOT NULL THEN 'slo' END AS requests_source,
           told.services
    FROM hurt
    LEFT JOIN reported ON reported.incident_id = hurt.incident_id
    LEFT JOIN told ON told.subject_id = hurt.incident_id
    LEFT JOIN measured ON measured.incident_id = hurt.incident_id";

const SLICES: &str = "WHERE slice_start >= $4 AND slice_start < $2";

/// The columns of [`incident_impact`] that reports read, by position.
pub(crate) mod column {
    pub(crate) const SERVICE: usize = 1;
    pub(crate) const SEVERITY: usize = 2;
    pub(crate) const STARTED: usize = 3;
    pub(crate) const MINUTES: usize = 5;
    pub(crate) const USERS: usize = 6;
    pub(crate) const USER_MINUTES: usize = 7;
    pub(crate) const REQUESTS: usize = 8;
    pub(crate) const SOURCE: usize = 9;
    pub(crate) const SERVICES: usize = 10;
}

/// The longest slice that there is.
pub(crate) const SLICE_MAX: Duration = Duration::from_secs(300);

/// Over the table of events, or over some of its rows, and over the slices that `slices`, the rest of a
/// condition, leaves.
pub(crate) fn incident_impact(events: &str, slices: &str) -> String {
    let definition = INCIDENT_IMPACT.replace("{incidents}", INCIDENTS);
    over_events(&definition.replace("{slices}", &slo::latest_slices(&format!("{SLICES} {slices}"))), events)
}
