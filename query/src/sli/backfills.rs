//! Backfills that were asked for: one runs at a time, each tells how far it is, and one that a dead
//! process left behind goes on in the next.
//!
//! An event of the kind `slo_backfill` says that one was asked for, a second one about the same subject
//! that it has ended: who, when and what stays on record, and what has no end is resumed.

use std::collections::VecDeque;
use std::sync::Arc;

use lake::Table;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use telemetry::{Batch, Event, EventKind, Timestamp};
use tokio::sync::Semaphore;

use super::{BackfillProgress, BackfillReport, BackfillSpan, SloEvaluator};
use crate::QueryError;

/// The kind of the events about backfills.
const KIND: &str = "slo_backfill";
/// Events that are looked through for backfills without an end.
const EVENTS_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillState {
    Waiting,
    Running,
    Done,
    Failed,
}

/// One backfill as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillStatus {
    pub id: String,
    pub slo: String,
    pub span: BackfillSpan,
    pub state: BackfillState,
    /// The objective that is being measured, and its slices.
    pub progress: Option<BackfillProgress>,
    pub report: BackfillReport,
    /// Why it failed.
    pub error: Option<String>,
    pub asked_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

pub(super) struct Backfills {
    /// Oldest first.
    all: Mutex<VecDeque<BackfillStatus>>,
    one_at_a_time: Semaphore,
}

impl Default for Backfills {
    fn default() -> Backfills {
        Backfills { all: Mutex::default(), one_at_a_time: Semaphore::new(1) }
    }
}

impl Backfills {
    fn update(&self, id: &str, change: impl FnOnce(&mut BackfillStatus)) {
        let mut all = self.all.lock();
        if let Some(backfill) = all.iter_mut().find(|backfill| backfill.id == id) {
            change(backfill);
        }
    }
}

/// What the events say.
#[derive(Serialize, Deserialize)]
struct Told {
    slo: String,
    from: Timestamp,
    to: Timestamp,
    #[serde(default)]
    again: bool,
    state: BackfillState,
    #[serde(default)]
    report: BackfillReport,
    #[serde(default)]
    error: Option<String>,
}

impl SloEvaluator {
    /// Backfills that wait, run or have ended, oldest first.
    pub fn backfills(&self) -> Vec<BackfillStatus> {
        self.backfills.all.lock().iter().cloned().collect()
    }

    /// The time of the oldest row that an indicator could read; `None` in an empty lake.
    pub async fn oldest_data(&self) -> Result<Option<Timestamp>, QueryError> {
        let lake = self.engine.lake();
        let mut oldest = lake.series().time_range().map(|(first, _)| first);
        for table in [Table::Logs, Table::Events] {
            let snapshot = lake.snapshot(table).await?;
            let firsts = snapshot.files.iter().filter_map(|file| Some(file.time_range(table)?.0));
            oldest = oldest.into_iter().chain(firsts).min();
        }
        Ok(oldest)
    }

    /// Begins a backfill and returns at once; [`SloEvaluator::backfills`] tells how far it is.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for an unknown SLO, an empty span, one that is being backfilled already, and
    /// when too many wait.
    pub async fn start_backfill(
        self: &Arc<Self>,
        slo: &str,
        span: BackfillSpan,
        actor: Option<&str>,
    ) -> Result<BackfillStatus, QueryError> {
        let now = self.engine.clock().now();
        if !self.slos().iter().any(|known| known.name == slo) {
            return Err(QueryError::Invalid(format!("there is no SLO {slo:?}")));
        }
        if span.from >= span.to {
            return Err(QueryError::Invalid(format!("{} is not before {}", span.from, span.to)));
        }
        let status = BackfillStatus {
            id: format!("{slo}@{}", now.micros()),
            slo: slo.to_owned(),
            span,
            state: BackfillState::Waiting,
            progress: None,
            report: BackfillReport::default(),
            error: None,
            asked_at: now,
            ended_at: None,
        };
        self.enqueue(status.clone())?;
        if let Err(error) = self.tell(&status, 1, now, actor).await {
            self.backfills.all.lock().retain(|backfill| backfill.id != status.id);
            return Err(error);
        }
        self.spawn_backfill(status.clone());
        Ok(status)
    }

    /// Goes on with what another process began and did not end; how many there are.
    pub async fn resume_backfills(self: &Arc<Self>) -> Result<usize, QueryError> {
        let (kind, end) = (EventKind::new(KIND), Timestamp::MAX);
        let events = self.engine.events(&kind, None, Timestamp::EPOCH, end, EVENTS_MAX).await?;
        let has_ended = |id: &str| events.iter().any(|event| event.subject_id == id && event.seq > 1);
        let mut resumed = 0;
        for event in events.iter().filter(|event| event.seq == 1 && !has_ended(&event.subject_id)) {
            let Ok(told) = serde_json::from_value::<Told>(event.payload.clone()) else { continue };
            let status = BackfillStatus {
                id: event.subject_id.clone(),
                slo: told.slo,
                span: BackfillSpan { from: told.from, to: told.to, again: told.again },
                state: BackfillState::Waiting,
                progress: None,
                report: BackfillReport::default(),
                error: None,
                asked_at: event.valid_at,
                ended_at: None,
            };
            if self.enqueue(status.clone()).is_ok() {
                tracing::info!(slo = status.slo, id = status.id, "a backfill goes on");
                self.spawn_backfill(status);
                resumed += 1;
            }
        }
        Ok(resumed)
    }

    fn enqueue(&self, status: BackfillStatus) -> Result<(), QueryError> {
        let mut all = self.backfills.all.lock();
        let is_open = |backfill: &BackfillStatus| backfill.ended_at.is_none();
        if let Some(same) = all.iter().find(|backfill| is_open(backfill) && backfill.slo == status.slo) {
            let message = format!(
                "{} is being backfilled already, from {} to {}",
                same.slo, same.span.from, same.span.to
            );
            return Err(QueryError::Invalid(message));
        }
        if all.len() >= self.config.backfills_max {
            let Some(oldest) = all.iter().position(|backfill| !is_open(backfill)) else {
                let most = self.config.backfills_max;
                return Err(QueryError::Invalid(format!("{most} backfills wait already: slo.backfills_max")));
            };
            all.remove(oldest);
        }
        all.push_back(status);
        Ok(())
    }

    fn spawn_backfill(self: &Arc<Self>, status: BackfillStatus) {
        let evaluator = self.clone();
        tokio::spawn(async move {
            if let Err(error) = evaluator.run_backfill(status).await {
                tracing::error!(%error, "the end of a backfill was not written down; the next start repeats it");
            }
        });
    }

    async fn run_backfill(&self, status: BackfillStatus) -> Result<(), QueryError> {
        let id = status.id.as_str();
        // Closed semaphores do not exist here: this one lives as long as the evaluator.
        let _turn = self.backfills.one_at_a_time.acquire().await;
        self.backfills.update(id, |backfill| backfill.state = BackfillState::Running);
        let progress = |progress| self.backfills.update(id, |backfill| backfill.progress = Some(progress));
        let ended = self.backfill(&status.slo, status.span, &progress).await;
        let now = self.engine.clock().now();
        let mut told = status.clone();
        told.ended_at = Some(now);
        match ended {
            Ok(report) => (told.state, told.report) = (BackfillState::Done, report),
            Err(error) => (told.state, told.error) = (BackfillState::Failed, Some(error.to_string())),
        }
        // Who sees that it has ended finds that on record.
        let written = self.tell(&told, 2, now, Some("engine")).await;
        self.backfills.update(id, |backfill| {
            told.progress = backfill.progress.take();
            *backfill = told;
        });
        written
    }

    async fn tell(
        &self,
        status: &BackfillStatus,
        seq: i64,
        now: Timestamp,
        actor: Option<&str>,
    ) -> Result<(), QueryError> {
        let service =
            self.slos().into_iter().find(|slo| slo.name == status.slo).map(|slo| slo.service.clone());
        let told = Told {
            slo: status.slo.clone(),
            from: status.span.from,
            to: status.span.to,
            again: status.span.again,
            state: status.state,
            report: status.report,
            error: status.error.clone(),
        };
        let event = Event {
            event_id: format!("{KIND}:{}:{seq}", status.id),
            kind: EventKind::new(KIND),
            subject_id: status.id.clone(),
            seq,
            valid_at: now,
            recorded_at: now,
            service,
            env: None,
            actor: actor.map(str::to_owned),
            severity: None,
            payload: serde_json::to_value(told).unwrap_or_default(),
        };
        self.engine.lake().append(Batch { events: vec![event], ..Batch::default() }).await?;
        Ok(())
    }
}
