//! What a gate decides by: budgets from the evaluator, incidents and pages from alerting, deployments
//! from the lake.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alerting::{AlertFilter, AlertState, Alerting, IncidentFilter};
use anyhow::Context;
use async_trait::async_trait;
use query::reports::ReportRequest;
use query::{Engine, QueryRole, SloEvaluator};
use slo::SloStatus;
use slo::gate::{Deployments, GateFacts, GateTerms, Known, ObjectiveFact};
use slo::report::{BURN_1H, BURN_6H};
use telemetry::Timestamp;
use web::GateSource;

pub struct GateFactsFrom {
    pub slos: Arc<SloEvaluator>,
    pub alerting: Alerting,
    pub engine: Engine,
    /// Values of an alert's label `severity` that page.
    pub paging_severities: Vec<String>,
    /// Whether the objectives have been read. Before that, none does not mean that there are none.
    pub objectives_in_use: Arc<AtomicBool>,
}

#[async_trait]
impl GateSource for GateFactsFrom {
    fn knows(&self, service: &str) -> bool {
        let has_objective = || self.slos.slos().iter().any(|slo| slo.service == service);
        self.alerting.catalog().services.contains_key(service) || has_objective()
    }

    async fn facts(&self, service: &str, terms: &GateTerms, now: Timestamp) -> Option<GateFacts> {
        if !self.knows(service) {
            return None;
        }
        let changes_over = terms.change_fail_rate_below.map(|limit| limit.over);
        let windows: Vec<Duration> = terms.burn_rate_below.keys().copied().collect();
        Some(GateFacts {
            objectives: self.objectives(service, &windows, now),
            open_incidents: self.open_incidents(service).await.map_err(|error| unknown(&error)),
            firing_pages: self.firing_pages(service).await.map_err(|error| unknown(&error)),
            deployments: match changes_over {
                Some(over) => self.deployments(service, over, now).await.map_err(|error| unknown(&error)),
                None => Err("nobody asks for deployments".to_owned()),
            },
            freezes: Vec::new(),
        })
    }
}

/// For whoever asks; the log has the whole of it.
fn unknown(error: &anyhow::Error) -> String {
    tracing::warn!(error = format!("{error:#}"), "a fact of a gate cannot be read");
    error.to_string()
}

impl GateFactsFrom {
    fn objectives(&self, service: &str, windows: &[Duration], now: Timestamp) -> Known<Vec<ObjectiveFact>> {
        if !self.objectives_in_use.load(Ordering::Acquire) {
            return Err("the objectives are not in use yet: the lake is being replayed".to_owned());
        }
        let statuses = self.slos.statuses();
        let own = statuses.iter().filter(|status| status.service == service);
        Ok(own
            .map(|status| {
                let known = windows
                    .iter()
                    .filter_map(|window| Some((*window, self.burn_rate(status, *window, now)?)));
                ObjectiveFact {
                    slo: format!("{}/{}{}", status.slo, status.objective, status.group),
                    budget_remaining: status.error_budget_remaining,
                    burn_rates: known.collect(),
                }
            })
            .collect())
    }

    /// The one that is shown, where it is.
    fn burn_rate(&self, status: &SloStatus, window: Duration, now: Timestamp) -> Option<f64> {
        match window {
            BURN_1H => status.burn_rate_1h,
            BURN_6H => status.burn_rate_6h,
            _ => self.slos.burn_rate(&status.slo, &status.objective, &status.group, window, now),
        }
    }

    async fn open_incidents(&self, service: &str) -> anyhow::Result<BTreeMap<String, u64>> {
        let filter = IncidentFilter {
            open_only: true,
            service: Some(service.to_owned()),
            limit: u32::MAX,
            ..IncidentFilter::default()
        };
        let open = self.alerting.incidents(&filter).await.context("the open incidents cannot be read")?;
        let mut counts = BTreeMap::new();
        for view in open {
            *counts.entry(view.incident.severity.to_string()).or_default() += 1;
        }
        Ok(counts)
    }

    async fn firing_pages(&self, service: &str) -> anyhow::Result<u64> {
        let filter = AlertFilter {
            state: Some(AlertState::Firing),
            service: Some(service.to_owned()),
            limit: u32::MAX,
            ..AlertFilter::default()
        };
        let firing = self.alerting.alerts(&filter).await.context("the firing alerts cannot be read")?;
        let pages = firing.iter().filter(|view| {
            let severity = view.alert.severity();
            severity.is_some_and(|severity| self.paging_severities.iter().any(|paging| paging == severity))
        });
        Ok(pages.count() as u64)
    }

    async fn deployments(
        &self,
        service: &str,
        over: Duration,
        now: Timestamp,
    ) -> anyhow::Result<Deployments> {
        let request = ReportRequest {
            from: now.minus(over),
            to: now,
            by: Some("service".to_owned()),
            width: None,
            time_zone: None,
            as_of: None,
        };
        let rows = self.engine.delivery(&request, QueryRole::Engine).await;
        let rows = rows.context("the deployments cannot be counted")?;
        let own = rows.into_iter().find(|row| row.service.as_deref() == Some(service));
        let counted = own.map(|row| (row.metrics.deployments, row.metrics.failed_deployments));
        let (all, failed) = counted.unwrap_or_default();
        Ok(Deployments { all, failed })
    }
}
