//! `evenkeel incident list|show|acknowledge|mitigate|resolve|close|note`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::client::ClientArgs;
use super::output::{Output, OutputArgs, print, print_objects};
use super::path_segment;

const COLUMNS: [&str; 9] = [
    "incident_id",
    "severity",
    "state",
    "service",
    "title",
    "started_at",
    "acknowledged_at",
    "restored_at",
    "resolved_at",
];

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Incidents, the newest first.
    List {
        /// Those that are over as well.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// One incident with its timeline.
    Show {
        incident: String,
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Take it on: pages stop.
    Acknowledge(Verb),
    /// The impact is over or small; the cause is still there.
    Mitigate(Verb),
    /// The cause is gone.
    Resolve(Verb),
    /// Nothing is left to do.
    Close(Verb),
    /// Add a line to the timeline.
    Note {
        incident: String,
        text: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(Debug, clap::Args)]
pub struct Verb {
    incident: String,
    /// A line for the timeline.
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { all, output, client } => {
            let state = if all { "all" } else { "open" };
            let answer = client.client()?.get("/api/incidents", &[("state", state)]).await?;
            let rows = answer["incidents"].as_array().cloned().unwrap_or_default();
            print_objects(output.output, &rows, &COLUMNS)?;
        }
        Command::Show { incident, output, client } => {
            let client = client.client()?;
            let path = format!("/api/incidents/{}", path_segment(&incident));
            let mut shown = client.get(&path, &[]).await?;
            let timeline = client.get(&format!("{path}/timeline"), &[]).await?;
            if output.output == Output::Json {
                shown["timeline"] = timeline["entries"].clone();
                print(&serde_json::to_string_pretty(&shown)?)?;
                return Ok(ExitCode::SUCCESS);
            }
            print_objects(output.output, std::slice::from_ref(&shown), &COLUMNS)?;
            let entries = timeline["entries"].as_array().cloned().unwrap_or_default();
            print_objects(output.output, &entries, &["at", "kind", "actor", "title"])?;
        }
        Command::Acknowledge(verb) => act(verb, "acknowledge").await?,
        Command::Mitigate(verb) => act(verb, "mitigate").await?,
        Command::Resolve(verb) => act(verb, "resolve").await?,
        Command::Close(verb) => act(verb, "close").await?,
        Command::Note { incident, text, client } => {
            let path = format!("/api/incidents/{}/notes", path_segment(&incident));
            client.client()?.post(&path, &json!({ "text": text })).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn act(verb: Verb, action: &str) -> anyhow::Result<()> {
    let path = format!("/api/incidents/{}/{action}", path_segment(&verb.incident));
    let incident = verb.client.client()?.post(&path, &json!({ "note": verb.note })).await?;
    let word = |key: &str| incident[key].as_str().unwrap_or("—").to_owned();
    println!("{} is {}", word("incident_id"), word("state"));
    Ok(())
}
