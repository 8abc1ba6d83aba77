//! The command line: one file per command, each an `Args` and a `run`.
//!
//! Commands that ask a running server go through [`client::Client`]; only `serve`, `demo`, `check`,
//! `settings`, `restore` and `openapi` work in this process.

mod backup;
mod chart;
mod check;
mod client;
mod demo;
mod gate;
mod incident;
mod logs;
mod oncall;
mod openapi;
mod output;
mod promql;
mod restore;
mod serve;
mod settings;
mod shell;
mod slo;
mod sql;
mod targets;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::SettingsArgs;

/// What a command ends with when it did its work and the answer is no.
const EXIT_NO: u8 = 1;
/// What a command ends with when it could not do its work.
const EXIT_FAILED: u8 = 3;

#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, about = "Telemetry in, error budgets out, the right person paged.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: everything in one process.
    Serve(Box<serve::Args>),
    /// Run the server with a simulated game, weeks of history, and an incident to handle.
    Demo(demo::Args),
    /// Check a configuration directory; exit 1 when there is an error in it.
    Check(check::Args),
    /// Print the settings that `serve` would run with; exit 3 when they cannot be read.
    Settings(Box<SettingsArgs>),
    /// Run a SQL query.
    Sql(sql::Args),
    /// Evaluate a PromQL expression.
    Promql(promql::Args),
    /// Search log lines, and follow what comes.
    Logs(logs::Args),
    /// Objectives, error budgets and burn rates.
    #[command(subcommand)]
    Slo(slo::Command),
    /// May this service be changed now? Exit 0 when it may, 2 when it may not, 1 without an answer.
    Gate(gate::Args),
    /// Incidents: list, show, acknowledge, resolve.
    #[command(subcommand)]
    Incident(incident::Command),
    /// Who is on call.
    Oncall(oncall::Args),
    /// What is scraped, and how that goes.
    Targets(targets::Args),
    /// Tokens for senders, people and tools.
    #[command(subcommand)]
    Token(token::Command),
    /// Copy everything (lake, workflow store, configuration) while the server runs.
    Backup(backup::Args),
    /// Verify a backup and make a data directory of it.
    Restore(restore::Args),
    /// Print the description of the JSON API (OpenAPI 3.1).
    Openapi,
}

impl Cli {
    /// Reads the command line, and ends the process when it cannot be read. The usual code for that is
    /// 2, which for `gate` means blocked.
    pub fn read() -> Cli {
        Cli::try_parse().unwrap_or_else(|error| {
            let asks_gate = std::env::args_os().nth(1).is_some_and(|command| command == "gate");
            if asks_gate && error.use_stderr() {
                // Nothing is left to do about a closed stderr.
                let _printed = error.print();
                std::process::exit(gate::EXIT_UNKNOWN.into());
            }
            error.exit()
        })
    }

    pub fn run(self) -> ExitCode {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => {
                eprintln!("evenkeel: the runtime could not be started: {error}");
                return ExitCode::from(EXIT_FAILED);
            }
        };
        let outcome = runtime.block_on(async {
            match self.command {
                Command::Serve(args) => serve::run(*args).await,
                Command::Demo(args) => demo::run(args).await,
                Command::Check(args) => check::run(&args),
                Command::Settings(args) => settings::run(&args),
                Command::Sql(args) => sql::run(args).await,
                Command::Promql(args) => promql::run(args).await,
                Command::Logs(args) => logs::run(args).await,
                Command::Slo(command) => slo::run(command).await,
                Command::Gate(args) => gate::run(args).await,
                Command::Incident(command) => incident::run(command).await,
                Command::Oncall(args) => oncall::run(args).await,
                Command::Targets(args) => targets::run(args).await,
                Command::Token(command) => token::run(command).await,
                Command::Backup(args) => backup::run(args).await,
                Command::Restore(args) => restore::run(&args),
                Command::Openapi => openapi::run(),
            }
        });
        // Threads that still copy or merge hold nothing that is not on the disk.
        runtime.shutdown_background();
        match outcome {
            Ok(code) => code,
            Err(error) => {
                eprintln!("evenkeel: {error:#}");
                ExitCode::from(EXIT_FAILED)
            }
        }
    }
}

/// Query plans recurse deeply, in a debug build more than the usual 2 MiB of stack.
const THREAD_STACK_BYTES: usize = 8 * 1024 * 1024;

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(THREAD_STACK_BYTES).build()
}

/// A name as one segment of a path.
fn path_segment(name: &str) -> String {
    let mut url = reqwest::Url::parse("http://host/").expect("a constant URL is valid");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(name);
    }
    url.path().trim_start_matches('/').to_owned()
}
