//! Incidents: severity, state, and the times that recovery is measured by.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use telemetry::Timestamp;

use crate::ids::IncidentId;

/// A restored incident is resolved after this long without anybody's doing.
pub const RESOLVE_AFTER: Duration = Duration::from_secs(30 * 60);
/// A page joins an incident that was restored less than this long ago.
pub const JOIN_WINDOW: Duration = Duration::from_secs(60 * 60);
/// An alert that comes back sooner than this goes on where it was: nobody is paged anew for a
/// flap.
pub const REOPEN_QUIET: Duration = Duration::from_secs(5 * 60);

/// Values of an alert's label `severity` that page unless configured otherwise.
pub const PAGING_SEVERITIES: [&str; 2] = ["page", "critical"];

pub(crate) fn pages_by_default(severity: &str) -> bool {
    PAGING_SEVERITIES.contains(&severity)
}

/// Longest title of an incident, in characters.
pub const TITLE_CHARS_MAX: usize = 300;

/// A text without line breaks and other control characters, cut off where it is too long: it
/// stands in lists and in mail headers.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(chars_max).collect()
}

/// How bad it is; 1 is worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    #[serde(rename = "SEV1")]
    Sev1,
    #[serde(rename = "SEV2")]
    Sev2,
    #[serde(rename = "SEV3")]
    Sev3,
    #[serde(rename = "SEV4")]
    Sev4,
    #[serde(rename = "SEV5")]
    Sev5,
}

impl Severity {
    pub const ALL: [Severity; 5] =
        [Severity::Sev1, Severity::Sev2, Severity::Sev3, Severity::Sev4, Severity::Sev5];
    /// What an incident opened by a page has.
    pub const OF_PAGES: Severity = Severity::Sev2;

    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Sev1 => "SEV1",
            Severity::Sev2 => "SEV2",
            Severity::Sev3 => "SEV3",
            Severity::Sev4 => "SEV4",
            Severity::Sev5 => "SEV5",
        }
    }

    pub fn parse(text: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.as_str() == text)
    }

    /// Whether declaring one by hand pages the service's policy.
    pub fn pages_when_declared(self) -> bool {
        self <= Severity::Sev2
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// Opened; nobody has taken it.
    Triage,
    /// Somebody has.
    Investigating,
    /// The cause is known.
    Identified,
    /// Users are no longer hurt, as a person says.
    Mitigated,
    /// Over; the write-up may follow.
    Resolved,
    /// The write-up is published or waived.
    Closed,
    /// It was none.
    Declined,
    /// It is part of another one.
    Merged,
}

impl IncidentState {
    pub const ALL: [IncidentState; 8] = [
        IncidentState::Triage,
        IncidentState::Investigating,
        IncidentState::Identified,
        IncidentState::Mitigated,
        IncidentState::Resolved,
        IncidentState::Closed,
        IncidentState::Declined,
        IncidentState::Merged,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            IncidentState::Triage => "triage",
            IncidentState::Investigating => "investigating",
            IncidentState::Identified => "identified",
            IncidentState::Mitigated => "mitigated",
            IncidentState::Resolved => "resolved",
            IncidentState::Closed => "closed",
            IncidentState::Declined => "declined",
            IncidentState::Merged => "merged",
        }
    }

    pub fn parse(text: &str) -> Option<IncidentState> {
        IncidentState::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Somebody still has to do something about it.
    pub fn is_open(self) -> bool {
        use IncidentState::{Identified, Investigating, Mitigated, Triage};
        matches!(self, Triage | Investigating | Identified | Mitigated)
    }

    /// Nothing changes any more, except by a note.
    pub fn is_final(self) -> bool {
        matches!(self, IncidentState::Closed | IncidentState::Declined | IncidentState::Merged)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub id: IncidentId,
    pub title: String,
    pub service: Option<String>,
    pub severity: Severity,
    pub state: IncidentState,
    /// Service and alert group: what a further page has to share to join.
    pub group_key: String,
    /// First bad slice, or the earliest activity of the linked alerts.
    pub started_at: Timestamp,
    /// The first firing.
    pub detected_at: Timestamp,
    /// The first acknowledgement by a person.
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
    /// By hand.
    pub mitigated_at: Option<Timestamp>,
    /// The last linked alert cleared, or a person said so.
    pub restored_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    /// Exactly one person leads.
    pub commander: Option<String>,
}

impl Incident {
    /// Whether a page of the same group joins instead of opening another incident.
    pub fn takes_pages(&self, now: Timestamp) -> bool {
        if self.state.is_final() {
            return false;
        }
        match self.restored_at {
            Some(restored_at) => now.since(restored_at) < JOIN_WINDOW,
            None => self.state.is_open(),
        }
    }

    /// When it resolves by itself.
    pub fn resolves_at(&self) -> Option<Timestamp> {
        self.restored_at.filter(|_| self.state.is_open()).map(|restored_at| restored_at.plus(RESOLVE_AFTER))
    }
}

/// Who does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A user, a token's name, or `engine`.
    pub name: String,
    pub via: Via,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Web,
    Api,
    /// The link in a page.
    Link,
    Cli,
    Engine,
}

impl Via {
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Web => "web",
            Via::Api => "api",
            Via::Link => "link",
            Via::Cli => "cli",
            Via::Engine => "engine",
        }
    }
}

impl Actor {
    pub fn new(name: impl Into<String>, via: Via) -> Actor {
        Actor { name: name.into(), via }
    }

    pub fn engine() -> Actor {
        Actor::new("engine", Via::Engine)
    }
}
