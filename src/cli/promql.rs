//! `evenkeel promql 'sum(rate(http_requests_total[5m]))'`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use telemetry::time::parse_duration;
use telemetry::{Clock, SystemClock};

use super::chart::{self, Series, Size};
use super::client::{Client, ClientArgs};
use super::output::{Output, OutputArgs, print, print_rows};

/// The range of a chart when none is given.
const CHART_RANGE: &str = "1h";
/// Points of a chart: about one for each column of dots of a wide terminal.
const CHART_POINTS: u32 = 240;
/// The size of a chart where there is no terminal to ask.
const CHART_COLUMNS: usize = 100;
const CHART_ROWS: usize = 16;

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
    /// Draw a chart; without --start and --end of the last hour.
    #[arg(long, conflicts_with = "time")]
    chart: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let answer = if args.chart && args.start.is_none() {
        evaluate(&client, &args.expr, Some(CHART_RANGE)).await?
    } else {
        let given = [("time", &args.time), ("start", &args.start), ("end", &args.end), ("step", &args.step)];
        let given = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        ask(&client, &args.expr, given.collect()).await?
    };
    if args.chart {
        let columns = comfy_table::Table::new().width().map_or(CHART_COLUMNS, usize::from);
        let colours = std::io::IsTerminal::is_terminal(&std::io::stdout());
        match chart::draw(&series(&answer), Size { columns, rows: CHART_ROWS, colours }) {
            Some(chart) => print(chart.trim_end())?,
            None => bail!("nothing to draw: the expression has no numbers at two times of the range"),
        }
    } else if args.output.output == Output::Json {
        print(&serde_json::to_string_pretty(&answer["data"])?)?;
    } else {
        print_rows(args.output.output, &["series", "time", "value"], rows(&answer).into_iter())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Evaluates now, or over the range (`1h`) that ends now. Warnings go to standard error.
pub(super) async fn evaluate(client: &Client, expr: &str, range: Option<&str>) -> anyhow::Result<Value> {
    let Some(range) = range else { return ask(client, expr, Vec::new()).await };
    let span = parse_duration(range).with_context(|| format!("{range:?} is no duration such as 1h"))?;
    let end = SystemClock.now();
    let step = (span / CHART_POINTS).max(Duration::from_secs(1));
    let (start, end) = (end.minus(span).secs_f64().to_string(), end.secs_f64().to_string());
    let step = step.as_secs_f64().to_string();
    ask(client, expr, vec![("start", &start), ("end", &end), ("step", &step)]).await
}

async fn ask(client: &Client, expr: &str, times: Vec<(&str, &str)>) -> anyhow::Result<Value> {
    let is_range = times.iter().any(|(name, _)| *name == "start");
    let path = if is_range { "/prometheus/api/v1/query_range" } else { "/prometheus/api/v1/query" };
    let query: Vec<(&str, &str)> = [("query", expr)].into_iter().chain(times).collect();
    let answer = client.get(path, &query).await?;
    for kind in ["warnings", "infos"] {
        for note in answer[kind].as_array().into_iter().flatten() {
            eprintln!("note: {}", note.as_str().unwrap_or_default());
        }
    }
    Ok(answer)
}

/// A row per point of any result type: series, time, value.
pub(super) fn rows(answer: &Value) -> Vec<Vec<Value>> {
    let data = &answer["data"];
    let point = |point: &Value| (time_text(&point[0]), point[1].clone());
    if data["resultType"] == "scalar" || data["resultType"] == "string" {
        let (time, value) = point(&data["result"]);
        return vec![vec![Value::Null, time, value]];
    }
    let mut rows = Vec::new();
    for series in data["result"].as_array().into_iter().flatten() {
        let name = series_name(&series["metric"]);
        for (time, value) in points(series).map(point) {
            rows.push(vec![json!(name), time, value]);
        }
    }
    rows
}

/// The series of a vector or a matrix, to draw.
pub(super) fn series(answer: &Value) -> Vec<Series> {
    let result = answer["data"]["result"].as_array();
    let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
    result
        .into_iter()
        .flatten()
        .filter(|series| series.is_object())
        .map(|series| Series {
            name: series_name(&series["metric"]),
            points: points(series)
                .map(|point| (point[0].as_f64().unwrap_or_default(), number(&point[1])))
                .collect(),
        })
        .collect()
}

fn points(series: &Value) -> impl Iterator<Item = &Value> {
    let many = series["values"].as_array();
    let one = if many.is_none() { series.get("value") } else { None };
    many.into_iter().flatten().chain(one)
}

/// Seconds since 1970, to the millisecond, as RFC 3339.
fn time_text(seconds: &Value) -> Value {
    let millis = seconds.as_f64().map(|seconds| (seconds * 1_000.0).round() as i64);
    match millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()) {
        Some(time) => json!(time.to_string()),
        None => seconds.clone(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_every_result_type_are_rows_with_times() {
        let matrix = json!({"data": {"resultType": "matrix", "result": [
            {"metric": {"__name__": "up", "job": "a"}, "values": [[1763899200.5, "1"], [1763899260, "NaN"]]}]}});
        assert_eq!(
            rows(&matrix),
            [
                [json!("up{job=\"a\"}"), json!("2025-11-23T12:00:00.5Z"), json!("1")],
                [json!("up{job=\"a\"}"), json!("2025-11-23T12:01:00Z"), json!("NaN")]
            ]
        );
        let drawn = series(&matrix);
        assert_eq!((drawn.len(), drawn[0].points[0]), (1, (1_763_899_200.5, 1.0)));
        let scalar = json!({"data": {"resultType": "scalar", "result": [0, "2"]}});
        assert_eq!(rows(&scalar), [[Value::Null, json!("1970-01-01T00:00:00Z"), json!("2")]]);
        assert!(series(&scalar).is_empty());
    }
}
