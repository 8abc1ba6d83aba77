//! CDEvents: the vocabulary of delivery and operations on top of CloudEvents.
//!
//! - `dev.cdevents.service.{deployed,upgraded,rolledback}` are finished deploys. The version is that
//!   of the artifact's package URL; each event is a deploy of its own.
//! - `dev.cdevents.incident.{detected,reported,resolved}` are one imported incident by the subject's
//!   source and id. `resolved` tells the end alone: the view `incidents` knows title and start from
//!   the events before it.
//! - All others are free kinds: the type without its version.

use serde_json::{Map, Value, json};
use telemetry::EventKind;

use super::super::envelope::{Draft, NAME_BYTES_MAX};
use super::super::payload::Completeness;
use super::super::problem::{Fields, Problem};
use super::{Data, kind_of_type};

const PREFIX: &str = "dev.cdevents.";
const DESCRIPTION_BYTES_MAX: usize = 1024;

/// What a type of CDEvents tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Deploy { status: &'static str },
    IncidentBegan,
    IncidentEnded,
    Other { kind: EventKind },
}

impl Told {
    /// `None` for types of other vocabularies.
    pub(super) fn of(event_type: &str) -> Option<Told> {
        let name = event_type.strip_prefix(PREFIX)?;
        let mut words = name.splitn(3, '.');
        let (subject, predicate) = (words.next()?, words.next()?);
        Some(match (subject, predicate) {
            ("service", "deployed" | "upgraded") => Told::Deploy { status: "succeeded" },
            ("service", "rolledback") => Told::Deploy { status: "rolled_back" },
            ("incident", "detected" | "reported") => Told::IncidentBegan,
            ("incident", "resolved") => Told::IncidentEnded,
            _ => Told::Other { kind: kind_of_type(&format!("{PREFIX}{subject}.{predicate}")) },
        })
    }

    /// Fills a draft from the data; `source` is that of the event.
    pub(super) fn read(self, draft: &mut Draft, data: Data, source: &str, problems: &mut Vec<Problem>) {
        let Data::Object(mut data) = data else {
            problems.push(Problem::new("/data", "must be an object with the members context and subject"));
            return;
        };
        let Some(Value::Object(mut subject)) = data.remove("subject") else {
            problems.push(Problem::new("/data/subject", "must be an object"));
            return;
        };
        let mut content = match subject.remove("content") {
            Some(Value::Object(content)) => content,
            _ => Map::new(),
        };
        let mut fields = Fields { map: &mut subject, parent: "/data/subject", problems };
        let Some(id) = fields.required_text("id", NAME_BYTES_MAX) else { return };
        let subject_source = fields.text("source", NAME_BYTES_MAX);
        let env = content.get("environment").and_then(|environment| environment["id"].as_str());
        draft.env = draft.env.take().or(env.map(str::to_owned));
        let mut fields = Fields { map: &mut content, parent: "/data/subject/content", problems };
        match self {
            Told::Deploy { status } => {
                let Some(artifact) = fields.required_text("artifactId", DESCRIPTION_BYTES_MAX) else {
                    return;
                };
                draft.kind = Some(EventKind::DEPLOY);
                draft.subject = None;
                draft.service = draft.service.take().or_else(|| Some(last_segment(&id).to_owned()));
                draft.payload = members(json!({
                    "version": version_of(&artifact),
                    "status": status,
                    "started_at": null,
                    "finished_at": draft.at,
                }));
                draft.completeness = Completeness::Change;
            }
            Told::IncidentBegan | Told::IncidentEnded => {
                let description = fields.text("description", DESCRIPTION_BYTES_MAX);
                let service = content.get("service").and_then(|service| service["id"].as_str());
                draft.kind = Some(EventKind::INCIDENT);
                draft.subject = Some(format!("{}|{id}", subject_source.as_deref().unwrap_or(source)));
                draft.service = draft.service.take().or(service.map(|id| last_segment(id).to_owned()));
                if self == Told::IncidentBegan {
                    draft.payload = members(json!({
                        "title": description.unwrap_or(id),
                        "started_at": draft.at,
                        "detected_at": draft.at,
                    }));
                } else {
                    draft.completeness = Completeness::Change;
                    draft.payload = members(json!({
                        "title": null,
                        "started_at": null,
                        "restored_at": draft.at,
                        "resolved_at": draft.at,
                        "resolution": description,
                    }));
                }
            }
            Told::Other { kind } => {
                draft.kind = Some(kind);
                draft.subject = draft.subject.take().or(Some(id));
            }
        }
        subject.insert("content".to_owned(), Value::Object(content));
        data.insert("subject".to_owned(), Value::Object(subject));
        draft.payload.extend(data);
    }
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// `myapp` of `deployment/myapp`.
fn last_segment(id: &str) -> &str {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or(id)
}

/// The tag or version of a package URL (`pkg:oci/myapp@sha256%3A0b31…?tag=1.4`); other identifiers
/// are taken whole.
fn version_of(artifact: &str) -> String {
    let whole = || artifact.chars().take(NAME_BYTES_MAX / 4).collect::<String>();
    let Some(purl) = artifact.strip_prefix("pkg:") else { return whole() };
    let purl = purl.split('#').next().unwrap_or_default();
    let (path, qualifiers) = purl.split_once('?').unwrap_or((purl, ""));
    let tag = qualifiers.split('&').find_map(|pair| pair.strip_prefix("tag="));
    let version = path.rsplit_once('@').map(|(_, version)| version);
    match tag.or(version).filter(|version| !version.is_empty()) {
        Some(version) => version.replace("%3A", ":").replace("%3a", ":").replace("%2B", "+"),
        None => whole(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_tells_its_version() {
        let cases = [
            ("pkg:oci/myapp@sha256%3A0b31b1c02ff4?tag=1.4.2&arch=amd64", "1.4.2"),
            ("pkg:oci/myapp@sha256%3A0b31b1c02ff4", "sha256:0b31b1c02ff4"),
            ("pkg:golang/mygit.com/myorg/myapp@234fd47e07d1004f0aed9c#sub", "234fd47e07d1004f0aed9c"),
            ("pkg:generic/myapp", "pkg:generic/myapp"),
            ("six-1.14.0-py2.py3-none-any.whl", "six-1.14.0-py2.py3-none-any.whl"),
        ];
        for (artifact, version) in cases {
            assert_eq!(version_of(artifact), version);
        }
    }

    #[test]
    fn types_lose_their_version() {
        let other = |kind: &str| Some(Told::Other { kind: EventKind::new(kind.to_owned()) });
        assert_eq!(
            Told::of("dev.cdevents.service.deployed.0.3.0"),
            Some(Told::Deploy { status: "succeeded" })
        );
        assert_eq!(Told::of("dev.cdevents.incident.resolved.0.1.0-draft"), Some(Told::IncidentEnded));
        assert_eq!(Told::of("dev.cdevents.service.removed.0.3.0"), other("dev.cdevents.service.removed"));
        assert_eq!(Told::of("dev.cdevents.page"), None);
        assert_eq!(Told::of("com.example.deployed"), None);
    }
}
