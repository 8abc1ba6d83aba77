//! `evenkeel slo lint [--strict] PATH`: what is wrong with objectives, and what was understood.

use std::path::PathBuf;
use std::process::ExitCode;

use slo::openslo::Mode;
use telemetry::Defect;

use crate::cli::EXIT_NO;
use crate::objects;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file or a directory with objectives of OpenSLO, Sloth or Pyrra.
    path: PathBuf,
    /// Refuse what the official OpenSLO validator refuses.
    #[arg(long)]
    strict: bool,
}

/// Exit 1 when there is an error.
pub fn run(args: &Args) -> ExitCode {
    let mode = if args.strict { Mode::Strict } else { Mode::Lenient };
    let found = objects::load_as(&args.path, mode);
    for defect in &found.defects {
        let file = objects::path_in(&args.path, &defect.file).display().to_string();
        println!("{}", Defect { file, ..defect.clone() });
    }
    for slo in &found.slos {
        slo::describe::describe(slo).iter().for_each(|line| println!("{line}"));
    }
    let errors = found.defects.iter().filter(|defect| defect.is_error()).count();
    let warnings = found.defects.len() - errors;
    println!("{} SLOs: {errors} errors, {warnings} warnings", found.slos.len());
    if errors > 0 { ExitCode::from(EXIT_NO) } else { ExitCode::SUCCESS }
}
