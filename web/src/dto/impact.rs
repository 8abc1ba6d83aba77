//! Whom incidents hurt: one by one, and added up by period and group, as the SQL functions
//! `incident_impact` and `impact_metrics` have it.

use query::reports::ReportRow;
use serde::Serialize;
use slo::impact::{Impact, Known};
use utoipa::ToSchema;

use super::Time;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImpactReport {
    pub from: Time,
    pub to: Time,
    /// By period, then by group.
    pub rows: Vec<ImpactRow>,
    /// Those that started in the time, oldest first.
    pub incidents: Vec<IncidentImpact>,
}

/// What the incidents that started in one period cost, of one group.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImpactRow {
    pub from: Time,
    pub to: Time,
    #[schema(required)]
    pub service: Option<String>,
    #[schema(required)]
    pub team: Option<String>,
    #[schema(required)]
    pub severity: Option<String>,
    /// False alarms left out.
    pub incidents: u64,
    /// Unknown of those that go on.
    pub minutes: ImpactSum,
    /// Of several incidents it may be the same users.
    pub users_affected: ImpactSum,
    pub user_minutes: ImpactSum,
    pub requests_affected: ImpactSum,
    /// Incidents whose requests an objective counted: the least it can have been.
    pub requests_measured: u64,
}

/// A sum over the incidents of which something is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImpactSum {
    /// Null when nothing is known of any.
    #[schema(required)]
    pub total: Option<f64>,
    /// Incidents of which it is not known.
    pub unknown: u64,
}

/// Whom an incident hurt; what nobody knows is null.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct IncidentImpact {
    pub incident_id: String,
    #[schema(required)]
    pub service: Option<String>,
    /// That of the service, as it is configured now.
    #[schema(required)]
    pub team: Option<String>,
    #[schema(required)]
    pub severity: Option<String>,
    pub started_at: Time,
    #[schema(required)]
    pub ended_at: Option<Time>,
    #[schema(required)]
    pub minutes: Option<f64>,
    #[schema(required)]
    pub users_affected: Option<f64>,
    #[schema(required)]
    pub user_minutes: Option<f64>,
    #[schema(required)]
    pub requests_affected: Option<f64>,
    #[schema(required)]
    pub requests_source: Option<RequestsSource>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestsSource {
    Reported,
    /// The bad events of the service's objectives meanwhile: the least it can have been.
    Slo,
}

impl From<ReportRow<Impact>> for ImpactRow {
    fn from(row: ReportRow<Impact>) -> ImpactRow {
        let impact = row.metrics;
        ImpactRow {
            from: row.from.into(),
            to: row.to.into(),
            service: row.service,
            team: row.team,
            severity: row.severity,
            incidents: impact.incidents,
            minutes: impact.minutes.into(),
            users_affected: impact.users.into(),
            user_minutes: impact.user_minutes.into(),
            requests_affected: impact.requests.into(),
            requests_measured: impact.requests_measured,
        }
    }
}

impl From<Known> for ImpactSum {
    fn from(sum: Known) -> ImpactSum {
        ImpactSum { total: sum.total, unknown: sum.unknown }
    }
}

impl From<query::reports::IncidentImpact> for IncidentImpact {
    fn from(impact: query::reports::IncidentImpact) -> IncidentImpact {
        IncidentImpact {
            incident_id: impact.incident_id,
            service: impact.service,
            team: impact.team,
            severity: impact.severity,
            started_at: impact.started_at.into(),
            ended_at: impact.ended_at.map(Time::from),
            minutes: impact.minutes,
            users_affected: impact.users_affected,
            user_minutes: impact.user_minutes,
            requests_affected: impact.requests_affected,
            requests_source: impact.requests_source.map(|source| match source {
                query::reports::RequestsSource::Reported => RequestsSource::Reported,
                query::reports::RequestsSource::Slo => RequestsSource::Slo,
            }),
        }
    }
}
