//! Documents of all files together: references resolved, values read, SLOs built.
//!
//! An SLO is built whole or not at all; whatever is wrong with it or with something it refers to is
//! a defect at the place where it is written. Objects that nothing refers to are read too, so that
//! their mistakes show before they are used.

mod alerting;
mod composite;
mod objective;
mod references;
mod settings;
mod sli;
mod slo;
mod threshold;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use telemetry::Defect;

use crate::composite::Member;
use crate::objective::Slo;
use crate::openslo::findings::Findings;
use crate::openslo::{Document, Kind, Mode};

/// Annotations that Evenkeel reads begin with this.
pub const ANNOTATION_PREFIX: &str = "evenkeel.dev/";
const MEMBERS_ANNOTATION: &str = "evenkeel.dev/members";

/// Objects that exist outside of OpenSLO documents.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// `Service` objects of `evenkeel/v1`.
    pub services: BTreeSet<String>,
}

/// Builds every SLO; see [`resolve_with`].
pub fn resolve(documents: Vec<Document>) -> (Vec<Slo>, Vec<Defect>) {
    resolve_with(documents, &Known::default())
}

/// Builds every SLO, sorted by name. Dangling references to an SLI, alert policy, condition or
/// notification target are errors; to a service or data source, which only describe, warnings.
pub fn resolve_with(documents: Vec<Document>, known: &Known) -> (Vec<Slo>, Vec<Defect>) {
    let mut defects = Vec::new();
    let documents = without_duplicates(documents, &mut defects);
    let files = documents.iter().map(|document| document.file.clone()).collect();
    let mut parts = Parts { files, services: known.services.clone(), ..Parts::default() };
    for document in &documents {
        let name = document.kind.metadata().name.value.clone();
        match &document.kind {
            Kind::Service(_) => {
                parts.services.insert(name);
            }
            Kind::DataSource(object) => {
                sli::data_source(&object.spec, &mut findings_of(document, &mut defects));
                parts.data_sources.insert(name, object.spec.source_type.value.clone());
            }
            Kind::AlertNotificationTarget(object) => {
                parts.targets.insert(name, object.spec.target.value.clone());
            }
            _ => {}
        }
    }
    // What others refer to comes first: SLIs and conditions, then policies, then SLOs.
    for document in &documents {
        let mut findings = findings_of(document, &mut defects);
        let metadata = document.kind.metadata();
        match &document.kind {
            Kind::Sli(object) => {
                let shape = sli::shape(&object.spec, &parts, &mut findings);
                parts.slis.insert(metadata.name.value.clone(), shape);
            }
            Kind::AlertCondition(object) => {
                let condition = alerting::condition(metadata, &object.spec, &mut findings);
                parts.conditions.insert(metadata.name.value.clone(), condition);
            }
            _ => {}
        }
    }
    for document in &documents {
        if let Kind::AlertPolicy(object) = &document.kind {
            let mut findings = findings_of(document, &mut defects);
            let policy = alerting::policy(&object.metadata, &object.spec, &parts, &mut findings);
            parts.policies.insert(object.metadata.name.value.clone(), policy);
        }
    }
    let mut slos = Vec::new();
    for document in &documents {
        if let Kind::Slo(object) = &document.kind {
            let before = defects.len();
            let mut findings = findings_of(document, &mut defects);
            let built = slo::build(object, document.line, &parts, &mut findings);
            let is_sound = !defects[before..].iter().any(Defect::is_error);
            slos.extend(built.filter(|_| is_sound));
        }
    }
    slos.sort_by(|a, b| a.name.cmp(&b.name));
    let slos = with_members(slos, &documents, &mut defects);
    defects.sort();
    defects.dedup();
    (slos, defects)
}

/// Names the members of composites in full; composites whose members do not exist or do not fit are
/// left out. `slos` are sorted by name.
fn with_members(slos: Vec<Slo>, documents: &[Document], defects: &mut Vec<Defect>) -> Vec<Slo> {
    let line_of = |slo: &Slo| {
        let is_its = |document: &&Document| (&document.file, document.line) == (&slo.file, slo.line);
        let document = documents.iter().find(is_its)?;
        Some(document.kind.metadata().annotations.get(MEMBERS_ANNOTATION)?.line)
    };
    let mut members: Vec<Option<Vec<Member>>> = Vec::with_capacity(slos.len());
    for slo in &slos {
        let line = line_of(slo).unwrap_or(slo.line);
        let mut findings = Findings::new(&slo.file, Mode::default(), defects);
        members.push(composite::members_of(slo, &slos, line, &mut findings));
    }
    let filled = slos.into_iter().zip(members).filter_map(|(mut slo, members)| {
        if let Some(composite) = &mut slo.composite {
            composite.members = members?;
        }
        Some(slo)
    });
    filled.collect()
}

fn findings_of<'a>(document: &'a Document, defects: &'a mut Vec<Defect>) -> Findings<'a> {
    Findings::new(&document.file, document.mode, defects)
}

/// What SLOs refer to, by name. `None` where the object exists and has errors.
#[derive(Default)]
struct Parts {
    /// Where objects were read from.
    files: BTreeSet<String>,
    services: BTreeSet<String>,
    /// Name to type.
    data_sources: BTreeMap<String, String>,
    /// Name to receiver or escalation policy.
    targets: BTreeMap<String, String>,
    slis: BTreeMap<String, Option<sli::Shape>>,
    conditions: BTreeMap<String, Option<alerting::ReadCondition>>,
    policies: BTreeMap<String, Option<alerting::ReadPolicy>>,
}

fn without_duplicates(documents: Vec<Document>, defects: &mut Vec<Defect>) -> Vec<Document> {
    let mut first: BTreeMap<(&'static str, String), (String, u64)> = BTreeMap::new();
    let mut unique = Vec::new();
    for document in documents {
        let (kind, name) = (document.kind.kind_name(), document.kind.metadata().name.clone());
        match first.get(&(kind, name.value.clone())) {
            Some((file, line)) => {
                let message = format!("{kind} `{}` is defined twice; first in {file}:{line}", name.value);
                defects.push(Defect::error(&document.file, Some(name.line), message));
            }
            None => {
                first.insert((kind, name.value), (document.file.clone(), document.line));
                unique.push(document);
            }
        }
    }
    unique
}

#[cfg(test)]
mod tests;
