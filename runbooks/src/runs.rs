//! Runs: started by a person, carried out step by step, each change one transaction with its fact.
//!
//! A step that is carried out belongs to the opening of the store that started it. When the process
//! dies in the middle nobody knows whether the step took effect: the next process marks it failed
//! and says so ([`Runs::give_up_orphans`]); it never starts it again by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use db::{Store, WriteTx};
use telemetry::{Clock, Event, EventKind, Labels, Timestamp};
use tokio_util::task::TaskTracker;

use crate::RunbookError;
use crate::document::Runbook;
use crate::run::{Run, RunState, StepAction, StepState, fill_params};
use crate::step::{self, StepLimits, StepOutcome};
use crate::store::runs as rows;

/// What a run is started for.
#[derive(Clone, Debug, Default)]
pub struct RunContext {
    pub incident_id: Option<String>,
    pub service: Option<String>,
    /// The labels of the incident's alerts, for `from_alert`.
    pub alerts: Vec<Labels>,
}

/// A handle; clones share everything.
#[derive(Clone, Debug)]
pub struct Runs {
    store: Store,
    limits: Arc<StepLimits>,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
}

impl Runs {
    pub fn new(store: Store, limits: StepLimits, client: reqwest::Client, clock: Arc<dyn Clock>) -> Runs {
        Runs { store, limits: Arc::new(limits), client, clock, tasks: TaskTracker::new() }
    }

    /// Starts a run; no step is carried out yet.
    pub async fn open(
        &self,
        runbook: &Runbook,
        context: RunContext,
        given: BTreeMap<String, String>,
        actor: &str,
    ) -> Result<Run, RunbookError> {
        let params = fill_params(&runbook.params, given, &context.alerts)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_write().await?;
        let id = format!("RUN-{}", db::counter::next(&mut tx, "runbook_runs").await?);
        rows::insert(&mut tx, &id, runbook, &context, &params, actor, now).await?;
        let run = rows::load_within(&mut tx, &id).await?;
        let text = format!("Runbook \u{201c}{}\u{201d} opened", runbook.title);
        record(
            &mut tx,
            &run,
            EventKind::RUNBOOK_RUN,
            "open",
            actor,
            now,
            serde_json::json!({ "text": text }),
        )
        .await?;
        tx.commit().await?;
        Ok(run)
    }

    pub async fn get(&self, id: &str) -> Result<Run, RunbookError> {
        rows::load(&self.store, id).await
    }

    /// The runs for an incident, oldest first.
    pub async fn of_incident(&self, incident_id: &str) -> Result<Vec<Run>, RunbookError> {
        rows::load_of_incident(&self.store, incident_id).await
    }

    /// Starts, skips or ticks off a step. A started step goes on in the background; ask again to
    /// see how it ended.
    pub async fn act(
        &self,
        id: &str,
        name: &str,
        action: StepAction,
        actor: &str,
    ) -> Result<Run, RunbookError> {
        let now = self.clock.now();
        let mut tx = self.store.begin_write().await?;
        let run = rows::load_within(&mut tx, id).await?;
        let state = run.decide(name, action)?;
        rows::begin_step(&mut tx, &run, name, state, self.store.owner(), actor, now).await?;
        let over = run.is_over_with(name, state);
        if over {
            rows::finish_run(&mut tx, id, RunState::Done, now).await?;
        }
        record_step(&mut tx, &run, name, state, None, actor, now).await?;
        tx.commit().await?;
        let run = self.get(id).await?;
        if state == StepState::Running {
            self.tasks.spawn(self.clone().carry_out(run.clone(), name.to_owned(), actor.to_owned()));
        }
        Ok(run)
    }

    /// Gives a run up. A step that is running goes on to its end.
    pub async fn cancel(&self, id: &str, actor: &str) -> Result<Run, RunbookError> {
        let now = self.clock.now();
        let mut tx = self.store.begin_write().await?;
        let run = rows::load_within(&mut tx, id).await?;
        if run.state != RunState::Open {
            return Err(RunbookError::Conflict(format!("run {id} is {}", run.state.as_str())));
        }
        rows::finish_run(&mut tx, id, RunState::Cancelled, now).await?;
        let text = format!("Runbook \u{201c}{}\u{201d} given up", run.runbook.title);
        record(
            &mut tx,
            &run,
            EventKind::RUNBOOK_RUN,
            "cancelled",
            actor,
            now,
            serde_json::json!({ "text": text }),
        )
        .await?;
        tx.commit().await?;
        self.get(id).await
    }

    /// Marks steps failed whose process is gone. Called once, before the first request is served.
    pub async fn give_up_orphans(&self) -> Result<usize, RunbookError> {
        let now = self.clock.now();
        let mut tx = self.store.begin_write().await?;
        let orphans = rows::running_of_others(&mut tx, self.store.owner()).await?;
        for (run_id, name) in &orphans {
            let run = rows::load_within(&mut tx, run_id).await?;
            let outcome = StepOutcome {
                succeeded: false,
                exit_code: None,
                output: "the server ended while this step ran; look whether it took effect before starting it again"
                    .to_owned(),
            };
            rows::end_step(&mut tx, run_id, name, StepState::Failed, &outcome, now).await?;
            record_step(&mut tx, &run, name, StepState::Failed, Some(&outcome), "engine", now).await?;
        }
        tx.commit().await?;
        Ok(orphans.len())
    }

    /// Waits for the steps that are running, for an orderly end.
    pub async fn shutdown(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn carry_out(self, run: Run, name: String, actor: String) {
        let Some(step) = run.runbook.step(&name) else { return };
        let outcome = step::carry_out(step, &run.params, &self.limits, &self.client).await;
        if let Err(error) = self.end_step(&run.id, &name, &outcome, &actor).await {
            // The step stays `running`; the next start of the server gives it up.
            tracing::error!(run = run.id, step = name, %error, "the end of a runbook step could not be stored");
        }
    }

    async fn end_step(
        &self,
        id: &str,
        name: &str,
        outcome: &StepOutcome,
        actor: &str,
    ) -> Result<(), RunbookError> {
        let now = self.clock.now();
        let state = if outcome.succeeded { StepState::Succeeded } else { StepState::Failed };
        let mut tx = self.store.begin_write().await?;
        let run = rows::load_within(&mut tx, id).await?;
        rows::end_step(&mut tx, id, name, state, outcome, now).await?;
        if run.state == RunState::Open && run.is_over_with(name, state) {
            rows::finish_run(&mut tx, id, RunState::Done, now).await?;
        }
        record_step(&mut tx, &run, name, state, Some(outcome), actor, now).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Of a step's output this many bytes go into its fact: the row in the lake and the line of the
/// timeline; the run itself keeps more.
const FACT_OUTPUT_BYTES_MAX: usize = 2_000;

async fn record_step(
    tx: &mut WriteTx,
    run: &Run,
    name: &str,
    state: StepState,
    outcome: Option<&StepOutcome>,
    actor: &str,
    now: Timestamp,
) -> Result<(), RunbookError> {
    let before = run.step(name)?;
    let attempt = if state == StepState::Running { before.attempt + 1 } else { before.attempt };
    let title = run.runbook.step(name).map_or(name, |step| step.title.as_str());
    let output = outcome.map(|outcome| head_of(&outcome.output, FACT_OUTPUT_BYTES_MAX));
    let details = serde_json::json!({
        "text": format!("{}: {title} ({})", run.runbook.title, state.as_str()),
        "step": name,
        "attempt": attempt,
        "exit_code": outcome.and_then(|outcome| outcome.exit_code),
        "output": output,
        "step_started_at": if state == StepState::Running { Some(now) } else { before.started_at },
        "step_finished_at": (state != StepState::Running).then_some(now),
    });
    let discriminator = format!("{name}:{attempt}:{}", state.as_str());
    record(tx, run, EventKind::RUNBOOK_STEP, &discriminator, actor, now, details).await
}

/// Appends a fact about a run. `discriminator` tells the facts of one run apart.
async fn record(
    tx: &mut WriteTx,
    run: &Run,
    kind: EventKind,
    discriminator: &str,
    actor: &str,
    now: Timestamp,
    details: serde_json::Value,
) -> Result<(), RunbookError> {
    let mut payload = serde_json::json!({
        "incident_id": run.incident_id,
        "runbook": run.runbook.id,
        "content_hash": run.runbook.content_hash,
        "state": discriminator.rsplit(':').next(),
    });
    if let (Some(payload), serde_json::Value::Object(details)) = (payload.as_object_mut(), details) {
        payload.extend(details);
    }
    let event = Event {
        event_id: format!("{kind}:{}:{discriminator}", run.id),
        kind,
        subject_id: run.id.clone(),
        seq: 0, // given by the store
        valid_at: now,
        recorded_at: now,
        service: run.service.clone(),
        env: None,
        actor: Some(actor.to_owned()),
        severity: None,
        payload,
    };
    alerting::append_fact(tx, event).await?;
    Ok(())
}

/// The first bytes of a text, cut at a character.
fn head_of(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
