//! Payloads of the kinds that numbers are computed from. Other kinds are free.
//!
//! Checked payloads are completed so that every event of a kind has the same shape: times are UTC
//! or null, and what follows from the rest is filled in. Members that are not known are kept.

use serde_json::Value;
use telemetry::{EventKind, Recurrence, RecurrenceError, Timestamp};

use super::envelope::TimeRange;
use super::problem::{Fields, kind_of};

const TITLE_BYTES_MAX: usize = 1024;
const WORD_BYTES_MAX: usize = 256;
const COMMITS_MAX: usize = 1_000;

/// How much of its subject a payload tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Everything that is known by now: what events here are by contract.
    #[default]
    Whole,
    /// What has changed. What is not told is null, and earlier events about the subject know it:
    /// senders of other dialects tell the end of a deploy or incident without its beginning.
    Change,
}

/// What an event says beside its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) at: Timestamp,
    pub(crate) severity: Option<&'a str>,
    pub(crate) completeness: Completeness,
}

/// Checks and completes the payload of an event.
pub(crate) fn check(kind: &EventKind, fields: Fields<'_>, told: Told<'_>, range: TimeRange) {
    if *kind == EventKind::DEPLOY {
        deploy(fields, told, range);
    } else if *kind == EventKind::INCIDENT {
        incident(fields, told, range);
    } else if *kind == EventKind::MAINTENANCE {
        maintenance(fields, told, range);
    }
}

/// `{version, status, started_at, finished_at, commits?}`.
fn deploy(mut fields: Fields<'_>, told: Told<'_>, range: TimeRange) {
    fields.required_text("version", WORD_BYTES_MAX);
    fields.required_text("status", WORD_BYTES_MAX);
    period(&mut fields, told, range);
    match fields.map.get("commits") {
        None | Some(Value::Null) => {}
        Some(Value::Array(commits)) if commits.len() > COMMITS_MAX => {
            fields.problem("commits", format!("holds more than {COMMITS_MAX} commits"));
        }
        Some(Value::Array(commits)) => {
            let is_commit = |commit: &Value| commit.is_string() || commit.is_object();
            if let Some(place) = commits.iter().position(|commit| !is_commit(commit)) {
                fields.problem("commits", format!("commit {place} must be text or an object"));
            }
        }
        Some(other) => {
            let message = format!("must be a list, not {}", kind_of(other));
            fields.problem("commits", message);
        }
    }
}

/// `{title?, started_at?, finished_at?, rrule?, timezone?}`: the period is the first of those that a rule
/// repeats.
fn maintenance(mut fields: Fields<'_>, told: Told<'_>, range: TimeRange) {
    fields.text("title", TITLE_BYTES_MAX);
    period(&mut fields, told, range);
    let timezone = fields.text("timezone", WORD_BYTES_MAX);
    let Some(rule) = fields.text("rrule", TITLE_BYTES_MAX) else { return };
    if fields.is_absent("finished_at") && told.completeness == Completeness::Whole {
        fields.problem("finished_at", "is missing: how long is each time that the rule repeats?");
    }
    let started = fields.map.get("started_at").and_then(Value::as_str);
    let started = started.and_then(|text| Timestamp::parse_rfc3339(text).ok()).unwrap_or(told.at);
    match Recurrence::parse(&rule, started, timezone.as_deref().unwrap_or("UTC")) {
        Err(error @ RecurrenceError::NoZone(_)) => fields.problem("timezone", error.to_string()),
        Err(error) => fields.problem("rrule", error.to_string()),
        Ok(_) => {}
    }
}

/// `started_at`, by default the event's own time, and `finished_at`, null while it goes on.
fn period(fields: &mut Fields<'_>, told: Told<'_>, range: TimeRange) {
    let finished = utc_time(fields, "finished_at", range);
    if fields.is_absent("started_at") {
        if told.completeness == Completeness::Change && finished.is_some() {
            fields.set("started_at", Value::Null);
            return;
        }
        // An event that tells of the end only began no later than that.
        let started = finished.map_or(told.at, |finished| finished.min(told.at));
        fields.set("started_at", started.to_string());
        return;
    }
    let started = utc_time(fields, "started_at", range);
    if started.zip(finished).is_some_and(|(started, finished)| finished < started) {
        fields.problem("finished_at", "is before started_at");
    }
}

/// In the order in which they happen; all but the first may be unknown.
const INCIDENT_TIMES: [&str; 7] = [
    "started_at",
    "detected_at",
    "acknowledged_at",
    "mitigated_at",
    "restored_at",
    "resolved_at",
    "closed_at",
];

/// `{title, started_at, detected_at, acknowledged_at, restored_at, resolved_at}` and, where known,
/// `mitigated_at, closed_at, severity, state, commander`: history from another tool.
fn incident(mut fields: Fields<'_>, told: Told<'_>, range: TimeRange) {
    if told.completeness == Completeness::Whole {
        fields.required_text("title", TITLE_BYTES_MAX);
        if fields.is_absent("started_at") {
            fields.problem("started_at", "is missing");
        }
    }
    let times = INCIDENT_TIMES.map(|name| utc_time(&mut fields, name, range));
    for (name, time) in INCIDENT_TIMES.iter().zip(&times).skip(1) {
        if times[0].zip(*time).is_some_and(|(started, time)| time < started) {
            fields.problem(name, "is before started_at");
        }
    }
    if fields.text("severity", WORD_BYTES_MAX).is_none() && fields.is_absent("severity") {
        fields.set("severity", told.severity.map_or(Value::Null, Value::from));
    }
    if fields.text("state", WORD_BYTES_MAX).is_none() && fields.is_absent("state") {
        fields.set("state", state_of(&times));
    }
    if fields.text("commander", WORD_BYTES_MAX).is_none() && fields.is_absent("commander") {
        fields.set("commander", Value::Null);
    }
    // Whoever sends it: incidents that Evenkeel did not open itself never page.
    fields.set("source", "imported");
}

fn state_of(times: &[Option<Timestamp>; 7]) -> &'static str {
    let [_started, _detected, acknowledged, mitigated, restored, resolved, closed] = times;
    if closed.is_some() {
        "closed"
    } else if resolved.is_some() {
        "resolved"
    } else if restored.or(*mitigated).is_some() {
        "mitigated"
    } else if acknowledged.is_some() {
        "investigating"
    } else {
        "triage"
    }
}

/// A time member, written back in UTC, or null when it is not known.
fn utc_time(fields: &mut Fields<'_>, name: &str, range: TimeRange) -> Option<Timestamp> {
    let time = fields.time(name, range.earliest, range.latest);
    if let Some(time) = time {
        fields.set(name, time.to_string());
    } else if fields.is_absent(name) {
        fields.set(name, Value::Null);
    }
    time
}
