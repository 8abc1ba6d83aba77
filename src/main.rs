//! The `evenkeel` binary: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    evenkeel::allocator::bound_arenas();
    evenkeel::cli::Cli::parse().run()
}
