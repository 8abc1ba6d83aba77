//! `evenkeel slo convert FILE... [--to openslo]`: objectives of Sloth and Pyrra as OpenSLO documents.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use slo::catalog;
use slo::openslo::{Mode, parse_documents, write};
use telemetry::Defect;

use crate::cli::EXIT_NO;
use crate::cli::output::print;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Openslo,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files with objects of Sloth, Pyrra or OpenSLO that may refer to each other; `-` reads standard
    /// input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format to write.
    #[arg(long, value_enum, default_value_t)]
    to: Format,
}

/// The documents go to standard output, what is to be said about them to standard error. Nothing is
/// written when there is an error: half of the documents would look like all of them.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Format::Openslo = args.to;
    let (mut documents, mut defects) = (Vec::new(), Vec::new());
    for file in &args.files {
        let (found, wrong) = parse_documents(&file.display().to_string(), &read(file)?, Mode::Lenient);
        documents.extend(found);
        defects.extend(wrong);
    }
    defects.extend(catalog::resolve(documents.clone()).1);
    defects.sort();
    defects.iter().for_each(|defect| eprintln!("{defect}"));
    if defects.iter().any(Defect::is_error) {
        return Ok(ExitCode::from(EXIT_NO));
    }
    if documents.is_empty() {
        eprintln!("there are no objectives in what was given: expected documents of OpenSLO, Sloth or Pyrra");
        return Ok(ExitCode::from(EXIT_NO));
    }
    print(write::documents(&documents).context("the documents could not be written")?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    Ok(text)
}
