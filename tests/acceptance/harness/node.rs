//! Peers written in JavaScript, with the packages that `tests/setup.sh test` puts beside them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::run;

/// Runs a peer to its end; its last line is JSON.
pub async fn node_peer_to_end(script: &str, args: &[&str]) -> Value {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/js");
    assert!(peers.join("node_modules").exists(), "its packages are missing: run `tests/setup.sh test`");
    let mut command = Command::new("node");
    command.arg(peers.join(script)).args(args);
    let done = run(command, "").await;
    assert_eq!(done.code, 0, "{script} {args:?} failed:\n{}{}", done.stdout, done.stderr);
    let last = done.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{script}: no JSON ({error}): {}", done.stdout))
}
