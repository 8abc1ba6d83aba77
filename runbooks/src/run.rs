//! A run of a runbook: who started it for what, and how each of its steps stands.
//!
//! Pure: what may happen next is decided here, `runs` loads and stores.

use std::collections::BTreeMap;

use telemetry::{Labels, Timestamp};

use crate::RunbookError;
use crate::document::{Param, Runbook};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Some step still waits, runs or has failed.
    Open,
    /// Each step succeeded, was ticked off or was skipped.
    Done,
    /// Given up by a person.
    Cancelled,
}

impl RunState {
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::Open => "open",
            RunState::Done => "done",
            RunState::Cancelled => "cancelled",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Result<RunState, RunbookError> {
        match text {
            "open" => Ok(RunState::Open),
            "done" => Ok(RunState::Done),
            "cancelled" => Ok(RunState::Cancelled),
            other => Err(RunbookError::Stored(format!("run state {other:?}"))),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Nobody has started it.
    Waiting,
    /// It is being carried out.
    Running,
    /// It was carried out; exit code 0 or an HTTP status below 300.
    Succeeded,
    /// It was carried out and did not succeed; a person may start it again or skip it.
    Failed,
    /// A person decided against it.
    Skipped,
    /// A person did it.
    Done,
}

impl StepState {
    pub fn as_str(self) -> &'static str {
        match self {
            StepState::Waiting => "waiting",
            StepState::Running => "running",
            StepState::Succeeded => "succeeded",
            StepState::Failed => "failed",
            StepState::Skipped => "skipped",
            StepState::Done => "done",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Result<StepState, RunbookError> {
        match text {
            "waiting" => Ok(StepState::Waiting),
            "running" => Ok(StepState::Running),
            "succeeded" => Ok(StepState::Succeeded),
            "failed" => Ok(StepState::Failed),
            "skipped" => Ok(StepState::Skipped),
            "done" => Ok(StepState::Done),
            other => Err(RunbookError::Stored(format!("step state {other:?}"))),
        }
    }

    /// Nothing more is expected of the step.
    fn is_settled(self) -> bool {
        matches!(self, StepState::Succeeded | StepState::Skipped | StepState::Done)
    }
}

/// How one step of a run stands.
#[derive(Clone, Debug)]
pub struct RunStep {
    pub name: String,
    pub state: StepState,
    /// How often it was started.
    pub attempt: i64,
    pub exit_code: Option<i64>,
    pub output: Option<String>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub actor: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Run {
    pub id: String,
    /// As it was when the run began.
    pub runbook: Runbook,
    pub incident_id: Option<String>,
    pub service: Option<String>,
    pub params: BTreeMap<String, String>,
    pub state: RunState,
    pub started_by: String,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// In the runbook's order.
    pub steps: Vec<RunStep>,
}

/// What a person asks of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// Carry it out.
    Start,
    Skip,
    /// Tick off a manual step.
    MarkDone,
}

impl Run {
    pub fn step(&self, name: &str) -> Result<&RunStep, RunbookError> {
        self.steps.iter().find(|step| step.name == name).ok_or_else(|| RunbookError::not_found("step", name))
    }

    /// The state that an action brings a step to, or why it cannot be done now.
    pub fn decide(&self, name: &str, action: StepAction) -> Result<StepState, RunbookError> {
        let step = self.step(name)?;
        let conflict = |text: String| Err(RunbookError::Conflict(text));
        if self.state != RunState::Open {
            return conflict(format!("run {} is {}", self.id, self.state.as_str()));
        }
        if step.state == StepState::Running {
            return conflict(format!("step {name:?} is running"));
        }
        if step.state.is_settled() {
            return conflict(format!("step {name:?} is {}", step.state.as_str()));
        }
        let is_manual = self.runbook.step(name).is_some_and(|step| step.kind.as_str() == "manual");
        match action {
            StepAction::Skip => Ok(StepState::Skipped),
            StepAction::MarkDone if is_manual => Ok(StepState::Done),
            StepAction::MarkDone => {
                conflict(format!("step {name:?} is carried out by starting it, or skipped"))
            }
            StepAction::Start if is_manual => {
                conflict(format!("step {name:?} is done by a person: mark it done"))
            }
            StepAction::Start => match self.steps.iter().find(|step| step.state == StepState::Running) {
                Some(running) => conflict(format!("step {:?} is still running", running.name)),
                None => Ok(StepState::Running),
            },
        }
    }

    /// Whether the run is over once `name` is in `state`.
    pub fn is_over_with(&self, name: &str, state: StepState) -> bool {
        self.steps.iter().all(|step| if step.name == name { state } else { step.state }.is_settled())
    }
}

/// Fills in the parameters of a run: what was given, else the label of an alert, else the default;
/// and checks each.
pub fn fill_params(
    params: &[Param],
    mut given: BTreeMap<String, String>,
    alerts: &[Labels],
) -> Result<BTreeMap<String, String>, RunbookError> {
    let mut filled = BTreeMap::new();
    for param in params {
        let from_alert = || {
            let label = param.from_alert.as_deref()?;
            alerts.iter().find_map(|labels| labels.get(label)).map(str::to_owned)
        };
        let value = given.remove(&param.name).or_else(from_alert).or_else(|| param.default.clone());
        let refuse = |reason: String| Err(RunbookError::Parameter { name: param.name.clone(), reason });
        match value {
            None if param.required => return refuse("is required".to_owned()),
            None => {}
            Some(value) => {
                if let Some(regex) = &param.regex
                    && !regex.is_match(&value)
                {
                    return refuse(format!("{value:?} does not match {}", regex.as_str()));
                }
                if !param.allowed.is_empty() && !param.allowed.contains(&value) {
                    return refuse(format!("{value:?} is not one of {}", param.allowed.join(", ")));
                }
                if value.contains('\0') {
                    return refuse("holds a NUL byte".to_owned());
                }
                filled.insert(param.name.clone(), value);
            }
        }
    }
    match given.into_keys().next() {
        Some(name) => {
            Err(RunbookError::Parameter { name, reason: "is not a parameter of this runbook".to_owned() })
        }
        None => Ok(filled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    fn run(states: [StepState; 2]) -> Run {
        let text = "---\nid: x\ntitle: X\n---\n```sh {step=a}\ntrue\n```\n```manual {step=b}\nb\n```\n";
        let runbook = document::parse("x.md", text).unwrap();
        let steps = runbook.steps.iter().zip(states).map(|(step, state)| RunStep {
            name: step.name.clone(),
            state,
            attempt: 0,
            exit_code: None,
            output: None,
            started_at: None,
            finished_at: None,
            actor: None,
        });
        Run {
            id: "RUN-1".into(),
            steps: steps.collect(),
            runbook,
            incident_id: None,
            service: None,
            params: BTreeMap::new(),
            state: RunState::Open,
            started_by: "ada".into(),
            started_at: Timestamp::EPOCH,
            finished_at: None,
        }
    }

    fn check(states: [StepState; 2], name: &str, action: StepAction, expect: Result<StepState, &str>) {
        let decided = run(states).decide(name, action).map_err(|error| error.to_string());
        assert_eq!(decided, expect.map_err(str::to_owned), "{action:?} of {name} in {states:?}");
    }

    #[test]
    fn what_may_happen_to_a_step() {
        use StepAction::*;
        use StepState::*;
        check([Waiting, Waiting], "a", Start, Ok(Running));
        check([Failed, Waiting], "a", Start, Ok(Running));
        check([Failed, Waiting], "a", Skip, Ok(Skipped));
        check([Running, Waiting], "a", Start, Err("step \"a\" is running"));
        check([Running, Waiting], "a", Skip, Err("step \"a\" is running"));
        check([Succeeded, Waiting], "a", Start, Err("step \"a\" is succeeded"));
        check([Waiting, Waiting], "a", MarkDone, Err("step \"a\" is carried out by starting it, or skipped"));
        check([Waiting, Waiting], "b", MarkDone, Ok(Done));
        check([Waiting, Waiting], "b", Start, Err("step \"b\" is done by a person: mark it done"));
        check([Waiting, Waiting], "c", Start, Err("there is no step \"c\""));
    }

    #[test]
    fn a_run_is_over_when_each_step_is_settled() {
        assert!(!run([StepState::Waiting, StepState::Waiting]).is_over_with("a", StepState::Succeeded));
        assert!(!run([StepState::Waiting, StepState::Done]).is_over_with("a", StepState::Failed));
        assert!(run([StepState::Waiting, StepState::Done]).is_over_with("a", StepState::Skipped));
    }

    #[test]
    fn parameters_come_from_the_person_then_the_alert_then_the_default() {
        let text = "---\nid: x\ntitle: X\nparams:\n  - {name: region, from_alert: region, regex: '[a-z-]+', required: true}\n  - {name: size, default: small, enum: [small, big]}\n---\n```sh {step=a}\n```\n";
        let params = document::parse("x.md", text).unwrap().params;
        let alert = [Labels::new([("region", "eu-west")]).unwrap()];
        let fill = |given: &[(&str, &str)], alerts: &[Labels]| {
            let given = given.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            fill_params(&params, given, alerts).map_err(|error| error.to_string())
        };
        let filled = fill(&[], &alert).unwrap();
        assert_eq!((filled["region"].as_str(), filled["size"].as_str()), ("eu-west", "small"));
        assert_eq!(fill(&[("region", "us")], &alert).unwrap()["region"], "us");
        assert_eq!(fill(&[], &[]), Err("parameter \"region\": is required".into()));
        assert_eq!(
            fill(&[("region", "$(id)")], &[]),
            Err("parameter \"region\": \"$(id)\" does not match ^(?:[a-z-]+)$".into())
        );
        assert_eq!(
            fill(&[("size", "huge")], &alert),
            Err("parameter \"size\": \"huge\" is not one of small, big".into())
        );
        assert_eq!(
            fill(&[("x", "1")], &alert),
            Err("parameter \"x\": is not a parameter of this runbook".into())
        );
    }
}
