//! Alerts.

use std::collections::BTreeMap;

use alerting as domain;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Number, Time};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertList {
    pub alerts: Vec<Alert>,
}

/// One occurrence of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    pub id: String,
    pub alert: String,
    pub kind: AlertKind,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    #[schema(required)]
    pub service: Option<String>,
    #[schema(required)]
    pub severity: Option<String>,
    pub state: AlertState,
    #[schema(required)]
    pub active_at: Option<Time>,
    #[schema(required)]
    pub fired_at: Option<Time>,
    #[schema(required)]
    pub resolved_at: Option<Time>,
    #[schema(required)]
    pub value: Option<Number>,
    /// `rule:...` or `slo:NAME`.
    pub source: String,
    /// Of its incident.
    #[schema(required)]
    pub acknowledged_at: Option<Time>,
    #[schema(required)]
    pub acknowledged_by: Option<String>,
    #[schema(required)]
    pub incident_id: Option<String>,
    /// Why it fires, for people.
    #[schema(required)]
    pub explains: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertKind {
    Alert,
    /// Pages nobody and is over by itself: how much of a budget is spent, for example.
    Notice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    Pending,
    Firing,
    Resolved,
}

impl From<domain::AlertView> for Alert {
    fn from(view: domain::AlertView) -> Alert {
        let domain::AlertView { alert, acknowledged_at, acknowledged_by } = view;
        Alert {
            alert: alert.name().to_owned(),
            kind: if alert.is_notice() { AlertKind::Notice } else { AlertKind::Alert },
            service: alert.service().map(str::to_owned),
            severity: alert.severity().map(str::to_owned),
            id: alert.id.to_string(),
            labels: alert.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            annotations: alert.annotations,
            state: match alert.state {
                domain::AlertState::Pending => AlertState::Pending,
                domain::AlertState::Firing => AlertState::Firing,
                domain::AlertState::Resolved => AlertState::Resolved,
            },
            active_at: Some(alert.active_at.into()),
            fired_at: alert.fired_at.map(Time),
            resolved_at: alert.resolved_at.map(Time),
            value: Some(alert.value.into()),
            source: alert.source,
            acknowledged_at: acknowledged_at.map(Time),
            acknowledged_by,
            incident_id: alert.incident.map(|id| id.to_string()),
            explains: alert.explains,
        }
    }
}
