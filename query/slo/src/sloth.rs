//! Sloth: `version: prometheus/v1` specs and `PrometheusServiceLevel` resources.
//!
//! Each entry of `slos` becomes an SLO named SERVICE-NAME over 30 rolling days, Sloth's default
//! period, with the default burn-rate tiers, which at 30 days are Sloth's. `page_alert.disable` and
//! `ticket_alert.disable` are kept. Labels and annotations of alerts are not: who is paged is said by
//! services, routes and policies. Source: Sloth's `pkg/prometheus/api/v1`, `pkg/kubernetes/api/sloth/v1`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::decimal::Decimal;
use crate::import::{Imported, label_name, promql};
use crate::openslo::Kind;
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, OneOrMany, RatioMetric};
use crate::openslo::shorthand::{Shorthand, Unit};

/// `version` of a spec for the command line.
pub(crate) const VERSION: &str = "prometheus/v1";
/// `apiVersion` of the Kubernetes resource.
pub(crate) const API_VERSION: &str = "sloth.slok.dev/v1";
pub(crate) const KIND: &str = "PrometheusServiceLevel";
/// The same for Google's managed Prometheus, as former versions had it.
pub(crate) const KIND_MANAGED: &str = "ManagedPrometheusServiceLevel";
/// Factors of alerts, which are not objectives.
pub(crate) const KIND_WINDOWS: &str = "AlertWindows";
pub(crate) const WINDOWS_HINT: &str =
    "; the default alerts are Sloth's at 30 days, others are written as alertPolicies of an SLO";

/// Sloth's default period.
const PERIOD: Shorthand = Shorthand { count: 30, unit: Unit::Day };

/// The Kubernetes resource.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Resource {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "metadata")]
    _metadata: IgnoredAny,
    pub spec: Spec,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
}

/// Keys are those of the command line; the Kubernetes resource writes them in camel case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    #[serde(rename = "version")]
    _version: Option<String>,
    service: At<String>,
    #[serde(default)]
    labels: BTreeMap<String, OneOrMany>,
    #[serde(alias = "sloPlugins")]
    slo_plugins: Option<At<IgnoredAny>>,
    slos: At<Vec<At<SlothSlo>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlothSlo {
    name: At<String>,
    objective: At<Decimal>,
    description: Option<At<String>>,
    #[serde(default)]
    labels: BTreeMap<String, OneOrMany>,
    sli: At<Sli>,
    alerting: Option<Alerting>,
    plugins: Option<At<IgnoredAny>>,
    /// Of recording rules; there are none here.
    #[serde(rename = "interval")]
    _interval: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sli {
    events: Option<At<Events>>,
    raw: Option<At<Raw>>,
    plugin: Option<At<Plugin>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Events {
    #[serde(alias = "errorQuery")]
    error_query: At<String>,
    #[serde(alias = "totalQuery")]
    total_query: At<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(alias = "errorRatioQuery")]
    error_ratio_query: At<String>,
}

#[derive(Debug, Deserialize)]
struct Plugin {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerting {
    name: Option<At<String>>,
    #[serde(rename = "labels")]
    _labels: Option<IgnoredAny>,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
    #[serde(alias = "pageAlert")]
    page_alert: Option<At<Alert>>,
    #[serde(alias = "ticketAlert")]
    ticket_alert: Option<At<Alert>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    #[serde(default)]
    disable: bool,
    /// How long the alert has to hold, of a plugin.
    #[serde(rename = "for")]
    hold: Option<At<String>>,
    #[serde(rename = "labels")]
    _labels: Option<IgnoredAny>,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
}

/// The SLOs of a spec, each with the line it begins on.
pub(crate) fn documents(spec: Spec, findings: &mut Findings<'_>) -> Vec<(Kind, u64)> {
    if spec.slos.value.is_empty() {
        findings.error(spec.slos.line, "`slos` is empty");
    }
    if let Some(plugins) = &spec.slo_plugins {
        findings.warning(plugins.line, "SLO plugins change the rules that Sloth makes; they are passed over");
    }
    let mut documents = Vec::new();
    for At { value: slo, line } in spec.slos.value {
        if let Some(plugins) = &slo.plugins {
            findings
                .warning(plugins.line, "SLO plugins change the rules that Sloth makes; they are passed over");
        }
        let Some(indicator) = indicator(slo.sli, findings) else { continue };
        let mut labels = spec.labels.clone();
        labels.extend(slo.labels);
        let mut imported = Imported {
            name: At {
                value: label_name(&format!("{}-{}", spec.service.value, slo.name.value)),
                line: slo.name.line,
            },
            display_name: Some(slo.name.value),
            labels,
            annotations: BTreeMap::new(),
            description: slo.description,
            service: spec.service.clone(),
            target_percent: slo.objective,
            window: At { value: PERIOD, line },
            indicator,
        };
        if let Some(alerting) = &slo.alerting {
            check_alerting(alerting, findings);
        }
        if let Some((alerts, line)) = slo.alerting.as_ref().and_then(left_on) {
            imported.annotate("alerts", alerts, line);
        }
        documents.push((imported.into_kind(), line));
    }
    documents
}

fn check_alerting(alerting: &Alerting, findings: &mut Findings<'_>) {
    for alert in [&alerting.page_alert, &alerting.ticket_alert].into_iter().flatten() {
        if let Some(hold) = &alert.value.hold {
            let message = format!("`for: {}` is passed over: both windows of a burn rate decide", hold.value);
            findings.warning(hold.line, message);
        }
    }
    let is_off = left_on(alerting).is_some_and(|(alerts, _)| alerts == "off");
    if let Some(name) = alerting.name.as_ref().filter(|name| name.value.is_empty() && !is_off) {
        let message = "`name` of `alerting` is empty, which Sloth refuses; alerts are named by the SLO here";
        findings.unofficial(name.line, message);
    }
}

/// What alerts remain when one or both are disabled, and where that is said.
fn left_on(alerting: &Alerting) -> Option<(&'static str, u64)> {
    let disabled = |alert: &Option<At<Alert>>| {
        alert.as_ref().filter(|alert| alert.value.disable).map(|alert| alert.line)
    };
    match (disabled(&alerting.page_alert), disabled(&alerting.ticket_alert)) {
        (Some(line), Some(_)) => Some(("off", line)),
        (Some(line), None) => Some(("ticket", line)),
        (None, Some(line)) => Some(("page", line)),
        (None, None) => None,
    }
}

fn indicator(sli: At<Sli>, findings: &mut Findings<'_>) -> Option<At<RatioMetric>> {
    let line = sli.line;
    match sli.value {
        Sli { events: Some(events), raw: None, plugin: None } => {
            let events = events.value;
            let value = RatioMetric {
                // Means nothing where the query carries the window, as Sloth's do; a query without it
                // counts by a counter.
                counter: Some(true),
                bad: Some(promql(events.error_query)),
                total: Some(promql(events.total_query)),
                ..RatioMetric::default()
            };
            Some(At { value, line })
        }
        Sli { events: None, raw: Some(raw), plugin: None } => {
            let value = RatioMetric {
                raw: Some(promql(raw.value.error_ratio_query)),
                raw_type: Some(At { value: "failure".to_owned(), line }),
                ..RatioMetric::default()
            };
            Some(At { value, line })
        }
        Sli { events: None, raw: None, plugin: Some(plugin) } => {
            let message = format!(
                "the SLI plugin `{}` runs in Sloth only; write the queries it makes as `events` (`sloth generate` shows them)",
                plugin.value.id
            );
            findings.error(plugin.line, message);
            None
        }
        _ => {
            findings.error(line, "an SLI of Sloth is one of `events`, `raw` and `plugin`");
            None
        }
    }
}
