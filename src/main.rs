//! The `evenkeel` binary: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    evenkeel::cli::Cli::parse().run()
}
