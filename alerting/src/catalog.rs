//! All objects together: names resolved, routes in order, one answer to every "who".

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use slo::Maintenance;
use telemetry::{Defect, Labels, Timestamp};

use crate::escalation::{EscalationPolicy, Plan, Target};
use crate::gate::GatePolicy;
use crate::objects::{Object, Spec};
use crate::people::{Contact, Receiver, Reference, Service, Team, User};
use crate::route::{DEFAULT_POLICY, Destination, GROUP_BY_DEFAULT, Route, Routed};
use crate::rule::{ALERT_NAME, AlertRule, RuleGroup};
use crate::schedule::Schedule;

/// The label that names what is broken.
pub const SERVICE: &str = "service";

/// Where an object was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: String,
    pub line: u64,
}

/// What alerting is configured with. Built once, then shared and never changed.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub users: BTreeMap<String, User>,
    pub teams: BTreeMap<String, Team>,
    pub schedules: BTreeMap<String, Schedule>,
    pub policies: BTreeMap<String, EscalationPolicy>,
    pub receivers: BTreeMap<String, Receiver>,
    pub services: BTreeMap<String, Service>,
    pub gate_policies: BTreeMap<String, GatePolicy>,
    pub maintenance: BTreeMap<String, Maintenance>,
    /// In the order of the files.
    pub routes: Vec<Route>,
    pub groups: Vec<RuleGroup>,
    origins: BTreeMap<(&'static str, String), Origin>,
}

/// Somebody (or something) that a step tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub name: String,
    pub contacts: Vec<Contact>,
}

impl Catalog {
    /// Joins the objects of all files, in the order given. What is wrong between objects comes back
    /// as defects; an object named twice is used as first written.
    pub fn build(objects: Vec<Object>) -> (Catalog, Vec<Defect>) {
        let (mut catalog, mut defects) = (Catalog::default(), Vec::new());
        for object in objects {
            catalog.add(object, &mut defects);
        }
        crate::objects::check(&catalog, &mut defects);
        defects.sort();
        (catalog, defects)
    }

    fn add(&mut self, object: Object, defects: &mut Vec<Defect>) {
        let (kind, name) = object.spec.kind_and_name();
        let origin = Origin { file: object.file, line: object.line };
        if let Some(first) = self.origins.get(&(kind, name.clone())) {
            let message = format!("{kind} {name:?} is already defined in {}:{}", first.file, first.line);
            defects.push(Defect::error(&origin.file, Some(origin.line), message));
            return;
        }
        self.origins.insert((kind, name.clone()), origin);
        match object.spec {
            Spec::User(user) => drop(self.users.insert(name, user)),
            Spec::Team(team) => drop(self.teams.insert(name, team)),
            Spec::Schedule(schedule) => drop(self.schedules.insert(name, schedule)),
            Spec::EscalationPolicy(policy) => drop(self.policies.insert(name, policy)),
            Spec::Receiver(receiver) => drop(self.receivers.insert(name, receiver)),
            Spec::Service(service) => drop(self.services.insert(name, service)),
            Spec::GatePolicy(policy) => drop(self.gate_policies.insert(name, policy)),
            Spec::Maintenance(maintenance) => drop(self.maintenance.insert(name, maintenance)),
            Spec::Route(route) => self.routes.push(route),
            Spec::Rules(group) => self.groups.push(group),
        }
    }

    /// Where an object was written; kinds are spelt as in the files, rule groups are `Rules`.
    pub fn origin(&self, kind: &str, name: &str) -> Option<&Origin> {
        self.origins.iter().find(|((k, n), _)| *k == kind && n == name).map(|(_, origin)| origin)
    }

    /// Every alerting rule with its group.
    pub fn rules(&self) -> impl Iterator<Item = (&RuleGroup, &AlertRule)> {
        self.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)))
    }

    /// Where an alert goes.
    pub fn route(&self, labels: &Labels) -> Routed {
        let routed = self.routes.iter().find_map(|route| route.find(labels));
        let mut routed = routed.unwrap_or(Routed { destination: None, group_by: Vec::new() });
        if routed.group_by.is_empty() {
            routed.group_by = GROUP_BY_DEFAULT.map(str::to_owned).to_vec();
        }
        if routed.destination.is_none() {
            routed.destination = self.fallback(labels.get(SERVICE));
        }
        routed
    }

    fn fallback(&self, service: Option<&str>) -> Option<Destination> {
        let service = service.and_then(|name| self.services.get(name));
        let own =
            service.and_then(|service| service.escalation_policy.as_ref()).map(|policy| policy.name.clone());
        let default = self.policies.contains_key(DEFAULT_POLICY).then(|| DEFAULT_POLICY.to_owned());
        own.or(default).map(Destination::Policy)
    }

    /// The steps behind a destination; `None` if there is no such policy or receiver any more.
    pub fn plan(&self, destination: &Destination) -> Option<Plan> {
        match destination {
            Destination::Policy(name) => self.policies.get(name).map(|policy| policy.plan.clone()),
            Destination::Receiver(name) => self.receivers.get(name).map(|_| Plan::of_receiver(name)),
        }
    }

    /// Whom a target means at a time; nobody for a schedule with a gap, or a name that is gone.
    pub fn recipient(&self, target: &Target, now: Timestamp) -> Option<Recipient> {
        let user = match target {
            Target::Receiver(name) => {
                let contacts = self.receivers.get(name)?.contacts.clone();
                return Some(Recipient { name: name.clone(), contacts });
            }
            Target::User(name) => name.as_str(),
            Target::Schedule(name) => self.schedules.get(name)?.user_at(now)?,
        };
        let contacts = self.users.get(user)?.contacts.clone();
        Some(Recipient { name: user.to_owned(), contacts })
    }

    /// Who is on call for a service right now: the people its policy's first step reaches.
    pub fn on_call_for_service(&self, service: &str, now: Timestamp) -> Vec<String> {
        let plan = self.fallback(Some(service)).and_then(|destination| self.plan(&destination));
        let targets = plan.and_then(|plan| plan.steps.into_iter().next()).map(|step| step.targets);
        let recipients = targets.unwrap_or_default();
        let names: BTreeSet<String> = recipients
            .iter()
            .filter(|target| !matches!(target, Target::Receiver(_)))
            .filter_map(|target| Some(self.recipient(target, now)?.name))
            .collect();
        names.into_iter().collect()
    }

    /// The zone in which a recipient reads times.
    pub fn zone_of(&self, recipient: &str) -> TimeZone {
        self.users.get(recipient).and_then(|user| user.timezone.clone()).unwrap_or(TimeZone::UTC)
    }

    /// What can be said about an alert of a rule before it fires: its labels that are plain text.
    pub(crate) fn static_labels(rule: &AlertRule) -> Labels {
        let plain = rule.labels.iter().filter_map(|(name, text)| Some((name.as_str(), text.as_plain()?)));
        let pairs = plain.filter(|(name, _)| *name != ALERT_NAME).chain([(ALERT_NAME, rule.alert.as_str())]);
        Labels::new(pairs).unwrap_or_default()
    }

    pub(crate) fn defect_at(
        &self,
        kind: &'static str,
        name: &str,
        line: Option<u64>,
        message: String,
    ) -> Defect {
        let origin = self.origins.get(&(kind, name.to_owned()));
        let line = line.or(origin.map(|origin| origin.line));
        Defect::error(origin.map_or("", |origin| origin.file.as_str()), line, message)
    }

    pub(crate) fn references(&self) -> Vec<(&'static str, &str, &'static str, &Reference)> {
        let mut all = Vec::new();
        for (name, team) in &self.teams {
            all.extend(team.members.iter().map(|user| ("Team", name.as_str(), "User", user)));
        }
        for (name, schedule) in &self.schedules {
            let users = schedule.layers.iter().flat_map(|layer| &layer.users);
            all.extend(users.map(|user| ("Schedule", name.as_str(), "User", user)));
        }
        for (name, policy) in &self.policies {
            for (target, reference) in &policy.references {
                let kind = match target {
                    Target::User(_) => "User",
                    Target::Schedule(_) => "Schedule",
                    Target::Receiver(_) => "Receiver",
                };
                all.push(("EscalationPolicy", name.as_str(), kind, reference));
            }
        }
        for (name, service) in &self.services {
            all.extend(service.team.iter().map(|team| ("Service", name.as_str(), "Team", team)));
            let policy = service.escalation_policy.iter();
            all.extend(policy.map(|policy| ("Service", name.as_str(), "EscalationPolicy", policy)));
            all.extend(service.depends_on.iter().map(|other| ("Service", name.as_str(), "Service", other)));
        }
        for (name, policy) in &self.gate_policies {
            all.extend(
                policy.services.iter().map(|service| ("GatePolicy", name.as_str(), "Service", service)),
            );
        }
        for route in &self.routes {
            for (destination, reference) in
                route.nodes().into_iter().filter_map(|node| node.destination.as_ref())
            {
                let kind = match destination {
                    Destination::Policy(_) => "EscalationPolicy",
                    Destination::Receiver(_) => "Receiver",
                };
                all.push(("Route", route.name.as_str(), kind, reference));
            }
        }
        all
    }

    pub(crate) fn has(&self, kind: &str, name: &str) -> bool {
        self.origin(kind, name).is_some()
    }
}

impl Spec {
    fn kind_and_name(&self) -> (&'static str, String) {
        match self {
            Spec::User(user) => ("User", user.name.clone()),
            Spec::Team(team) => ("Team", team.name.clone()),
            Spec::Schedule(schedule) => ("Schedule", schedule.name.clone()),
            Spec::EscalationPolicy(policy) => ("EscalationPolicy", policy.name.clone()),
            Spec::Receiver(receiver) => ("Receiver", receiver.name.clone()),
            Spec::Service(service) => ("Service", service.name.clone()),
            Spec::GatePolicy(policy) => ("GatePolicy", policy.name.clone()),
            Spec::Maintenance(maintenance) => ("Maintenance", maintenance.name.clone()),
            Spec::Route(route) => ("Route", route.name.clone()),
            Spec::Rules(group) => ("Rules", group.key.clone()),
        }
    }
}
