//! The retrospective of an incident: drafted from its timeline, written by people.
//!
//! The draft holds what is known (times, pages, steps, deploys) and asks for what is not (causes,
//! lessons, action items). It asks how and what, never who is to blame.

use std::time::Duration;

use telemetry::Timestamp;
use telemetry::time::format_duration;

use crate::RunbookError;
use crate::markdown::escape;
use crate::timeline::TimelineEntry;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetroState {
    /// Being written.
    Draft,
    /// Done; the incident may be closed.
    Published,
}

impl RetroState {
    pub fn as_str(self) -> &'static str {
        match self {
            RetroState::Draft => "draft",
            RetroState::Published => "published",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Result<RetroState, RunbookError> {
        match text {
            "draft" => Ok(RetroState::Draft),
            "published" => Ok(RetroState::Published),
            other => Err(RunbookError::Stored(format!("retrospective state {other:?}"))),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Retrospective {
    /// `RETRO-n`, with the number of its incident.
    pub id: String,
    pub incident_id: String,
    pub title: String,
    pub service: Option<String>,
    pub severity: String,
    pub state: RetroState,
    pub markdown: String,
    /// Counts the saved versions.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

/// What a draft says about an incident.
#[derive(Clone, Debug)]
pub struct Subject {
    pub incident_id: String,
    pub title: String,
    pub service: Option<String>,
    pub severity: String,
    pub started_at: Timestamp,
    pub detected_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub mitigated_at: Option<Timestamp>,
    pub restored_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// The link to the incident's page.
    pub link: Option<String>,
}

/// Writes the draft.
pub fn draft(subject: &Subject, timeline: &[TimelineEntry]) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    line(&format!("# {}: {}", subject.incident_id, escape(&subject.title)));
    line("");
    line("| | |");
    line("|---|---|");
    line(&format!("| Severity | {} |", escape(&subject.severity)));
    if let Some(service) = &subject.service {
        line(&format!("| Service | {} |", escape(service)));
    }
    line(&format!("| Started | {} |", to_second(subject.started_at)));
    for (name, at) in [
        ("Detected", subject.detected_at),
        ("Acknowledged", subject.acknowledged_at),
        ("Mitigated", subject.mitigated_at),
        ("Restored", subject.restored_at),
        ("Resolved", subject.resolved_at),
    ] {
        let shown = match at {
            Some(at) => format!("{} ({} after the start)", to_second(at), span(subject.started_at, at)),
            None => "not recorded".to_owned(),
        };
        line(&format!("| {name} | {shown} |"));
    }
    if let Some(link) = &subject.link {
        line(&format!("| Incident | <{link}> |"));
    }
    for (heading, prompt) in [
        ("Summary", "What happened, in three sentences for somebody who was not there."),
        ("Impact", "Who noticed what, for how long; how much of the error budget went."),
    ] {
        line(&format!("\n## {heading}\n\n_{prompt}_"));
    }
    line("\n## Timeline\n\nAll times UTC.\n");
    for entry in timeline {
        let actor = entry.actor.as_deref().filter(|actor| *actor != "engine");
        let by = actor.map(|actor| format!(" — {}", escape(actor))).unwrap_or_default();
        line(&format!(
            "- `{}` {}{by} <!-- {} -->",
            to_second(entry.at),
            escape(&entry.title),
            comment(&entry.event_id)
        ));
    }
    for (heading, prompt) in [
        (
            "Contributing factors",
            "What made it possible, what made it worse, what made it visible. There is rarely one root cause.",
        ),
        ("What went well", "What limited the impact or the time."),
        ("What went badly", "What cost time."),
        ("Where we were lucky", "What could have made it worse and did not."),
    ] {
        line(&format!("\n## {heading}\n\n_{prompt}_"));
    }
    line("\n## Action items\n");
    line("| Action | Type | Owner | Due |");
    line("|---|---|---|---|");
    line("| | prevent, mitigate or process | | |");
    text
}

/// Nobody remembers an incident to the microsecond.
fn to_second(at: Timestamp) -> Timestamp {
    Timestamp::from_secs(at.secs())
}

fn span(from: Timestamp, to: Timestamp) -> String {
    let whole_seconds = Duration::from_secs(to.since(from).as_secs());
    format_duration(whole_seconds)
}

/// Text that cannot end an HTML comment.
fn comment(text: &str) -> String {
    text.replace("--", "- -").replace('>', "")
}

#[cfg(test)]
mod tests {
    use telemetry::EventKind;

    use super::*;

    #[test]
    fn a_draft_holds_the_times_and_cites_each_fact() {
        let at = Timestamp::from_secs;
        let subject = Subject {
            incident_id: "INC-7".into(),
            title: "Chat *burns*".into(),
            service: Some("chat".into()),
            severity: "SEV2".into(),
            started_at: at(0),
            detected_at: Some(at(60)),
            acknowledged_at: Some(at(150)),
            mitigated_at: None,
            restored_at: Some(at(3_600)),
            resolved_at: None,
            link: None,
        };
        let entry = TimelineEntry {
            event_id: "page:1-->".into(),
            kind: EventKind::PAGE,
            at: at(61),
            actor: Some("engine".into()),
            title: "Paged <ada> by email".into(),
            detail: None,
            about: None,
        };
        let text = draft(&subject, &[entry]);
        assert!(text.starts_with("# INC-7: Chat \\*burns\\*\n"), "{text}");
        assert!(text.contains("| Acknowledged | 1970-01-01T00:02:30Z (2m30s after the start) |"), "{text}");
        assert!(text.contains("| Mitigated | not recorded |"), "{text}");
        assert!(
            text.contains("- `1970-01-01T00:01:01Z` Paged \\<ada\\> by email <!-- page:1- - -->"),
            "{text}"
        );
        assert_eq!(text.matches("\n## ").count(), 8);
    }
}
