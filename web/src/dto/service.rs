//! Services with what matters about each at a glance.

use serde::Serialize;
use utoipa::ToSchema;

use super::Time;
use super::slo::{SloState, SloStatus};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceList {
    /// The worst first.
    pub services: Vec<ServiceSummary>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceSummary {
    pub name: String,
    pub display_name: String,
    pub description: String,
    #[schema(required)]
    pub team: Option<String>,
    pub status: ServiceStatus,
    pub slo_count: usize,
    #[schema(required)]
    pub worst_slo: Option<SloStatus>,
    pub alerts_firing: usize,
    pub incidents_open: usize,
    /// Of the open incidents: `SEV1` is worse than `SEV2`.
    #[schema(required)]
    pub worst_severity: Option<String>,
    /// Names of users.
    pub on_call: Vec<String>,
    #[schema(required)]
    pub last_change: Option<LastChange>,
}

/// A service is as well as its worst SLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceStatus {
    Breached,
    AtRisk,
    NoData,
    Healthy,
}

/// The newest deploy.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LastChange {
    pub deploy_id: String,
    pub version: String,
    pub status: String,
    /// When it finished; while it goes on, when it began.
    pub at: Time,
}

impl From<Option<SloState>> for ServiceStatus {
    fn from(worst: Option<SloState>) -> ServiceStatus {
        match worst {
            Some(SloState::Breached) => ServiceStatus::Breached,
            Some(SloState::AtRisk) => ServiceStatus::AtRisk,
            Some(SloState::Healthy) => ServiceStatus::Healthy,
            Some(SloState::NoData | SloState::Frozen) | None => ServiceStatus::NoData,
        }
    }
}
