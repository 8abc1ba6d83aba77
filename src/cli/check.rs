//! `evenkeel check [DIR] [--config FILE] [--scrape-config FILE]`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use telemetry::Defect;

use super::EXIT_NO;
use crate::settings::{Settings, SettingsArgs};
use crate::{objects, scrape};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration directory (what `serve --objects` takes).
    #[arg(required_unless_present_any = ["config", "scrape_config"])]
    dir: Option<PathBuf>,
    /// The settings file (what `serve --config` takes).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A Prometheus configuration file (what `serve --scrape-config` takes).
    #[arg(long, value_name = "FILE")]
    scrape_config: Vec<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut errors = 0;
    if let Some(dir) = &args.dir {
        errors += check_objects(dir);
    }
    if args.config.is_some() || !args.scrape_config.is_empty() {
        errors += check_settings(args);
    }
    Ok(if errors > 0 { ExitCode::from(EXIT_NO) } else { ExitCode::SUCCESS })
}

fn check_objects(dir: &Path) -> usize {
    let found = objects::load(dir);
    for defect in &found.defects {
        // As it was typed, so that editors and people find it from where they are.
        let file = objects::path_in(dir, &defect.file).display().to_string();
        println!("{}", Defect { file, ..defect.clone() });
    }
    let errors = errors_in(&found.defects);
    let warnings = found.defects.len() - errors;
    println!("{} files, {} SLOs: {errors} errors, {warnings} warnings", found.files, found.slos.len());
    errors
}

fn check_settings(args: &Args) -> usize {
    let settings_args = SettingsArgs {
        config: args.config.clone(),
        scrape_config: args.scrape_config.clone(),
        ..SettingsArgs::default()
    };
    let settings = match Settings::load(&settings_args) {
        Ok(settings) => settings,
        Err(error) => {
            println!("{error:#}");
            return 1;
        }
    };
    let (jobs, defects) = scrape::lint(&settings);
    defects.iter().for_each(|defect| println!("{defect}"));
    let errors = errors_in(&defects);
    println!("{jobs} scrape jobs: {errors} errors, {} warnings", defects.len() - errors);
    errors
}

fn errors_in(defects: &[Defect]) -> usize {
    defects.iter().filter(|defect| defect.is_error()).count()
}
