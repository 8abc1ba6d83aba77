//! `evenkeel gate SERVICE`: may this service be changed now? For pipelines: exit 0 when it may, 2
//! when it may not, 1 when nobody knows. For people: opening a gate, and taking that back.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use telemetry::time::parse_duration;
use telemetry::{Clock, SystemClock};

use super::client::ClientArgs;
use super::output::{Output, OutputArgs, print, print_objects};
use super::path_segment;

/// A gate that is blocked.
const EXIT_BLOCKED: u8 = 2;
/// No answer. Not the code of other commands, which pipelines would have to tell from "blocked".
pub(super) const EXIT_UNKNOWN: u8 = 1;

const COLUMNS: [&str; 9] =
    ["check", "subject", "window", "value", "relation", "limit", "outcome", "blocks", "detail"];
const COLUMNS_SHORT: [&str; 4] = ["check", "subject", "outcome", "detail"];

const OVERRIDES: [&str; 9] = [
    "id",
    "active",
    "actor",
    "reason",
    "created_at",
    "expires_at",
    "revoked_at",
    "revoked_by",
    "revoke_reason",
];

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").args(["opens", "revoke", "overrides"]))]
pub struct Args {
    service: String,
    /// Open the gate although it is blocked; with --reason and --for.
    #[arg(long = "override", requires = "reason", requires = "length")]
    opens: bool,
    /// Take an override back, by its number; with --reason.
    #[arg(long, value_name = "ID", requires = "reason")]
    revoke: Option<u64>,
    /// Only list who has opened the gate, the newest first.
    #[arg(long)]
    overrides: bool,
    /// Why; everybody will read it.
    #[arg(long, requires = "change", conflicts_with = "overrides")]
    reason: Option<String>,
    /// How long, such as 30m or 2h.
    #[arg(long = "for", id = "length", value_name = "DURATION", value_parser = parse_duration, requires = "opens")]
    length: Option<Duration>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match ask(args).await {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::from(EXIT_BLOCKED)),
        Err(error) => {
            eprintln!("evenkeel: {error:#}");
            Ok(ExitCode::from(EXIT_UNKNOWN))
        }
    }
}

/// Whether the service may be changed.
async fn ask(args: Args) -> anyhow::Result<bool> {
    let client = args.client.client()?;
    let path = format!("/api/gates/{}", path_segment(&args.service));
    if let (true, Some(length)) = (args.opens, args.length) {
        let expires_at = SystemClock.now().plus(length);
        let body = json!({ "reason": args.reason, "expires_at": expires_at.to_string() });
        client.post(&format!("{path}/override"), &body).await?;
    }
    if let Some(id) = args.revoke {
        let body = json!({ "reason": args.reason });
        client.post(&format!("{path}/overrides/{id}/revoke"), &body).await?;
    }
    if args.overrides {
        let answer = client.get(&format!("{path}/overrides"), &[]).await?;
        let overrides = answer["overrides"].as_array().cloned().unwrap_or_default();
        print_objects(args.output.output, &overrides, &OVERRIDES)?;
        return Ok(true);
    }
    let gate = client.get(&path, &[]).await?;
    let Some(is_allowed) = gate["allowed"].as_bool() else {
        bail!("the server's answer is no gate: {gate}");
    };
    show(&gate, args.output.output)?;
    Ok(is_allowed)
}

fn show(gate: &Value, output: Output) -> anyhow::Result<()> {
    let conditions = gate["conditions"].as_array().cloned().unwrap_or_default();
    match output {
        Output::Json => print(&serde_json::to_string_pretty(gate)?),
        Output::Csv => print_objects(output, &conditions, &COLUMNS),
        Output::Table => {
            let word = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
            println!(
                "{} is {} by the policy {}",
                word(&gate["service"]),
                word(&gate["verdict"]),
                word(&gate["policy"])
            );
            println!("{}", word(&gate["explanation"]));
            let freeze = &gate["next_freeze"];
            if let (Some(from), Some(until)) = (freeze["from"].as_str(), freeze["until"].as_str()) {
                let reason = freeze["reason"].as_str().map(|reason| format!(" ({reason})"));
                let reason = reason.unwrap_or_default();
                println!("the next freeze is {}{reason}, from {from} until {until}", word(&freeze["name"]));
            }
            print_objects(output, &conditions, &COLUMNS_SHORT)
        }
    }
}
