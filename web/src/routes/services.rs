//! Services at a glance: one row each, the worst first.

use std::collections::{BTreeMap, BTreeSet};

use alerting::{AlertFilter, AlertState, AlertView, Catalog, IncidentFilter, IncidentView};
use axum::Json;
use axum::extract::State;
use telemetry::Timestamp;

use super::deploys::{self, Deploy};
use crate::dto::service::{LastChange, ServiceList, ServiceStatus, ServiceSummary};
use crate::dto::slo::SloStatus;
use crate::error::WebResult;
use crate::state::AppState;

/// Everything that a row is made of, read once for all rows.
struct Facts {
    catalog: std::sync::Arc<Catalog>,
    /// By service, the most urgent first.
    slos: BTreeMap<String, Vec<SloStatus>>,
    /// Firing.
    alerts: Vec<AlertView>,
    /// Open.
    incidents: Vec<IncidentView>,
    /// The newest of each service.
    deploys: BTreeMap<String, Deploy>,
    now: Timestamp,
}

/// Services that are declared, and those that only an SLO names.
#[utoipa::path(
    get,
    path = "/api/services",
    operation_id = "list_services",
    tag = "observe",
    responses((status = 200, body = ServiceList))
)]
pub(crate) async fn list(State(state): State<AppState>) -> WebResult<Json<ServiceList>> {
    let facts = Facts::read(&state).await?;
    let names: BTreeSet<&String> = facts.catalog.services.keys().chain(facts.slos.keys()).collect();
    let mut services: Vec<ServiceSummary> = names.into_iter().map(|name| facts.summary(name)).collect();
    services.sort_by(|a, b| a.status.cmp(&b.status).then_with(|| a.name.cmp(&b.name)));
    Ok(Json(ServiceList { services }))
}

impl Facts {
    async fn read(state: &AppState) -> WebResult<Facts> {
        let mut slos: BTreeMap<String, Vec<SloStatus>> = BTreeMap::new();
        for status in state.slos.statuses().iter() {
            slos.entry(status.service.clone()).or_default().push(status.clone().into());
        }
        slos.values_mut().for_each(|of_service| of_service.sort_by(SloStatus::by_urgency));
        let mut deploys = BTreeMap::new();
        for deploy in deploys::newest(state).await {
            if let Some(service) = deploy.service.clone() {
                deploys.entry(service).or_insert(deploy);
            }
        }
        let limit = state.config.list_rows_max;
        let firing = AlertFilter { state: Some(AlertState::Firing), limit, ..AlertFilter::default() };
        let open = IncidentFilter { open_only: true, limit, ..IncidentFilter::default() };
        Ok(Facts {
            catalog: state.alerting.catalog(),
            slos,
            alerts: state.alerting.alerts(&firing).await?,
            incidents: state.alerting.incidents(&open).await?,
            deploys,
            now: state.clock.now(),
        })
    }

    fn summary(&self, name: &str) -> ServiceSummary {
        let declared = self.catalog.services.get(name);
        let slos = self.slos.get(name).map(Vec::as_slice).unwrap_or_default();
        let incidents = || {
            let incidents = self.incidents.iter().map(|view| &view.incident);
            incidents.filter(|incident| incident.service.as_deref() == Some(name))
        };
        let is_own = |view: &&AlertView| view.alert.service() == Some(name) && !view.alert.is_notice();
        let alerts = self.alerts.iter().filter(is_own);
        ServiceSummary {
            name: name.to_owned(),
            display_name: declared.map_or_else(|| name.to_owned(), |it| it.display_name.clone()),
            description: declared.and_then(|it| it.description.clone()).unwrap_or_default(),
            team: declared.and_then(|it| it.team.as_ref()).map(|team| team.name.clone()),
            status: ServiceStatus::from(slos.first().map(|worst| worst.state)),
            slo_count: slos.iter().map(|status| &status.slo).collect::<BTreeSet<_>>().len(),
            worst_slo: slos.first().cloned(),
            alerts_firing: alerts.count(),
            incidents_open: incidents().count(),
            worst_severity: incidents()
                .map(|incident| incident.severity)
                .min()
                .map(|worst| worst.to_string()),
            on_call: self.catalog.on_call_for_service(name, self.now),
            last_change: self.deploys.get(name).and_then(last_change),
        }
    }
}

fn last_change(deploy: &Deploy) -> Option<LastChange> {
    Some(LastChange {
        deploy_id: deploy.deploy_id.clone(),
        version: deploy.version.clone().unwrap_or_default(),
        status: deploy.status.clone().unwrap_or_default(),
        at: deploy.at?.into(),
    })
}
