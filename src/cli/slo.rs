//! `evenkeel slo list|show|report|backfill|convert|lint`.

mod backfill;
mod convert;
mod lint;
mod report;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use super::client::ClientArgs;
use super::output::{Output, OutputArgs, print, print_objects};

/// The columns of the view `slo_status`.
const COLUMNS: [&str; 28] = [
    "slo",
    "objective",
    "service",
    "window",
    "target",
    "good",
    "total",
    "sli",
    "error_budget_remaining",
    "burn_rate_1h",
    "burn_rate_6h",
    "coverage",
    "state",
    "as_of",
    "group_key",
    "method",
    "bad",
    "allowed_bad",
    "consumed",
    "error_budget_remaining_units",
    "error_budget_remaining_secs",
    "error_budget_remaining_to_date",
    "exhausted_at",
    "exhausted_in_pace_secs",
    "exhausted_in_fixed_window_secs",
    "exhausted_in_rolling_secs",
    "clamped_slices",
    "no_data",
];
/// Those of them that fit on a screen; what is the same everywhere is left out.
const COLUMNS_SHORT: [&str; 10] = [
    "slo",
    "objective",
    "group_key",
    "service",
    "window",
    "target",
    "sli",
    "error_budget_remaining",
    "burn_rate_1h",
    "state",
];
/// Left out of a screen when all rows say the same.
const COLUMNS_TELLING_APART: [&str; 2] = ["objective", "group_key"];
const COLUMNS_BURN: [&str; 8] =
    ["severity", "long", "short", "burn_long", "burn_short", "threshold", "state", "budget_used"];

#[derive(Debug, Subcommand)]
pub enum Command {
    /// All objectives with their budgets, the worst first.
    List {
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Write objectives of Sloth and Pyrra as OpenSLO documents.
    Convert(convert::Args),
    /// Check objectives and say what was understood; exit 1 when there is an error.
    Lint(lint::Args),
    /// Measure an SLO over history that is there already. Goes on after a restart, counts nothing twice.
    Backfill(backfill::Args),
    /// One objective at one time: its numbers, burn rates, what ate its budget, what does not count.
    Report(report::Args),
    /// One SLO with its objectives and burn-rate windows.
    Show {
        name: String,
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
}

pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Backfill(args) => backfill::run(args).await?,
        Command::Report(args) => report::run(args).await?,
        Command::Convert(args) => return convert::run(&args),
        Command::Lint(args) => return Ok(lint::run(&args)),
        Command::List { output, client } => {
            let answer = client.client()?.get("/api/slos", &[]).await?;
            let rows = rows_of(&answer, "slos");
            let columns = if output.output == Output::Table { on_screen(&rows) } else { COLUMNS.to_vec() };
            print_objects(output.output, &rows, &columns)?;
            say_problems(&answer);
        }
        Command::Show { name, output, client } => {
            let answer =
                client.client()?.get(&format!("/api/slos/{}", super::path_segment(&name)), &[]).await?;
            if output.output == Output::Json {
                print(&serde_json::to_string_pretty(&answer)?)?;
                return Ok(ExitCode::SUCCESS);
            }
            let rows = rows_of(&answer, "objectives");
            let columns = if output.output == Output::Table { on_screen(&rows) } else { COLUMNS.to_vec() };
            print_objects(output.output, &rows, &columns)?;
            if output.output == Output::Table {
                for objective in answer["objectives"].as_array().into_iter().flatten() {
                    let windows = objective["burn_windows"].as_array().cloned().unwrap_or_default();
                    println!("\nburn rates of {}", objective["objective"].as_str().unwrap_or_default());
                    print_objects(Output::Table, &windows, &COLUMNS_BURN)?;
                }
            }
            say_problems(&answer);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn on_screen(rows: &[Value]) -> Vec<&'static str> {
    let is_the_same = |column: &str| rows.windows(2).all(|two| two[0][column] == two[1][column]);
    let mut columns = COLUMNS_SHORT.to_vec();
    columns.retain(|column| !COLUMNS_TELLING_APART.contains(column) || !is_the_same(column));
    columns
}

/// Why some objectives have no new numbers.
fn say_problems(answer: &Value) {
    for it in answer["problems"].as_array().into_iter().flatten() {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        eprintln!("evenkeel: {} cannot be measured: {}", text("slo_id"), text("problem"));
    }
}

/// The objectives of an answer, then the same over their further windows.
fn rows_of(answer: &Value, name: &str) -> Vec<Value> {
    let parts = [name, "further_windows"].map(|part| answer[part].as_array().cloned().unwrap_or_default());
    parts.concat()
}
