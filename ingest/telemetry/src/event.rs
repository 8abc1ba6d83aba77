//! Facts about incidents, deploys, pages, runs: everything that happened once.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What an event tells about. The kinds below have checked payloads or come from Evenkeel itself;
/// any other word is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKind(Cow<'static, str>);

impl EventKind {
    pub const ACKNOWLEDGEMENT: EventKind = EventKind::known("acknowledgement");
    pub const ALERT: EventKind = EventKind::known("alert");
    /// Something was changed that is no deploy: a flag, a setting, a machine.
    pub const CHANGE: EventKind = EventKind::known("change");
    pub const CONFIGURATION: EventKind = EventKind::known("configuration");
    pub const DEPLOY: EventKind = EventKind::known("deploy");
    pub const ESCALATION: EventKind = EventKind::known("escalation");
    /// What a deploy gate answered.
    pub const GATE_DECISION: EventKind = EventKind::known("gate_decision");
    /// Somebody opened a blocked gate.
    pub const GATE_OVERRIDE: EventKind = EventKind::known("gate_override");
    pub const INCIDENT: EventKind = EventKind::known("incident");
    pub const MAINTENANCE: EventKind = EventKind::known("maintenance");
    pub const NOTE: EventKind = EventKind::known("note");
    pub const PAGE: EventKind = EventKind::known("page");
    pub const RETROSPECTIVE: EventKind = EventKind::known("retrospective");
    pub const RUNBOOK_RUN: EventKind = EventKind::known("runbook_run");
    pub const RUNBOOK_STEP: EventKind = EventKind::known("runbook_step");

    const fn known(kind: &'static str) -> EventKind {
        EventKind(Cow::Borrowed(kind))
    }

    pub fn new(kind: impl Into<String>) -> EventKind {
        EventKind(Cow::Owned(kind.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One row of the table `events`. Append-only: a correction is another event about the same
/// subject with a higher `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The same id is the same event, however often it arrives.
    pub event_id: String,
    pub kind: EventKind,
    /// What the event is about: an incident's, deploy's, page's or alert's id.
    pub subject_id: String,
    /// Orders the events of one subject.
    pub seq: i64,
    /// When it happened.
    pub valid_at: Timestamp,
    /// When Evenkeel learnt of it.
    pub recorded_at: Timestamp,
    pub service: Option<String>,
    pub env: Option<String>,
    /// Who did it: a user, a token's name, `engine`.
    pub actor: Option<String>,
    pub severity: Option<String>,
    /// A JSON object; its shape depends on the kind.
    pub payload: serde_json::Value,
}
