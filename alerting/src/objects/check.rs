//! What can only be checked with all objects at hand: references, and that every page has somebody
//! who answers for it.

use std::collections::BTreeMap;

use telemetry::{Defect, Labels};

use crate::catalog::{Catalog, SERVICE};
use crate::incident::pages_by_default;
use crate::route::DEFAULT_POLICY;

pub(crate) fn check(catalog: &Catalog, defects: &mut Vec<Defect>) {
    for (kind, name, wanted, reference) in catalog.references() {
        if !catalog.has(wanted, &reference.name) {
            let message =
                format!("{kind} {name:?} names the {wanted} {:?}, which is not defined", reference.name);
            defects.push(catalog.defect_at(kind, name, Some(reference.line), message));
        }
    }
    check_destinations(catalog, defects);
    check_gates(catalog, defects);
}

/// A service has one gate policy.
fn check_gates(catalog: &Catalog, defects: &mut Vec<Defect>) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, policy) in &catalog.gate_policies {
        let everything = policy.services.is_empty().then_some(("", None));
        let named = policy.services.iter().map(|service| (service.name.as_str(), Some(service.line)));
        for (service, line) in everything.into_iter().chain(named) {
            let Some(other) = first.get(service) else {
                first.insert(service, name);
                continue;
            };
            let what = match service {
                "" => "all other services".to_owned(),
                service => format!("service {service:?}"),
            };
            let message = format!("GatePolicy {other:?} is for {what} already, and is used");
            defects.push(catalog.defect_at("GatePolicy", name, line, message));
        }
    }
}

/// Alerts that page have to lead to a policy. Without one called `default`, what can be told before
/// they fire is told.
fn check_destinations(catalog: &Catalog, defects: &mut Vec<Defect>) {
    for name in catalog.services.keys() {
        let labels = Labels::new([(SERVICE, name.as_str())]).unwrap_or_default();
        if catalog.route(&labels).destination.is_none() {
            let message = format!(
                "pages of service {name:?} go nowhere: no Route matches, it has no escalationPolicy, and there is \
                 no EscalationPolicy {DEFAULT_POLICY:?}"
            );
            defects.push(catalog.defect_at("Service", name, None, message));
        }
    }
    for (group, rule) in catalog.rules() {
        let labels = Catalog::static_labels(rule);
        let may_page = match rule.labels.get("severity") {
            Some(severity) => severity.as_plain().is_none_or(pages_by_default),
            None => false,
        };
        let service_is_known = labels.get(SERVICE).is_some();
        // Without a service in the rule, the series' own label decides; `default` is the safety net.
        if may_page && catalog.route(&labels).destination.is_none() {
            let why =
                if service_is_known { "its service has no escalationPolicy" } else { "it names no service" };
            let message = format!(
                "pages of alert {:?} may go nowhere: no Route matches, {why}, and there is no EscalationPolicy \
                 {DEFAULT_POLICY:?}",
                rule.alert
            );
            defects.push(catalog.defect_at("Rules", &group.key, Some(rule.line), message));
        }
    }
}
