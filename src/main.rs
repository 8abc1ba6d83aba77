//! The `evenkeel` binary: reads the command line and hands over.

use std::process::ExitCode;

fn main() -> ExitCode {
    evenkeel::allocator::bound_arenas();
    evenkeel::cli::Cli::read().run()
}
