//! `evenkeel slo report NAME`: one objective at one time, and what ate its budget.

use serde_json::Value;

use super::super::client::ClientArgs;
use super::super::output::{Output, OutputArgs, print, print_objects, print_rows};

/// The numbers of the window, as the view `slo_status` names them.
const STATUS: [&str; 21] = [
    "slo",
    "objective",
    "group_key",
    "service",
    "window",
    "method",
    "target",
    "good",
    "total",
    "bad",
    "allowed_bad",
    "sli",
    "consumed",
    "error_budget_remaining",
    "error_budget_remaining_units",
    "error_budget_remaining_secs",
    "exhausted_in_pace_secs",
    "exhausted_in_fixed_window_secs",
    "exhausted_in_rolling_secs",
    "state",
    "as_of",
];
const BURN: [&str; 4] = ["window", "burn_rate", "budget_used", "coverage"];
const CAUSES: [&str; 8] = ["kind", "id", "title", "from", "to", "bad", "budget_share", "bad_share"];
const GROUPS: [&str; 3] = ["group_key", "bad", "bad_share"];
const EXCLUDED: [&str; 7] = ["maintenance_id", "title", "from", "to", "effect", "actor", "recorded_at"];

#[derive(Debug, clap::Args)]
pub struct Args {
    name: String,
    /// The first one when absent.
    #[arg(long)]
    objective: Option<String>,
    /// The key of a group, such as {region="eu"}.
    #[arg(long)]
    group: Option<String>,
    /// The end of the window: RFC 3339; where the numbers end when absent.
    #[arg(long)]
    at: Option<String>,
    /// As it was reported on that day: only what had been recorded by this time (RFC 3339) counts.
    #[arg(long)]
    reported_on: Option<String>,
    /// Windows to tell burn rates of.
    #[arg(long, value_delimiter = ',', default_value = "1h,6h,1d,3d")]
    windows: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let windows = args.windows.join(",");
    let mut query = vec![("windows", windows.as_str())];
    let given = [
        ("objective", &args.objective),
        ("group", &args.group),
        ("at", &args.at),
        ("reported_on", &args.reported_on),
    ];
    query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
    let path = format!("/api/slos/{}/report", super::super::path_segment(&args.name));
    let report = args.client.client()?.get(&path, &query).await?;
    match args.output.output {
        Output::Json => print(&serde_json::to_string_pretty(&report)?),
        // One table for programs: the row of the objective.
        Output::Csv => print_objects(Output::Csv, std::slice::from_ref(&report["status"]), &STATUS),
        Output::Table => print_tables(&report),
    }
}

fn print_tables(report: &Value) -> anyhow::Result<()> {
    let status = STATUS.iter().map(|name| vec![Value::from(*name), report["status"][*name].clone()]);
    print_rows(Output::Table, &["", "value"], status)?;
    let spent = &report["spent"];
    let parts: [(&str, &Value, &[&str]); 4] = [
        ("burn rates", &report["burn"], &BURN),
        ("what ate the budget", &spent["causes"], &CAUSES),
        ("by group", &report["groups"], &GROUPS),
        ("excluded", &report["excluded"], &EXCLUDED),
    ];
    for (title, rows, columns) in parts {
        let rows = rows.as_array().cloned().unwrap_or_default();
        if !rows.is_empty() {
            print(&format!("\n{title}"))?;
            print_objects(Output::Table, &rows, columns)?;
        }
    }
    print(&format!("\n{} of {} bad during none of these", spent["unexplained_bad"], spent["bad"]))
}
