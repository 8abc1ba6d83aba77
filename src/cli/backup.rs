//! `evenkeel backup`: asks the running server for a copy of everything, and waits for it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use super::client::ClientArgs;

/// How often the server is asked whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A new directory on the server: a name below its backup.dir, or a path into it.
    #[arg(long, value_name = "DIR")]
    to: String,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let mut backup = client.post("/api/admin/backup", &json!({ "to": args.to })).await?;
    let to = backup["to"].as_str().unwrap_or_default().to_owned();
    while backup["state"] == "running" {
        tokio::time::sleep(LOOK_AGAIN).await;
        let report = client.get("/api/admin/backup", &[]).await?;
        backup = report["backup"].clone();
        if backup["to"] != to {
            bail!("the server was restarted: the backup in {to} did not end");
        }
    }
    if let Some(error) = backup["error"].as_str() {
        bail!("the backup in {to} failed: {error}");
    }
    println!("{to}: {} files, {} bytes", backup["files"], backup["bytes"]);
    Ok(ExitCode::SUCCESS)
}
