//! `evenkeel slo report NAME`: one objective at one time, and what ate its budget.

use std::time::Duration;

use serde_json::Value;
use telemetry::time::format_duration;

use super::super::client::ClientArgs;
use super::super::output::{Output, OutputArgs, print, print_objects, print_rows, table_text_of};

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
    /// The window of the budget, such as 90d: one of the SLO's, the first one when absent.
    #[arg(long)]
    window: Option<String>,
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
        ("window", &args.window),
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
    let status = STATUS.iter().map(|name| vec![Value::from(*name), shown(name, &report["status"][*name])]);
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
    let (unexplained, bad) = (table_text_of(&spent["unexplained_bad"]), table_text_of(&spent["bad"]));
    print(&format!("\n{unexplained} of {bad} bad during none of these"))
}

/// A value for people: what is in seconds as a length of time.
fn shown(name: &str, value: &Value) -> Value {
    match value.as_f64() {
        Some(seconds) if name.ends_with("_secs") => Value::from(length_of(seconds)),
        _ => value.clone(),
    }
}

/// To the second; what is overspent is below zero.
fn length_of(seconds: f64) -> String {
    let length = format_duration(Duration::from_secs(seconds.abs().round() as u64));
    if seconds.round() < 0.0 { format!("-{length}") } else { length }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn seconds_are_shown_as_lengths_of_time() {
        assert_eq!(shown("exhausted_in_pace_secs", &json!(58_620)), json!("16h17m"));
        assert_eq!(shown("error_budget_remaining_secs", &json!(-5_400.4)), json!("-1h30m"));
        assert_eq!(shown("error_budget_remaining_secs", &json!(-0.2)), json!("0s"));
        assert_eq!(shown("error_budget_remaining_secs", &Value::Null), Value::Null);
        assert_eq!(shown("bad", &json!(58_620.0)), json!(58_620.0));
    }
}
