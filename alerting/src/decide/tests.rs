//! Decisions played through in memory: minute by minute, who is told what.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use telemetry::Labels;

use super::*;
use crate::alert::{AlertState, Transition};
use crate::incident::{PAGING_SEVERITIES, Via};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let (objects, defects) = crate::objects::parse("t.yaml", include_str!("../../tests/data/two_steps.yaml"));
    assert_eq!(defects, []);
    Catalog::build(objects).0
});

/// A world that decisions are applied to, and what they said.
struct Play {
    world: World,
    catalog: Catalog,
    now: Timestamp,
    reports: Vec<Report>,
    facts: Vec<Fact>,
}

fn minute(n: i64) -> Timestamp {
    Timestamp::from_secs(n * 60)
}

impl Play {
    fn new() -> Play {
        Play {
            world: World::default(),
            catalog: CATALOG.clone(),
            now: minute(0),
            reports: vec![],
            facts: vec![],
        }
    }

    fn at(&mut self, mins: i64) -> &mut Play {
        self.now = minute(mins);
        self
    }

    fn try_decide(&mut self, input: Input) -> Result<Decision, Refusal> {
        let terms = Terms { paging_severities: PAGING_SEVERITIES.map(str::to_owned).to_vec() };
        let decision = decide(self.world.clone(), input, &self.catalog, &terms, self.now)?;
        let world = &mut self.world;
        world.last_incident += decision.opened as i64;
        world.alerts.extend(decision.alerts.iter().map(|alert| (alert.id.clone(), alert.clone())));
        world.alerts.retain(|id, _| !decision.dropped_alerts.contains(id));
        world.incidents.extend(decision.incidents.iter().map(|incident| (incident.id, incident.clone())));
        world.escalations.extend(decision.escalations.iter().map(|e| (e.incident, e.clone())));
        world.pages.extend(decision.pages.iter().map(|page| (page.id.clone(), page.clone())));
        // What is loaded are the pages of the current runs.
        let escalations = &world.escalations;
        world.pages.retain(|_, page| escalations.get(&page.incident).is_none_or(|e| e.run == page.place.run));
        self.reports.extend(decision.reports.iter().cloned());
        self.facts.extend(decision.facts.iter().cloned());
        Ok(decision)
    }

    fn decide(&mut self, input: Input) -> Decision {
        self.try_decide(input).unwrap()
    }

    fn fires(&mut self, name: &str, service: &str, severity: &str) -> Decision {
        let labels =
            Labels::new([("alertname", name), ("service", service), ("severity", severity)]).unwrap();
        let alert = Alert {
            id: AlertId::of("rule:f/g/a", &labels, self.now),
            source: "rule:f/g/a".into(),
            labels,
            annotations: BTreeMap::new(),
            state: AlertState::Firing,
            active_at: self.now,
            started_at: self.now.minus(Duration::from_secs(60)),
            fired_at: Some(self.now),
            keep_firing_since: None,
            resolved_at: None,
            value: 1.0,
            incident: None,
            unseen_since: None,
            told_at: None,
            explains: None,
        };
        self.decide(Input::Alerts(vec![AlertChange { alert, transition: Some(Transition::Firing) }]))
    }

    fn clears(&mut self, name: &str) -> Decision {
        let firing = self.world.alerts.values().filter(|alert| alert.is_firing() && alert.name() == name);
        let now = self.now;
        let change = |alert: &Alert| AlertChange {
            alert: Alert { state: AlertState::Resolved, resolved_at: Some(now), ..alert.clone() },
            transition: Some(Transition::Resolved),
        };
        let changes = firing.map(change).collect();
        self.decide(Input::Alerts(changes))
    }

    /// Sends everything that is due, with one outcome for all.
    fn send(&mut self, outcome: Attempt) -> Vec<String> {
        let due = |page: &&Page| page.state == PageState::Queued && page.due_at <= self.now;
        let pages: Vec<PageId> = self.world.pages.values().filter(due).map(|page| page.id.clone()).collect();
        let mut told = Vec::new();
        for page in pages {
            self.decide(Input::Claim { page: page.clone(), attempt: 1, may_repeat: false });
            if self.world.pages[&page].state == PageState::Sending {
                told.push(self.world.pages[&page].address.clone());
                self.decide(Input::Attempt { page, outcome: outcome.clone() });
            }
        }
        told.sort();
        told
    }

    /// Lets time pass to a minute and tells who is mailed.
    fn turn(&mut self, mins: i64) -> Vec<String> {
        self.at(mins).decide(Input::Timer);
        self.send(Attempt::Sent)
    }

    fn command(&mut self, command: Command) -> Result<Decision, Refusal> {
        let incident = IncidentId::from_number(1);
        let actor = Actor::new("ann", Via::Web);
        self.try_decide(Input::Command { incident, command, actor })
    }

    fn incident(&self, number: i64) -> &Incident {
        &self.world.incidents[&IncidentId::from_number(number)]
    }

    fn escalation(&self) -> &Escalation {
        &self.world.escalations[&IncidentId::from_number(1)]
    }
}

const NOBODY: [&str; 0] = [];

#[test]
fn steps_follow_until_somebody_acknowledges() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    assert_eq!(play.send(Attempt::Sent), ["ann@example.com"]);
    assert_eq!(play.turn(4), NOBODY);
    assert_eq!(play.turn(5), ["bob@example.com"]);
    play.command(Command::Acknowledge).unwrap();
    // Bob's second contact would have been tried now.
    assert_eq!(play.turn(7), NOBODY);
    assert_eq!(play.turn(600), NOBODY);
    let incident = play.incident(1);
    assert_eq!(
        (incident.state, incident.acknowledged_by.as_deref()),
        (IncidentState::Investigating, Some("ann"))
    );
    assert_eq!(incident.started_at, minute(-1));
    let states: Vec<&str> = play.world.pages.values().map(|page| page.state.as_str()).collect();
    assert_eq!(states.iter().filter(|state| **state == "acknowledged").count(), 2);
    assert_eq!(states.iter().filter(|state| **state == "cancelled").count(), 1);
}

#[test]
fn a_users_contacts_are_tried_one_after_the_other() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    play.send(Attempt::Sent);
    assert_eq!(play.turn(5), ["bob@example.com"]);
    assert_eq!(play.turn(6), NOBODY);
    assert_eq!(play.turn(7), ["bob@private.example"]);
}

#[test]
fn an_escalation_that_nobody_answers_is_reported() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    for mins in 0..=10 {
        play.turn(mins);
    }
    assert_eq!(play.escalation().state, EscalationState::Exhausted);
    assert_eq!(
        play.reports,
        [Report::Exhausted { incident: IncidentId::from_number(1), policy: "default".into() }]
    );
    // Another alert of the group wakes it again.
    play.fires("Down", "matchmaking", "critical");
    assert_eq!(play.send(Attempt::Sent), ["ann@example.com"]);
}

#[test]
fn a_severity_that_does_not_page_opens_nothing() {
    let mut play = Play::new();
    let decision = play.fires("DiskFull", "matchmaking", "ticket");
    assert!(decision.incidents.is_empty() && decision.pages.is_empty());
    assert_eq!(decision.facts.len(), 1);
    assert_eq!(decision.facts[0].payload["incident_id"], serde_json::Value::Null);
}

#[test]
fn scenario_30_nobody_on_call_hands_over_at_once_and_says_so() {
    let mut play = Play::new();
    play.fires("Lag", "chat", "page");
    assert_eq!(play.send(Attempt::Sent), ["bob@example.com"]);
    let reasons: Vec<&str> = play.facts.iter().filter_map(|fact| fact.payload["reason"].as_str()).collect();
    assert_eq!(reasons, ["nobody", "due"]);
    assert!(matches!(play.reports[..], [Report::NobodyToPage { step: 1, .. }]));
}

#[test]
fn scenario_30_a_policy_that_reaches_nobody_starts_over_and_alarms() {
    let mut play = Play::new();
    play.fires("Lag", "void", "page");
    assert!(matches!(play.reports[..], [Report::NobodyToPage { .. }, Report::Unreached { run: 1, .. }]));
    assert_eq!(play.escalation().next_due, Some(minute(1)));
    play.turn(1);
    assert_eq!(play.escalation().next_due, Some(minute(3)), "the wait doubles");
    assert!(play.escalation().is_running());
}

#[test]
fn an_alert_that_nobody_answers_for_still_opens_an_incident() {
    let mut play = Play::new();
    play.catalog.policies.clear();
    play.fires("Down", "matchmaking", "page");
    assert_eq!(play.reports, [Report::Unrouted { incident: IncidentId::from_number(1) }]);
    assert_eq!(play.incident(1).state, IncidentState::Triage);
}

#[test]
fn pages_of_one_group_join_one_incident_without_paging_again() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    play.send(Attempt::Sent);
    play.command(Command::Acknowledge).unwrap();
    play.at(1).fires("Down", "matchmaking", "critical");
    assert_eq!(play.world.incidents.len(), 1);
    assert_eq!(play.turn(30), NOBODY);
    // Another service, another incident.
    play.fires("Down", "chat", "page");
    assert_eq!(play.world.incidents.len(), 2);
}

#[test]
fn an_incident_is_restored_by_its_last_alert_and_resolves_by_itself() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    play.fires("Down", "matchmaking", "critical");
    play.at(1).clears("Down");
    assert_eq!(play.incident(1).restored_at, Some(minute(1)));
    assert_eq!(play.turn(6), NOBODY, "nobody is paged for what is over");
    play.turn(30);
    assert_eq!(play.incident(1).state, IncidentState::Triage);
    play.turn(40);
    let incident = play.incident(1);
    assert_eq!((incident.state, incident.resolved_at), (IncidentState::Resolved, Some(minute(31))));
}

#[test]
fn scenario_25_a_flap_is_one_page() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    assert_eq!(play.send(Attempt::Sent), ["ann@example.com"]);
    play.at(1).clears("Down");
    play.at(3).fires("Down", "matchmaking", "page");
    assert_eq!(play.send(Attempt::Sent), NOBODY);
    assert_eq!(play.incident(1).restored_at, None);
    assert_eq!(play.turn(5), ["bob@example.com"], "the escalation goes on where it was");
}

#[test]
fn what_comes_back_within_the_hour_joins_and_pages_again() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    play.send(Attempt::Sent);
    play.command(Command::Acknowledge).unwrap();
    play.at(1).clears("Down");
    play.turn(31);
    assert_eq!(play.incident(1).state, IncidentState::Resolved);
    play.at(40).fires("Down", "matchmaking", "page");
    assert_eq!(play.send(Attempt::Sent), ["ann@example.com"]);
    let incident = play.incident(1);
    assert_eq!((incident.state, incident.resolved_at), (IncidentState::Investigating, None));
    assert_eq!(incident.acknowledged_at, Some(minute(0)), "the first acknowledgement stays");
    play.at(41).clears("Down");
    play.at(101).fires("Down", "matchmaking", "page");
    assert_eq!(play.world.incidents.len(), 2);
}

#[test]
fn a_page_that_fails_brings_the_next_contact_and_then_the_next_step() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    let down = || Attempt::GivenUp { error: "no such mailbox".into() };
    assert_eq!(play.send(down()), ["ann@example.com"]);
    // Step 2 came at once; its first contact fails too, and the second one comes at once.
    assert_eq!(play.send(down()), ["bob@example.com"]);
    assert_eq!(play.send(Attempt::Sent), ["bob@private.example"]);
    let reasons: Vec<&str> = play.facts.iter().filter_map(|fact| fact.payload["reason"].as_str()).collect();
    assert_eq!(reasons, ["due", "undelivered", "due"]);
}

#[test]
fn when_every_page_fails_the_escalation_starts_over() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    let down = || Attempt::GivenUp { error: "refused".into() };
    while !play.send(down()).is_empty() {}
    assert!(play.reports.contains(&Report::Unreached {
        incident: IncidentId::from_number(1),
        policy: "default".into(),
        run: 1
    }));
    assert_eq!(play.turn(1), ["ann@example.com"]);
}

#[test]
fn scenario_23_an_acknowledgement_while_a_page_is_on_its_way_stops_what_follows() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    let page = play.world.pages.keys().next().unwrap().clone();
    play.decide(Input::Claim { page: page.clone(), attempt: 1, may_repeat: false });
    play.command(Command::Acknowledge).unwrap();
    assert_eq!(play.world.pages[&page].state, PageState::Sending);
    play.decide(Input::Attempt { page: page.clone(), outcome: Attempt::Sent });
    assert_eq!(play.world.pages[&page].state, PageState::Acknowledged);
    assert_eq!(play.turn(60), NOBODY);

    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    play.decide(Input::Claim { page: page.clone(), attempt: 1, may_repeat: false });
    play.command(Command::Acknowledge).unwrap();
    let again_at = minute(1);
    let retry = Attempt::Retry { error: "busy".into(), may_repeat: false, again_at };
    play.decide(Input::Attempt { page: page.clone(), outcome: retry });
    assert_eq!(play.world.pages[&page].state, PageState::Cancelled);
}

#[test]
fn a_page_claimed_after_the_acknowledgement_is_not_sent() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    let page = play.world.pages.keys().next().unwrap().clone();
    // As if the acknowledgement had committed between the claimer's look and its claim.
    play.world.escalations.get_mut(&IncidentId::from_number(1)).unwrap().end(EscalationState::Acknowledged);
    play.decide(Input::Claim { page: page.clone(), attempt: 1, may_repeat: false });
    assert_eq!(play.world.pages[&page].state, PageState::Cancelled);
}

#[test]
fn an_engine_that_slept_does_not_fire_all_that_it_missed() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    play.send(Attempt::Sent);
    assert_eq!(play.turn(500), ["bob@example.com"]);
    assert_eq!(play.escalation().next_due, Some(minute(505)));
}

#[test]
fn verbs_do_what_they_say_and_can_be_repeated() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    play.at(1).command(Command::Mitigate).unwrap();
    let incident = play.incident(1);
    assert_eq!((incident.acknowledged_at, incident.mitigated_at), (Some(minute(1)), Some(minute(1))));
    play.at(2).command(Command::Resolve).unwrap();
    assert_eq!(play.incident(1).restored_at, None, "an alert still fires");
    play.at(3).clears("Down");
    assert_eq!(play.incident(1).restored_at, Some(minute(3)));
    assert!(play.at(4).command(Command::Resolve).unwrap().facts.is_empty());
    play.command(Command::Close).unwrap();
    assert!(play.at(5).command(Command::Close).unwrap().facts.is_empty());
    assert_eq!(play.incident(1).closed_at, Some(minute(4)));
    let refused = play.command(Command::Mitigate).unwrap_err();
    assert_eq!(refused.to_string(), "cannot mitigate INC-1: it is closed");
    assert_eq!(play.command(Command::Note("for the record".into())).unwrap().facts.len(), 1);
    let decision = play.try_decide(Input::Command {
        incident: IncidentId::from_number(9),
        command: Command::Close,
        actor: Actor::engine(),
    });
    assert_eq!(decision.unwrap_err(), Refusal::UnknownIncident(IncidentId::from_number(9)));
}

#[test]
fn a_bad_incident_declared_by_hand_pages_and_a_small_one_does_not() {
    let mut play = Play::new();
    let declare = |title: &str, severity| Input::Declare {
        title: title.into(),
        service: Some("matchmaking".into()),
        severity,
        actor: Actor::new("bob", Via::Cli),
    };
    play.decide(declare("Players cannot log in", Severity::Sev1));
    assert_eq!(play.send(Attempt::Sent), ["ann@example.com"]);
    play.decide(declare("Typo in the lobby", Severity::Sev4));
    assert_eq!(play.send(Attempt::Sent), NOBODY);
    assert_eq!(play.world.incidents.len(), 2);
    assert_eq!(play.incident(2).group_key, "declared:INC-2");
}

#[test]
fn every_change_is_a_fact_with_the_whole_state() {
    let mut play = Play::new();
    play.fires("Down", "matchmaking", "page");
    let kinds: Vec<&str> = play.facts.iter().map(|fact| fact.kind.as_str()).collect();
    assert_eq!(kinds, ["alert", "incident", "escalation", "page"]);
    let incident = &play.facts[1];
    assert_eq!(incident.subject, "INC-1");
    assert_eq!(incident.payload["state"], "triage");
    assert_eq!(incident.payload["severity"], "SEV2");
    assert_eq!(incident.payload["alerts"].as_array().unwrap().len(), 1);
    assert!(play.facts.iter().all(|fact| fact.payload["incident_id"] == "INC-1"));
    assert_eq!(play.facts[3].payload["state"], "queued");
    assert_eq!(play.facts[3].payload["step"], 1);
}
