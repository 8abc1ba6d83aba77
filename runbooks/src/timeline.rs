//! The timeline of an incident: its facts, in the order in which they happened, in words.
//!
//! One function renders it; the page, the API, the retrospective and its exports all show this.

use std::collections::BTreeSet;

use serde_json::Value;
use telemetry::{Event, EventKind, Timestamp};

/// One line. Each cites the event it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    pub event_id: String,
    pub kind: EventKind,
    pub at: Timestamp,
    pub actor: Option<String>,
    /// One sentence without a full stop.
    pub title: String,
    /// More about it, such as a step's output; may have several lines.
    pub detail: Option<String>,
}

/// Renders facts. Facts that change nothing a reader would see (an incident's state repeated) are
/// left out.
pub fn render(events: &[Event]) -> Vec<TimelineEntry> {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_key(|event| (event.valid_at, event.seq));
    let ended: BTreeSet<String> =
        ordered.iter().filter(|event| !is_running(event)).filter_map(|e| attempt_of(e)).collect();
    let mut entries: Vec<TimelineEntry> = Vec::with_capacity(ordered.len());
    let mut incident_before: Option<&Event> = None;
    for event in ordered {
        let line = if event.kind == EventKind::INCIDENT {
            let line = incident_line(incident_before.map(|before| &before.payload), &event.payload);
            incident_before = Some(event);
            line
        } else if is_running(event) && attempt_of(event).is_some_and(|attempt| ended.contains(&attempt)) {
            None // how it ended has a line
        } else {
            line_of(event)
        };
        let Some((title, detail)) = line else { continue };
        entries.push(TimelineEntry {
            event_id: event.event_id.clone(),
            kind: event.kind.clone(),
            at: event.valid_at,
            actor: event.actor.clone(),
            title: capitalised(&title),
            detail,
        });
    }
    entries
}

fn is_running(event: &Event) -> bool {
    event.payload["state"] == "running"
}

/// Tells the attempts at runbook steps apart; `None` for other facts.
fn attempt_of(event: &Event) -> Option<String> {
    let is_step = event.kind == EventKind::RUNBOOK_STEP;
    is_step.then(|| format!("{}/{}/{}", event.subject_id, event.payload["step"], event.payload["attempt"]))
}

/// With a capital letter at the start: facts are told in the middle of sentences elsewhere.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    first + chars.as_str()
}

type Line = (String, Option<String>);

fn line_of(event: &Event) -> Option<Line> {
    let text = |key: &str| event.payload[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let word = |key: &str| text(key).unwrap_or_else(|| "unknown".to_owned());
    let state = word("state");
    match &event.kind {
        kind if *kind == EventKind::ALERT => {
            let value =
                event.payload["value"].as_f64().map(|value| format!(" at {value:.4}")).unwrap_or_default();
            Some((format!("Alert {} is {state}{value}", word("alert")), text("explains")))
        }
        kind if *kind == EventKind::PAGE => {
            let to = format!("{} by {}", word("recipient"), word("channel"));
            let title = match state.as_str() {
                "queued" | "sending" => return None,
                "sent" => format!("Paged {to}"),
                "delivered" => format!("Page to {to} was delivered"),
                "acknowledged" => return None, // the acknowledgement has its own line
                "cancelled" => format!("Page to {to} was not needed any more"),
                "failed" => format!("Page to {to} failed"),
                other => format!("Page to {to} is {other}"),
            };
            Some((title, text("error")))
        }
        kind if *kind == EventKind::ACKNOWLEDGEMENT => {
            let who = event.actor.as_deref().unwrap_or("somebody");
            Some((format!("Acknowledged by {who}"), None))
        }
        kind if *kind == EventKind::DEPLOY => {
            let service = event.service.as_deref().unwrap_or("a service");
            Some((format!("Deploy of {service} {} ({})", word("version"), word("status")), None))
        }
        kind if *kind == EventKind::RUNBOOK_STEP => {
            let detail = text("output").map(|output| output.trim_end().to_owned());
            Some((word("text"), detail.filter(|output| !output.is_empty())))
        }
        kind if *kind == EventKind::NOTE => Some((text("text")?, None)),
        kind if *kind == EventKind::RETROSPECTIVE => Some((format!("Retrospective: {state}"), None)),
        _ => Some((text("text").unwrap_or_else(|| event.kind.to_string().replace('_', " ")), None)),
    }
}

/// What changed between two states of an incident.
fn incident_line(before: Option<&Value>, after: &Value) -> Option<Line> {
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let Some(before) = before else {
        let severity = text(after, "severity").unwrap_or_default();
        let title = text(after, "title").unwrap_or_default();
        return Some((format!("Incident opened as {severity}: {title}"), None));
    };
    let changed = |key: &str| {
        let new = text(after, key);
        (new != text(before, key)).then_some(new).flatten()
    };
    let mut changes = Vec::new();
    if let Some(severity) = changed("severity") {
        let was = text(before, "severity").unwrap_or_default();
        changes.push(format!("Severity changed from {was} to {severity}"));
    }
    if changed("restored_at").is_some() {
        changes.push("Service restored".to_owned());
    } else if text(before, "restored_at").is_some() && after["restored_at"].is_null() {
        changes.push("Service is failing again".to_owned());
    }
    if changed("mitigated_at").is_some() {
        changes.push("Impact mitigated".to_owned());
    }
    if changed("resolved_at").is_some() {
        changes.push("Incident resolved".to_owned());
    }
    if changed("closed_at").is_some() {
        changes.push("Incident closed".to_owned());
    }
    if let Some(commander) = changed("commander") {
        changes.push(format!("{commander} is the incident commander"));
    }
    if let Some(title) = changed("title") {
        changes.push(format!("Renamed to {title}"));
    }
    (!changes.is_empty()).then(|| (changes.join("; "), None))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(second: i64, kind: EventKind, actor: &str, payload: Value) -> Event {
        Event {
            event_id: format!("e{second}"),
            kind,
            subject_id: "INC-1".into(),
            seq: second,
            valid_at: Timestamp::from_secs(second),
            recorded_at: Timestamp::from_secs(second),
            service: Some("chat".into()),
            env: None,
            actor: Some(actor.into()),
            severity: None,
            payload,
        }
    }

    #[test]
    fn facts_read_as_sentences_in_the_order_in_which_they_happened() {
        let incident =
            |restored: Value| json!({"title": "Chat burns", "severity": "SEV2", "restored_at": restored});
        let events = [
            event(9, EventKind::INCIDENT, "engine", incident(json!("1970-01-01T00:00:09Z"))),
            event(1, EventKind::DEPLOY, "ci", json!({"version": "v3", "status": "succeeded"})),
            event(2, EventKind::ALERT, "engine", json!({"alert": "Burn", "state": "firing", "value": 15.25})),
            event(3, EventKind::INCIDENT, "engine", incident(Value::Null)),
            event(
                4,
                EventKind::PAGE,
                "engine",
                json!({"recipient": "ada", "channel": "email", "state": "queued"}),
            ),
            event(
                5,
                EventKind::PAGE,
                "engine",
                json!({"recipient": "ada", "channel": "email", "state": "sent"}),
            ),
            event(6, EventKind::INCIDENT, "engine", incident(Value::Null)),
            event(7, EventKind::ACKNOWLEDGEMENT, "ada", json!({})),
            event(
                8,
                EventKind::RUNBOOK_STEP,
                "ada",
                json!({"text": "Roll back: done (done)", "output": "ok\n"}),
            ),
        ];
        let lines: Vec<String> = render(&events)
            .into_iter()
            .map(|entry| {
                format!(
                    "{} {}{}",
                    entry.at.secs(),
                    entry.title,
                    entry.detail.map(|d| format!(" / {d}")).unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "1 Deploy of chat v3 (succeeded)",
                "2 Alert Burn is firing at 15.2500",
                "3 Incident opened as SEV2: Chat burns",
                "5 Paged ada by email",
                "7 Acknowledged by ada",
                "8 Roll back: done (done) / ok",
                "9 Service restored",
            ]
        );
    }
}
