//! Shows a long text through `$PAGER`, or `less`.

use std::io::Write;
use std::process::{Command, Stdio};

/// For `less`, unless its user has said otherwise: long lines are cut, colours pass, a short text ends it.
const LESS: &str = "SRFX";

/// `false` when there is no pager: the text is then printed as it is.
pub fn show(text: &str) -> bool {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let mut command = Command::new("sh");
    command.arg("-c").arg(pager.as_deref().unwrap_or("less")).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", LESS);
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever leaves the pager early has seen enough.
        let _ = stdin.write_all(text.as_bytes());
    }
    const NOT_FOUND: i32 = 127;
    child.wait().is_ok_and(|status| status.code() != Some(NOT_FOUND))
}
