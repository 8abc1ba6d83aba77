//! Carries out one step: runs its script or sends its request, bounded in time and output.
//!
//! Only [`crate::Runs`] calls this, and only when a person has started the step.

mod command;
mod http;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::{Step, StepKind};

/// Bounds of what steps may do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepLimits {
    /// Script steps may be switched off where the server must not run anything.
    pub commands_enabled: bool,
    /// Of each step's output this many bytes are kept, the rest is cut and said so. Enough for the
    /// end of a log, small enough for a page and an event row.
    pub output_bytes_max: usize,
}

impl Default for StepLimits {
    fn default() -> Self {
        StepLimits { commands_enabled: true, output_bytes_max: 64 * 1024 }
    }
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepOutcome {
    pub succeeded: bool,
    /// The exit code of a command, the status of an HTTP answer.
    pub exit_code: Option<i64>,
    pub output: String,
}

impl StepOutcome {
    fn failed(output: impl Into<String>) -> StepOutcome {
        StepOutcome { succeeded: false, exit_code: None, output: output.into() }
    }
}

/// Runs a step to its end. Never fails: what goes wrong is the outcome.
pub async fn carry_out(
    step: &Step,
    params: &BTreeMap<String, String>,
    limits: &StepLimits,
    client: &reqwest::Client,
) -> StepOutcome {
    let work = async {
        match &step.kind {
            StepKind::Command { .. } if !limits.commands_enabled => {
                StepOutcome::failed("script steps are switched off (runbooks.steps.commands_enabled)")
            }
            StepKind::Command { script } => command::run(script, params, limits.output_bytes_max).await,
            StepKind::Http(request) => {
                http::send(&request.resolve(params), client, limits.output_bytes_max).await
            }
            StepKind::Manual { .. } => StepOutcome::failed("a person does this step"),
        }
    };
    match tokio::time::timeout(step.timeout, work).await {
        Ok(outcome) => outcome,
        Err(_) => StepOutcome::failed(timeout_message(step.timeout)),
    }
}

fn timeout_message(timeout: Duration) -> String {
    format!("ended after its time limit of {}", telemetry::time::format_duration(timeout))
}

/// The text of a step with its parameters, as it would be carried out, for people to read first.
pub fn preview(step: &Step, params: &BTreeMap<String, String>) -> String {
    match &step.kind {
        StepKind::Command { script } => {
            let mut text = String::new();
            for (name, value) in params.iter().filter(|(name, _)| script.contains(name.as_str())) {
                text.push_str(&format!("{name}={}\n", command::quoted(value)));
            }
            text.push_str(script);
            text
        }
        StepKind::Http(request) => request.resolve(params).preview(),
        StepKind::Manual { instructions } => instructions.clone(),
    }
}

#[cfg(test)]
mod tests;
