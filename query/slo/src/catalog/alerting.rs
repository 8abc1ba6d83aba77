//! Alert policies and conditions, and the burn tiers they make.
//!
//! OpenSLO knows one window per condition. Two conditions of an SLO's policies that carry the same
//! `evenkeel.dev/tier` annotation are the long and the short window of one tier.

use std::collections::BTreeMap;

use super::Parts;
use super::references::{Needed, dangling, referred};
use crate::burn::{Exceeds, Severity, Tier, unreachable_because};
use crate::decimal::Ratio;
use crate::objective::{AlertCondition, AlertPolicy};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{AlertConditionSpec, AlertPolicySpec, At, ConditionEntry, Metadata};

/// Joins conditions into one tier.
const TIER_ANNOTATION: &str = "evenkeel.dev/tier";

#[derive(Clone, Debug)]
pub(super) struct ReadCondition {
    condition: AlertCondition,
    exceeds: Exceeds,
    tier: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct ReadPolicy {
    pub policy: AlertPolicy,
    conditions: Vec<ReadCondition>,
    tier: Option<String>,
}

pub(super) fn condition(
    metadata: &Metadata,
    spec: &AlertConditionSpec,
    findings: &mut Findings<'_>,
) -> Option<ReadCondition> {
    let written = &spec.condition.value;
    match &written.kind {
        Some(kind) if kind.value != "burnrate" => {
            let message = format!("condition kind `{}` is unknown; OpenSLO v1 has burnrate", kind.value);
            findings.error(kind.line, message);
            return None;
        }
        Some(_) => {}
        None => findings.unofficial(
            spec.condition.line,
            "`kind` of the condition is missing; read as burnrate, the only one there is",
        ),
    }
    let exceeds = exceeds(written.op.as_ref(), spec.condition.line, findings)?;
    let lookback = written.lookback_window.value.duration();
    if lookback.is_zero() {
        findings.error(written.lookback_window.line, "lookbackWindow must not be zero");
        return None;
    }
    let condition = AlertCondition {
        name: metadata.name.value.clone(),
        severity: spec.severity.value.clone(),
        threshold: written.threshold.value,
        lookback,
        alert_after: written.alert_after.as_ref().map(|at| at.value.duration()).unwrap_or_default(),
    };
    Some(ReadCondition { condition, exceeds, tier: tier_of(metadata) })
}

/// How a burn rate is compared; `line` is where the condition begins.
fn exceeds(op: Option<&At<String>>, line: u64, findings: &mut Findings<'_>) -> Option<Exceeds> {
    let Some(op) = op else {
        findings
            .unofficial(line, "`op` is missing; read as gt: alert while the burn rate exceeds the threshold");
        return Some(Exceeds::Above);
    };
    match op.value.as_str() {
        "gt" => Some(Exceeds::Above),
        "gte" => Some(Exceeds::AtLeast),
        slow @ ("lt" | "lte") => {
            let message =
                format!("op `{slow}` on a burn rate would alert while the budget burns slowly; read as gte");
            findings.warning(op.line, message);
            Some(Exceeds::AtLeast)
        }
        other => {
            findings.error(op.line, format!("op `{other}` is none of lte, gte, lt and gt"));
            None
        }
    }
}

pub(super) fn policy(
    metadata: &Metadata,
    spec: &AlertPolicySpec,
    parts: &Parts,
    findings: &mut Findings<'_>,
) -> Option<ReadPolicy> {
    let (mut conditions, mut is_sound) = (Vec::new(), true);
    let is_joined = spec.conditions.value.len() > 1 && !are_joined_by_or(&spec.conditions.value);
    if let Some(operator) = spec.conditions.value.iter().find_map(|entry| entry.value.operator.as_ref()) {
        is_sound &= !is_joined;
        joined(operator, spec.conditions.value.len(), is_joined, findings);
    }
    for entry in &spec.conditions.value {
        let line = entry.line;
        let entry = &entry.value;
        let read = match (&entry.condition_ref, &entry.metadata, &entry.spec) {
            (Some(name), None, None) => {
                referred(Needed::AlertCondition, name, &parts.conditions, &parts.files, findings).cloned()
            }
            (None, Some(metadata), Some(spec)) => condition(metadata, spec, findings),
            _ => {
                findings.error(line, "a condition is either `conditionRef` or `kind`, `metadata` and `spec`");
                None
            }
        };
        is_sound &= read.is_some();
        conditions.extend(read);
    }
    match spec.conditions.value.len() {
        0 => {
            findings.error(spec.conditions.line, "an alert policy needs a condition");
            return None;
        }
        // How conditions that are joined can be written is said already.
        count if count > 1 && !is_joined => findings.unofficial(
            spec.conditions.line,
            format!("OpenSLO v1 has one condition per alert policy, not {count}; each is read as an alert of its own"),
        ),
        _ => {}
    }
    let mut notify = Vec::new();
    for entry in &spec.notification_targets {
        let target = match (&entry.value.target_ref, &entry.value.spec) {
            (Some(name), None) => {
                let found = parts.targets.get(&name.value);
                if found.is_none() {
                    let known: Vec<&str> = parts.targets.keys().map(String::as_str).collect();
                    let what = Needed::AlertNotificationTarget;
                    findings.error_once(name.line, dangling(what, &name.value, &known, &parts.files));
                }
                found.cloned()
            }
            (None, Some(spec)) => Some(spec.target.value.clone()),
            _ => {
                let message = "a notification target is either `targetRef` or `kind`, `metadata` and `spec`";
                findings.error(entry.line, message);
                None
            }
        };
        is_sound &= target.is_some();
        notify.extend(target);
    }
    if spec.notification_targets.is_empty() {
        let message = "the alert policy names no notification target; the routes and the service's escalation policy decide";
        findings.unofficial(metadata.name.line, message);
    }
    let policy = AlertPolicy {
        name: metadata.name.value.clone(),
        display_name: metadata.display_name.clone(),
        description: spec.description.as_ref().map(|text| text.value.clone()),
        when_no_data: spec.alert_when_no_data,
        when_resolved: spec.alert_when_resolved,
        when_breaching: spec.alert_when_breaching,
        conditions: conditions.iter().map(|read| read.condition.clone()).collect(),
        notify,
    };
    is_sound.then(|| ReadPolicy { policy, conditions, tier: tier_of(metadata) })
}

/// Several conditions alert one by one, as if joined by `or`.
fn are_joined_by_or(conditions: &[At<ConditionEntry>]) -> bool {
    let mut operators = conditions.iter().filter_map(|entry| entry.value.operator.as_ref());
    operators.all(|operator| operator.value == "or")
}

/// What the first `operator` among `conditions` means: an error where it would have to join them.
fn joined(operator: &At<String>, conditions: usize, is_joined: bool, findings: &mut Findings<'_>) {
    let written = &operator.value;
    if !is_joined {
        let message =
            format!("`operator` is not OpenSLO v1 and `{written}` joins nothing here; leave it out");
        return findings.unofficial(operator.line, message);
    }
    let message = format!(
        "{conditions} conditions cannot be joined by `operator`, OpenSLO v1 has one per alert policy: give the long and the short window the same {TIER_ANNOTATION}, or leave `operator` out for an alert each"
    );
    findings.error(operator.line, message);
}

fn tier_of(metadata: &Metadata) -> Option<String> {
    metadata.annotations.get(TIER_ANNOTATION).map(|name| name.value.clone())
}

/// The tiers that the policies of one SLO make for one target. `line` is where the SLO lists them.
pub(super) fn tiers(
    policies: &[At<&ReadPolicy>],
    target: Ratio,
    findings: &mut Findings<'_>,
) -> Option<Vec<Tier>> {
    let mut tiers: Vec<Tier> = Vec::new();
    let mut joined: BTreeMap<String, Tier> = BTreeMap::new();
    let mut is_sound = true;
    for At { value: policy, line } in policies {
        for read in &policy.conditions {
            let condition = &read.condition;
            let tier = Tier {
                severity: severity_of(&condition.severity),
                long: condition.lookback,
                short: condition.lookback,
                threshold: condition.threshold.to_fraction(),
                exceeds: read.exceeds,
                alert_after: condition.alert_after,
                policy: Some(policy.policy.name.clone()),
            };
            if let Some(reason) = unreachable_because(tier.threshold, target) {
                let message = format!(
                    "threshold {} of alert condition `{}` makes no sense: {reason}",
                    condition.threshold, condition.name
                );
                findings.error(*line, message);
                is_sound = false;
                continue;
            }
            let Some(name) = read.tier.as_ref().or(policy.tier.as_ref()) else {
                tiers.push(tier);
                continue;
            };
            match joined.remove(name) {
                None => {
                    joined.insert(name.clone(), tier);
                }
                Some(other) if other.threshold == tier.threshold && other.severity == tier.severity => {
                    tiers.push(Tier {
                        long: other.long.max(tier.long),
                        short: other.short.min(tier.short),
                        alert_after: other.alert_after.max(tier.alert_after),
                        ..other
                    });
                }
                Some(_) => {
                    let message =
                        format!("the two conditions of tier `{name}` differ in threshold or severity");
                    findings.error(*line, message);
                    is_sound = false;
                }
            }
        }
    }
    // A tier with one condition has one window.
    tiers.extend(joined.into_values());
    is_sound.then_some(tiers)
}

/// A page unless the word says that it can wait.
fn severity_of(text: &str) -> Severity {
    let lower = text.to_ascii_lowercase();
    let can_wait =
        ["ticket", "warn", "info", "low", "minor", "notice", "sev3", "sev4", "sev5", "p3", "p4", "p5"];
    if can_wait.iter().any(|word| lower.contains(word)) { Severity::Ticket } else { Severity::Page }
}
