//! Peers written in Python, in the virtual environment that `tests/setup.sh test` makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Process, run};

fn command(script: &str, args: &[&str]) -> Command {
    let home = std::env::var("HOME").unwrap_or_default();
    let venv = std::env::var("EVENKEEL_TEST_VENV").map(PathBuf::from);
    let python = venv.unwrap_or_else(|_| Path::new(&home).join(".cache/evenkeel/venv")).join("bin/python");
    assert!(python.exists(), "{} is missing: run `tests/setup.sh test`", python.display());
    let mut command = Command::new(python);
    command.arg("-uB").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script)).args(args);
    command
}

/// Starts a peer that runs until it is dropped.
pub fn start_peer(script: &str, args: &[&str]) -> Process {
    Process::spawn(script, &mut command(script, args))
}

/// Runs a peer to its end; its last line is JSON.
pub async fn peer_to_end(script: &str, args: &[&str]) -> Value {
    let done = run(command(script, args), "").await;
    assert_eq!(done.code, 0, "{script} {args:?} failed:\n{}{}", done.stdout, done.stderr);
    let last = done.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{script}: no JSON ({error}): {}", done.stdout))
}
