//! Incidents, their pages, and what people do with them.

use alerting as domain;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Time;
use super::alert::Alert;
use super::retrospective::RetrospectiveRef;
use super::run::Run;
use super::runbook::RunbookSuggestion;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentList {
    /// The newest first.
    pub incidents: Vec<Incident>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Incident {
    pub incident_id: String,
    pub title: String,
    #[schema(required)]
    pub service: Option<String>,
    pub severity: String,
    pub state: IncidentState,
    #[schema(required)]
    pub commander: Option<String>,
    pub started_at: Time,
    #[schema(required)]
    pub detected_at: Option<Time>,
    #[schema(required)]
    pub acknowledged_at: Option<Time>,
    #[schema(required)]
    pub acknowledged_by: Option<String>,
    #[schema(required)]
    pub mitigated_at: Option<Time>,
    #[schema(required)]
    pub restored_at: Option<Time>,
    #[schema(required)]
    pub resolved_at: Option<Time>,
    #[schema(required)]
    pub closed_at: Option<Time>,
    /// `evenkeel`, or `imported`.
    pub source: String,
    pub alerts_firing: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    Triage,
    Investigating,
    Identified,
    Mitigated,
    Resolved,
    Closed,
    Declined,
    Merged,
}

/// An incident with everything around it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentDetail {
    #[serde(flatten)]
    pub incident: Incident,
    pub alerts: Vec<Alert>,
    pub pages: Vec<Page>,
    /// Runbooks that fit its alerts.
    pub runbooks: Vec<RunbookSuggestion>,
    pub runs: Vec<Run>,
    #[schema(required)]
    pub retrospective: Option<RetrospectiveRef>,
}

/// One message to one recipient.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page {
    pub page_id: String,
    pub incident_id: String,
    #[schema(required)]
    pub alert: Option<String>,
    pub recipient: String,
    pub channel: String,
    #[schema(required)]
    pub address: Option<String>,
    /// Of the escalation, from 1.
    #[schema(required)]
    pub step: Option<i64>,
    pub state: PageState,
    #[schema(required)]
    pub queued_at: Option<Time>,
    #[schema(required)]
    pub sent_at: Option<Time>,
    #[schema(required)]
    pub delivered_at: Option<Time>,
    #[schema(required)]
    pub acknowledged_at: Option<Time>,
    #[schema(required)]
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PageState {
    Queued,
    Sending,
    Sent,
    Delivered,
    Failed,
    Cancelled,
    Acknowledged,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct IncidentQuery {
    /// `open` (default) or `all`.
    pub state: Option<String>,
    pub limit: Option<u32>,
}

/// Declares an incident by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIncidentBody {
    pub title: String,
    pub service: Option<String>,
    /// `SEV1` to `SEV5`.
    pub severity: String,
}

/// What may go with a verb.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerbBody {
    /// Put on the timeline.
    pub note: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    pub text: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeverityBody {
    /// `SEV1` to `SEV5`.
    pub severity: String,
}

impl From<domain::IncidentView> for Incident {
    fn from(view: domain::IncidentView) -> Incident {
        let domain::IncidentView { incident, alerts_firing, .. } = view;
        Incident {
            incident_id: incident.id.to_string(),
            title: incident.title,
            service: incident.service,
            severity: incident.severity.to_string(),
            state: incident.state.into(),
            commander: incident.commander,
            started_at: incident.started_at.into(),
            detected_at: Some(incident.detected_at.into()),
            acknowledged_at: incident.acknowledged_at.map(Time),
            acknowledged_by: incident.acknowledged_by,
            mitigated_at: incident.mitigated_at.map(Time),
            restored_at: incident.restored_at.map(Time),
            resolved_at: incident.resolved_at.map(Time),
            closed_at: incident.closed_at.map(Time),
            source: "evenkeel".to_owned(),
            alerts_firing,
        }
    }
}

impl From<domain::IncidentState> for IncidentState {
    fn from(state: domain::IncidentState) -> IncidentState {
        match state {
            domain::IncidentState::Triage => IncidentState::Triage,
            domain::IncidentState::Investigating => IncidentState::Investigating,
            domain::IncidentState::Identified => IncidentState::Identified,
            domain::IncidentState::Mitigated => IncidentState::Mitigated,
            domain::IncidentState::Resolved => IncidentState::Resolved,
            domain::IncidentState::Closed => IncidentState::Closed,
            domain::IncidentState::Declined => IncidentState::Declined,
            domain::IncidentState::Merged => IncidentState::Merged,
        }
    }
}

impl From<domain::Page> for Page {
    fn from(page: domain::Page) -> Page {
        Page {
            page_id: page.id.to_string(),
            incident_id: page.incident.to_string(),
            alert: Some(page.alert),
            recipient: page.recipient,
            channel: page.channel.as_str().to_owned(),
            address: Some(page.address),
            step: Some(page.place.step + 1),
            state: page.state.into(),
            queued_at: Some(page.queued_at.into()),
            sent_at: page.sent_at.map(Time),
            delivered_at: page.delivered_at.map(Time),
            acknowledged_at: page.acknowledged_at.map(Time),
            error: page.error,
        }
    }
}

impl From<domain::PageState> for PageState {
    fn from(state: domain::PageState) -> PageState {
        match state {
            domain::PageState::Queued => PageState::Queued,
            domain::PageState::Sending => PageState::Sending,
            domain::PageState::Sent => PageState::Sent,
            domain::PageState::Delivered => PageState::Delivered,
            domain::PageState::Failed => PageState::Failed,
            domain::PageState::Cancelled => PageState::Cancelled,
            domain::PageState::Acknowledged => PageState::Acknowledged,
        }
    }
}
