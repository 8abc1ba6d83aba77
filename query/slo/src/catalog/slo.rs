//! One SLO document to the domain type.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::alerting::{self, ReadPolicy};
use super::objective::Context;
use super::references::{self, Needed, referred};
use super::settings::settings;
use super::sli::{self, Shape};
use super::window::windows;
use super::{Parts, composite};
use crate::objective::{BudgetingMethod, Objective, SLICE_DEFAULT, Slo};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, Inline, Metadata, Object, PolicyEntry, SliSpec, SloSpec};

/// `None` after the defects are put down.
pub(super) fn build(
    object: &Object<SloSpec>,
    document_line: u64,
    parts: &Parts,
    findings: &mut Findings<'_>,
) -> Option<Slo> {
    let (metadata, spec) = (&object.metadata, &object.spec);
    references::service(&spec.service, &parts.services, findings);
    // Everything is read before the first failure ends it, so that all mistakes show at once.
    let settings = settings(metadata, findings);
    let method = method(&spec.budgeting_method, findings);
    let slice = settings.as_ref().map_or(SLICE_DEFAULT, |settings| settings.slice);
    let further = settings.as_ref().map_or(&[][..], |settings| &settings.windows);
    let windows = windows(spec, document_line, slice, further, findings);
    let shared = shared_indicator(spec, parts, findings);
    let policies = policies(spec, parts, findings);
    if spec.objectives.value.is_empty() {
        findings.error(spec.objectives.line, "an SLO needs at least one objective");
    }
    let (settings, method, windows, shared, policies) = (settings?, method?, windows?, shared?, policies?);

    let (window, further_windows) = windows;
    let context =
        Context { spec, parts, settings: &settings, method, window: &window, shared, policies: &policies };
    let name = metadata.name.value.clone();
    let (objectives, composite) = match &settings.composite.members {
        Some(members) => {
            (Vec::new(), Some(composite::of_other_slos(&context, members, document_line, findings)?))
        }
        None => {
            let objectives = objectives(&context, findings)?;
            let composite =
                composite::of_own_objectives(&context, &name, &objectives, document_line, findings)?;
            (objectives, composite)
        }
    };
    Some(Slo {
        name,
        display_name: metadata.display_name.clone(),
        service: spec.service.value.clone(),
        description: spec.description.as_ref().map(|text| text.value.clone()),
        labels: metadata.labels.iter().map(|(name, values)| (name.clone(), values.0.clone())).collect(),
        annotations: plain_annotations(metadata),
        window,
        further_windows,
        method,
        objectives,
        composite,
        grouping: settings.grouping,
        evaluation: settings.evaluation,
        exclusions: settings.exclusions,
        exclusion_effect: settings.exclusion_effect,
        alert_policies: policies.iter().map(|read| read.value.policy.clone()).collect(),
        alerts_on: !settings.alerts.is_empty(),
        slice: settings.slice,
        file: findings.file.to_owned(),
        line: document_line,
    })
}

fn objectives(context: &Context<'_>, findings: &mut Findings<'_>) -> Option<Vec<Objective>> {
    let written = &context.spec.objectives.value;
    let mut objectives: Vec<Objective> = Vec::new();
    let mut is_sound = !written.is_empty();
    for (index, written) in written.iter().enumerate() {
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
    is_sound.then_some(objectives)
}

fn plain_annotations(metadata: &Metadata) -> BTreeMap<String, String> {
    metadata.annotations.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect()
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
            referred(Needed::Sli, name, &parts.slis, &parts.files, findings).cloned().map(Some)
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
                let name = At { value: name.clone(), line: entry.line };
                referred(Needed::AlertPolicy, &name, &parts.policies, &parts.files, findings)
                    .map(Cow::Borrowed)
            }
            PolicyEntry::Ref(name) => {
                referred(Needed::AlertPolicy, name, &parts.policies, &parts.files, findings)
                    .map(Cow::Borrowed)
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
