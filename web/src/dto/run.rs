//! Runs of runbooks and their steps.

use std::collections::BTreeMap;

use runbooks::run;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;
use super::runbook::StepKind;

/// Starts a run; nothing is carried out yet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRunBody {
    pub runbook_id: String,
    pub incident_id: Option<String>,
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Run {
    pub id: String,
    pub runbook_id: String,
    pub runbook_title: String,
    #[schema(required)]
    pub incident_id: Option<String>,
    pub state: RunState,
    pub started_by: String,
    pub started_at: Time,
    #[schema(required)]
    pub finished_at: Option<Time>,
    pub steps: Vec<RunStep>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    Open,
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunStep {
    pub name: String,
    pub kind: StepKind,
    pub title: String,
    pub html: String,
    #[schema(required)]
    pub preview: Option<String>,
    pub state: StepState,
    #[schema(required)]
    pub exit_code: Option<i64>,
    #[schema(required)]
    pub output: Option<String>,
    #[schema(required)]
    pub started_at: Option<Time>,
    #[schema(required)]
    pub finished_at: Option<Time>,
    #[schema(required)]
    pub actor: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Skipped,
    Done,
}

impl From<run::Run> for Run {
    fn from(run: run::Run) -> Run {
        let steps = run.steps.iter().filter_map(|step| RunStep::of(step, &run)).collect();
        Run {
            steps,
            id: run.id,
            runbook_id: run.runbook.id,
            runbook_title: run.runbook.title,
            incident_id: run.incident_id,
            state: match run.state {
                run::RunState::Open => RunState::Open,
                run::RunState::Done => RunState::Done,
                run::RunState::Cancelled => RunState::Cancelled,
            },
            started_by: run.started_by,
            started_at: run.started_at.into(),
            finished_at: run.finished_at.map(Time),
        }
    }
}

impl RunStep {
    /// Joins a step's state with its text as it was when the run began.
    fn of(state: &run::RunStep, run: &run::Run) -> Option<RunStep> {
        let step = run.runbook.step(&state.name)?;
        Some(RunStep {
            name: step.name.clone(),
            kind: StepKind::from(&step.kind),
            title: step.title.clone(),
            html: runbooks::markdown::to_html(&step.text),
            preview: Some(runbooks::preview(step, &run.params)),
            state: match state.state {
                run::StepState::Waiting => StepState::Waiting,
                run::StepState::Running => StepState::Running,
                run::StepState::Succeeded => StepState::Succeeded,
                run::StepState::Failed => StepState::Failed,
                run::StepState::Skipped => StepState::Skipped,
                run::StepState::Done => StepState::Done,
            },
            exit_code: state.exit_code,
            output: state.output.clone(),
            started_at: state.started_at.map(Time),
            finished_at: state.finished_at.map(Time),
            actor: state.actor.clone(),
        })
    }
}
