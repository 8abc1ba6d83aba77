//! The words of a page, as text and as HTML. Labels and annotations are strangers' input: the HTML
//! template escapes everything, and no template is made from them.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, context};
use telemetry::Timestamp;

use super::Notice;
use crate::incident::one_line;
use crate::reading;
use crate::rule::ALERT_NAME;

/// Alerts told in full; more are counted.
const ALERTS_SHOWN: usize = 5;
/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("only whitespace is changed"));
    let sources = [
        // The ending decides whether values are escaped.
        ("page.txt", include_str!("../../templates/page.txt")),
        ("page.html", include_str!("../../templates/page.html")),
    ];
    for (name, source) in sources {
        environment
            .add_template(name, source)
            .expect("the templates are compiled in and a test renders them");
    }
    environment
});

/// What a mail reader shows in its list.
pub fn subject(notice: &Notice) -> String {
    let incident = &notice.incident;
    let subject = format!("[{}] {} {}", incident.severity, incident.id, incident.title);
    one_line(&subject, SUBJECT_CHARS_MAX)
}

pub fn text(notice: &Notice) -> Result<String, minijinja::Error> {
    render("page.txt", notice)
}

pub fn html(notice: &Notice) -> Result<String, minijinja::Error> {
    render("page.html", notice)
}

fn render(template: &str, notice: &Notice) -> Result<String, minijinja::Error> {
    let time = |at: Timestamp| local_time(at, &notice.zone);
    let alerts: Vec<minijinja::Value> = notice
        .alerts
        .iter()
        .take(ALERTS_SHOWN)
        .map(|alert| {
            let note = |name: &str| alert.annotations.get(name).cloned();
            let labels = alert.labels.iter().filter(|(name, _)| *name != ALERT_NAME);
            let labels: Vec<[String; 2]> =
                labels.map(|(name, value)| [name.to_owned(), value.to_owned()]).collect();
            context! {
                name => alert.name().to_owned(),
                state => alert.state.as_str(),
                since => time(alert.started_at),
                reading => reading::of_alert(&alert.source, alert.value),
                explains => &alert.explains,
                summary => note("summary"),
                description => note("description"),
                runbook => note("runbook_url"),
                labels => labels,
            }
        })
        .collect();
    let incident = &notice.incident;
    TEMPLATES.get_template(template)?.render(context! {
        id => incident.id.to_string(),
        title => &incident.title,
        severity => incident.severity.as_str(),
        service => &incident.service,
        started_at => time(incident.started_at),
        recipient => &notice.recipient_name,
        step => notice.page.place.step + 1,
        may_repeat => notice.page.may_repeat,
        acknowledge_url => &notice.acknowledge_url,
        incident_url => &notice.incident_url,
        alerts => alerts,
        more_alerts => notice.alerts.len().saturating_sub(ALERTS_SHOWN),
    })
}

/// `2026-11-23 03:05:00 CET`.
fn local_time(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    match at.to_jiff() {
        Some(at) => at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        None => at.to_string(),
    }
}
