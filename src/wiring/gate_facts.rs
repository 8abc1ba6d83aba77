//! What a gate decides by: budgets from the evaluator, incidents and pages from alerting, deployments
//! from the lake.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alerting::{AlertFilter, AlertState, Alerting, IncidentFilter};
use anyhow::Context;
use async_trait::async_trait;
use query::{Engine, QueryRole, SloEvaluator, formats};
use slo::gate::{BurnRateWindow, Deployments, GateFacts, Known, ObjectiveFact};
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
    async fn facts(
        &self,
        service: &str,
        changes_over: Option<Duration>,
        now: Timestamp,
    ) -> Option<GateFacts> {
        let objectives = self.objectives(service);
        let has_objective = self.slos.slos().iter().any(|slo| slo.service == service);
        let is_configured = self.alerting.catalog().services.contains_key(service);
        if !has_objective && !is_configured {
            return None;
        }
        Some(GateFacts {
            objectives,
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
    fn objectives(&self, service: &str) -> Known<Vec<ObjectiveFact>> {
        if !self.objectives_in_use.load(Ordering::Acquire) {
            return Err("the objectives are not in use yet: the lake is being replayed".to_owned());
        }
        let statuses = self.slos.statuses();
        let own = statuses.iter().filter(|status| status.service == service);
        Ok(own
            .map(|status| {
                let rates = [
                    (BurnRateWindow::Hour, status.burn_rate_1h),
                    (BurnRateWindow::SixHours, status.burn_rate_6h),
                ];
                let known = rates.into_iter().filter_map(|(window, rate)| Some((window, rate?)));
                ObjectiveFact {
                    slo: format!("{}/{}", status.slo, status.objective),
                    budget_remaining: status.error_budget_remaining,
                    burn_rates: known.collect(),
                }
            })
            .collect())
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
        // The two times are ours; what is asked about is a parameter.
        let from = now.minus(over);
        let query = format!(
            "SELECT deployments, failed_deployments FROM delivery_metrics('{from}', '{now}', 'service') \
             WHERE service = $1"
        );
        let parameters = vec![query::ScalarValue::from(service)];
        let rows = self.engine.sql_with(&query, parameters, QueryRole::Engine).await;
        let rows = rows.context("the deployments cannot be counted")?;
        let bytes = formats::collect(formats::json_document(rows)).await;
        let bytes = bytes.context("the deployments cannot be counted")?;
        let counted: Counted = serde_json::from_slice(&bytes).context("the deployments cannot be read")?;
        let (all, failed) = counted.rows.first().copied().unwrap_or_default();
        Ok(Deployments { all, failed })
    }
}

#[derive(serde::Deserialize)]
struct Counted {
    /// All and failed.
    rows: Vec<(u64, u64)>,
}
