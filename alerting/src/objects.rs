//! Reads the objects that alerting is configured with, from YAML files of one or more documents.
//!
//! Kinds of `evenkeel/v1` and Prometheus rule files; documents of other API versions (OpenSLO) are
//! passed over in silence, they have their own readers. Each document stands for itself: a mistake
//! in one costs that object and is reported with its line, the others are used. References between
//! objects are checked by [`Catalog::build`](crate::Catalog::build).

mod check;
pub(crate) mod escalation;
pub(crate) mod gate;
pub(crate) mod maintenance;
pub(crate) mod people;
pub(crate) mod route;
pub(crate) mod rules;
pub(crate) mod schedule;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_saphyr::Spanned;
use slo::Maintenance;
use telemetry::Defect;

pub(crate) use check::check;

use crate::escalation::EscalationPolicy;
use crate::gate::GatePolicy;
use crate::people::{Receiver, Reference, Service, Team, User};
use crate::route::Route;
use crate::rule::RuleGroup;
use crate::schedule::Schedule;

/// The API version of our own kinds.
pub const API_VERSION: &str = "evenkeel/v1";

/// One object and where it was written.
#[derive(Clone, Debug)]
pub struct Object {
    pub file: String,
    pub line: u64,
    pub spec: Spec,
}

#[derive(Clone, Debug)]
pub enum Spec {
    User(User),
    Team(Team),
    Schedule(Schedule),
    EscalationPolicy(EscalationPolicy),
    Receiver(Receiver),
    Service(Service),
    GatePolicy(GatePolicy),
    Maintenance(Maintenance),
    Route(Route),
    Rules(RuleGroup),
}

/// Reads one file; `file` is its path as the user gave it.
pub fn parse(file: &str, text: &str) -> (Vec<Object>, Vec<Defect>) {
    let (mut objects, mut defects) = (Vec::new(), Vec::new());
    for document in documents(text) {
        let mut reader = Reader { file, text: &document.text, line: document.line, defects: &mut defects };
        objects.extend(reader.read().into_iter().map(|(line, spec)| Object {
            file: file.to_owned(),
            line,
            spec,
        }));
    }
    (objects, defects)
}

struct DocumentText {
    /// As many empty lines as come before the document, then the document: lines count as in the
    /// file.
    text: String,
    /// The first line that is neither empty nor a comment.
    line: u64,
}

/// Splits at the marks `---`. (A line that begins so ends a document even inside a block of text.)
fn documents(text: &str) -> Vec<DocumentText> {
    let mut documents = Vec::new();
    let mut current = String::new();
    let mut first_line = None;
    for (index, line) in text.lines().enumerate() {
        let is_mark = line == "---" || line.starts_with("--- ");
        if is_mark {
            let text = std::mem::replace(&mut current, "\n".repeat(index + 1));
            documents.extend(first_line.take().map(|line| DocumentText { text, line }));
            continue;
        }
        let is_content = !line.trim().is_empty() && !line.trim_start().starts_with('#') && line != "...";
        if is_content {
            first_line.get_or_insert(index as u64 + 1);
        }
        current.push_str(line);
        current.push('\n');
    }
    documents.extend(first_line.map(|line| DocumentText { text: current, line }));
    documents
}

/// What tells what a document is. Everything else is read by the kind's own type.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "apiVersion")]
    api_version: Option<Spanned<String>>,
    kind: Option<Spanned<String>>,
    groups: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest<S> {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub metadata: Metadata,
    pub spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub name: Spanned<String>,
    pub display_name: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: BTreeMap<String, String>,
    #[serde(default, rename = "annotations")]
    _annotations: BTreeMap<String, String>,
}

impl Metadata {
    pub fn display_name(&self) -> String {
        self.display_name.clone().unwrap_or_else(|| self.name.value.clone())
    }
}

/// One document on its way to an object.
pub(crate) struct Reader<'a> {
    pub file: &'a str,
    text: &'a str,
    line: u64,
    pub defects: &'a mut Vec<Defect>,
}

impl Reader<'_> {
    fn read(&mut self) -> Vec<(u64, Spec)> {
        let Some(head) = self.deserialize::<Head>() else { return Vec::new() };
        let Some(api_version) = head.api_version else {
            if head.groups.is_some() {
                return rules::read(self);
            }
            self.error(self.line, "the document has neither apiVersion and kind nor groups of rules");
            return Vec::new();
        };
        if !api_version.value.starts_with("evenkeel/") {
            return Vec::new();
        }
        if api_version.value != API_VERSION {
            let message = format!("apiVersion {:?} is not known, {API_VERSION:?} is", api_version.value);
            self.error(api_version.referenced.line(), message);
            return Vec::new();
        }
        let Some(kind) = head.kind else {
            self.error(self.line, "kind is missing");
            return Vec::new();
        };
        let spec = match kind.value.as_str() {
            "User" => self.object(people::user),
            "Team" => self.object(people::team),
            "Receiver" => self.object(people::receiver),
            "Service" => self.object(people::service),
            "Schedule" => self.object(schedule::schedule),
            "EscalationPolicy" => self.object(escalation::policy),
            "Route" => self.object(route::route),
            "GatePolicy" => self.object(gate::policy),
            "Maintenance" => self.object(maintenance::maintenance),
            other => {
                let known = "User, Team, Receiver, Service, Schedule, EscalationPolicy, Route, GatePolicy, Maintenance";
                self.error(
                    kind.referenced.line(),
                    format!("kind {other:?} is not known, these are: {known}"),
                );
                None
            }
        };
        spec.into_iter().collect()
    }

    /// Reads the document as one kind. The builder reports what is wrong beyond its shape and gives
    /// `None` if the object cannot be used.
    fn object<S: DeserializeOwned>(
        &mut self,
        build: fn(&mut Reader<'_>, Manifest<S>) -> Option<Spec>,
    ) -> Option<(u64, Spec)> {
        let manifest: Manifest<S> = self.deserialize()?;
        let name = &manifest.metadata.name;
        let line = name.referenced.line();
        if !is_name(&name.value) {
            let message = format!(
                "name {:?} may hold letters, digits, '-', '_', '.' and '/', up to {NAME_BYTES_MAX} of them",
                name.value
            );
            self.error(line, message);
            return None;
        }
        Some((line, build(self, manifest)?))
    }

    pub fn deserialize<T: DeserializeOwned>(&mut self) -> Option<T> {
        match serde_saphyr::from_str(self.text) {
            Ok(value) => Some(value),
            Err(error) => {
                let line = error.location().map_or(self.line, |location| location.line());
                self.error(line, reason_of(&error));
                None
            }
        }
    }

    pub fn error(&mut self, line: u64, message: impl Into<String>) {
        self.defects.push(Defect::error(self.file, Some(line), message));
    }

    pub fn warning(&mut self, line: u64, message: impl Into<String>) {
        self.defects.push(Defect::warning(self.file, Some(line), message));
    }
}

/// Longest name of an object.
const NAME_BYTES_MAX: usize = 128;

fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(is_allowed)
}

/// The parser's message in one line, without the place (a defect has its own).
fn reason_of(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default().trim();
    let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
    place.and_then(|place| text.strip_suffix(&place)).unwrap_or(text).to_owned()
}

pub(crate) fn reference(name: &Spanned<String>) -> Reference {
    Reference { name: name.value.clone(), line: name.referenced.line() }
}

/// A length of time as `5m`, with its place.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct DurationText(Spanned<String>);

impl DurationText {
    pub fn read(&self, reader: &mut Reader<'_>) -> Option<std::time::Duration> {
        match telemetry::time::parse_duration(&self.0.value) {
            Ok(duration) => Some(duration),
            Err(error) => {
                reader.error(self.0.referenced.line(), error.to_string());
                None
            }
        }
    }

    /// Zero when it is not given.
    pub fn read_or_zero(text: &Option<DurationText>, reader: &mut Reader<'_>) -> Option<std::time::Duration> {
        text.as_ref().map_or(Some(std::time::Duration::ZERO), |text| text.read(reader))
    }
}

#[cfg(test)]
mod tests;
