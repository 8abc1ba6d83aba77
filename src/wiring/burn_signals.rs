//! Burn rates and notices about budgets as alert signals: one signal per objective, group and severity,
//! one per objective, group and notice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alerting::NOTICE_SEVERITY;
use alerting::ports::{PortError, Signal, SignalSource, SignalState};
use alerting::reading::number;
use async_trait::async_trait;
use query::SloEvaluator;
use query::sli::ObjectiveReading;
use slo::SloStatus;
use slo::burn::{BurnReading, BurnState, Severity};
use slo::notices::{Notice, NoticeKind, NoticeState};
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
        let shown_for = self.slos.config().notices.shown_for;
        let shown_for = Some(shown_for).filter(|time| !time.is_zero());
        let readings = self.slos.readings();
        let mut signals = Vec::new();
        for reading in readings.iter().filter(|reading| reading.slo.alerts_on) {
            for severity in [Severity::Page, Severity::Ticket] {
                signals.extend(signal_of(reading, severity, self.external_url.as_ref()));
            }
            for notice in &reading.notices {
                let signal = notice_of(reading, notice, self.external_url.as_ref());
                signals.extend(signal.map(|signal| Signal { shown_for, ..signal }));
            }
        }
        Ok(signals)
    }
}

/// `None` when the objective has no tier of that severity.
fn signal_of(reading: &ObjectiveReading, severity: Severity, external_url: Option<&Url>) -> Option<Signal> {
    let status = &reading.status;
    // The windows are shown in the order of the readings; composites have none, only what is shown.
    let tiers: Vec<(&BurnWindow, Option<&BurnReading>)> = status
        .burn_windows
        .iter()
        .enumerate()
        .map(|(index, tier)| (tier, reading.burn.get(index)))
        .filter(|(tier, _)| tier.severity == severity)
        .collect();
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
    let name = shown_name(status);
    Some(Signal {
        labels: labels_of(status, ALERT_NAME, severity.name(), None)?,
        annotations: annotations(status, format!("{name} burns its error budget"), external_url),
        state,
        source: format!("slo:{}", status.slo),
        started_at: reading
            .burn
            .iter()
            .filter(|burn| burn.tier.severity == severity)
            .filter_map(|burn| burn.since)
            .min(),
        explains: firing.or(pending).map(|(tier, burn)| explain(status, tier, burn)),
        shown_for: None,
    })
}

fn notice_of(reading: &ObjectiveReading, notice: &Notice, external_url: Option<&Url>) -> Option<Signal> {
    let status = &reading.status;
    let name = shown_name(status);
    let (alert_name, percent, summary) = match notice.kind {
        NoticeKind::Spent { percent } => {
            ("ErrorBudgetSpent", Some(percent), format!("{name} has spent {percent} % of its error budget"))
        }
        NoticeKind::ExhaustedSoon => {
            ("ErrorBudgetExhaustedSoon", None, format!("{name} will soon have spent its error budget"))
        }
        NoticeKind::NoData => {
            ("ErrorBudgetNoData", None, format!("{name}: nothing is known of its error budget"))
        }
    };
    Some(Signal {
        labels: labels_of(status, alert_name, NOTICE_SEVERITY, percent)?,
        annotations: annotations(status, summary, external_url),
        state: match notice.state {
            NoticeState::Holds => SignalState::Firing { value: notice.value },
            NoticeState::Quiet => SignalState::Quiet,
            NoticeState::Unknown => SignalState::Unknown,
        },
        source: format!("slo:{}", status.slo),
        started_at: None,
        explains: (notice.state == NoticeState::Holds).then(|| notice.explains.clone()),
        shown_for: None,
    })
}

fn shown_name(status: &SloStatus) -> String {
    let name = if status.display_name.is_empty() { &status.slo } else { &status.display_name };
    if status.group.is_empty() { name.clone() } else { format!("{name} {}", status.group) }
}

/// SLO and service names are checked when they are read, so the pairs are a label set; a group whose key is
/// too long for a label is `None`.
fn labels_of(status: &SloStatus, alert_name: &str, severity: &str, percent: Option<u32>) -> Option<Labels> {
    let percent = percent.map(|percent| percent.to_string());
    let mut pairs = vec![
        ("alertname", alert_name),
        ("slo", status.slo.as_str()),
        ("objective", status.objective.as_str()),
        ("service", status.service.as_str()),
        ("severity", severity),
    ];
    if !status.group.is_empty() {
        pairs.push(("group", status.group.as_str()));
    }
    pairs.extend(percent.as_deref().map(|percent| ("percent", percent)));
    Labels::new(pairs).ok()
}

fn annotations(status: &SloStatus, summary: String, external_url: Option<&Url>) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([("summary".to_owned(), summary)]);
    if let Some(url) = external_url {
        let url = format!("{}/slos/{}", url.as_str().trim_end_matches('/'), status.slo);
        annotations.insert("dashboard_url".to_owned(), url);
    }
    annotations
}

/// The numbers behind a firing or pending tier, in one sentence.
fn explain(status: &SloStatus, tier: &BurnWindow, burn: Option<&BurnReading>) -> String {
    let rate = |rate: Option<f64>| rate.map_or("unknown".to_owned(), |rate| format!("{}x", number(rate)));
    let wait = match (tier.state, burn) {
        (BurnState::Pending, Some(burn)) => {
            format!("; it alerts when that has lasted {}", format_duration(burn.tier.alert_after))
        }
        _ => String::new(),
    };
    let counts = burn.map_or(String::new(), |burn| {
        let tally = burn.long.tally;
        let (bad, total) = (number(tally.in_units(tally.bad())), number(tally.in_units(tally.total)));
        format!(": {bad} of {total} were bad in {}", tier.long)
    });
    format!(
        "Budget burns at {} over {} and {} over {} (threshold {}x){counts}; {}{wait}",
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
