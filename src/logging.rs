//! The process's own log: constant messages with fields, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is logged when `EVENKEEL_LOG` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    Normal,
    /// The console belongs to somebody else.
    Quiet,
}

/// `EVENKEEL_LOG` takes tracing's filters (`debug`, `lake=trace,warn`), `EVENKEEL_LOG_FORMAT=json`
/// one JSON object per line.
pub fn init(default: Default) {
    // The Delta kernel reports a table that is about to be made as an error, and the scheduler each
    // job that it makes.
    let fallback = match default {
        Default::Normal => "info,buoyant_kernel=off,tokio_cron_scheduler=warn",
        Default::Quiet => "warn,buoyant_kernel=off",
    };
    let filter = EnvFilter::try_from_env("EVENKEEL_LOG").unwrap_or_else(|_| EnvFilter::new(fallback));
    // A line that could not be written is not reported on the very output that failed: that panics.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let is_json = std::env::var("EVENKEEL_LOG_FORMAT").is_ok_and(|format| format == "json");
    // A second call, as tests make, keeps the first subscriber.
    let _installed_before = if is_json {
        log.json().try_init()
    } else {
        log.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    };
}
