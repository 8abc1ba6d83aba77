//! `evenkeel check DIR`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::EXIT_NO;
use crate::objects;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration directory (what `serve --objects` takes).
    dir: PathBuf,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let found = objects::load(&args.dir);
    for defect in &found.defects {
        println!("{defect}");
    }
    let errors = found.defects.iter().filter(|defect| defect.is_error()).count();
    println!(
        "{} files, {} SLOs: {errors} errors, {} warnings",
        found.files,
        found.slos.len(),
        found.defects.len() - errors
    );
    Ok(if errors > 0 { ExitCode::from(EXIT_NO) } else { ExitCode::SUCCESS })
}
