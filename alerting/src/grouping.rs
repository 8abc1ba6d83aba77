//! Which incident a page belongs to.

use std::collections::BTreeMap;

use telemetry::{Labels, Timestamp};

use crate::catalog::SERVICE;
use crate::ids::IncidentId;
use crate::incident::Incident;

/// Tells groups apart: the service and the values of the grouping labels. JSON, so that no value
/// can pretend to be two.
pub fn group_key(labels: &Labels, group_by: &[String]) -> String {
    let mut names: Vec<&str> = group_by.iter().map(String::as_str).filter(|name| *name != SERVICE).collect();
    names.sort_unstable();
    names.dedup();
    // As in Alertmanager, `...` keeps every label set for itself.
    if names.contains(&"...") {
        names = labels.iter().map(|(name, _)| name).filter(|name| *name != SERVICE).collect();
    }
    let pairs = [SERVICE].into_iter().chain(names);
    let pairs: Vec<[&str; 2]> = pairs.map(|name| [name, labels.get(name).unwrap_or_default()]).collect();
    serde_json::to_string(&pairs).unwrap_or_default()
}

/// The open (or recently restored) incident of a group; the newest, should there be several.
pub fn joinable(
    incidents: &BTreeMap<IncidentId, Incident>,
    group_key: &str,
    now: Timestamp,
) -> Option<IncidentId> {
    let mut fitting = incidents.values().filter(|incident| incident.group_key == group_key);
    fitting.rfind(|incident| incident.takes_pages(now)).map(|incident| incident.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_differ_by_service_and_by_the_labels_named() {
        let key = |pairs: &[(&str, &str)], group_by: &[&str]| {
            let group_by: Vec<String> = group_by.iter().map(|name| (*name).to_owned()).collect();
            group_key(&Labels::new(pairs.iter().copied()).unwrap(), &group_by)
        };
        let (a, b) = ([("service", "s"), ("pod", "a")], [("service", "s"), ("pod", "b")]);
        assert_eq!(key(&a, &["alertname"]), key(&b, &["alertname"]));
        assert_ne!(key(&a, &["pod"]), key(&b, &["pod"]));
        assert_ne!(key(&a, &["..."]), key(&b, &["..."]));
        assert_ne!(key(&a, &[]), key(&[("service", "t")], &[]));
        assert_eq!(key(&[], &["alertname"]), r#"[["service",""],["alertname",""]]"#);
    }
}
