//! `Route`.

use serde::Deserialize;
use serde_saphyr::Spanned;
use telemetry::Matcher;

use super::{Manifest, Reader, Spec, reference};
use crate::incident::one_line;
use crate::route::{Destination, Route};

/// The regex parser draws pictures over several lines; a defect is one.
const REASON_CHARS_MAX: usize = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RouteSpec {
    #[serde(default)]
    matchers: Vec<Spanned<String>>,
    group_by: Option<Vec<String>>,
    escalation_policy: Option<Spanned<String>>,
    receiver: Option<Spanned<String>>,
    #[serde(default, rename = "continue")]
    continues: bool,
    #[serde(default)]
    routes: Vec<Spanned<RouteSpec>>,
}

pub(super) fn route(reader: &mut Reader<'_>, manifest: Manifest<RouteSpec>) -> Option<Spec> {
    let line = manifest.metadata.name.referenced.line();
    let route = node(reader, &manifest.metadata.name.value, line, &manifest.spec)?;
    let leads_nowhere =
        route.nodes().iter().all(|node| node.destination.is_none() && node.group_by.is_none());
    if leads_nowhere {
        reader.error(line, "the route names neither an escalationPolicy nor a receiver");
        return None;
    }
    Some(Spec::Route(route))
}

fn node(reader: &mut Reader<'_>, name: &str, line: u64, spec: &RouteSpec) -> Option<Route> {
    let mut matchers = Vec::new();
    for text in &spec.matchers {
        match Matcher::parse(&text.value) {
            Ok(matcher) => matchers.push(matcher),
            Err(error) => {
                reader.error(text.referenced.line(), one_line(&error.to_string(), REASON_CHARS_MAX));
                return None;
            }
        }
    }
    let destination = match (&spec.escalation_policy, &spec.receiver) {
        (Some(_), Some(_)) => {
            reader.error(line, "a route has an escalationPolicy or a receiver, not both");
            return None;
        }
        (Some(policy), None) => Some((Destination::Policy(policy.value.clone()), reference(policy))),
        (None, Some(receiver)) => Some((Destination::Receiver(receiver.value.clone()), reference(receiver))),
        (None, None) => None,
    };
    if spec.continues {
        reader.warning(line, "continue has no effect yet: the first route that matches is the only one");
    }
    let mut routes = Vec::new();
    for (index, child) in spec.routes.iter().enumerate() {
        let name = format!("{name}[{index}]");
        routes.push(node(reader, &name, child.referenced.line(), &child.value)?);
    }
    Some(Route { name: name.to_owned(), matchers, group_by: spec.group_by.clone(), destination, routes })
}
