//! Burn rates as alert signals: one signal per objective and severity.

use std::collections::BTreeMap;
use std::sync::Arc;

use alerting::ports::{PortError, Signal, SignalSource, SignalState};
use async_trait::async_trait;
use query::SloEvaluator;
use query::sli::ObjectiveReading;
use slo::SloStatus;
use slo::burn::{BurnState, Severity};
use slo::report::BurnWindow;
use telemetry::{Labels, Timestamp};
use url::Url;

const ALERT_NAME: &str = "ErrorBudgetBurn";

/// Reads the statuses that the evaluator keeps; computes nothing itself.
pub struct BurnSignals {
    slos: Arc<SloEvaluator>,
    external_url: Option<Url>,
}

impl BurnSignals {
    pub fn new(slos: Arc<SloEvaluator>, external_url: Option<Url>) -> BurnSignals {
        BurnSignals { slos, external_url }
    }
}

#[async_trait]
impl SignalSource for BurnSignals {
    async fn signals(&self, _now: Timestamp) -> Result<Vec<Signal>, PortError> {
        let readings = self.slos.readings();
        let mut signals = Vec::new();
        for reading in readings.iter().filter(|reading| reading.slo.alerts_on) {
            for severity in [Severity::Page, Severity::Ticket] {
                signals.extend(signal_of(reading, severity, self.external_url.as_ref()));
            }
        }
        Ok(signals)
    }
}

/// `None` when the objective has no tier of that severity.
fn signal_of(reading: &ObjectiveReading, severity: Severity, external_url: Option<&Url>) -> Option<Signal> {
    let status = &reading.status;
    let tiers: Vec<&BurnWindow> =
        status.burn_windows.iter().filter(|tier| tier.severity == severity).collect();
    if tiers.is_empty() {
        return None;
    }
    let firing = tiers.iter().find(|tier| tier.state == BurnState::Firing);
    let is_unknown = tiers.iter().all(|tier| tier.state == BurnState::Unknown);
    let state = match firing {
        Some(tier) => SignalState::Firing { value: tier.burn_long.unwrap_or_default() },
        None if is_unknown => SignalState::Unknown,
        None => SignalState::Quiet,
    };
    let labels = Labels::new([
        ("alertname", ALERT_NAME),
        ("slo", status.slo.as_str()),
        ("objective", status.objective.as_str()),
        ("service", status.service.as_str()),
        ("severity", severity.name()),
    ]);
    let name = if status.display_name.is_empty() { &status.slo } else { &status.display_name };
    let mut annotations = BTreeMap::new();
    annotations.insert("summary".to_owned(), format!("{name} burns its error budget"));
    if let Some(url) = external_url {
        annotations.insert(
            "dashboard_url".to_owned(),
            format!("{}/slos/{}", url.as_str().trim_end_matches('/'), status.slo),
        );
    }
    Some(Signal {
        // SLO and service names are checked when they are read, so the pairs are a label set.
        labels: labels.ok()?,
        annotations,
        state,
        source: format!("slo:{}", status.slo),
        started_at: reading
            .burn
            .iter()
            .filter(|burn| burn.tier.severity == severity)
            .filter_map(|burn| burn.since)
            .min(),
        explains: firing.map(|tier| explain(status, tier)),
    })
}

/// The numbers behind a firing tier, in one sentence.
fn explain(status: &SloStatus, tier: &BurnWindow) -> String {
    let rate = |rate: Option<f64>| rate.map_or("unknown".to_owned(), |rate| format!("{rate:.1}x"));
    let left =
        status.error_budget_remaining.map_or("unknown".to_owned(), |left| format!("{:.1} %", left * 100.0));
    format!(
        "Budget burns at {} over {} and {} over {} (threshold {}x); {left} of the {} budget is left",
        rate(tier.burn_long),
        tier.long,
        rate(tier.burn_short),
        tier.short,
        tier.threshold,
        status.window,
    )
}
