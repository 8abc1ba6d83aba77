//! `evenkeel slo convert FILE [--to openslo]`: objectives of Sloth and Pyrra as OpenSLO documents.

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
    /// A file with objects of Sloth, Pyrra or OpenSLO; `-` reads standard input.
    file: PathBuf,
    /// The format to write.
    #[arg(long, value_enum, default_value_t)]
    to: Format,
}

/// The documents go to standard output, what is to be said about them to standard error. Nothing is
/// written when there is an error: half of a file would look like all of it.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Format::Openslo = args.to;
    let text = read(&args.file)?;
    let name = args.file.display().to_string();
    let (documents, mut defects) = parse_documents(&name, &text, Mode::Lenient);
    defects.extend(catalog::resolve(documents.clone()).1);
    defects.sort();
    defects.iter().for_each(|defect| eprintln!("{defect}"));
    if defects.iter().any(Defect::is_error) {
        return Ok(ExitCode::from(EXIT_NO));
    }
    if documents.is_empty() {
        eprintln!("{name}: there are no objectives in it: expected documents of OpenSLO, Sloth or Pyrra");
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
