//! Script steps: `sh -eu -c SCRIPT` in a process group of its own, with the parameters as its
//! environment and nothing else of the server's.

use std::collections::BTreeMap;
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::StepOutcome;

/// What a script inherits; the server's environment holds secrets.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

pub(super) async fn run(
    script: &str,
    params: &BTreeMap<String, String>,
    output_bytes_max: usize,
) -> StepOutcome {
    let inherited = INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    // `-u` makes a parameter that is missing an error instead of an empty word; both streams go to
    // one pipe, so that the output reads in the order in which it was written.
    let spawned = Command::new("sh")
        .args(["-eu", "-c", &format!("exec 2>&1\n{script}")])
        .env_clear()
        .envs(inherited)
        .envs(params)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return StepOutcome::failed(format!("sh could not be started: {error}")),
    };
    // When the step is ended by its time limit this future is dropped: the guard then ends
    // everything that the script started, not the shell alone.
    let group = child.id().map(ProcessGroup);
    let output = match child.stdout.take() {
        Some(stdout) => read_bounded(stdout, output_bytes_max).await,
        None => String::new(),
    };
    let outcome = match child.wait().await {
        Ok(status) => StepOutcome {
            succeeded: status.success(),
            exit_code: status.code().map(i64::from),
            output: if status.code().is_some() { output } else { format!("{output}\nended by a signal") },
        },
        Err(error) => StepOutcome::failed(format!("{output}\nwaiting for the script failed: {error}")),
    };
    drop(group);
    outcome
}

/// Ends the processes of a group when it goes out of scope; those that are gone already are no harm.
struct ProcessGroup(u32);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let Ok(id) = i32::try_from(self.0) else { return };
        let _gone_already =
            nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), nix::sys::signal::SIGKILL);
    }
}

/// Reads to the end, keeps the first `max` bytes and goes on reading, so that the writer is not
/// stopped by a full pipe.
pub(super) async fn read_bounded(mut from: impl AsyncRead + Unpin, max: usize) -> String {
    let mut kept = Vec::new();
    let mut dropped = 0;
    let mut chunk = [0; 8 * 1024];
    loop {
        match from.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => {
                let room = max.saturating_sub(kept.len()).min(read);
                kept.extend_from_slice(&chunk[..room]);
                dropped += read - room;
            }
        }
    }
    let mut text = String::from_utf8_lossy(&kept).into_owned();
    if dropped > 0 {
        text.push_str(&format!("\n[{dropped} more bytes not kept]"));
    }
    text
}

/// A value as a shell would read it back, for previews only.
pub(super) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
