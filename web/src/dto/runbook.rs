//! Runbooks as they can be read and started.

use runbooks::Suggestion;
use runbooks::document::{self, Param, Step};
use runbooks::markdown;
use serde::Serialize;
use telemetry::time::format_duration;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunbookList {
    pub runbooks: Vec<RunbookSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunbookSummary {
    pub id: String,
    pub title: String,
    #[schema(required)]
    pub risk: Option<String>,
    #[schema(required)]
    pub owner: Option<String>,
    pub steps: usize,
    /// The file it comes from.
    pub source: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Runbook {
    pub id: String,
    pub title: String,
    #[schema(required)]
    pub risk: Option<String>,
    #[schema(required)]
    pub owner: Option<String>,
    pub source: String,
    /// What stands before the first step, rendered and made safe.
    pub html: String,
    pub params: Vec<RunbookParam>,
    pub steps: Vec<RunbookStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunbookParam {
    pub name: String,
    pub r#type: String,
    pub required: bool,
    pub secret: bool,
    #[schema(required)]
    pub default: Option<String>,
    /// The alert's label that fills it in.
    #[schema(required)]
    pub from_alert: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunbookStep {
    pub name: String,
    pub kind: StepKind,
    pub title: String,
    pub html: String,
    /// What would be carried out.
    #[schema(required)]
    pub preview: Option<String>,
    #[schema(required)]
    pub timeout: Option<String>,
    /// The role that has to approve.
    #[schema(required)]
    pub approve: Option<String>,
    pub confirm: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    Command,
    Http,
    Manual,
}

/// A runbook that fits an incident's alerts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunbookSuggestion {
    pub id: String,
    pub title: String,
    #[schema(required)]
    pub risk: Option<String>,
    pub reason: String,
}

impl From<&document::Runbook> for RunbookSummary {
    fn from(runbook: &document::Runbook) -> RunbookSummary {
        RunbookSummary {
            id: runbook.id.clone(),
            title: runbook.title.clone(),
            risk: Some(runbook.risk.as_str().to_owned()),
            owner: runbook.owner.clone(),
            steps: runbook.steps.len(),
            source: runbook.source.clone(),
        }
    }
}

impl From<&document::Runbook> for Runbook {
    fn from(runbook: &document::Runbook) -> Runbook {
        Runbook {
            id: runbook.id.clone(),
            title: runbook.title.clone(),
            risk: Some(runbook.risk.as_str().to_owned()),
            owner: runbook.owner.clone(),
            source: runbook.source.clone(),
            html: markdown::to_html(&runbook.intro),
            params: runbook.params.iter().map(RunbookParam::from).collect(),
            steps: runbook.steps.iter().map(RunbookStep::from).collect(),
        }
    }
}

impl From<&Param> for RunbookParam {
    fn from(param: &Param) -> RunbookParam {
        RunbookParam {
            name: param.name.clone(),
            r#type: "string".to_owned(),
            required: param.required,
            secret: false,
            default: param.default.clone(),
            from_alert: param.from_alert.clone(),
        }
    }
}

impl From<&Step> for RunbookStep {
    fn from(step: &Step) -> RunbookStep {
        let kind = StepKind::from(&step.kind);
        let is_carried_out = kind != StepKind::Manual;
        RunbookStep {
            name: step.name.clone(),
            kind,
            title: step.title.clone(),
            html: markdown::to_html(&step.text),
            preview: Some(runbooks::preview(step, &Default::default())),
            timeout: is_carried_out.then(|| format_duration(step.timeout)),
            approve: None,
            confirm: step.confirm,
        }
    }
}

impl From<&document::StepKind> for StepKind {
    fn from(kind: &document::StepKind) -> StepKind {
        match kind {
            document::StepKind::Command { .. } => StepKind::Command,
            document::StepKind::Http(_) => StepKind::Http,
            document::StepKind::Manual { .. } => StepKind::Manual,
        }
    }
}

impl From<Suggestion> for RunbookSuggestion {
    fn from(suggestion: Suggestion) -> RunbookSuggestion {
        RunbookSuggestion {
            id: suggestion.runbook.id.clone(),
            title: suggestion.runbook.title.clone(),
            risk: Some(suggestion.runbook.risk.as_str().to_owned()),
            reason: suggestion.reason,
        }
    }
}
