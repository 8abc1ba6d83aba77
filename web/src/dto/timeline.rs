//! An incident's timeline.

use runbooks::timeline;
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Timeline {
    pub entries: Vec<TimelineEntry>,
}

/// One line. It cites the event that it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TimelineEntry {
    pub event_id: String,
    pub kind: String,
    pub at: Time,
    #[schema(required)]
    pub actor: Option<String>,
    pub title: String,
    #[schema(required)]
    pub detail: Option<String>,
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Link {
    pub label: String,
    /// A path of the dashboard.
    pub href: String,
}

impl From<timeline::TimelineEntry> for TimelineEntry {
    fn from(entry: timeline::TimelineEntry) -> TimelineEntry {
        TimelineEntry {
            event_id: entry.event_id,
            kind: entry.kind.to_string(),
            at: entry.at.into(),
            actor: entry.actor,
            title: entry.title,
            detail: entry.detail,
            links: Vec::new(),
        }
    }
}
