//! `evenkeel token create|list|revoke`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::client::ClientArgs;
use super::output::{OutputArgs, print_objects};
use super::path_segment;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token and print it; it is shown this once.
    Create {
        /// What it is for; also the user name on the PostgreSQL port.
        name: String,
        /// What it may do.
        #[arg(long, value_parser = ["ingest", "viewer", "responder", "admin"])]
        role: String,
        /// Make an integration key (a PagerDuty routing_key) that speaks for this service alone.
        #[arg(long, value_name = "SERVICE")]
        service: Option<String>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// The tokens that exist, without their secrets.
    List {
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Make a token useless.
    Revoke {
        name: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create { name, role, service, client } => {
            let new = json!({ "name": name, "role": role, "service": service });
            let answer = client.client()?.post("/api/tokens", &new).await?;
            println!("{}", answer["token"].as_str().unwrap_or_default());
        }
        Command::List { output, client } => {
            let answer = client.client()?.get("/api/tokens", &[]).await?;
            let rows = answer["tokens"].as_array().cloned().unwrap_or_default();
            print_objects(output.output, &rows, &["name", "role", "service", "created_at", "last_used_at"])?;
        }
        Command::Revoke { name, client } => {
            client.client()?.post(&format!("/api/tokens/{}/revoke", path_segment(&name)), &json!({})).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
