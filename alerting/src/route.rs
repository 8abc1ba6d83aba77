//! Where an alert goes: the first route that matches, else its service's policy, else `default`.

use serde::{Deserialize, Serialize};
use telemetry::{Labels, Matcher};

use crate::people::Reference;

/// The policy for alerts that nothing else claims.
pub const DEFAULT_POLICY: &str = "default";
/// What tells alert groups apart unless a route says otherwise. A label that is absent is empty.
pub const GROUP_BY_DEFAULT: [&str; 2] = ["alertname", "slo"];

/// What answers for a group of alerts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Destination {
    /// An escalation policy's name.
    Policy(String),
    /// A receiver's name: one step, sent at once.
    Receiver(String),
}

impl Destination {
    pub fn name(&self) -> &str {
        match self {
            Destination::Policy(name) | Destination::Receiver(name) => name,
        }
    }
}

/// One node of the routing tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub name: String,
    /// All have to match; none means every alert.
    pub matchers: Vec<Matcher>,
    /// `None` inherits from the parent.
    pub group_by: Option<Vec<String>>,
    /// `None` inherits from the parent.
    pub destination: Option<(Destination, Reference)>,
    /// Looked at in order once this node matches; the first match wins.
    pub routes: Vec<Route>,
}

/// Where one alert goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// `None`: nobody has said who answers for this alert.
    pub destination: Option<Destination>,
    pub group_by: Vec<String>,
}

impl Route {
    /// The deepest node that matches, with what it inherits; `None` if this node does not match.
    pub fn find(&self, labels: &Labels) -> Option<Routed> {
        if !self.matchers.iter().all(|matcher| matcher.matches(labels)) {
            return None;
        }
        let own = Routed {
            destination: self.destination.as_ref().map(|(destination, _)| destination.clone()),
            group_by: self.group_by.clone().unwrap_or_default(),
        };
        let Some(child) = self.routes.iter().find_map(|route| route.find(labels)) else { return Some(own) };
        Some(Routed {
            destination: child.destination.or(own.destination),
            group_by: if child.group_by.is_empty() { own.group_by } else { child.group_by },
        })
    }

    /// This node and those below it.
    pub fn nodes(&self) -> Vec<&Route> {
        let mut nodes = vec![self];
        nodes.extend(self.routes.iter().flat_map(Route::nodes));
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(
        matchers: &[&str],
        policy: Option<&str>,
        group_by: Option<&[&str]>,
        routes: Vec<Route>,
    ) -> Route {
        Route {
            name: "r".into(),
            matchers: matchers.iter().map(|text| Matcher::parse(text).unwrap()).collect(),
            group_by: group_by.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            destination: policy.map(|name| {
                (Destination::Policy(name.to_owned()), Reference { name: name.to_owned(), line: 1 })
            }),
            routes,
        }
    }

    #[test]
    fn the_first_and_deepest_match_wins_and_inherits() {
        let tree = route(
            &["service=~\"match.*\""],
            Some("game"),
            Some(&["region"]),
            vec![
                route(&["severity=critical"], Some("urgent"), None, vec![]),
                route(&["region=eu"], None, Some(&["alertname"]), vec![]),
                route(&["region=eu"], Some("never reached"), None, vec![]),
            ],
        );
        let find = |pairs: &[(&str, &str)]| {
            let labels = Labels::new(pairs.iter().copied()).unwrap();
            tree.find(&labels)
                .map(|routed| format!("{:?} {:?}", routed.destination.unwrap().name(), routed.group_by))
        };
        assert_eq!(find(&[("service", "chat")]), None);
        assert_eq!(find(&[("service", "match")]).unwrap(), r#""game" ["region"]"#);
        assert_eq!(
            find(&[("service", "match"), ("severity", "critical")]).unwrap(),
            r#""urgent" ["region"]"#
        );
        assert_eq!(find(&[("service", "match"), ("region", "eu")]).unwrap(), r#""game" ["alertname"]"#);
    }
}
