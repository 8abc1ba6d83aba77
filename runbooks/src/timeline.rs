//! The timeline of an incident: its facts, in the order in which they happened, in words.
//!
//! One function renders it; the page, the API, the retrospective and its exports all show this.

use std::collections::{BTreeMap, BTreeSet};

use alerting::reading;
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
    /// Where a reader goes on from here.
    pub about: Option<About>,
}

/// What an entry tells about, beside its incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// An alert on the burn rate of this SLO.
    Slo(String),
    /// An alert of a rule, by the service it names.
    AlertsOf {
        service: String,
        is_over: bool,
    },
    /// A run of a runbook.
    Run(String),
    Retrospective(String),
    /// A deploy, or a change that is none.
    Change {
        kind: EventKind,
        id: String,
    },
}

/// Renders facts. Facts that change nothing a reader would see (an incident's state repeated) are
/// left out.
pub fn render(events: &[Event]) -> Vec<TimelineEntry> {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_key(|event| (event.valid_at, event.seq));
    let ended: BTreeSet<String> =
        ordered.iter().filter(|event| !is_running(event)).filter_map(|e| attempt_of(e)).collect();
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == EventKind::DEPLOY) {
        let seq = newest.entry(&event.subject_id).or_insert(event.seq);
        *seq = event.seq.max(*seq);
    }
    // How a step ended, and how a deploy stands by now, have lines of their own.
    let is_told_later = |event: &Event| match attempt_of(event) {
        Some(attempt) => is_running(event) && ended.contains(&attempt),
        None if event.kind == EventKind::DEPLOY => {
            newest.get(event.subject_id.as_str()).is_some_and(|newest| event.seq < *newest)
        }
        None => false,
    };
    let mut entries: Vec<TimelineEntry> = Vec::with_capacity(ordered.len());
    let mut incident_before: Option<&Event> = None;
    for event in ordered {
        let line = if event.kind == EventKind::INCIDENT {
            let line = incident_line(incident_before.map(|before| &before.payload), &event.payload);
            incident_before = Some(event);
            line
        } else if is_told_later(event) {
            None
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
            about: about(event),
        });
    }
    entries
}

fn about(event: &Event) -> Option<About> {
    let subject = || event.subject_id.clone();
    match &event.kind {
        kind if *kind == EventKind::ALERT => {
            let slo = event.payload["source"].as_str().and_then(|source| source.strip_prefix("slo:"));
            let service = || event.service.clone();
            let is_over = event.payload["state"] == "resolved";
            slo.map(|slo| About::Slo(slo.to_owned()))
                .or_else(|| Some(About::AlertsOf { service: service()?, is_over }))
        }
        kind if *kind == EventKind::RUNBOOK_RUN || *kind == EventKind::RUNBOOK_STEP => {
            Some(About::Run(subject()))
        }
        kind if *kind == EventKind::RETROSPECTIVE => Some(About::Retrospective(subject())),
        kind if *kind == EventKind::DEPLOY || *kind == EventKind::CHANGE => {
            Some(About::Change { kind: kind.clone(), id: subject() })
        }
        _ => None,
    }
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
            let source = text("source").unwrap_or_default();
            let value = event.payload["value"].as_f64();
            let value = value.map(|value| format!(" ({})", reading::of_alert(&source, value)));
            let title = format!("Alert {} is {state}{}", word("alert"), value.unwrap_or_default());
            Some((title, text("explains")))
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
        kind if *kind == EventKind::CHANGE => {
            let summary = text("summary").or_else(|| text("title"));
            let summary = summary.unwrap_or_else(|| "not described".to_owned());
            Some((format!("Change: {summary}"), text("source")))
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
        changes.push(format!("Incident commander: {commander}"));
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
            event(
                2,
                EventKind::ALERT,
                "engine",
                json!({"alert": "Burn", "state": "firing", "value": 15.25, "source": "slo:chat"}),
            ),
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
                "2 Alert Burn is firing (burn rate 15.2x)",
                "3 Incident opened as SEV2: Chat burns",
                "5 Paged ada by email",
                "7 Acknowledged by ada",
                "8 Roll back: done (done) / ok",
                "9 Service restored",
            ]
        );
    }
    #[test]
    fn a_deploy_that_is_told_as_it_goes_on_has_one_line() {
        let mut events = [
            event(1, EventKind::DEPLOY, "ci", json!({"version": "v3", "status": "pending"})),
            event(2, EventKind::DEPLOY, "ci", json!({"version": "v3", "status": "running"})),
            event(9, EventKind::DEPLOY, "ci", json!({"version": "v3", "status": "succeeded"})),
            event(5, EventKind::DEPLOY, "ci", json!({"version": "v2", "status": "failed"})),
            event(6, EventKind::CHANGE, "ci", json!({"summary": "Flag on", "source": "flags"})),
        ];
        events[3].subject_id = "another".into();
        let titles: Vec<String> = render(&events).into_iter().map(|entry| entry.title).collect();
        assert_eq!(
            titles,
            ["Deploy of chat v2 (failed)", "Change: Flag on", "Deploy of chat v3 (succeeded)"]
        );
    }

    #[test]
    fn entries_say_where_to_go_on() {
        let about =
            |kind: EventKind, payload: Value| render(&[event(1, kind, "engine", payload)]).remove(0).about;
        let firing =
            json!({"alert": "Burn", "state": "firing", "value": 2.0, "source": "slo:chat-availability"});
        assert_eq!(about(EventKind::ALERT, firing), Some(About::Slo("chat-availability".into())));
        let rule = json!({"alert": "Down", "state": "resolved", "source": "rule:f/g/Down"});
        let alerts = About::AlertsOf { service: "chat".into(), is_over: true };
        assert_eq!(about(EventKind::ALERT, rule), Some(alerts));
        let run = json!({"text": "Run started"});
        assert_eq!(about(EventKind::RUNBOOK_RUN, run), Some(About::Run("INC-1".into())));
        let draft = json!({"state": "draft"});
        assert_eq!(about(EventKind::RETROSPECTIVE, draft), Some(About::Retrospective("INC-1".into())));
        assert_eq!(about(EventKind::NOTE, json!({"text": "hm"})), None);
    }
}
