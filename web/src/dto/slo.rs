//! SLOs: the row of the view `slo_status` with its burn windows, one SLO whole, and its history.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SloList {
    pub slos: Vec<SloStatus>,
    /// The same objectives over the further windows of their SLOs; nothing alerts on these.
    pub further_windows: Vec<SloStatus>,
    /// Objectives whose indicator cannot be measured, and why.
    pub problems: Vec<SloProblem>,
}

/// One objective at one watermark. The numbers of `slo_status` under the same names.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SloStatus {
    pub slo: String,
    pub objective: String,
    pub display_name: String,
    pub service: String,
    /// Such as `30d`.
    pub window: String,
    /// The key of the group that this is about; empty without groups.
    pub group_key: String,
    /// The budgeting method, by its OpenSLO name.
    pub method: String,
    pub target: f64,
    #[schema(required)]
    pub good: Option<f64>,
    #[schema(required)]
    pub total: Option<f64>,
    #[schema(required)]
    pub bad: Option<f64>,
    #[schema(required)]
    pub allowed_bad: Option<f64>,
    #[schema(required)]
    pub sli: Option<f64>,
    /// Share of the budget that is spent.
    #[schema(required)]
    pub consumed: Option<f64>,
    #[schema(required)]
    pub error_budget_remaining: Option<f64>,
    /// In events or time slices, signed.
    #[schema(required)]
    pub error_budget_remaining_units: Option<f64>,
    /// In seconds of a complete outage, signed.
    #[schema(required)]
    pub error_budget_remaining_secs: Option<f64>,
    /// Against the budget of the time up to now, instead of the whole period's.
    #[schema(required)]
    pub error_budget_remaining_to_date: Option<f64>,
    #[schema(required)]
    pub burn_rate_1h: Option<f64>,
    #[schema(required)]
    pub burn_rate_6h: Option<f64>,
    #[schema(required)]
    pub coverage: Option<f64>,
    pub state: SloState,
    #[schema(required)]
    pub as_of: Option<Time>,
    #[schema(required)]
    pub exhausted_in_secs: Option<u64>,
    /// When the budget will be spent; once it is, when it was.
    #[schema(required)]
    pub exhausted_at: Option<Time>,
    /// How long a whole budget lasts at the burn rate of the last hour.
    #[schema(required)]
    pub exhausted_in_pace_secs: Option<u64>,
    /// How long the rest lasts when nothing comes back.
    #[schema(required)]
    pub exhausted_in_fixed_window_secs: Option<u64>,
    /// How long it lasts while old spending leaves a rolling window.
    #[schema(required)]
    pub exhausted_in_rolling_secs: Option<u64>,
    /// Slices that reported more good than total events and count as all good.
    pub clamped_slices: u64,
    /// Why there are no numbers.
    #[schema(required)]
    pub no_data: Option<NoData>,
    pub burn_windows: Vec<BurnWindow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// Everything was measured, nothing happened.
    NoTraffic,
    /// Nothing was measured.
    Gap,
}

/// An objective whose indicator could not be measured the last time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SloProblem {
    /// The SLO and its objective, as `NAME/OBJECTIVE`.
    pub slo_id: String,
    /// Why.
    pub problem: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SloState {
    Healthy,
    AtRisk,
    Breached,
    NoData,
    Frozen,
}

/// One burn-rate alert condition and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BurnWindow {
    pub severity: BurnSeverity,
    pub long: String,
    pub short: String,
    #[schema(required)]
    pub burn_long: Option<f64>,
    #[schema(required)]
    pub burn_short: Option<f64>,
    pub threshold: f64,
    pub state: BurnState,
    #[schema(required)]
    pub budget_used: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BurnSeverity {
    Page,
    Ticket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BurnState {
    Quiet,
    OneWindowOver,
    /// Both windows are over, but not yet for as long as the condition asks.
    Pending,
    Firing,
    /// Both are over, on fewer events than the SLO asks for.
    HeldLowVolume,
    /// Both are over by data that came late only: it starts no alert.
    HeldLateData,
    Unknown,
}

/// An SLO: the fields of its worst objective, and all of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SloDetail {
    #[serde(flatten)]
    pub worst: SloStatus,
    pub description: String,
    pub objectives: Vec<SloStatus>,
    /// The same objectives over the further windows.
    pub further_windows: Vec<SloStatus>,
    pub definition: SloDefinition,
    /// Whether its burn rates page.
    pub alerts: bool,
    /// Its objectives whose indicator cannot be measured, and why.
    pub problems: Vec<SloProblem>,
}

/// Where an SLO is written.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SloDefinition {
    pub file: String,
    pub line: u64,
    pub yaml: String,
}

/// Which part of an SLO's history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// The first objective when absent.
    pub objective: Option<String>,
    /// The key of a group; needed where the SLO has groups.
    pub group: Option<String>,
    /// RFC 3339; the length of the window ago when absent.
    pub from: Option<String>,
    /// RFC 3339; now when absent.
    pub to: Option<String>,
    pub points: Option<usize>,
    /// The window of the budget: one of the SLO's, such as `90d`; the first one when absent.
    pub window: Option<String>,
    /// RFC 3339: only what had been recorded by then counts, and nothing is projected.
    pub reported_on: Option<String>,
}

/// The burn-down of one objective, and what happened meanwhile.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SloHistory {
    pub points: Vec<HistoryPoint>,
    pub incidents: Vec<HistoryIncident>,
    pub deploys: Vec<HistoryDeploy>,
    /// From the newest measurement on; empty when the range does not reach it, and without data.
    pub projection: Vec<ProjectionPoint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HistoryPoint {
    pub at: Time,
    #[schema(required)]
    pub good: Option<f64>,
    #[schema(required)]
    pub total: Option<f64>,
    #[schema(required)]
    pub sli: Option<f64>,
    #[schema(required)]
    pub error_budget_remaining: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HistoryIncident {
    pub incident_id: String,
    pub title: String,
    pub severity: String,
    pub started_at: Time,
    #[schema(required)]
    pub restored_at: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HistoryDeploy {
    pub deploy_id: String,
    pub version: String,
    pub service: String,
    pub at: Time,
    pub status: String,
}

/// What the burn rate of the last hour leads to, and the band between the slowest and the fastest of
/// the burn windows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProjectionPoint {
    pub at: Time,
    pub error_budget_remaining: f64,
    pub low: f64,
    pub high: f64,
}

impl SloState {
    /// How much attention it asks for, most first: what lists are sorted by.
    pub fn urgency(self) -> u8 {
        match self {
            SloState::Breached => 0,
            SloState::AtRisk => 1,
            SloState::NoData | SloState::Frozen => 2,
            SloState::Healthy => 3,
        }
    }
}

impl SloStatus {
    /// Sorts the most urgent first, then by the budget that is left.
    pub fn by_urgency(a: &SloStatus, b: &SloStatus) -> std::cmp::Ordering {
        let left = |status: &SloStatus| status.error_budget_remaining.unwrap_or(f64::INFINITY);
        a.state.urgency().cmp(&b.state.urgency()).then(left(a).total_cmp(&left(b)))
    }
}

impl From<slo::SloStatus> for SloStatus {
    fn from(status: slo::SloStatus) -> SloStatus {
        SloStatus {
            slo: status.slo,
            objective: status.objective,
            display_name: status.display_name,
            service: status.service,
            window: status.window,
            group_key: status.group,
            method: status.method.to_owned(),
            target: status.target,
            good: status.good,
            total: status.total,
            bad: status.bad,
            allowed_bad: status.allowed_bad,
            sli: status.sli,
            consumed: status.consumed,
            error_budget_remaining: status.error_budget_remaining,
            error_budget_remaining_units: status.error_budget_remaining_units,
            error_budget_remaining_secs: status.error_budget_remaining_secs,
            error_budget_remaining_to_date: status.error_budget_remaining_to_date,
            burn_rate_1h: status.burn_rate_1h,
            burn_rate_6h: status.burn_rate_6h,
            coverage: Some(status.coverage),
            state: status.state.into(),
            as_of: status.as_of.map(Time),
            exhausted_in_secs: status.exhausted_in_secs,
            exhausted_at: status.exhausted_at.map(Time),
            exhausted_in_pace_secs: status.exhausted_in_pace_secs,
            exhausted_in_fixed_window_secs: status.exhausted_in_fixed_window_secs,
            exhausted_in_rolling_secs: status.exhausted_in_rolling_secs,
            clamped_slices: status.clamped_slices,
            no_data: status.no_data.map(|reason| match reason {
                slo::budget::NoData::NoTraffic => NoData::NoTraffic,
                slo::budget::NoData::Gap => NoData::Gap,
            }),
            burn_windows: status.burn_windows.into_iter().map(BurnWindow::from).collect(),
        }
    }
}

impl From<slo::SloState> for SloState {
    fn from(state: slo::SloState) -> SloState {
        match state {
            slo::SloState::Healthy => SloState::Healthy,
            slo::SloState::AtRisk => SloState::AtRisk,
            slo::SloState::Breached => SloState::Breached,
            slo::SloState::NoData => SloState::NoData,
            slo::SloState::Frozen => SloState::Frozen,
        }
    }
}

impl From<slo::report::BurnWindow> for BurnWindow {
    fn from(window: slo::report::BurnWindow) -> BurnWindow {
        let severity = match window.severity {
            slo::burn::Severity::Page => BurnSeverity::Page,
            slo::burn::Severity::Ticket => BurnSeverity::Ticket,
        };
        let state = match window.state {
            slo::burn::BurnState::Quiet => BurnState::Quiet,
            slo::burn::BurnState::LongOnly | slo::burn::BurnState::ShortOnly => BurnState::OneWindowOver,
            slo::burn::BurnState::Pending => BurnState::Pending,
            slo::burn::BurnState::Firing => BurnState::Firing,
            slo::burn::BurnState::HeldLowVolume => BurnState::HeldLowVolume,
            slo::burn::BurnState::HeldLateData => BurnState::HeldLateData,
            slo::burn::BurnState::Unknown => BurnState::Unknown,
        };
        BurnWindow {
            severity,
            long: window.long,
            short: window.short,
            burn_long: window.burn_long,
            burn_short: window.burn_short,
            threshold: window.threshold,
            state,
            budget_used: window.budget_used,
        }
    }
}

impl From<slo::report::HistoryPoint> for HistoryPoint {
    fn from(point: slo::report::HistoryPoint) -> HistoryPoint {
        HistoryPoint {
            at: point.at.into(),
            good: point.good,
            total: point.total,
            sli: point.sli,
            error_budget_remaining: point.error_budget_remaining,
        }
    }
}

impl From<slo::projection::ProjectionPoint> for ProjectionPoint {
    fn from(point: slo::projection::ProjectionPoint) -> ProjectionPoint {
        ProjectionPoint {
            at: point.at.into(),
            error_budget_remaining: point.error_budget_remaining,
            low: point.low,
            high: point.high,
        }
    }
}

impl From<&alerting::Incident> for HistoryIncident {
    fn from(incident: &alerting::Incident) -> HistoryIncident {
        HistoryIncident {
            incident_id: incident.id.to_string(),
            title: incident.title.clone(),
            severity: incident.severity.to_string(),
            started_at: incident.started_at.into(),
            restored_at: incident.restored_at.map(Time),
        }
    }
}
