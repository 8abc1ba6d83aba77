//! Escalation: who is told next, and when, until somebody acknowledges.
//!
//! An [`EscalationPolicy`] is the plan as it stands in a file; an [`Escalation`] is one incident
//! going through a copy of it, so that editing the file does not move an escalation under way. Its
//! only wait is `next_due`, a column: nothing sleeps.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::ids::{IncidentId, PagePlace};
use crate::people::Reference;
use crate::route::Destination;

/// Between two passes over a policy whose steps all have no delay.
pub const REPEAT_AFTER_MIN: Duration = Duration::from_secs(5 * 60);
/// How soon a run that reached nobody starts over; doubles with every run up to the maximum.
pub const UNREACHED_RETRY: Duration = Duration::from_secs(60);
pub const UNREACHED_RETRY_MAX: Duration = Duration::from_secs(600);

/// Who a step tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    User(String),
    /// Whoever is on call when the step comes.
    Schedule(String),
    Receiver(String),
}

impl Target {
    pub fn name(&self) -> &str {
        match self {
            Target::User(name) | Target::Schedule(name) | Target::Receiver(name) => name,
        }
    }
}

/// `schedule primary`, for people.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self {
            Target::User(_) => "user",
            Target::Schedule(_) => "schedule",
            Target::Receiver(_) => "receiver",
        };
        write!(f, "{kind} {}", self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How long after the step before (or after the start) this one comes.
    #[serde(with = "telemetry::time::duration_text")]
    pub delay: Duration,
    pub targets: Vec<Target>,
}

/// The part of a policy that an escalation copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Never empty.
    pub steps: Vec<Step>,
    /// How often all steps are gone through again; `-1` is for ever.
    pub repeat: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationPolicy {
    pub name: String,
    pub display_name: String,
    pub plan: Plan,
    /// Where the targets stand in the file.
    pub references: Vec<(Target, Reference)>,
}

impl Plan {
    /// One step that tells a receiver at once.
    pub fn of_receiver(name: &str) -> Plan {
        let step = Step { delay: Duration::ZERO, targets: vec![Target::Receiver(name.to_owned())] };
        Plan { steps: vec![step], repeat: 0 }
    }

    /// How long the last step is given before the next pass begins or the plan is used up: the
    /// first step's delay, else the last one's, else [`REPEAT_AFTER_MIN`].
    fn pass_ends_after(&self) -> Duration {
        let delays = [self.steps.first(), self.steps.last()].into_iter().flatten().map(|step| step.delay);
        delays.into_iter().find(|delay| !delay.is_zero()).unwrap_or(REPEAT_AFTER_MIN)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EscalationState {
    /// The next step comes at `next_due`.
    Running,
    /// The alerts cleared before anybody acknowledged.
    Suspended,
    /// Somebody took it.
    Acknowledged,
    /// Every step went out and nobody answered; reported, and nothing follows by itself.
    Exhausted,
    /// The incident ended, or a person ended the paging.
    Stopped,
}

impl EscalationState {
    pub const ALL: [EscalationState; 5] = [
        EscalationState::Running,
        EscalationState::Suspended,
        EscalationState::Acknowledged,
        EscalationState::Exhausted,
        EscalationState::Stopped,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EscalationState::Running => "running",
            EscalationState::Suspended => "suspended",
            EscalationState::Acknowledged => "acknowledged",
            EscalationState::Exhausted => "exhausted",
            EscalationState::Stopped => "stopped",
        }
    }

    pub fn parse(text: &str) -> Option<EscalationState> {
        EscalationState::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One incident on its way through a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    pub incident: IncidentId,
    pub destination: Destination,
    pub plan: Plan,
    pub state: EscalationState,
    /// Counts from 1.
    pub run: i64,
    /// Passes begun before this one.
    pub round: i64,
    /// The step that comes next; as many as there are steps when all of the last pass are out.
    pub step: i64,
    /// Set while the state is running (and kept while suspended).
    pub next_due: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Step(PagePlace, Step),
    /// All steps of all passes are out.
    End,
}

impl Escalation {
    /// At the beginning of a plan.
    pub fn start(
        incident: IncidentId,
        run: i64,
        destination: Destination,
        plan: Plan,
        now: Timestamp,
    ) -> Escalation {
        let delay = plan.steps.first().map_or(Duration::ZERO, |step| step.delay);
        Escalation {
            incident,
            destination,
            plan,
            state: EscalationState::Running,
            run,
            round: 0,
            step: 0,
            next_due: Some(now.plus(delay)),
            acknowledged_at: None,
            acknowledged_by: None,
        }
    }

    pub fn is_running(&self) -> bool {
        self.state == EscalationState::Running
    }

    pub fn is_due(&self, now: Timestamp) -> bool {
        self.is_running() && self.next_due.is_some_and(|due| due <= now)
    }

    pub fn next(&self) -> Next {
        match self.plan.steps.get(self.step as usize) {
            Some(step) => {
                Next::Step(PagePlace { run: self.run, round: self.round, step: self.step }, step.clone())
            }
            None => Next::End,
        }
    }

    /// The step is out: waits for the next one, counted from now and not from when it was due, so
    /// that an engine that slept does not fire all that it missed.
    pub fn advance(&mut self, now: Timestamp) {
        self.step += 1;
        let passes_left = self.plan.repeat < 0 || self.round < self.plan.repeat;
        let wait = match self.plan.steps.get(self.step as usize) {
            Some(next) => next.delay,
            None => {
                if passes_left {
                    self.step = 0;
                    self.round += 1;
                }
                self.plan.pass_ends_after()
            }
        };
        self.next_due = Some(now.plus(wait));
    }

    /// Ends the waiting.
    pub fn end(&mut self, state: EscalationState) {
        self.state = state;
        self.next_due = None;
    }

    /// When to start over after a run that reached nobody.
    pub fn retry_at(&self, now: Timestamp) -> Timestamp {
        let doublings = u32::try_from(self.run.clamp(1, 16) - 1).unwrap_or_default();
        now.plus(UNREACHED_RETRY.saturating_mul(1 << doublings).min(UNREACHED_RETRY_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(delays_mins: &[u64], repeat: i64) -> Plan {
        let step = |mins: &u64| Step {
            delay: Duration::from_secs(mins * 60),
            targets: vec![Target::User(format!("after {mins}"))],
        };
        Plan { steps: delays_mins.iter().map(step).collect(), repeat }
    }

    /// Minutes at which steps go out, and at which the plan is used up.
    fn check(plan: Plan, expect: &str) {
        let incident = IncidentId::from_number(1);
        let destination = Destination::Policy("p".into());
        let mut escalation = Escalation::start(incident, 1, destination, plan, Timestamp::EPOCH);
        let mut seen = Vec::new();
        while seen.len() < 8 {
            let due = escalation.next_due.unwrap();
            match escalation.next() {
                Next::Step(place, _) => {
                    seen.push(format!("{}:{}.{}", due.secs() / 60, place.round, place.step));
                    escalation.advance(due);
                }
                Next::End => {
                    seen.push(format!("{}:end", due.secs() / 60));
                    break;
                }
            }
        }
        assert_eq!(seen.join(" "), expect);
    }

    #[test]
    fn steps_follow_each_other_by_their_delays() {
        check(plan(&[0, 5, 10], 0), "0:0.0 5:0.1 15:0.2 25:end");
        check(plan(&[2, 5], 1), "2:0.0 7:0.1 9:1.0 14:1.1 16:end");
    }

    #[test]
    fn a_plan_without_delays_still_waits_between_its_passes() {
        check(plan(&[0], 2), "0:0.0 5:1.0 10:2.0 15:end");
        check(plan(&[0, 0], -1), "0:0.0 0:0.1 5:1.0 5:1.1 10:2.0 10:2.1 15:3.0 15:3.1");
    }
}
