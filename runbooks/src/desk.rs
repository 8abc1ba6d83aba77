//! The desk at which people work an incident: suggestions, runs, timeline, retrospective.
//!
//! The way into this crate. It looks incidents up in `alerting` and hands what it finds to the
//! modules that decide and render.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alerting::{AlertFilter, Alerting, Incident, IncidentId};
use db::Store;
use serde::{Deserialize, Serialize};
use telemetry::time::duration_text;
use telemetry::{Clock, Event, EventKind, Labels};

use crate::RunbookError;
use crate::library::{Library, Suggestion};
use crate::ports::ChangeSource;
use crate::retrospective::{self, RetroState, Retrospective, Subject};
use crate::run::{Run, StepAction};
use crate::runs::{RunContext, Runs};
use crate::step::StepLimits;
use crate::store::retrospectives as rows;
use crate::timeline::{self, TimelineEntry};

/// Settings of the desk; the key `runbooks` of the server's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunbooksConfig {
    pub steps: StepLimits,
    /// Deploys of the service this long before an incident stand on its timeline.
    #[serde(with = "duration_text")]
    pub deploys_before: Duration,
    /// At most this many deploys stand on one timeline.
    pub deploys_max: usize,
    /// Retrospectives in one list.
    pub list_rows_max: i64,
    /// A retrospective longer than this is refused.
    pub retrospective_bytes_max: usize,
    /// What links in a retrospective start with: one setting of the whole server.
    #[serde(skip)]
    pub external_url: Option<String>,
}

impl Default for RunbooksConfig {
    fn default() -> Self {
        RunbooksConfig {
            steps: StepLimits::default(),
            deploys_before: Duration::from_secs(24 * 3_600),
            deploys_max: 50,
            list_rows_max: 500,
            retrospective_bytes_max: 512 * 1024,
            external_url: None,
        }
    }
}

/// A handle; clones share everything.
#[derive(Clone)]
pub struct Runbooks {
    store: Store,
    alerting: Alerting,
    changes: Arc<dyn ChangeSource>,
    config: Arc<RunbooksConfig>,
    clock: Arc<dyn Clock>,
    library: Arc<RwLock<Arc<Library>>>,
    runs: Runs,
}

impl Runbooks {
    /// Takes over the store's runs; steps that a dead process was carrying out are given up.
    pub async fn open(
        store: Store,
        alerting: Alerting,
        changes: Arc<dyn ChangeSource>,
        client: reqwest::Client,
        config: RunbooksConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Runbooks, RunbookError> {
        let runs = Runs::new(store.clone(), config.steps.clone(), client, clock.clone());
        let orphans = runs.give_up_orphans().await?;
        if orphans > 0 {
            tracing::warn!(orphans, "runbook steps were running when the server ended");
        }
        let library = Arc::default();
        Ok(Runbooks { store, alerting, changes, config: Arc::new(config), clock, library, runs })
    }

    pub fn set_library(&self, library: Library) {
        *self.library.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(library);
    }

    pub fn library(&self) -> Arc<Library> {
        self.library.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The runbooks that fit the alerts of an incident, the most specific first.
    pub async fn suggest(&self, incident: IncidentId) -> Result<Vec<Suggestion>, RunbookError> {
        let labels = self.alert_labels(incident).await?;
        Ok(self.library().suggest(labels.iter()))
    }

    /// Starts a run of a runbook, for an incident or for none.
    pub async fn start_run(
        &self,
        runbook_id: &str,
        incident: Option<IncidentId>,
        params: BTreeMap<String, String>,
        actor: &str,
    ) -> Result<Run, RunbookError> {
        let library = self.library();
        let runbook =
            library.get(runbook_id).ok_or_else(|| RunbookError::not_found("runbook", runbook_id))?;
        let context = match incident {
            Some(id) => RunContext {
                incident_id: Some(id.to_string()),
                service: self.alerting.incident(id).await?.incident.service,
                alerts: self.alert_labels(id).await?,
            },
            None => RunContext::default(),
        };
        self.runs.open(runbook, context, params, actor).await
    }

    pub async fn run(&self, id: &str) -> Result<Run, RunbookError> {
        self.runs.get(id).await
    }

    /// The runs for an incident, oldest first.
    pub async fn runs_of(&self, incident: IncidentId) -> Result<Vec<Run>, RunbookError> {
        self.runs.of_incident(&incident.to_string()).await
    }

    pub async fn act_on_step(
        &self,
        run: &str,
        step: &str,
        action: StepAction,
        actor: &str,
    ) -> Result<Run, RunbookError> {
        self.runs.act(run, step, action, actor).await
    }

    pub async fn cancel_run(&self, run: &str, actor: &str) -> Result<Run, RunbookError> {
        self.runs.cancel(run, actor).await
    }

    /// The timeline of an incident: its own facts and the deploys of its service shortly before and
    /// during it.
    pub async fn timeline(&self, incident: IncidentId) -> Result<Vec<TimelineEntry>, RunbookError> {
        let subject = self.alerting.incident(incident).await?.incident;
        let mut events = self.alerting.facts_of_incident(incident).await?;
        let from = subject.started_at.minus(self.config.deploys_before);
        let to = subject.resolved_at.unwrap_or_else(|| self.clock.now());
        match self.changes.changes(subject.service.as_deref(), from, to, self.config.deploys_max).await {
            Ok(mut deploys) => events.append(&mut deploys),
            // The timeline of the workflow plane stands without the data plane.
            Err(error) => tracing::warn!(%incident, %error, "the timeline is shown without deploys"),
        }
        Ok(timeline::render(&events))
    }

    /// The retrospective of an incident; drafted from its timeline if there is none.
    pub async fn draft_retrospective(
        &self,
        incident: IncidentId,
        actor: &str,
    ) -> Result<Retrospective, RunbookError> {
        if let Some(retro) = self.retrospective_of(incident).await? {
            return Ok(retro);
        }
        let subject = self.alerting.incident(incident).await?.incident;
        let timeline = self.timeline(incident).await?;
        let now = self.clock.now();
        let retro = Retrospective {
            id: format!("RETRO-{}", incident.number()),
            incident_id: incident.to_string(),
            title: subject.title.clone(),
            service: subject.service.clone(),
            severity: subject.severity.to_string(),
            state: RetroState::Draft,
            markdown: retrospective::draft(&self.subject_of(&subject), &timeline),
            revision: 1,
            created_at: now,
            updated_at: now,
            updated_by: actor.to_owned(),
        };
        let mut tx = self.store.begin_write().await?;
        match rows::insert(&mut tx, &retro).await {
            Ok(()) => {}
            Err(RunbookError::Sql(error))
                if error.as_database_error().is_some_and(|e| e.is_unique_violation()) =>
            {
                // Somebody else drafted it meanwhile.
                drop(tx);
                return self.retrospective(&retro.id).await;
            }
            Err(error) => return Err(error),
        }
        alerting::append_fact(&mut tx, fact_of(&retro)).await?;
        tx.commit().await?;
        Ok(retro)
    }

    pub async fn retrospective(&self, id: &str) -> Result<Retrospective, RunbookError> {
        rows::load(&self.store, id).await
    }

    pub async fn retrospective_of(
        &self,
        incident: IncidentId,
    ) -> Result<Option<Retrospective>, RunbookError> {
        rows::find_of_incident(&self.store, &incident.to_string()).await
    }

    /// The newest first.
    pub async fn retrospectives(&self) -> Result<Vec<Retrospective>, RunbookError> {
        rows::list(&self.store, self.config.list_rows_max).await
    }

    /// Stores what somebody wrote.
    pub async fn save_retrospective(
        &self,
        id: &str,
        markdown: &str,
        actor: &str,
    ) -> Result<Retrospective, RunbookError> {
        let bytes_max = self.config.retrospective_bytes_max;
        if markdown.len() > bytes_max {
            let message = format!("{} bytes: a retrospective has at most {bytes_max}", markdown.len());
            return Err(RunbookError::Conflict(message));
        }
        self.change_retrospective(id, actor, |retro| retro.markdown = markdown.to_owned()).await
    }

    pub async fn publish_retrospective(&self, id: &str, actor: &str) -> Result<Retrospective, RunbookError> {
        self.change_retrospective(id, actor, |retro| retro.state = RetroState::Published).await
    }

    /// Waits for the steps that are running.
    pub async fn shutdown(&self) {
        self.runs.shutdown().await;
    }

    async fn change_retrospective(
        &self,
        id: &str,
        actor: &str,
        change: impl FnOnce(&mut Retrospective),
    ) -> Result<Retrospective, RunbookError> {
        let mut tx = self.store.begin_write().await?;
        let mut retro = rows::load_within(&mut tx, id).await?;
        change(&mut retro);
        retro.revision += 1;
        retro.updated_at = self.clock.now();
        retro.updated_by = actor.to_owned();
        rows::update(&mut tx, &retro).await?;
        alerting::append_fact(&mut tx, fact_of(&retro)).await?;
        tx.commit().await?;
        Ok(retro)
    }

    /// The labels of the incident's alerts; of one that was declared by hand, its service.
    async fn alert_labels(&self, incident: IncidentId) -> Result<Vec<Labels>, RunbookError> {
        let filter = AlertFilter { incident: Some(incident), ..AlertFilter::default() };
        let alerts = self.alerting.alerts(&filter).await?;
        if !alerts.is_empty() {
            return Ok(alerts.into_iter().map(|view| view.alert.labels).collect());
        }
        let service = self.alerting.incident(incident).await?.incident.service;
        Ok(service.map(|service| Labels::empty().with("service", &service)).into_iter().collect())
    }

    fn subject_of(&self, incident: &Incident) -> Subject {
        let base = self.config.external_url.as_deref().map(|url| url.trim_end_matches('/'));
        Subject {
            incident_id: incident.id.to_string(),
            title: incident.title.clone(),
            service: incident.service.clone(),
            severity: incident.severity.to_string(),
            started_at: incident.started_at,
            detected_at: Some(incident.detected_at),
            acknowledged_at: incident.acknowledged_at,
            mitigated_at: incident.mitigated_at,
            restored_at: incident.restored_at,
            resolved_at: incident.resolved_at,
            link: base.map(|base| format!("{base}/incidents/{}", incident.id)),
        }
    }
}

/// The fact that a retrospective is as it is now. Its text stays in the store.
fn fact_of(retro: &Retrospective) -> Event {
    Event {
        event_id: format!("retrospective:{}:{}", retro.id, retro.revision),
        kind: EventKind::RETROSPECTIVE,
        subject_id: retro.id.clone(),
        seq: 0, // given by the store
        valid_at: retro.updated_at,
        recorded_at: retro.updated_at,
        service: retro.service.clone(),
        env: None,
        actor: Some(retro.updated_by.clone()),
        severity: Some(retro.severity.clone()),
        payload: serde_json::json!({
            "incident_id": retro.incident_id,
            "state": retro.state.as_str(),
            "revision": retro.revision,
        }),
    }
}
