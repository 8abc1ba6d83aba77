//! One SLO document to the domain type.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::time::parse_duration;

use super::alerting::{self, ReadPolicy};
use super::objective::Context;
use super::sli::{self, Shape};
use super::window::window;
use super::{ANNOTATION_PREFIX, Parts, missing_description, referred};
use crate::objective::{BudgetingMethod, EmptyPolicy, Objective, SLICE_DEFAULT, SLICE_MAX, SLICE_MIN, Slo};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, Inline, Metadata, Object, PolicyEntry, SliSpec, SloSpec};

/// What the `evenkeel.dev/` annotations of an SLO say.
pub(super) struct Settings {
    pub alerts_on: bool,
    pub empty: EmptyPolicy,
    pub slice: Duration,
}

/// `None` after the defects are put down.
pub(super) fn build(
    object: &Object<SloSpec>,
    document_line: u64,
    parts: &Parts,
    findings: &mut Findings<'_>,
) -> Option<Slo> {
    let (metadata, spec) = (&object.metadata, &object.spec);
    if !parts.services.contains(&spec.service.value) {
        missing_description("Service", &spec.service.value, spec.service.line, findings);
    }
    // Everything is read before the first failure ends it, so that all mistakes show at once.
    let settings = settings(metadata, findings);
    let method = method(&spec.budgeting_method, findings);
    let slice = settings.as_ref().map_or(SLICE_DEFAULT, |settings| settings.slice);
    let window = window(spec, document_line, slice, findings);
    let shared = shared_indicator(spec, parts, findings);
    let policies = policies(spec, parts, findings);
    if spec.objectives.value.is_empty() {
        findings.error(spec.objectives.line, "an SLO needs at least one objective");
    }
    let (settings, method, window, shared, policies) = (settings?, method?, window?, shared?, policies?);

    let context =
        Context { spec, parts, settings: &settings, method, window: &window, shared, policies: &policies };
    let mut objectives: Vec<Objective> = Vec::new();
    let mut is_sound = !spec.objectives.value.is_empty();
    for (index, written) in spec.objectives.value.iter().enumerate() {
        match context.objective(index, written, findings) {
            Some(mut objective) => {
                if objectives.iter().any(|other| other.name == objective.name) {
                    objective.name = (index + 1).to_string();
                }
                objectives.push(objective);
            }
            None => is_sound = false,
        }
    }
    is_sound.then(|| Slo {
        name: metadata.name.value.clone(),
        display_name: metadata.display_name.clone(),
        service: spec.service.value.clone(),
        description: spec.description.as_ref().map(|text| text.value.clone()),
        labels: metadata.labels.iter().map(|(name, values)| (name.clone(), values.0.clone())).collect(),
        annotations: plain_annotations(metadata),
        window,
        method,
        objectives,
        alert_policies: policies.iter().map(|read| read.value.policy.clone()).collect(),
        alerts_on: settings.alerts_on,
        slice: settings.slice,
        file: findings.file.to_owned(),
        line: document_line,
    })
}

fn plain_annotations(metadata: &Metadata) -> BTreeMap<String, String> {
    metadata.annotations.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect()
}

fn settings(metadata: &Metadata, findings: &mut Findings<'_>) -> Option<Settings> {
    let mut settings = Settings { alerts_on: true, empty: EmptyPolicy::default(), slice: SLICE_DEFAULT };
    let mut is_sound = true;
    for (key, At { value, line }) in &metadata.annotations {
        let Some(own) = key.strip_prefix(ANNOTATION_PREFIX) else { continue };
        let wrong = match (own, value.as_str()) {
            ("alerts", "on" | "true") => None,
            ("alerts", "off" | "false") => {
                settings.alerts_on = false;
                None
            }
            ("alerts", _) => Some("is neither \"on\" nor \"off\"".to_owned()),
            ("empty", "exclude") => None,
            ("empty", "good") => {
                settings.empty = EmptyPolicy::Good;
                None
            }
            ("empty", "bad") => {
                settings.empty = EmptyPolicy::Bad;
                None
            }
            ("empty", _) => Some("is none of exclude, good and bad".to_owned()),
            ("slice", text) => match parse_duration(text) {
                Ok(slice) if (SLICE_MIN..=SLICE_MAX).contains(&slice) && slice.subsec_nanos() == 0 => {
                    settings.slice = slice;
                    None
                }
                _ => Some("is not a duration between 10s and 5m in whole seconds".to_owned()),
            },
            _ => {
                findings.warning(*line, format!("unknown annotation `{key}`; known: alerts, empty, slice"));
                None
            }
        };
        if let Some(reason) = wrong {
            findings.error(*line, format!("annotation `{key}`: `{value}` {reason}"));
            is_sound = false;
        }
    }
    is_sound.then_some(settings)
}

fn method(written: &At<String>, findings: &mut Findings<'_>) -> Option<BudgetingMethod> {
    match written.value.as_str() {
        "Occurrences" => Some(BudgetingMethod::Occurrences),
        "Timeslices" => Some(BudgetingMethod::Timeslices),
        "RatioTimeslices" => Some(BudgetingMethod::RatioTimeslices),
        other => {
            let message =
                format!("budgetingMethod `{other}` is none of Occurrences, Timeslices and RatioTimeslices");
            findings.error(written.line, message);
            None
        }
    }
}

/// The SLO's own indicator: `Some(None)` when every objective brings its own.
fn shared_indicator(spec: &SloSpec, parts: &Parts, findings: &mut Findings<'_>) -> Option<Option<Shape>> {
    indicator(spec.indicator.as_ref(), spec.indicator_ref.as_ref(), parts, findings)
}

/// An inline or referenced indicator; `Some(None)` where there is neither.
pub(super) fn indicator(
    inline: Option<&At<Inline<SliSpec>>>,
    reference: Option<&At<String>>,
    parts: &Parts,
    findings: &mut Findings<'_>,
) -> Option<Option<Shape>> {
    match (inline, reference) {
        (Some(inline), None) => sli::shape(&inline.value.spec, parts, findings).map(Some),
        (None, Some(name)) => {
            referred("SLI", &name.value, name.line, &parts.slis, findings).cloned().map(Some)
        }
        (Some(_), Some(reference)) => {
            findings.error(reference.line, "`indicator` and `indicatorRef` exclude each other");
            None
        }
        (None, None) => Some(None),
    }
}

fn policies<'a>(
    spec: &SloSpec,
    parts: &'a Parts,
    findings: &mut Findings<'_>,
) -> Option<Vec<At<Cow<'a, ReadPolicy>>>> {
    let mut policies = Vec::new();
    let mut is_sound = true;
    for entry in &spec.alert_policies {
        let read = match &entry.value {
            PolicyEntry::Name(name) => {
                referred("AlertPolicy", name, entry.line, &parts.policies, findings).map(Cow::Borrowed)
            }
            PolicyEntry::Ref(name) => {
                referred("AlertPolicy", &name.value, name.line, &parts.policies, findings).map(Cow::Borrowed)
            }
            PolicyEntry::Inline(inline) => {
                alerting::policy(&inline.metadata, &inline.spec, parts, findings).map(Cow::Owned)
            }
        };
        match read {
            Some(value) => policies.push(At { value, line: entry.line }),
            None => is_sound = false,
        }
    }
    is_sound.then_some(policies)
}
