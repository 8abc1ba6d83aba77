//! An incident's timeline.

use runbooks::timeline::{self, About};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::Time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Timeline {
    pub entries: Vec<TimelineEntry>,
}

/// One line. It cites the event that it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TimelineEntry {
    pub event_id: String,
    pub kind: String,
    pub at: Time,
    #[schema(required)]
    pub actor: Option<String>,
    pub title: String,
    #[schema(required)]
    pub detail: Option<String>,
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Link {
    pub label: String,
    /// A path of the dashboard.
    pub href: String,
}

impl From<timeline::TimelineEntry> for TimelineEntry {
    fn from(entry: timeline::TimelineEntry) -> TimelineEntry {
        TimelineEntry {
            event_id: entry.event_id,
            kind: entry.kind.to_string(),
            at: entry.at.into(),
            actor: entry.actor,
            title: entry.title,
            detail: entry.detail,
            links: entry.about.iter().map(Link::from).collect(),
        }
    }
}

impl From<&About> for Link {
    fn from(about: &About) -> Link {
        let (label, href) = match about {
            About::Slo(name) => (format!("SLO {name}"), path(&["slos", name], &[])),
            About::AlertsOf { service, is_over } => {
                let show = is_over.then_some(("show", "resolved"));
                let query: Vec<_> = show.into_iter().chain([("service", service.as_str())]).collect();
                (format!("Alerts of {service}"), path(&["alerts"], &query))
            }
            About::Run(id) => ("Runbook run".to_owned(), path(&["runs", id], &[])),
            About::Retrospective(id) => ("Retrospective".to_owned(), path(&["retros", id], &[])),
            About::Change { kind, id } => {
                // The kind is one of ours; the id is a stranger's.
                let quoted = id.replace('\'', "''");
                let query = format!(
                    "SELECT * FROM events WHERE kind = '{kind}' AND subject_id = '{quoted}' ORDER BY seq"
                );
                (format!("The {kind}"), path(&["explore"], &[("lang", "sql"), ("q", &query)]))
            }
        };
        Link { label, href }
    }
}

/// A path of the dashboard; names are escaped.
fn path(segments: &[&str], query: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://dashboard/").expect("a constant URL is valid");
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use telemetry::EventKind;

    use super::*;

    fn href(about: About) -> String {
        Link::from(&about).href
    }

    #[test]
    fn links_stay_inside_the_dashboard_whatever_the_names_are() {
        assert_eq!(href(About::Slo("chat".into())), "/slos/chat");
        assert_eq!(href(About::Slo("//evil.example/../x?y".into())), "/slos/%2F%2Fevil.example%2F..%2Fx%3Fy");
        assert_eq!(href(About::Run("r-1".into())), "/runs/r-1");
        assert_eq!(href(About::Retrospective("RETRO-1".into())), "/retros/RETRO-1");
        let alerts = |is_over| href(About::AlertsOf { service: "a&b".into(), is_over });
        assert_eq!(alerts(false), "/alerts?service=a%26b");
        assert_eq!(alerts(true), "/alerts?show=resolved&service=a%26b");
        let deploy = href(About::Change { kind: EventKind::DEPLOY, id: "it's #1".into() });
        assert_eq!(
            deploy,
            "/explore?lang=sql&q=SELECT+*+FROM+events+WHERE+kind+%3D+%27deploy%27+AND+subject_id+%3D+\
             %27it%27%27s+%231%27+ORDER+BY+seq"
        );
    }
}
