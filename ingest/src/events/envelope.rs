//! The members that every event has: `{id?, kind, subject?, service, env?, severity?, actor?, at,
//! payload}`.

use std::time::Duration;

use serde_json::{Map, Value};
use telemetry::{Event, EventKind, Timestamp};
use uuid::{NoContext, Uuid};

use super::payload::{self, Completeness, Told};
use super::problem::{Fields, Problem, kind_of};
use crate::Context;

const MEMBERS: [&str; 9] = ["id", "kind", "subject", "service", "env", "severity", "actor", "at", "payload"];

/// Ids, names of services and the like.
pub(crate) const NAME_BYTES_MAX: usize = 256;

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

impl TimeRange {
    pub(crate) fn around(now: Timestamp) -> TimeRange {
        TimeRange { earliest: EARLIEST, latest: now.plus(AHEAD_MAX) }
    }
}

/// An event whose members are read, each for itself; [`Draft::finish`] judges them together.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<EventKind>,
    pub(crate) subject: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) env: Option<String>,
    pub(crate) severity: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) payload: Map<String, Value>,
    /// Whether the payload tells everything about its subject or only what is new.
    pub(crate) completeness: Completeness,
    /// Orders the events of a subject where their arrival does not; `None`: as they arrive.
    pub(crate) seq: Option<i64>,
}

/// Reads one event; `index` is its place in the request. All problems are found, not the first.
pub(crate) fn read(value: Value, index: usize, context: &Context<'_>) -> Result<Event, Vec<Problem>> {
    let mut map = match value {
        Value::Object(map) => map,
        other => return Err(vec![Problem::new("", format!("must be an object, not {}", kind_of(&other)))]),
    };
    let mut problems = Vec::new();
    let range = TimeRange::around(context.now);
    let payload = map.remove("payload");
    let mut fields = Fields { map: &mut map, parent: "", problems: &mut problems };
    let mut draft = Draft {
        id: fields.text("id", NAME_BYTES_MAX),
        kind: fields.required_text("kind", NAME_BYTES_MAX).map(EventKind::new),
        subject: fields.text("subject", NAME_BYTES_MAX),
        service: fields.required_text("service", NAME_BYTES_MAX),
        env: fields.text("env", NAME_BYTES_MAX),
        severity: fields.text("severity", NAME_BYTES_MAX),
        actor: fields.text("actor", NAME_BYTES_MAX),
        ..Draft::default()
    };
    if fields.is_absent("at") {
        fields.problem("at", "is missing");
    }
    draft.at = fields.time("at", range.earliest, range.latest);
    for name in map.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let message = format!("is not a member of an event ({})", MEMBERS.join(", "));
        problems.push(Problem::new(super::problem::pointer_to("", name), message));
    }
    match payload {
        None | Some(Value::Null) => {}
        Some(Value::Object(payload)) => draft.payload = payload,
        Some(other) => {
            problems.push(Problem::new("/payload", format!("must be an object, not {}", kind_of(&other))));
            return Err(problems);
        }
    }
    draft.finish(problems, index, context)
}

impl Draft {
    /// The event, if it has no problem; `problems` are those that were found while it was read.
    pub(crate) fn finish(
        mut self,
        mut problems: Vec<Problem>,
        index: usize,
        context: &Context<'_>,
    ) -> Result<Event, Vec<Problem>> {
        if let Some(own) = self.kind.as_ref().filter(|kind| OWN_KINDS.contains(kind)) {
            let message = format!("events of kind {own} are written by Evenkeel alone");
            problems.push(Problem::new("/kind", message));
        }
        let is_incident = self.kind == Some(EventKind::INCIDENT);
        if is_incident && self.subject.as_deref().is_some_and(is_own_incident_id) {
            let message =
                "ids such as INC-1 belong to Evenkeel's own incidents; give imported ones another prefix";
            problems.push(Problem::new("/subject", message));
        }
        if let (Some(kind), Some(at)) = (&self.kind, self.at) {
            let fields = Fields { map: &mut self.payload, parent: "/payload", problems: &mut problems };
            let told = Told { at, severity: self.severity.as_deref(), completeness: self.completeness };
            payload::check(kind, fields, told, TimeRange::around(context.now));
        }
        let (Some(kind), Some(at), true) = (self.kind, self.at, problems.is_empty()) else {
            return Err(problems);
        };
        let event_id = self.id.unwrap_or_else(|| new_id(context.now));
        Ok(Event {
            subject_id: self.subject.unwrap_or_else(|| event_id.clone()),
            event_id,
            kind,
            // Later events of one request come after earlier ones about the same subject.
            seq: self.seq.unwrap_or_else(|| context.now.micros().saturating_add(index as i64)),
            valid_at: at,
            recorded_at: context.now,
            service: self.service,
            env: self.env,
            actor: self.actor.or_else(|| token_of(context.source)),
            severity: self.severity,
            payload: Value::Object(self.payload),
        })
    }
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
