//! Pyrra: `ServiceLevelObjective` resources (`pyrra.dev/v1alpha1`).
//!
//! All four indicators (ratio, latency, latencyNative, bool_gauge) and grouping. Metrics are selectors;
//! sums over them count exactly. Pyrra has no service: the label `service` or `app` (or
//! `app.kubernetes.io/name`) names it, else the SLO itself. Alerts are the default burn-rate tiers
//! of the window; Pyrra's own factors (14, 7, 2, 1) are not kept. Source: Pyrra's
//! `kubernetes/api/v1alpha1/servicelevelobjective_types.go`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use telemetry::time::parse_duration;

use crate::decimal::Decimal;
use crate::import::{Imported, label_name, promql};
use crate::openslo::Kind;
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, OneOrMany, RatioMetric};
use crate::openslo::shorthand::{Shorthand, Unit};

pub(crate) const API_VERSION: &str = "pyrra.dev/v1alpha1";
pub(crate) const KIND: &str = "ServiceLevelObjective";

const SERVICE_LABELS: [&str; 3] = ["service", "app", "app.kubernetes.io/name"];
/// Pyrra copies labels with this prefix to its alerts without it.
const LABEL_PREFIX: &str = "pyrra.dev/";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Resource {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: KubernetesMetadata,
    spec: Spec,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
}

/// Clusters add many more fields.
#[derive(Debug, Deserialize)]
struct KubernetesMetadata {
    name: At<String>,
    #[serde(default)]
    labels: BTreeMap<String, OneOrMany>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    description: Option<At<String>>,
    target: At<Decimal>,
    window: At<String>,
    indicator: At<Indicator>,
    alerting: Option<At<Alerting>>,
    /// Of Thanos, of recording rules, and of a former version: nothing to keep.
    #[serde(rename = "partial_response_strategy")]
    _partial_response_strategy: Option<IgnoredAny>,
    #[serde(rename = "performance_over_accuracy")]
    _performance_over_accuracy: Option<IgnoredAny>,
    #[serde(rename = "latency")]
    _latency: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Indicator {
    ratio: Option<At<Ratio>>,
    latency: Option<At<Latency>>,
    #[serde(rename = "latencyNative")]
    latency_native: Option<At<LatencyNative>>,
    bool_gauge: Option<At<BoolGauge>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    metric: At<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratio {
    errors: Metric,
    total: Metric,
    #[serde(default)]
    grouping: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    success: Metric,
    total: Metric,
    #[serde(default)]
    grouping: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyNative {
    total: Metric,
    latency: At<String>,
    #[serde(default)]
    grouping: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BoolGauge {
    metric: At<String>,
    #[serde(default)]
    grouping: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Alerting {
    disabled: Option<bool>,
    burnrates: Option<bool>,
    burn_rate_type: Option<At<String>>,
    #[serde(rename = "absent")]
    _absent: Option<bool>,
    #[serde(rename = "name")]
    _name: Option<String>,
    #[serde(rename = "absentName")]
    _absent_name: Option<String>,
    /// Of the alerts: who is paged is said by services, routes and policies.
    #[serde(rename = "labels")]
    _labels: Option<IgnoredAny>,
    #[serde(rename = "annotations")]
    _annotations: Option<IgnoredAny>,
}

/// The resource as an SLO; `None` after the defects are put down.
pub(crate) fn document(resource: Resource, findings: &mut Findings<'_>) -> Option<Kind> {
    let Resource { metadata, spec, .. } = resource;
    let window = window(&spec.window, findings);
    let indicator_line = spec.indicator.line;
    let indicator = indicator(spec.indicator, findings);
    let target = spec.target.value;
    if !target.is_zero() && target < Decimal::ONE {
        let message =
            format!("target {target} is read as {target} %: Pyrra's targets are percentages (99.9)");
        findings.warning(spec.target.line, message);
    }
    let (window, (indicator, grouping)) = (window?, indicator?);
    let labels: BTreeMap<String, OneOrMany> = metadata
        .labels
        .into_iter()
        .map(|(name, value)| (name.strip_prefix(LABEL_PREFIX).map(str::to_owned).unwrap_or(name), value))
        .collect();
    let service = SERVICE_LABELS.iter().find_map(|label| labels.get(*label)?.0.first());
    let name = At { value: label_name(&metadata.name.value), line: metadata.name.line };
    let mut imported = Imported {
        service: At { value: service.unwrap_or(&name.value).clone(), line: name.line },
        display_name: (name.value != metadata.name.value).then_some(metadata.name.value),
        name,
        labels,
        annotations: BTreeMap::new(),
        description: spec.description,
        target_percent: spec.target,
        window,
        indicator: At { value: indicator, line: indicator_line },
    };
    if !grouping.is_empty() {
        imported.annotate("group-by", grouping.join(", "), indicator_line);
    }
    if let Some(At { value: alerting, line }) = spec.alerting {
        if alerting.disabled == Some(true) || alerting.burnrates == Some(false) {
            imported.annotate("alerts", "off", line);
        }
        if let Some(kind) = alerting.burn_rate_type.filter(|kind| kind.value == "dynamic") {
            findings.warning(
                kind.line,
                "dynamic burn rates are passed over; `evenkeel.dev/min-total` and `min-bad` keep low traffic from paging",
            );
        }
    }
    Some(imported.into_kind())
}

/// The ratio and the labels to group by.
fn indicator(written: At<Indicator>, findings: &mut Findings<'_>) -> Option<(RatioMetric, Vec<String>)> {
    let At { value, line } = written;
    match value {
        Indicator { ratio: Some(ratio), latency: None, latency_native: None, bool_gauge: None } => {
            let Ratio { errors, total, grouping } = ratio.value;
            let metric = RatioMetric {
                counter: Some(true),
                bad: Some(promql(sum(errors.metric, &grouping))),
                total: Some(promql(sum(total.metric, &grouping))),
                ..RatioMetric::default()
            };
            Some((metric, grouping))
        }
        Indicator { ratio: None, latency: Some(latency), latency_native: None, bool_gauge: None } => {
            let Latency { success, total, grouping } = latency.value;
            if !selects_bucket(&success.metric.value) {
                findings.error(
                    success.metric.line,
                    "the success metric selects one bucket by its `le` label, such as le=\"0.5\"",
                );
                return None;
            }
            let metric = RatioMetric {
                counter: Some(true),
                good: Some(promql(sum(success.metric, &grouping))),
                total: Some(promql(sum(total.metric, &grouping))),
                ..RatioMetric::default()
            };
            Some((metric, grouping))
        }
        Indicator { ratio: None, latency: None, latency_native: Some(native), bool_gauge: None } => {
            let LatencyNative { total, latency, grouping } = native.value;
            let Ok(bound) = parse_duration(&latency.value) else {
                findings.error(latency.line, format!("`{}` is not a duration such as 200ms", latency.value));
                return None;
            };
            let increase =
                format!("sum{} (increase({}[{{{{.window}}}}]))", by(&grouping), total.metric.value.trim());
            let good = format!(
                "histogram_fraction(0, {}, {increase}) * histogram_count({increase})",
                bound.as_secs_f64()
            );
            let at = |value| At { value, line: total.metric.line };
            let metric = RatioMetric {
                counter: Some(false),
                good: Some(promql(at(good))),
                total: Some(promql(at(format!("histogram_count({increase})")))),
                ..RatioMetric::default()
            };
            Some((metric, grouping))
        }
        Indicator { ratio: None, latency: None, latency_native: None, bool_gauge: Some(gauge) } => {
            let BoolGauge { metric, grouping } = gauge.value;
            let over = |function: &str| At {
                value: format!("sum{} ({function}({}[{{{{.window}}}}]))", by(&grouping), metric.value.trim()),
                line: metric.line,
            };
            let metric = RatioMetric {
                counter: Some(false),
                good: Some(promql(over("sum_over_time"))),
                total: Some(promql(over("count_over_time"))),
                ..RatioMetric::default()
            };
            Some((metric, grouping))
        }
        _ => {
            findings
                .error(line, "an indicator of Pyrra is one of ratio, latency, latencyNative and bool_gauge");
            None
        }
    }
}

/// Whether the selector has a matcher of the label `le`.
fn selects_bucket(metric: &str) -> bool {
    metric
        .split(['{', ','])
        .skip(1)
        .filter_map(|matcher| matcher.trim_start().strip_prefix("le"))
        .any(|rest| rest.trim_start().starts_with('='))
}

fn sum(metric: At<String>, grouping: &[String]) -> At<String> {
    At { value: format!("sum{} ({})", by(grouping), metric.value.trim()), line: metric.line }
}

fn by(grouping: &[String]) -> String {
    if grouping.is_empty() { String::new() } else { format!(" by ({})", grouping.join(", ")) }
}

/// Prometheus durations (`4w`, `1w3d`, `36h`) as one count of a unit.
fn window(written: &At<String>, findings: &mut Findings<'_>) -> Option<At<Shorthand>> {
    let line = written.line;
    if let Ok(value) = written.value.parse::<Shorthand>()
        && !matches!(value.unit, Unit::Month | Unit::Quarter | Unit::Year)
    {
        return Some(At { value, line });
    }
    let units = [(86_400, Unit::Day), (3_600, Unit::Hour), (60, Unit::Minute)];
    let secs = parse_duration(&written.value)
        .ok()
        .filter(|length| length.subsec_nanos() == 0)
        .map(|length| length.as_secs());
    let found = secs.filter(|secs| *secs > 0).and_then(|secs| {
        let (unit_secs, unit) = units.into_iter().find(|(unit_secs, _)| secs % unit_secs == 0)?;
        Some(Shorthand { count: u32::try_from(secs / unit_secs).ok()?, unit })
    });
    if found.is_none() {
        findings.error(
            line,
            format!("window `{}` is not a duration such as 4w, in whole minutes", written.value),
        );
    }
    found.map(|value| At { value, line })
}
