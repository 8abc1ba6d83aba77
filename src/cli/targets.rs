//! `evenkeel targets`.

use std::process::ExitCode;

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
    let answer = args.client.client()?.get("/api/targets", &[]).await?;
    let targets = answer["targets"].as_array().cloned().unwrap_or_default();
    for fault in answer["faults"].as_array().into_iter().flatten() {
        let text = |key: &str| fault[key].as_str().unwrap_or_default().to_owned();
        eprintln!("job {:?}: {}", text("job"), text("message"));
    }
    print_objects(
        args.output.output,
        &targets,
        &["job", "instance", "health", "last_scrape", "duration_secs", "samples", "error"],
    )?;
    Ok(ExitCode::SUCCESS)
}
