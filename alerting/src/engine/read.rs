//! What can be asked: incidents, alerts, pages, who is on call.

use std::time::Duration;

use telemetry::{Event, Timestamp};

use super::Alerting;
use crate::AlertingError;
use crate::alert::{Alert, AlertState};
use crate::escalation::Escalation;
use crate::ids::IncidentId;
use crate::incident::Incident;
use crate::page::Page;
use crate::schedule::{OnCall, Shift};
use crate::store;

/// Rows in an answer unless asked for otherwise.
const LIMIT_DEFAULT: u32 = 500;
/// How far ahead gaps in a schedule are looked for.
const GAPS_WITHIN: Duration = Duration::from_secs(14 * 86_400);

#[derive(Clone, Debug)]
pub struct IncidentFilter {
    /// Without those that are resolved, closed, declined or merged.
    pub open_only: bool,
    pub service: Option<String>,
    pub id: Option<IncidentId>,
    pub limit: u32,
}

impl Default for IncidentFilter {
    fn default() -> IncidentFilter {
        IncidentFilter { open_only: false, service: None, id: None, limit: LIMIT_DEFAULT }
    }
}

/// An incident with what belongs to it at a glance.
#[derive(Clone, Debug)]
pub struct IncidentView {
    pub incident: Incident,
    pub alerts_firing: i64,
    /// How far the paging is; `None` if nobody was ever to be paged.
    pub escalation: Option<Escalation>,
}

#[derive(Clone, Debug)]
pub struct AlertFilter {
    pub state: Option<AlertState>,
    pub incident: Option<IncidentId>,
    pub service: Option<String>,
    /// Without those that resolved before.
    pub resolved_since: Option<Timestamp>,
    pub limit: u32,
}

impl AlertFilter {
    /// Every pending and firing alert.
    pub fn active() -> AlertFilter {
        AlertFilter { resolved_since: Some(Timestamp::MAX), limit: u32::MAX, ..AlertFilter::default() }
    }
}

impl Default for AlertFilter {
    fn default() -> AlertFilter {
        AlertFilter { state: None, incident: None, service: None, resolved_since: None, limit: LIMIT_DEFAULT }
    }
}

/// An alert with the acknowledgement of its incident.
#[derive(Clone, Debug)]
pub struct AlertView {
    pub alert: Alert,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
}

#[derive(Clone, Debug)]
pub struct PageFilter {
    pub incident: Option<IncidentId>,
    pub limit: u32,
}

impl Default for PageFilter {
    fn default() -> PageFilter {
        PageFilter { incident: None, limit: LIMIT_DEFAULT }
    }
}

/// A schedule as of a time.
#[derive(Clone, Debug)]
pub struct ScheduleView {
    pub name: String,
    pub display_name: String,
    /// IANA name.
    pub timezone: String,
    pub on_call: Option<OnCall>,
    /// When the person on call changes next, and to whom (`None`: to nobody).
    pub next: Option<(Timestamp, Option<String>)>,
    /// Within the next two weeks.
    pub gaps: Vec<Shift>,
}

impl Alerting {
    /// Newest first.
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<IncidentView>, AlertingError> {
        store::find_incidents(self.0.store.read(), filter).await
    }

    pub async fn incident(&self, id: IncidentId) -> Result<IncidentView, AlertingError> {
        let filter = IncidentFilter { id: Some(id), ..IncidentFilter::default() };
        let found = store::find_incidents(self.0.store.read(), &filter).await?;
        found.into_iter().next().ok_or(AlertingError::UnknownIncident(id))
    }

    /// Firing ones first, then pending, then resolved.
    pub async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<AlertView>, AlertingError> {
        store::find_alerts(self.0.store.read(), filter).await
    }

    /// Oldest first.
    pub async fn pages(&self, filter: &PageFilter) -> Result<Vec<Page>, AlertingError> {
        store::find_pages(self.0.store.read(), filter).await
    }

    /// Everything that happened to an incident, oldest first: what its timeline is rendered from.
    pub async fn facts_of_incident(&self, id: IncidentId) -> Result<Vec<Event>, AlertingError> {
        crate::fact::facts_of(&self.0.store, id).await
    }

    /// Who is on call in a schedule at a time; `None` for a gap or an unknown schedule.
    pub fn on_call(&self, schedule: &str, at: Timestamp) -> Option<OnCall> {
        self.catalog().schedules.get(schedule)?.on_call_at(at)
    }

    /// Every schedule at a time.
    pub fn on_call_all(&self, at: Timestamp) -> Vec<ScheduleView> {
        let catalog = self.catalog();
        let view = |schedule: &crate::schedule::Schedule| ScheduleView {
            name: schedule.name.clone(),
            display_name: schedule.display_name.clone(),
            timezone: schedule.timezone.iana_name().unwrap_or("UTC").to_owned(),
            on_call: schedule.on_call_at(at),
            next: schedule.change_after(at),
            gaps: schedule.gaps(at, at.plus(GAPS_WITHIN)),
        };
        catalog.schedules.values().map(view).collect()
    }
}
