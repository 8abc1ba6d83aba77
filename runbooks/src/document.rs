//! A runbook: Markdown with a YAML head, in which fenced blocks marked `{step=NAME}` are steps.
//!
//! ````text
//! ---
//! id: drain-region
//! title: Drain a region
//! risk: med
//! params:
//!   - {name: region, from_alert: region, regex: "[a-z]+-[a-z]+"}
//! trigger:
//!   matchers: ['service="matchmaking"']
//! ---
//! Why and when.
//!
//! ## Look at the queue
//! ```sh {step=queue timeout=30s}
//! wc -l "/var/spool/$region"
//! ```
//! ````
//!
//! The language of the fence says what a step does: `sh` runs a script, `http` sends a request,
//! `manual` is for a person. Parameters reach a script as environment variables and are never
//! pasted into its text: alert labels are attacker input.

mod head;
mod http_block;
mod steps;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use telemetry::{Defect, Matcher};

pub use http_block::HttpRequest;

/// How much can go wrong when the steps run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    Low,
    #[default]
    Med,
    High,
}

impl Risk {
    pub fn as_str(self) -> &'static str {
        match self {
            Risk::Low => "low",
            Risk::Med => "med",
            Risk::High => "high",
        }
    }
}

/// What a run needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Param {
    /// An identifier in lower case: it becomes an environment variable.
    pub name: String,
    pub description: Option<String>,
    pub required: bool,
    pub default: Option<String>,
    /// The label of the incident's alerts that fills it in.
    pub from_alert: Option<String>,
    /// The whole value has to match.
    pub regex: Option<regex::Regex>,
    /// The allowed values, when not empty.
    pub allowed: Vec<String>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A script for `sh`, its parameters in the environment.
    Command {
        script: String,
    },
    Http(HttpRequest),
    /// Something that a person does and ticks off; the block's text says what.
    Manual {
        instructions: String,
    },
}

impl StepKind {
    pub fn as_str(&self) -> &'static str {
        match self {
            StepKind::Command { .. } => "command",
            StepKind::Http(_) => "http",
            StepKind::Manual { .. } => "manual",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Unique in its runbook.
    pub name: String,
    /// The heading above the block, or the name.
    pub title: String,
    /// The Markdown between the heading and the block.
    pub text: String,
    pub kind: StepKind,
    /// After this the step is ended and has failed.
    pub timeout: Duration,
    /// The UI asks once more before it starts the step.
    pub confirm: bool,
    /// 1-based, in the file.
    pub line: u64,
}

#[derive(Clone, Debug)]
pub struct Runbook {
    pub id: String,
    pub title: String,
    pub version: u32,
    pub owner: Option<String>,
    pub risk: Risk,
    pub params: Vec<Param>,
    /// All have to match one alert; a runbook without matchers is never suggested.
    pub matchers: Vec<Matcher>,
    /// The Markdown before the first step.
    pub intro: String,
    pub steps: Vec<Step>,
    /// The file it came from, as the user named it.
    pub source: String,
    /// The whole file; a run keeps it, so that a later edit changes no run.
    pub text: String,
    /// SHA-256 of the file in hex.
    pub content_hash: String,
}

impl Runbook {
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }
}

/// Reads one runbook. Every defect that can be found in one pass is reported.
pub fn parse(file: &str, text: &str) -> Result<Runbook, Vec<Defect>> {
    let (head, body, body_line) = head::split(file, text)?;
    let head = head::parse(file, head)?;
    let mut defects = Vec::new();
    let params = head.params(file, &mut defects);
    let matchers = head.matchers(file, &mut defects);
    let default_timeout = head.step_timeout(file, &mut defects);
    let (intro, steps) = steps::parse(file, body, body_line, default_timeout, &mut defects);
    if steps.is_empty() {
        defects.push(Defect::error(file, None, "no step: mark a fenced block with {step=NAME}"));
    }
    if defects.iter().any(Defect::is_error) {
        return Err(defects);
    }
    Ok(Runbook {
        id: head.id,
        title: head.title,
        version: head.version,
        owner: head.owner,
        risk: head.risk,
        params,
        matchers,
        intro,
        steps,
        source: file.to_owned(),
        text: text.to_owned(),
        content_hash: hex::encode(Sha256::digest(text.as_bytes())),
    })
}

#[cfg(test)]
mod tests;
