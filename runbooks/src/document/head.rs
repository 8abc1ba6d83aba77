//! The YAML head of a runbook.

use std::time::Duration;

use regex::Regex;
use serde::Deserialize;
use telemetry::time::parse_duration;
use telemetry::{Defect, Matcher};

use super::{Param, Risk};

/// What a step may take when neither the head nor the block says so.
const STEP_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// A step that takes longer belongs into a job, not into a runbook.
const STEP_TIMEOUT_MAX: Duration = Duration::from_secs(3_600);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub id: String,
    pub title: String,
    #[serde(default = "first_version")]
    pub version: u32,
    pub owner: Option<String>,
    #[serde(default)]
    pub risk: Risk,
    #[serde(default)]
    params: Vec<ParamHead>,
    #[serde(default)]
    trigger: Trigger,
    /// Of each step that names none itself.
    timeout: Option<String>,
}

fn first_version() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamHead {
    name: String,
    description: Option<String>,
    #[serde(default)]
    required: bool,
    default: Option<String>,
    from_alert: Option<String>,
    regex: Option<String>,
    #[serde(default, rename = "enum")]
    allowed: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    #[serde(default)]
    matchers: Vec<String>,
    #[serde(default)]
    mode: Mode,
}

/// Runbooks are offered; none runs by itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Suggest,
}

/// The head, the body, and the line at which the body begins.
pub(super) fn split<'a>(file: &str, text: &'a str) -> Result<(&'a str, &'a str, u64), Vec<Defect>> {
    let no_head =
        || vec![Defect::error(file, Some(1), "a runbook begins with a YAML head between two lines ---")];
    let rest = text.strip_prefix("---\n").ok_or_else(no_head)?;
    let head_end = if rest.starts_with("---\n") { 0 } else { rest.find("\n---\n").ok_or_else(no_head)? + 1 };
    let body_start = head_end + "---\n".len();
    let head = &rest[..head_end];
    Ok((head, &rest[body_start..], head.lines().count() as u64 + 3))
}

pub(super) fn parse(file: &str, head: &str) -> Result<Head, Vec<Defect>> {
    let head: Head = serde_saphyr::from_str(head).map_err(|error| {
        // The head starts on the file's second line.
        let line = error.location().map(|location| location.line() + 1);
        vec![Defect::error(file, line, error.without_snippet().to_string())]
    })?;
    let is_slug = |id: &str| {
        !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !is_slug(&head.id) {
        let message = format!("id {:?} may hold lower-case letters, digits and dashes only", head.id);
        return Err(vec![Defect::error(file, None, message)]);
    }
    Ok(head)
}

impl Head {
    pub fn step_timeout(&self, file: &str, defects: &mut Vec<Defect>) -> Duration {
        match &self.timeout {
            Some(text) => timeout(text).unwrap_or_else(|message| {
                defects.push(Defect::error(file, None, message));
                STEP_TIMEOUT_DEFAULT
            }),
            None => STEP_TIMEOUT_DEFAULT,
        }
    }

    pub fn matchers(&self, file: &str, defects: &mut Vec<Defect>) -> Vec<Matcher> {
        let Mode::Suggest = self.trigger.mode;
        let mut matchers = Vec::new();
        for text in &self.trigger.matchers {
            match Matcher::parse(text) {
                Ok(matcher) => matchers.push(matcher),
                Err(error) => defects.push(Defect::error(file, None, format!("trigger.matchers: {error}"))),
            }
        }
        matchers
    }

    pub fn params(&self, file: &str, defects: &mut Vec<Defect>) -> Vec<Param> {
        let mut params: Vec<Param> = Vec::new();
        for head in &self.params {
            let mut refuse = |reason: String| {
                defects.push(Defect::error(file, None, format!("params: {:?}: {reason}", head.name)));
            };
            if !is_variable_name(&head.name) {
                refuse("a name is lower-case letters, digits and _, and starts with a letter".to_owned());
            }
            if params.iter().any(|param| param.name == head.name) {
                refuse("is declared twice".to_owned());
            }
            let regex = match head.regex.as_deref().map(|pattern| Regex::new(&format!("^(?:{pattern})$"))) {
                Some(Err(error)) => {
                    // The library draws the place under the pattern; its last line says what is wrong.
                    let text = error.to_string();
                    refuse(format!("regex: {}", text.rsplit("error: ").next().unwrap_or(&text)));
                    None
                }
                Some(Ok(regex)) => Some(regex),
                None => None,
            };
            params.push(Param {
                name: head.name.clone(),
                description: head.description.clone(),
                required: head.required,
                default: head.default.clone(),
                from_alert: head.from_alert.clone(),
                regex,
                allowed: head.allowed.clone(),
            });
        }
        params
    }
}

/// Names that cannot shadow what a shell itself reads (`PATH`, `IFS`, ...): those are upper case.
fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Reads a step's time limit.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text).map_err(|error| error.to_string())?;
    if timeout.is_zero() || timeout > STEP_TIMEOUT_MAX {
        return Err(format!("timeout {text} is not between 1ms and 1h"));
    }
    Ok(timeout)
}
