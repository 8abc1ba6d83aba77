//! Retrospectives.

use runbooks::markdown;
use runbooks::retrospective::{self, RetroState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RetrospectiveList {
    pub retrospectives: Vec<RetrospectiveSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RetrospectiveSummary {
    pub id: String,
    pub incident_id: String,
    pub title: String,
    #[schema(required)]
    pub service: Option<String>,
    pub severity: String,
    pub state: RetrospectiveState,
    pub updated_at: Time,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Retrospective {
    pub id: String,
    pub incident_id: String,
    pub title: String,
    pub state: RetrospectiveState,
    pub markdown: String,
    /// The Markdown, rendered and made safe.
    pub html: String,
    pub created_at: Time,
    pub updated_at: Time,
    #[schema(required)]
    pub updated_by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetrospectiveState {
    Draft,
    Published,
}

/// The retrospective an incident has.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RetrospectiveRef {
    pub id: String,
    pub state: RetrospectiveState,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrospectiveBody {
    pub markdown: String,
}

impl From<RetroState> for RetrospectiveState {
    fn from(state: RetroState) -> RetrospectiveState {
        match state {
            RetroState::Draft => RetrospectiveState::Draft,
            RetroState::Published => RetrospectiveState::Published,
        }
    }
}

impl From<retrospective::Retrospective> for Retrospective {
    fn from(retro: retrospective::Retrospective) -> Retrospective {
        Retrospective {
            html: markdown::to_html(&retro.markdown),
            id: retro.id,
            incident_id: retro.incident_id,
            title: retro.title,
            state: retro.state.into(),
            markdown: retro.markdown,
            created_at: retro.created_at.into(),
            updated_at: retro.updated_at.into(),
            updated_by: Some(retro.updated_by),
        }
    }
}

impl From<retrospective::Retrospective> for RetrospectiveSummary {
    fn from(retro: retrospective::Retrospective) -> RetrospectiveSummary {
        RetrospectiveSummary {
            id: retro.id,
            incident_id: retro.incident_id,
            title: retro.title,
            service: retro.service,
            severity: retro.severity,
            state: retro.state.into(),
            updated_at: retro.updated_at.into(),
        }
    }
}
