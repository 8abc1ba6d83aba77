//! The members that every event has: `{id?, kind, subject?, service, env?, severity?, actor?, at,
//! payload}`.

use std::time::Duration;

use serde_json::Value;
use telemetry::{Event, EventKind, Timestamp};
use uuid::{NoContext, Uuid};

use super::payload;
use super::problem::{Fields, Problem, kind_of};
use crate::Context;

const MEMBERS: [&str; 9] = ["id", "kind", "subject", "service", "env", "severity", "actor", "at", "payload"];

/// Ids, names of services and the like.
const NAME_BYTES_MAX: usize = 256;

/// 2000-01-01T00:00:00Z: imported history may be old, but not older.
const EARLIEST: Timestamp = Timestamp::from_secs(946_684_800);

/// How far ahead an event may lie: planned maintenance is known months before.
const AHEAD_MAX: Duration = Duration::from_secs(400 * 86_400);

/// Kinds whose events are Evenkeel's own word about what it did; a sender could forge history.
const OWN_KINDS: [EventKind; 8] = [
    EventKind::ACKNOWLEDGEMENT,
    EventKind::ALERT,
    EventKind::CONFIGURATION,
    EventKind::ESCALATION,
    EventKind::PAGE,
    EventKind::RETROSPECTIVE,
    EventKind::RUNBOOK_RUN,
    EventKind::RUNBOOK_STEP,
];

/// When an event's times may lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeRange {
    pub(crate) earliest: Timestamp,
    pub(crate) latest: Timestamp,
}

/// Reads one event; `index` is its place in the request. All problems are found, not the first.
pub(crate) fn read(value: Value, index: usize, context: &Context<'_>) -> Result<Event, Vec<Problem>> {
    let mut map = match value {
        Value::Object(map) => map,
        other => return Err(vec![Problem::new("", format!("must be an object, not {}", kind_of(&other)))]),
    };
    let mut problems = Vec::new();
    let range = TimeRange { earliest: EARLIEST, latest: context.now.plus(AHEAD_MAX) };
    let payload = map.remove("payload");
    let mut fields = Fields { map: &mut map, parent: "", problems: &mut problems };
    let id = fields.text("id", NAME_BYTES_MAX);
    let kind = fields.required_text("kind", NAME_BYTES_MAX);
    let subject = fields.text("subject", NAME_BYTES_MAX);
    let service = fields.required_text("service", NAME_BYTES_MAX);
    let env = fields.text("env", NAME_BYTES_MAX);
    let severity = fields.text("severity", NAME_BYTES_MAX);
    let actor = fields.text("actor", NAME_BYTES_MAX);
    if fields.is_absent("at") {
        fields.problem("at", "is missing");
    }
    let at = fields.time("at", range.earliest, range.latest);
    for name in map.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let message = format!("is not a member of an event ({})", MEMBERS.join(", "));
        problems.push(Problem::new(super::problem::pointer_to("", name), message));
    }
    let kind = kind.map(EventKind::new);
    if let Some(own) = kind.as_ref().filter(|kind| OWN_KINDS.contains(kind)) {
        problems.push(Problem::new("/kind", format!("events of kind {own} are written by Evenkeel alone")));
    }
    if kind == Some(EventKind::INCIDENT) && subject.as_deref().is_some_and(is_own_incident_id) {
        let message =
            "ids such as INC-1 belong to Evenkeel's own incidents; give imported ones another prefix";
        problems.push(Problem::new("/subject", message));
    }
    let mut payload = match payload {
        None | Some(Value::Null) => serde_json::Map::new(),
        Some(Value::Object(payload)) => payload,
        Some(other) => {
            problems.push(Problem::new("/payload", format!("must be an object, not {}", kind_of(&other))));
            return Err(problems);
        }
    };
    if let (Some(kind), Some(at)) = (&kind, at) {
        let fields = Fields { map: &mut payload, parent: "/payload", problems: &mut problems };
        payload::check(kind, fields, at, severity.as_deref(), range);
    }
    let (Some(kind), Some(service), Some(at), true) = (kind, service, at, problems.is_empty()) else {
        return Err(problems);
    };
    let event_id = id.unwrap_or_else(|| new_id(context.now));
    Ok(Event {
        subject_id: subject.unwrap_or_else(|| event_id.clone()),
        event_id,
        kind,
        // Later events of one request come after earlier ones about the same subject.
        seq: context.now.micros().saturating_add(index as i64),
        valid_at: at,
        recorded_at: context.now,
        service: Some(service),
        env,
        actor: actor.or_else(|| token_of(context.source)),
        severity,
        payload: Value::Object(payload),
    })
}

/// `INC-` and a number.
fn is_own_incident_id(subject: &str) -> bool {
    subject
        .strip_prefix("INC-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_digit()))
}

/// An id that sorts by time of arrival.
fn new_id(now: Timestamp) -> String {
    let secs = now.secs().max(0) as u64;
    let nanos = now.micros().rem_euclid(1_000_000) as u32 * 1_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, secs, nanos)).to_string()
}

/// The token's name in a source such as `events:ci`.
fn token_of(source: &str) -> Option<String> {
    source.split_once(':').map(|(_dialect, token)| token.to_owned()).filter(|token| !token.is_empty())
}
