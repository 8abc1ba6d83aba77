//! `evenkeel promql 'sum(rate(http_requests_total[5m]))'`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::client::ClientArgs;
use super::output::{Output, OutputArgs, print, print_rows};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The expression.
    expr: String,
    /// Evaluate at this time (RFC 3339 or Unix seconds); now by default.
    #[arg(long, conflicts_with_all = ["start", "end"])]
    time: Option<String>,
    /// Evaluate over a range: its start.
    #[arg(long, requires_all = ["end", "step"])]
    start: Option<String>,
    /// The end of the range.
    #[arg(long)]
    end: Option<String>,
    /// The distance of the points of a range, such as 30s.
    #[arg(long)]
    step: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let mut query = vec![("query", args.expr.as_str())];
    let given = [("time", &args.time), ("start", &args.start), ("end", &args.end), ("step", &args.step)];
    query.extend(given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
    let path =
        if args.start.is_some() { "/prometheus/api/v1/query_range" } else { "/prometheus/api/v1/query" };
    let answer = client.get(path, &query).await?;
    for warning in answer["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(answer["infos"].as_array().into_iter().flatten())
    {
        eprintln!("note: {}", warning.as_str().unwrap_or_default());
    }
    let data = &answer["data"];
    if args.output.output == Output::Json {
        print(&serde_json::to_string_pretty(data)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    print_rows(args.output.output, &["series", "time", "value"], rows(data).into_iter())?;
    Ok(ExitCode::SUCCESS)
}

/// A row per point of any result type.
fn rows(data: &Value) -> Vec<Vec<Value>> {
    if data["resultType"] == "scalar" || data["resultType"] == "string" {
        return vec![vec![Value::Null, data["result"][0].clone(), data["result"][1].clone()]];
    }
    let mut rows = Vec::new();
    for series in data["result"].as_array().into_iter().flatten() {
        let name = series_name(&series["metric"]);
        let points = series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
        rows.extend(points.into_iter().map(|point| vec![json!(name), point[0].clone(), point[1].clone()]));
    }
    rows
}

fn series_name(metric: &Value) -> String {
    let labels = metric.as_object().cloned().unwrap_or_default();
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{}{{{}}}", metric["__name__"].as_str().unwrap_or_default(), pairs.join(", "))
}
