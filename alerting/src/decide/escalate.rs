//! Steps go out, plans are used up, pages are sent or fail.

use std::time::Duration;

use serde_json::json;
use telemetry::EventKind;

use super::{Attempt, Mind, Refusal, Report};
use crate::escalation::{Escalation, EscalationState, Next, Step, Target};
use crate::ids::{IncidentId, PageId, PagePlace};
use crate::page::{Page, PageState};
use crate::route::Destination;

/// How long a used-up plan waits for pages that are still being sent.
const LAST_PAGES_WAIT: Duration = Duration::from_secs(60);

impl Mind<'_> {
    /// Starts a run; pages of an earlier one that have not gone out will not.
    pub(super) fn start_escalation(&mut self, id: IncidentId, destination: Option<Destination>) {
        self.cancel_pages(id);
        let plan = destination.as_ref().and_then(|destination| self.catalog.plan(destination));
        let (Some(destination), Some(plan)) = (destination, plan) else {
            self.reports.push(Report::Unrouted { incident: id });
            let text = "nobody is paged: no route, service policy or default policy answers for this alert";
            self.tell(EventKind::ESCALATION, id, json!({"reason": "unrouted", "text": text}));
            return;
        };
        let run = self.world.escalations.get(&id).map_or(1, |escalation| escalation.run + 1);
        let escalation = Escalation::start(id, run, destination, plan, self.now);
        self.world.escalations.insert(id, escalation);
        self.changed.escalations.insert(id);
    }

    /// Carries out every step that is due. A step that finds nobody hands over to the next at once;
    /// each step is tried at most once per call.
    pub(super) fn go_through_due_steps(&mut self, id: IncidentId) {
        let mut empty_steps = 0;
        loop {
            let Some(escalation) = self.world.escalations.get(&id).filter(|e| e.is_due(self.now)) else {
                return;
            };
            let steps = escalation.plan.steps.len();
            let Next::Step(place, step) = escalation.next() else {
                self.used_up(id);
                return;
            };
            let told = self.carry_out(id, place, &step);
            empty_steps += usize::from(told == 0);
            let now = self.now;
            let Some(escalation) = self.escalation_mut(id) else { return };
            escalation.advance(now);
            if told == 0 && (empty_steps < steps || escalation.next() == Next::End) {
                escalation.next_due = Some(now);
            }
        }
    }

    /// Queues the pages of one step; returns how many recipients it has.
    fn carry_out(&mut self, id: IncidentId, place: PagePlace, step: &Step) -> usize {
        let mut recipients: Vec<crate::catalog::Recipient> = Vec::new();
        for target in &step.targets {
            let recipient = self.catalog.recipient(target, self.now).filter(|r| !r.contacts.is_empty());
            // Somebody meant twice in one step is told once.
            recipients.extend(recipient.filter(|r| recipients.iter().all(|other| other.name != r.name)));
        }
        let alert = self.alert_name(id);
        for recipient in &recipients {
            for (index, contact) in recipient.contacts.iter().enumerate() {
                let page = Page {
                    id: PageId::of(id, place, &recipient.name, index),
                    incident: id,
                    alert: alert.clone(),
                    recipient: recipient.name.clone(),
                    channel: contact.channel,
                    address: contact.address.clone(),
                    place,
                    state: PageState::Queued,
                    queued_at: self.now,
                    due_at: self.now.plus(contact.delay),
                    sent_at: None,
                    delivered_at: None,
                    acknowledged_at: None,
                    attempts: 0,
                    may_repeat: false,
                    error: None,
                };
                self.changed.pages.insert(page.id.clone());
                self.world.pages.entry(page.id.clone()).or_insert(page);
            }
        }
        self.tell_of_step(id, place, step, &recipients);
        recipients.len()
    }

    fn tell_of_step(
        &mut self,
        id: IncidentId,
        place: PagePlace,
        step: &Step,
        recipients: &[crate::catalog::Recipient],
    ) {
        let policy = self.policy_of(id);
        let number = place.step + 1;
        let targets: Vec<String> = step.targets.iter().map(Target::to_string).collect();
        let names: Vec<&str> = recipients.iter().map(|recipient| recipient.name.as_str()).collect();
        let (reason, text) = if names.is_empty() {
            ("nobody", format!("step {number} of {policy} found nobody to tell ({})", targets.join(", ")))
        } else {
            ("due", format!("step {number} of {policy} tells {}", names.join(", ")))
        };
        let payload = json!({
            "policy": policy, "step": number, "round": place.round + 1, "run": place.run,
            "targets": targets, "recipients": names, "reason": reason, "text": text,
        });
        if names.is_empty() {
            self.reports.push(Report::NobodyToPage { incident: id, policy, step: number });
        }
        self.tell(EventKind::ESCALATION, id, payload);
    }

    /// The plan is through and nobody has acknowledged.
    fn used_up(&mut self, id: IncidentId) {
        let Some(run) = self.world.escalations.get(&id).map(|escalation| escalation.run) else { return };
        let of_run = |page: &Page| page.place.run == run;
        let is_sending = !self.pages_of(id, |page| of_run(page) && page.state.is_waiting()).is_empty();
        let has_reached = !self.pages_of(id, |page| of_run(page) && page.state.is_out()).is_empty();
        let (now, policy) = (self.now, self.policy_of(id));
        let Some(escalation) = self.escalation_mut(id) else { return };
        if is_sending {
            escalation.next_due = Some(now.plus(LAST_PAGES_WAIT));
            return;
        }
        if has_reached {
            escalation.end(EscalationState::Exhausted);
            let text = format!("all steps of {policy} went out and nobody has acknowledged");
            self.tell(
                EventKind::ESCALATION,
                id,
                json!({"policy": policy, "reason": "exhausted", "text": text}),
            );
            self.reports.push(Report::Exhausted { incident: id, policy });
            return;
        }
        // Nobody has been reached at all: giving up now would lose the page.
        let (destination, retry_at) = (escalation.destination.clone(), escalation.retry_at(now));
        let plan = self.catalog.plan(&destination);
        let Some(escalation) = self.escalation_mut(id) else { return };
        let plan = plan.unwrap_or_else(|| escalation.plan.clone());
        *escalation = Escalation::start(id, run + 1, destination, plan, retry_at);
        let text = format!("{policy} reached nobody; it starts over at {retry_at}");
        self.tell(EventKind::ESCALATION, id, json!({"policy": policy, "reason": "unreached", "text": text}));
        self.reports.push(Report::Unreached { incident: id, policy, run });
    }

    /// Somebody is about to send a page: the last moment to see that it is not needed any more.
    pub(super) fn claim(&mut self, id: &PageId, attempt: i64, may_repeat: bool) -> Result<(), Refusal> {
        let is_wanted = self.is_wanted(id)?;
        if let Some(page) = self.page_mut(id) {
            if is_wanted {
                page.state = PageState::Sending;
                page.attempts = attempt;
                page.may_repeat |= may_repeat;
            } else if page.state.is_waiting() {
                page.state = PageState::Cancelled;
            }
        }
        Ok(())
    }

    pub(super) fn attempted(&mut self, id: &PageId, outcome: Attempt) -> Result<(), Refusal> {
        let is_wanted = self.is_wanted(id)?;
        let now = self.now;
        let Some(page) = self.page_mut(id) else { return Ok(()) };
        let incident = page.incident;
        match outcome {
            Attempt::Sent => {
                page.state = PageState::Sent;
                page.sent_at = Some(now);
                page.error = None;
                self.acknowledge_if_taken(id, incident);
            }
            Attempt::Retry { error, may_repeat, again_at } => {
                page.due_at = again_at;
                page.state = if is_wanted { PageState::Queued } else { PageState::Cancelled };
                page.error = Some(error);
                page.may_repeat |= may_repeat;
            }
            Attempt::GivenUp { error } => {
                page.state = PageState::Failed;
                page.error = Some(error.clone());
                self.reports.push(Report::PageFailed { incident, page: id.clone(), error });
                self.hurry(id);
            }
        }
        Ok(())
    }

    fn is_wanted(&self, id: &PageId) -> Result<bool, Refusal> {
        let page = self.world.pages.get(id).ok_or_else(|| Refusal::UnknownPage(id.clone()))?;
        let escalation = self.world.escalations.get(&page.incident);
        let is_current = escalation.is_some_and(|e| e.is_running() && e.run == page.place.run);
        Ok(is_current && page.state.is_waiting())
    }

    /// A page that was on its way while somebody acknowledged has nothing left to ask for.
    fn acknowledge_if_taken(&mut self, id: &PageId, incident: IncidentId) {
        let escalation = self.world.escalations.get(&incident);
        let taken_at =
            escalation.filter(|e| e.state == EscalationState::Acknowledged).and_then(|e| e.acknowledged_at);
        let now = self.now;
        if let (Some(taken_at), Some(page)) = (taken_at, self.page_mut(id)) {
            page.state = PageState::Acknowledged;
            page.acknowledged_at = Some(taken_at.max(now));
        }
    }

    /// A page could not be delivered: the recipient's next contact, or the next step, comes at once.
    fn hurry(&mut self, failed: &PageId) {
        let Some(page) = self.world.pages.get(failed).cloned() else { return };
        let (id, now) = (page.incident, self.now);
        let of_recipient = |other: &Page| {
            other.place == page.place && other.recipient == page.recipient && other.due_at > now
        };
        let mut waiting = self.pages_of(id, |other| of_recipient(other) && other.state == PageState::Queued);
        waiting.sort_by_key(|other| self.world.pages[other].due_at);
        if let Some(next) = waiting.first() {
            if let Some(next) = self.page_mut(next) {
                next.due_at = now;
            }
            return;
        }
        let of_step =
            |other: &Page| other.place == page.place && (other.state.is_waiting() || other.state.is_out());
        let is_latest = self.pages_of(id, |other| other.place > page.place).is_empty();
        let is_running = self.world.escalations.get(&id).is_some_and(Escalation::is_running);
        if !is_running || !is_latest || !self.pages_of(id, of_step).is_empty() {
            return;
        }
        if let Some(escalation) = self.escalation_mut(id) {
            escalation.next_due = Some(now);
        }
        let policy = self.policy_of(id);
        let text = format!(
            "no page of step {} could be delivered; the next step comes at once",
            page.place.step + 1
        );
        let payload =
            json!({"policy": policy, "step": page.place.step + 1, "reason": "undelivered", "text": text});
        self.tell(EventKind::ESCALATION, id, payload);
        self.go_through_due_steps(id);
    }

    fn policy_of(&self, id: IncidentId) -> String {
        self.world.escalations.get(&id).map(|e| e.destination.name().to_owned()).unwrap_or_default()
    }

    /// What a page is about: the latest alert that fires, else the incident's title.
    fn alert_name(&self, id: IncidentId) -> String {
        let firing =
            self.world.alerts.values().filter(|alert| alert.incident == Some(id) && alert.is_firing());
        match firing.max_by_key(|alert| alert.fired_at) {
            Some(alert) => alert.name().to_owned(),
            None => self.world.incidents.get(&id).map(|incident| incident.title.clone()).unwrap_or_default(),
        }
    }
}
