//! `evenkeel slo backfill NAME`: measures an SLO over history, and shows how far it is.

use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};

use super::super::client::{Client, ClientArgs};
use super::super::output::{Output, OutputArgs, print, print_objects};

const COLUMNS: [&str; 9] =
    ["id", "state", "objective", "slices_done", "slices_total", "written", "present", "gaps", "error"];

/// How often to ask how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub struct Args {
    name: String,
    /// RFC 3339; the oldest data when absent.
    #[arg(long)]
    from: Option<String>,
    /// RFC 3339, not included; now when absent.
    #[arg(long)]
    to: Option<String>,
    /// Measure slices that are there again, for data that came very late.
    #[arg(long)]
    again: bool,
    /// Only begin it; the server goes on.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.client.client()?;
    let path = format!("/api/slos/{}/backfills", super::super::path_segment(&args.name));
    let body = json!({ "from": args.from, "to": args.to, "again": args.again });
    let mut backfill = client.post(&path, &body).await?;
    let mut shown = None;
    while !args.no_wait && backfill["ended_at"].is_null() {
        tokio::time::sleep(ASK_EVERY).await;
        backfill = newest(&client, &path, &backfill["id"]).await?;
        let progress = progress(&backfill);
        if args.output.output == Output::Table && shown.as_ref() != Some(&progress) {
            eprintln!("{progress}");
            shown = Some(progress);
        }
    }
    match args.output.output {
        Output::Json => print(&serde_json::to_string_pretty(&backfill)?)?,
        output => print_objects(output, std::slice::from_ref(&backfill), &COLUMNS)?,
    }
    if backfill["state"] == "failed" {
        bail!("the backfill failed: {}", backfill["error"].as_str().unwrap_or_default());
    }
    Ok(())
}

async fn newest(client: &Client, path: &str, id: &Value) -> anyhow::Result<Value> {
    let answer = client.get(path, &[]).await?;
    let all = answer["backfills"].as_array().cloned().unwrap_or_default();
    match all.into_iter().find(|backfill| backfill["id"] == *id) {
        Some(backfill) => Ok(backfill),
        None => bail!("the server does not know of the backfill any more; did it restart?"),
    }
}

fn progress(backfill: &Value) -> String {
    let (done, total) = (backfill["slices_done"].as_u64(), backfill["slices_total"].as_u64());
    match (backfill["objective"].as_str(), done, total) {
        (Some(objective), Some(done), Some(total)) => format!("{objective}: {done} of {total} slices"),
        _ => "waits for other backfills".to_owned(),
    }
}
