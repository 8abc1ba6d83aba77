//! Composites: what they are made of, and whether that exists.
//!
//! Two ways to write one. OpenSLO's: objectives that bring their own indicators are the members. And
//! over other SLOs: one objective without an indicator, and the annotation `evenkeel.dev/members`.

use super::objective::Context;
use super::settings::{CompositeSettings, MemberName};
use crate::composite::{Composite, CompositeKind, MEMBERS_MAX, MEMBERS_MIN, Member};
use crate::objective::{BudgetingMethod, Counting, Objective, Slo};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, ObjectiveSpec};

/// Name of the verdict over the objectives of its own SLO.
const OWN_NAME: &str = "composite";

fn kind_of(settings: &CompositeSettings, method: BudgetingMethod) -> CompositeKind {
    match (&settings.kind, method) {
        (Some(written), _) => written.value,
        (None, BudgetingMethod::Timeslices) => CompositeKind::AnyBad,
        (None, BudgetingMethod::Occurrences) => CompositeKind::WeightedBurn,
        (None, BudgetingMethod::RatioTimeslices) => CompositeKind::SumOfMissing,
    }
}

/// The composite over the SLO's own objectives: `Some(None)` where there is none to compute, `None`
/// after the defects are put down.
pub(super) fn of_own_objectives(
    context: &Context<'_>,
    slo: &str,
    objectives: &[Objective],
    document_line: u64,
    findings: &mut Findings<'_>,
) -> Option<Option<Composite>> {
    let settings = &context.settings.composite;
    let has_members = context.shared.is_none() && objectives.len() >= MEMBERS_MIN;
    if !has_members {
        let Some(kind) = &settings.kind else { return Some(None) };
        let message = "a composite needs objectives with indicators of their own, or `evenkeel.dev/members`";
        findings.error(kind.line, message);
        return None;
    }
    let kind = kind_of(settings, context.method);
    if !is_kind_possible(kind, context.method, document_line, findings) {
        return None;
    }
    if objectives.len() > MEMBERS_MAX {
        let message = format!("a composite has at most {MEMBERS_MAX} members, not {}", objectives.len());
        findings.error(document_line, message);
        return None;
    }
    if context.settings.grouping.is_some() {
        findings.error(document_line, "a composite cannot be divided into groups");
        return None;
    }
    let strictest = objectives.iter().map(|objective| objective.target).max()?;
    let is_same = objectives.iter().all(|objective| objective.target == strictest);
    let target = settings.target.or(is_same.then_some(strictest));
    if kind.needs_target() && target.is_none() {
        let message = format!(
            "the members have different targets, so a composite by {} needs the annotation `evenkeel.dev/composite-target`; without it the objectives are evaluated one by one",
            kind.name()
        );
        if settings.kind.is_some() {
            findings.error(document_line, message);
            return None;
        }
        findings.warning(document_line, message);
        return Some(None);
    }
    if objectives.iter().any(|objective| objective.name == OWN_NAME) {
        findings.error(
            document_line,
            "`composite` is the name of the verdict over all objectives; name the objective otherwise",
        );
        return None;
    }
    let member = |objective: &Objective| Member {
        slo: slo.to_owned(),
        objective: objective.name.clone(),
        weight: objective.composite_weight,
    };
    Some(Some(Composite {
        name: OWN_NAME.to_owned(),
        display_name: None,
        kind,
        target: kind.needs_target().then_some(target).flatten(),
        missing: settings.missing,
        members: objectives.iter().map(member).collect(),
        tiers: context.tiers(target.unwrap_or(strictest), objectives[0].counting, document_line, findings)?,
    }))
}

/// The composite over objectives of other SLOs; `None` after the defects are put down. Whether the
/// members exist shows when every SLO is built: [`members_of`].
pub(super) fn of_other_slos(
    context: &Context<'_>,
    written: &At<Vec<MemberName>>,
    document_line: u64,
    findings: &mut Findings<'_>,
) -> Option<Composite> {
    let settings = &context.settings.composite;
    let brings =
        |objective: &ObjectiveSpec| objective.indicator.is_some() || objective.indicator_ref.is_some();
    let [At { value: only, line }] = context.spec.objectives.value.as_slice() else {
        findings.error(
            context.spec.objectives.line,
            "a composite of other SLOs has one objective, whose target is the composite's",
        );
        return None;
    };
    if context.shared.is_some() || brings(only) {
        findings.error(written.line, "a composite of other SLOs has no indicator of its own");
        return None;
    }
    if !(MEMBERS_MIN..=MEMBERS_MAX).contains(&written.value.len()) {
        let message =
            format!("a composite has {MEMBERS_MIN} to {MEMBERS_MAX} members, not {}", written.value.len());
        findings.error(written.line, message);
        return None;
    }
    if context.settings.grouping.is_some() {
        findings.error(document_line, "a composite cannot be divided into groups");
        return None;
    }
    let kind = kind_of(settings, context.method);
    let target = super::objective::target(only, *line, findings)?;
    let tiers = context.tiers(target, Counting::Occurrences, *line, findings)?;
    is_kind_possible(kind, context.method, document_line, findings).then(|| Composite {
        name: super::objective::name_of(only, 0),
        display_name: only.display_name.clone(),
        kind,
        target: Some(target),
        missing: settings.missing,
        members: written
            .value
            .iter()
            .map(|name| Member {
                slo: name.slo.clone(),
                objective: name.objective.clone().unwrap_or_default(),
                weight: name.weight,
            })
            .collect(),
        tiers,
    })
}

fn is_kind_possible(
    kind: CompositeKind,
    method: BudgetingMethod,
    line: u64,
    findings: &mut Findings<'_>,
) -> bool {
    if kind == CompositeKind::AnyBad && method != BudgetingMethod::Timeslices {
        let message = format!(
            "a composite by any-bad compares time slices; {} has none that are good or bad",
            method.name()
        );
        findings.error(line, message);
        return false;
    }
    true
}

/// The members of the composite of `slo` with their objectives filled in where the SLO they name has
/// only one. `None` for an SLO that is no composite, and after the defects are put down. `all` are
/// sorted by name.
pub(super) fn members_of(
    slo: &Slo,
    all: &[Slo],
    line: u64,
    findings: &mut Findings<'_>,
) -> Option<Vec<Member>> {
    let composite = slo.composite.as_ref()?;
    let mut members: Vec<Member> = Vec::new();
    for member in &composite.members {
        match found(slo, member, all) {
            Ok(objective) => members.push(Member { objective, ..member.clone() }),
            Err(reason) => findings.error(line, reason),
        }
    }
    let is_twice = |index: usize, member: &Member| {
        members[..index]
            .iter()
            .any(|other| (&other.slo, &other.objective) == (&member.slo, &member.objective))
    };
    let twice = members.iter().enumerate().find(|(index, member)| is_twice(*index, member));
    if let Some((_, Member { slo, objective, .. })) = twice {
        findings.error(line, format!("`{slo}/{objective}` is a member twice"));
        return None;
    }
    (members.len() == composite.members.len()).then_some(members)
}

/// The name of the member's objective, or why it cannot take part.
fn found(composite: &Slo, member: &Member, all: &[Slo]) -> Result<String, String> {
    let name = &member.slo;
    let slo = all
        .binary_search_by(|slo| slo.name.as_str().cmp(name))
        .map(|index| &all[index])
        .map_err(|_| format!("there is no SLO `{name}`, or it has errors"))?;
    if slo.objectives.is_empty() {
        return Err(format!("the member `{name}` is a composite of other SLOs itself"));
    }
    if slo.method != composite.method {
        let (theirs, own) = (slo.method.name(), composite.method.name());
        return Err(format!("the member `{name}` is budgeted by {theirs}, the composite by {own}"));
    }
    if slo.grouping.is_some() {
        return Err(format!("the member `{name}` is divided into groups"));
    }
    let names: Vec<&str> = slo.objectives.iter().map(|objective| objective.name.as_str()).collect();
    match (member.objective.as_str(), names.as_slice()) {
        ("", [only]) => Ok((*only).to_owned()),
        ("", several) => Err(format!(
            "the member `{name}` has {} objectives; write {name}/OBJECTIVE with one of {}",
            several.len(),
            several.join(", ")
        )),
        (wanted, names) if names.contains(&wanted) => Ok(wanted.to_owned()),
        (wanted, names) => {
            Err(format!("the SLO `{name}` has no objective `{wanted}`, only {}", names.join(", ")))
        }
    }
}
