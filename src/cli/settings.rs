//! `evenkeel settings`: what is in force, as one YAML document.
//!
//! Reads what `serve` would read (file, variables, flags) and says what is wrong with it, line by line;
//! nothing is started. Secrets are not shown, and neither is what `scrape` says in the words of
//! Prometheus: `evenkeel targets` shows what became of that.

use std::process::ExitCode;

use anyhow::Context;

use super::output::print;
use crate::settings::{Settings, SettingsArgs};

pub fn run(args: &SettingsArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(args)?;
    print(&serde_saphyr::to_string(&settings).context("the settings cannot be written as YAML")?)?;
    Ok(ExitCode::SUCCESS)
}
