//! `evenkeel oncall`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::client::ClientArgs;
use super::output::{OutputArgs, print_objects};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let answer = args.client.client()?.get("/api/oncall", &[]).await?;
    let schedules = answer["schedules"].as_array().into_iter().flatten();
    let rows: Vec<Value> = schedules
        .map(|schedule| {
            json!({
                "schedule": schedule["name"],
                "timezone": schedule["timezone"],
                "on_call": schedule["on_call"]["user"],
                "until": schedule["on_call"]["until"],
                "next": schedule["next"]["user"],
                "next_at": schedule["next"]["at"],
            })
        })
        .collect();
    print_objects(
        args.output.output,
        &rows,
        &["schedule", "on_call", "until", "next", "next_at", "timezone"],
    )?;
    Ok(ExitCode::SUCCESS)
}
