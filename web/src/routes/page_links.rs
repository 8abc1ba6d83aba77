//! The link in a page, `/p/{token}`: what burns, when who was paged, who is next. A GET (or HEAD)
//! only shows, because mail scanners follow links; the POST of the button acknowledges in the name
//! of the page's recipient. Open to whoever holds the signed token.

use alerting::escalation::{Escalation, EscalationState, Next};
use alerting::{AckOutcome, AlertingError, Incident, PageView};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use minijinja::{Value, context};
use telemetry::Timestamp;

use crate::error::{WebError, WebResult};
use crate::pages::{self, Message};
use crate::security::Nonce;
use crate::state::AppState;

/// Alerts listed on the page; a phone shows no more, the incident has all.
const ALERTS_SHOWN: usize = 5;

/// A line of the list: what, and how it is.
type Fact = (&'static str, String);

/// `GET /p/{token}`
pub(crate) async fn show(
    State(state): State<AppState>,
    nonce: Nonce,
    Path(token): Path<String>,
) -> WebResult<Response> {
    match state.alerting.open_page_link(&token).await {
        Ok(view) => {
            let (sentence, tone) = standing(&view.incident.incident);
            let page = page(&view, &sentence, tone);
            Ok(pages::render("page_link.html", &nonce, &state.config.base_path(), page)?.into_response())
        }
        Err(error) => unusable(&state, error, &nonce),
    }
}

/// `POST /p/{token}`
pub(crate) async fn acknowledge(
    State(state): State<AppState>,
    nonce: Nonce,
    Path(token): Path<String>,
) -> WebResult<Response> {
    let outcome = match state.alerting.acknowledge_by_link(&token).await {
        Ok(outcome) => outcome,
        Err(error) => return unusable(&state, error, &nonce),
    };
    let view = state.alerting.open_page_link(&token).await?;
    let page = page(&view, &result(&outcome), "ok");
    Ok(pages::render("page_link.html", &nonce, &state.config.base_path(), page)?.into_response())
}

/// `state` is the one sentence that matters, `tone` how it is coloured.
fn page(view: &PageView, state: &str, tone: &str) -> Value {
    let incident = &view.incident.incident;
    let escalation = view.incident.escalation.as_ref();
    let facts = facts(view, escalation).into_iter().map(|(name, value)| context! { name, value });
    let firing = view.alerts.iter().filter(|alert| alert.is_firing());
    let id = incident.id.to_string();
    context! {
        title => format!("{id} {}", incident.title),
        heading => &incident.title,
        state,
        tone,
        facts => facts.collect::<Value>(),
        burning => firing.take(ALERTS_SHOWN).map(|alert| Value::from(burning(alert))).collect::<Value>(),
        can_acknowledge => needs_somebody(incident, escalation),
        incident_id => id,
    }
}

fn facts(view: &PageView, escalation: Option<&Escalation>) -> Vec<Fact> {
    let (incident, page) = (&view.incident.incident, &view.page);
    let mut facts = vec![
        ("Incident", format!("{}, {}", incident.id, incident.severity)),
        ("Service", incident.service.clone().unwrap_or_else(|| "—".to_owned())),
        ("Started", moment(incident.started_at)),
        ("Paged", format!("{} by {}, {}", page.recipient, page.channel.as_str(), sent(page.sent_at))),
    ];
    if let Some(next) = escalation.and_then(escalates) {
        facts.push(("Escalates", next));
    }
    if let (Some(by), Some(at)) = (&incident.acknowledged_by, incident.acknowledged_at) {
        facts.push(("Acknowledged", format!("{by}, {}", moment(at))));
    }
    facts
}

fn sent(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "not sent yet".to_owned(), moment)
}

/// Whom the next step tells, and when.
fn escalates(escalation: &Escalation) -> Option<String> {
    let (Next::Step(_, step), Some(due)) = (escalation.next(), escalation.next_due) else { return None };
    let targets: Vec<String> = step.targets.iter().map(ToString::to_string).collect();
    escalation.is_running().then(|| format!("to {} at {}", targets.join(", "), moment(due)))
}

fn burning(alert: &alerting::Alert) -> String {
    let summary = alert.annotations.get("summary").filter(|summary| !summary.is_empty());
    let name = summary.map_or(alert.name(), String::as_str);
    match &alert.explains {
        Some(why) => format!("{name} ({why})"),
        None => name.to_owned(),
    }
}

fn needs_somebody(incident: &Incident, escalation: Option<&Escalation>) -> bool {
    let is_paging = escalation.is_some_and(|it| {
        matches!(it.state, EscalationState::Running | EscalationState::Exhausted | EscalationState::Suspended)
    });
    incident.state.is_open() && (incident.acknowledged_at.is_none() || is_paging)
}

/// How the incident stands, before anybody did anything here.
fn standing(incident: &Incident) -> (String, &'static str) {
    match (&incident.acknowledged_by, incident.acknowledged_at) {
        _ if !incident.state.is_open() => (format!("This incident is {}.", incident.state.as_str()), "ok"),
        (Some(by), Some(at)) => (format!("Already acknowledged by {by}, {}.", moment(at)), "ok"),
        _ if incident.restored_at.is_some() => {
            ("The service is back; nobody has acknowledged.".to_owned(), "warn")
        }
        _ => ("Nobody has acknowledged yet.".to_owned(), "crit"),
    }
}

/// What the button did.
fn result(outcome: &AckOutcome) -> String {
    match (&outcome.acknowledged_by, outcome.acknowledged_at) {
        (Some(by), Some(at)) if outcome.first => format!("Acknowledged by {by}, {}.", moment(at)),
        (Some(by), Some(at)) => format!("Already acknowledged by {by}, {}.", moment(at)),
        _ => format!(
            "There is nothing to acknowledge: this incident is {}.",
            outcome.incident.incident.state.as_str()
        ),
    }
}

/// `2026-11-23 04:12:09`; the page says that times are UTC.
fn moment(at: Timestamp) -> String {
    at.to_jiff().map_or_else(|| at.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn unusable(state: &AppState, error: AlertingError, nonce: &Nonce) -> WebResult<Response> {
    let (status, title, text) = match error {
        AlertingError::LinkInvalid => {
            (StatusCode::NOT_FOUND, "Link not valid", "This link is damaged, or its page does not exist.")
        }
        AlertingError::LinkExpired => {
            (StatusCode::GONE, "Link expired", "This link has expired. Log in to see the incident.")
        }
        AlertingError::LinkRevoked => {
            (StatusCode::GONE, "Link revoked", "This link was sent to somebody who is not paged any more.")
        }
        other => return Err(WebError::from(other)),
    };
    let base = state.config.base_path();
    let href = format!("{base}incidents");
    let link = Some(pages::Link { href: &href, label: "Open incidents" });
    Ok(pages::message(status, nonce, &base, &Message { title, text, command: None, link }))
}
