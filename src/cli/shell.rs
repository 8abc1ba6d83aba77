//! The interactive shell of `evenkeel sql`: statements over several lines, a history, completion,
//! paging, charts.
//!
//! Reading a line and drawing it is the library's; what a line means ([`command`], [`statement`]), what
//! can be completed ([`complete`]) and what a result looks like ([`view`]) is decided purely.

mod catalog;
mod command;
mod complete;
mod pager;
mod plot;
mod run;
mod statement;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use super::client::Client;
use super::output::Output;
use complete::ShellHelper;
use run::{Next, Session};
use statement::Pending;

/// Lines that the history keeps.
const HISTORY_LINES_MAX: usize = 2_000;
const PROMPT: &str = "evenkeel=> ";
const PROMPT_OPEN: &str = "evenkeel-> ";

pub async fn run(client: &Client, output: Output) -> anyhow::Result<ExitCode> {
    let mut editor = editor()?;
    let history = history_file();
    if let Some(file) = &history {
        // There is none yet when the shell is used for the first time.
        let _ = editor.load_history(file);
    }
    // Says at once when the server cannot be asked.
    let words = catalog::words(client).await?;
    editor.set_helper(Some(ShellHelper::new(words)));
    println!("Evenkeel {}: \\? for help, \\q to leave.", env!("CARGO_PKG_VERSION"));
    let mut session = Session::new(client, output);
    let mut pending = Pending::default();
    loop {
        let prompt = if pending.is_empty() { PROMPT } else { PROMPT_OPEN };
        // The editor waits for keys; the runtime's other threads go on.
        let line = match tokio::task::block_in_place(|| editor.readline(prompt)) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                pending.clear();
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("the terminal cannot be read"),
        };
        session.terminal = editor.dimensions().map(|(columns, rows)| (columns.into(), rows.into()));
        if let Next::Leave = feed(&mut session, &mut pending, &line).await? {
            break;
        }
        if pending.is_empty() && !line.trim().is_empty() {
            editor.add_history_entry(pending.last_entry(&line))?;
            if let Some(file) = &history {
                save_history(&mut editor, file);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a line leads to: a command at once, statements as they are whole.
async fn feed(session: &mut Session<'_>, pending: &mut Pending, line: &str) -> anyhow::Result<Next> {
    if pending.is_empty() && line.trim_start().starts_with('\\') {
        return session.command(line.trim()).await;
    }
    for statement in pending.push(line) {
        session.statement(&statement).await?;
    }
    Ok(Next::Read)
}

fn editor() -> anyhow::Result<Editor<ShellHelper, FileHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(HISTORY_LINES_MAX)
        .context("the history's size is not accepted")?
        .build();
    Editor::with_config(config).context("the terminal cannot be used")
}

/// `EVENKEEL_HISTORY`, else where programs keep their state.
fn history_file() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = var("EVENKEEL_HISTORY") {
        return Some(file);
    }
    let state = var("XDG_STATE_HOME").or_else(|| Some(var("HOME")?.join(".local/state")))?;
    Some(state.join("evenkeel").join("history"))
}

/// A history that cannot be kept does not hold anybody up.
fn save_history(editor: &mut Editor<ShellHelper, FileHistory>, file: &PathBuf) {
    if let Some(dir) = file.parent() {
        let _ = std::fs::create_dir_all(dir);
    }
    let _ = editor.save_history(file);
}
