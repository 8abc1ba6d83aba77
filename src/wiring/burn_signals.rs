//! Burn rates as alert signals: one signal per objective and severity.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alerting::ports::{PortError, Signal, SignalSource, SignalState};
use alerting::reading::number;
use async_trait::async_trait;
use query::SloEvaluator;
use query::sli::ObjectiveReading;
use slo::SloStatus;
use slo::burn::{BurnReading, BurnState, Severity};
use slo::report::BurnWindow;
use telemetry::time::format_duration;
use telemetry::{Labels, Timestamp};
use url::Url;

const ALERT_NAME: &str = "ErrorBudgetBurn";

/// Reads the statuses that the evaluator keeps; computes nothing itself.
pub struct BurnSignals {
    slos: Arc<SloEvaluator>,
    external_url: Option<Url>,
    /// Whether the objectives have been read. Before that, no readings does not mean that all is quiet.
    in_use: Arc<AtomicBool>,
}

impl BurnSignals {
    pub fn new(slos: Arc<SloEvaluator>, external_url: Option<Url>, in_use: Arc<AtomicBool>) -> BurnSignals {
        BurnSignals { slos, external_url, in_use }
    }
}

#[async_trait]
impl SignalSource for BurnSignals {
    async fn signals(&self, _now: Timestamp) -> Result<Vec<Signal>, PortError> {
        if !self.in_use.load(Ordering::Acquire) {
            return Err(PortError::new("the objectives are not in use yet: the lake is being replayed"));
        }
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
    // The windows are shown in the order of the readings.
    let tiers: Vec<(&BurnWindow, &BurnReading)> =
        status.burn_windows.iter().zip(&reading.burn).filter(|(tier, _)| tier.severity == severity).collect();
    if tiers.is_empty() {
        return None;
    }
    let in_state = |state| tiers.iter().copied().find(|(tier, _)| tier.state == state);
    let (firing, pending) = (in_state(BurnState::Firing), in_state(BurnState::Pending));
    let is_unknown = tiers.iter().all(|(tier, _)| tier.state == BurnState::Unknown);
    let value = |tier: &BurnWindow| tier.burn_long.unwrap_or_default();
    let state = match (firing, pending) {
        (Some((tier, _)), _) => SignalState::Firing { value: value(tier) },
        (None, Some((tier, _))) => SignalState::Pending { value: value(tier) },
        (None, None) if is_unknown => SignalState::Unknown,
        (None, None) => SignalState::Quiet,
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
        explains: firing.or(pending).map(|(tier, burn)| explain(status, tier, burn)),
    })
}

/// The numbers behind a firing or pending tier, in one sentence.
fn explain(status: &SloStatus, tier: &BurnWindow, burn: &BurnReading) -> String {
    let rate = |rate: Option<f64>| rate.map_or("unknown".to_owned(), |rate| format!("{}x", number(rate)));
    let wait = match tier.state {
        BurnState::Pending => {
            format!("; it alerts when that has lasted {}", format_duration(burn.tier.alert_after))
        }
        _ => String::new(),
    };
    format!(
        "Budget burns at {} over {} and {} over {} (threshold {}x); {}{wait}",
        rate(tier.burn_long),
        tier.long,
        rate(tier.burn_short),
        tier.short,
        number(tier.threshold),
        budget_left(status.error_budget_remaining, &status.window),
    )
}

fn budget_left(remaining: Option<f64>, window: &str) -> String {
    let percent = |share: f64| number(share * 100.0);
    match remaining {
        None => format!("how much of the {window} budget is left is not known"),
        Some(left) if left < 0.0 => format!("the {window} budget is overspent by {} %", percent(-left)),
        Some(left) => format!("{} % of the {window} budget is left", percent(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overspent_budget_is_called_so() {
        assert_eq!(budget_left(Some(0.123_4), "30d"), "12.3 % of the 30d budget is left");
        assert_eq!(budget_left(Some(0.0), "30d"), "0 % of the 30d budget is left");
        assert_eq!(budget_left(Some(-0.46), "30d"), "the 30d budget is overspent by 46 %");
        assert_eq!(budget_left(None, "7d"), "how much of the 7d budget is left is not known");
    }
}
