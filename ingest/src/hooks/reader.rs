//! Reads what a hook needs from a provider's document, by JSON pointer, bounded; and tells a deploy
//! in the words of the view `deploys`.

use serde_json::{Map, Value, json};
use telemetry::{Event, EventKind, Timestamp};

use super::config::Hook;
use crate::events::envelope::{Draft, NAME_BYTES_MAX};
use crate::events::payload::Completeness;
use crate::{Context, IngestError, loose_time};

/// A provider's document.
pub(super) struct Document(pub(super) Value);

impl Document {
    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer).filter(|value| !value.is_null())
    }

    /// A text that is not empty, cut where it would be too long for a name.
    pub(super) fn text(&self, pointer: &str) -> Option<String> {
        let text = self.get(pointer)?.as_str()?.trim();
        let plain: String = text.chars().filter(|c| !c.is_control()).collect();
        let end =
            plain.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= NAME_BYTES_MAX);
        let end = end.last().filter(|end| *end > 0)?;
        Some(plain[..end].to_owned())
    }

    pub(super) fn required_text(&self, pointer: &'static str) -> Result<String, IngestError> {
        self.text(pointer).ok_or_else(|| missing(pointer))
    }

    pub(super) fn number(&self, pointer: &'static str) -> Result<i64, IngestError> {
        self.get(pointer).and_then(Value::as_i64).ok_or_else(|| missing(pointer))
    }

    pub(super) fn time(&self, pointer: &'static str) -> Result<Timestamp, IngestError> {
        let text = self.required_text(pointer)?;
        loose_time::parse(&text)
            .ok_or_else(|| IngestError::Malformed(format!("{pointer}: {text:?} is not a time")))
    }
}

fn missing(pointer: &str) -> IngestError {
    IngestError::Malformed(format!("{pointer} is missing: the body is not what the event's name says"))
}

/// Where a deploy is in its life. Later ones win over earlier ones told at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl Phase {
    fn status(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Running => "running",
            Phase::Succeeded => "succeeded",
            Phase::Failed => "failed",
            Phase::Canceled => "canceled",
        }
    }

    fn is_final(self) -> bool {
        matches!(self, Phase::Succeeded | Phase::Failed | Phase::Canceled)
    }
}

/// A deploy as both providers can tell it.
pub(super) struct Deploy {
    /// `github:octo/shop#42`
    pub(super) subject: String,
    /// What tells this event from the others about the deploy.
    pub(super) change: String,
    pub(super) phase: Phase,
    pub(super) at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) version: String,
    pub(super) commit: Option<String>,
    pub(super) environment: Option<String>,
    /// Without the owner.
    pub(super) repository: String,
    pub(super) actor: Option<String>,
    /// Kept beside the members that every deploy has.
    pub(super) details: Map<String, Value>,
}

impl Deploy {
    pub(super) fn into_event(self, hook: &Hook, context: &Context<'_>) -> Result<Event, IngestError> {
        let finished_at = self.phase.is_final().then_some(self.at);
        let mut payload = self.details;
        payload.retain(|_, value| !value.is_null());
        let told = json!({
            "version": self.version,
            "status": self.phase.status(),
            "started_at": self.started_at,
            "finished_at": finished_at,
            "commits": self.commit.into_iter().collect::<Vec<_>>(),
            "provider": hook.provider.as_str(),
        });
        if let Value::Object(told) = told {
            payload.extend(told);
        }
        let draft = Draft {
            id: Some(format!("{}/{}", self.subject, self.change)),
            kind: Some(EventKind::DEPLOY),
            subject: Some(self.subject),
            service: Some(hook.service.clone().unwrap_or(self.repository)),
            env: self.environment.map(|named| hook.environment(&named)),
            actor: self.actor,
            at: Some(self.at),
            payload,
            completeness: Completeness::Change,
            // Providers tell seconds; within one, a deploy only moves on.
            seq: Some(self.at.micros().saturating_add(self.phase as i64)),
            severity: None,
        };
        draft.finish(Vec::new(), 0, context).map_err(|problems| {
            let texts: Vec<String> =
                problems.iter().map(|problem| format!("{}: {}", problem.pointer, problem.message)).collect();
            IngestError::Malformed(texts.join("; "))
        })
    }
}

/// A tag that names a version (`v1.4.2`), else the beginning of the commit: branches move.
pub(super) fn version_of(reference: Option<&str>, commit: Option<&str>) -> Option<String> {
    let tag = reference.map(|text| text.strip_prefix("refs/tags/").unwrap_or(text));
    let is_version = |text: &&str| {
        let digits = text.strip_prefix(['v', 'V']).unwrap_or(text);
        digits.starts_with(|c: char| c.is_ascii_digit()) && Some(*text) != commit && digits.contains('.')
    };
    let short = |commit: &str| commit.chars().take(COMMIT_DIGITS).collect::<String>();
    tag.filter(is_version).map(str::to_owned).or_else(|| commit.map(short)).or(tag.map(str::to_owned))
}

/// As many digits of a commit as make it unique in a large repository.
const COMMIT_DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_tag_or_a_commit() {
        let commit = Some("279484c09fbe69ededfced8c1bb6e6d24616b468");
        let version = |reference| version_of(reference, commit).unwrap();
        assert_eq!(version(Some("v1.4.2")), "v1.4.2");
        assert_eq!(version(Some("refs/tags/2026.11.1")), "2026.11.1");
        assert_eq!(version(Some("main")), "279484c09fbe");
        assert_eq!(version(Some("3fix")), "279484c09fbe");
        assert_eq!(version(None), "279484c09fbe");
        assert_eq!(version_of(Some("main"), None).as_deref(), Some("main"));
        assert_eq!(version_of(None, None), None);
    }

    #[test]
    fn texts_are_bounded() {
        let document = Document(json!({"a": "é".repeat(NAME_BYTES_MAX), "b": " \u{0}", "c": 1, "d": null}));
        assert_eq!(document.text("/a").unwrap().len(), NAME_BYTES_MAX);
        assert_eq!(document.text("/b"), None);
        assert_eq!(document.text("/c"), None);
        assert_eq!(document.required_text("/d").unwrap_err().status().as_u16(), 400);
    }
}
