//! The one place where alerting makes up its mind: `decide(world, input, ...) -> Decision`. Pure.
//!
//! The cast: the [`World`] is what was loaded for this decision and nothing else; the [`Input`] is
//! what happened (alerts changed, time passed, a person said something, a page was sent or not);
//! the [`Decision`] is every row that changes, every page that goes out, and every fact to tell.
//! The engine applies it in one transaction. Nothing in here asks a clock, a database or a network.
//!
//! - `decide/alerts.rs`: alerts open, join, restore incidents.
//! - `decide/escalate.rs`: steps go out, plans are used up, pages fail.
//! - `decide/command.rs`: what people do.

mod alerts;
mod command;
mod escalate;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use telemetry::{EventKind, Timestamp};

use crate::alert::{Alert, AlertChange};
use crate::catalog::Catalog;
use crate::escalation::{Escalation, EscalationState};
use crate::fact::{self, Fact};
use crate::ids::{AlertId, IncidentId, PageId};
use crate::incident::{Actor, Incident, IncidentState, Severity};
use crate::page::{Page, PageState};

/// What a decision may look at.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Those that are not over, those that may still be joined, and the one a person talks about.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// Of these incidents.
    pub escalations: BTreeMap<IncidentId, Escalation>,
    /// All active ones, and the resolved ones of these incidents.
    pub alerts: BTreeMap<AlertId, Alert>,
    /// The pages of these escalations' current runs.
    pub pages: BTreeMap<PageId, Page>,
    /// The number of the newest incident; 0 if there is none.
    pub last_incident: i64,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Rules or signals were evaluated.
    Alerts(Vec<AlertChange>),
    /// Nothing but time.
    Timer,
    /// A person does something about an incident that is in the world.
    Command { incident: IncidentId, command: Command, actor: Actor },
    /// A person opens an incident.
    Declare { title: String, service: Option<String>, severity: Severity, actor: Actor },
    /// A page has been claimed for sending, for the n-th time.
    Claim { page: PageId, attempt: i64, may_repeat: bool },
    /// An attempt to send a page has ended.
    Attempt { page: PageId, outcome: Attempt },
}

/// What people do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Acknowledge,
    Mitigate,
    Restore,
    Resolve,
    Close,
    Note(String),
    SetSeverity(Severity),
}

impl Command {
    pub fn verb(&self) -> &'static str {
        match self {
            Command::Acknowledge => "acknowledge",
            Command::Mitigate => "mitigate",
            Command::Restore => "restore",
            Command::Resolve => "resolve",
            Command::Close => "close",
            Command::Note(_) => "add a note to",
            Command::SetSeverity(_) => "change the severity of",
        }
    }
}

/// How an attempt to send ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Sent,
    /// Another attempt will follow.
    Retry {
        error: String,
        may_repeat: bool,
        again_at: Timestamp,
    },
    /// No further attempt will be made.
    GivenUp {
        error: String,
    },
}

/// What a decision needs to know besides the catalogue.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Values of the label `severity` that page.
    pub paging_severities: Vec<String>,
}

/// Everything that changes, to be applied in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Rows as they are from now on.
    pub alerts: Vec<Alert>,
    /// Alerts that are gone without having fired.
    pub dropped_alerts: Vec<AlertId>,
    pub incidents: Vec<Incident>,
    pub escalations: Vec<Escalation>,
    pub pages: Vec<Page>,
    pub facts: Vec<Fact>,
    pub reports: Vec<Report>,
    /// How many of the incidents are new.
    pub opened: usize,
}

/// What the operators of the pager have to hear about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// An incident without anybody who answers for it.
    Unrouted {
        incident: IncidentId,
    },
    /// A step found nobody to tell.
    NobodyToPage {
        incident: IncidentId,
        policy: String,
        step: i64,
    },
    /// Every step went out and nobody acknowledged.
    Exhausted {
        incident: IncidentId,
        policy: String,
    },
    /// A whole run reached nobody; it starts over.
    Unreached {
        incident: IncidentId,
        policy: String,
        run: i64,
    },
    PageFailed {
        incident: IncidentId,
        page: PageId,
        error: String,
    },
}

/// Why nothing was decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("cannot {verb} {incident}: it is {}", state.as_str())]
    WrongState { incident: IncidentId, verb: &'static str, state: IncidentState },
    #[error("{0} is not known")]
    UnknownIncident(IncidentId),
    #[error("page {0} is not known")]
    UnknownPage(PageId),
}

/// Makes up its mind.
pub fn decide(
    world: World,
    input: Input,
    catalog: &Catalog,
    terms: &Terms,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let actor = match &input {
        Input::Command { actor, .. } | Input::Declare { actor, .. } => actor.clone(),
        _ => Actor::engine(),
    };
    let last_incident = world.last_incident;
    let mut mind = Mind {
        world,
        catalog,
        terms,
        now,
        actor,
        changed: Changed::default(),
        facts: Vec::new(),
        reports: Vec::new(),
    };
    match input {
        Input::Alerts(changes) => mind.alerts_changed(changes),
        Input::Timer => mind.time_passed(),
        Input::Command { incident, command, .. } => mind.command(incident, command)?,
        Input::Declare { title, service, severity, .. } => mind.declare(title, service, severity),
        Input::Claim { page, attempt, may_repeat } => mind.claim(&page, attempt, may_repeat)?,
        Input::Attempt { page, outcome } => mind.attempted(&page, outcome)?,
    }
    let opened = (mind.world.last_incident - last_incident) as usize;
    Ok(Decision { opened, ..mind.decision() })
}

/// A decision in the making: the world as it becomes, and what changed on the way.
struct Mind<'a> {
    world: World,
    catalog: &'a Catalog,
    terms: &'a Terms,
    now: Timestamp,
    actor: Actor,
    changed: Changed,
    facts: Vec<Fact>,
    reports: Vec<Report>,
}

#[derive(Default)]
struct Changed {
    alerts: BTreeSet<AlertId>,
    dropped_alerts: BTreeSet<AlertId>,
    incidents: BTreeSet<IncidentId>,
    escalations: BTreeSet<IncidentId>,
    pages: BTreeSet<PageId>,
}

impl Mind<'_> {
    fn incident_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        let incident = self.world.incidents.get_mut(&id)?;
        self.changed.incidents.insert(id);
        Some(incident)
    }

    fn escalation_mut(&mut self, id: IncidentId) -> Option<&mut Escalation> {
        let escalation = self.world.escalations.get_mut(&id)?;
        self.changed.escalations.insert(id);
        Some(escalation)
    }

    fn page_mut(&mut self, id: &PageId) -> Option<&mut Page> {
        let page = self.world.pages.get_mut(id)?;
        self.changed.pages.insert(id.clone());
        Some(page)
    }

    fn pages_of(&self, incident: IncidentId, wanted: impl Fn(&Page) -> bool) -> Vec<PageId> {
        let pages = self.world.pages.values().filter(|page| page.incident == incident);
        pages.filter(|page| wanted(page)).map(|page| page.id.clone()).collect()
    }

    fn service_of(&self, id: IncidentId) -> Option<String> {
        self.world.incidents.get(&id).and_then(|incident| incident.service.clone())
    }

    /// Tells something about an incident beyond the change of its row.
    fn tell(&mut self, kind: EventKind, id: IncidentId, payload: serde_json::Value) {
        let service = self.service_of(id);
        self.facts.push(fact::about(kind, id, service, &self.actor.name, self.now, payload));
    }

    /// Pages that have not gone out will not.
    fn cancel_pages(&mut self, id: IncidentId) {
        for page in self.pages_of(id, |page| page.state == PageState::Queued) {
            if let Some(page) = self.page_mut(&page) {
                page.state = PageState::Cancelled;
            }
        }
    }

    /// Ends the escalation, whatever it waits for.
    fn stop_escalation(&mut self, id: IncidentId, state: EscalationState) {
        use EscalationState::{Exhausted, Running, Suspended};
        let is_under_way =
            |escalation: &Escalation| matches!(escalation.state, Running | Suspended | Exhausted);
        if self.world.escalations.get(&id).is_some_and(is_under_way)
            && let Some(escalation) = self.escalation_mut(id)
        {
            escalation.end(state);
        }
        self.cancel_pages(id);
    }

    /// Time passed: steps fall due, restored incidents resolve.
    fn time_passed(&mut self) {
        let incidents: Vec<IncidentId> = self.world.incidents.keys().copied().collect();
        for id in incidents {
            self.go_through_due_steps(id);
            let due = self.world.incidents.get(&id).and_then(Incident::resolves_at);
            if let Some(due) = due.filter(|due| *due <= self.now) {
                self.resolve_by_itself(id, due);
            }
        }
    }

    fn resolve_by_itself(&mut self, id: IncidentId, at: Timestamp) {
        if let Some(incident) = self.incident_mut(id) {
            incident.state = IncidentState::Resolved;
            incident.resolved_at = Some(at);
        }
        self.stop_escalation(id, EscalationState::Stopped);
        self.tell(EventKind::NOTE, id, json!({"text": "resolved by itself: all alerts stayed clear"}));
    }

    fn decision(self) -> Decision {
        let Mind { world, changed, mut facts, reports, actor, now, .. } = self;
        for id in &changed.incidents {
            let linked = world.alerts.values().filter(|alert| alert.incident == Some(*id));
            let alerts: Vec<AlertId> = linked.map(|alert| alert.id.clone()).collect();
            facts.push(fact::of_incident(&world.incidents[id], &alerts, &actor.name, now));
        }
        for id in &changed.pages {
            let page = &world.pages[id];
            let service = world.incidents.get(&page.incident).and_then(|incident| incident.service.clone());
            facts.push(fact::of_page(page, service, &actor.name, now));
        }
        // Within one moment: what fired, who took it, what became of the incident, who was told.
        facts.sort_by_key(|fact| match fact.kind.as_str() {
            "alert" => 0,
            "acknowledgement" => 1,
            "incident" => 2,
            "page" => 4,
            _ => 3,
        });
        let alerts = changed.alerts.difference(&changed.dropped_alerts);
        Decision {
            alerts: alerts.map(|id| world.alerts[id].clone()).collect(),
            dropped_alerts: changed.dropped_alerts.iter().cloned().collect(),
            incidents: changed.incidents.iter().map(|id| world.incidents[id].clone()).collect(),
            escalations: changed.escalations.iter().map(|id| world.escalations[id].clone()).collect(),
            pages: changed.pages.iter().map(|id| world.pages[id].clone()).collect(),
            facts,
            reports,
            opened: 0,
        }
    }
}

#[cfg(test)]
mod tests;
