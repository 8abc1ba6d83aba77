//! `evenkeel logs`: search, and follow what comes.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use telemetry::time::parse_duration;
use telemetry::{Clock, SystemClock};

use super::client::{Client, ClientArgs};
use super::output::{self, Output, OutputArgs, csv_line, ignore_closed};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Words, phrases, fields, such as `refused -"connection reset" region=eu-0`; all lines when absent.
    search: Vec<String>,
    /// Names, separated by commas.
    #[arg(long)]
    service: Option<String>,
    /// trace, debug, info, warn, error or fatal: this or worse.
    #[arg(long)]
    severity: Option<String>,
    /// 32 hex digits.
    #[arg(long)]
    trace_id: Option<String>,
    /// How far back.
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    since: Duration,
    /// The newest lines, at most so many.
    #[arg(long, short = 'n', default_value = "100")]
    limit: usize,
    /// Go on with what is stored from now on.
    #[arg(long, short)]
    follow: bool,
    /// How lines are printed: as text; as JSON, one object for each line; as CSV.
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Lines that are asked for at once.
const PAGE_LINES: usize = 1_000;

/// In JSON a line has everything that the server knows of it.
const COLUMNS: [&str; 9] =
    ["ts", "severity", "service", "host", "env", "trace_id", "span_id", "body", "attrs"];

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let search = args.search.join(" ");
    let mut filter = vec![("q", search.as_str())];
    for (name, value) in
        [("service", &args.service), ("severity", &args.severity), ("trace_id", &args.trace_id)]
    {
        filter.extend(value.as_deref().map(|value| (name, value)));
    }
    let client = args.client.client()?;
    // Followed first, so that no line is lost between what was and what comes.
    let tail = match args.follow {
        true => Some(client.get_for("/api/logs/tail", &filter).await?),
        false => None,
    };
    let from = SystemClock.now().minus(args.since).to_string();
    filter.push(("from", from.as_str()));
    let lines = newest(&client, &filter, args.limit).await?;
    let mut printed: Vec<Value> = lines.iter().map(|line| line["id"].clone()).collect();
    let output = args.output.output;
    if output == Output::Csv {
        output::print(&COLUMNS.join(","))?;
    }
    ignore_closed(print_lines(lines.iter().rev(), output))?;
    let Some(tail) = tail else { return Ok(ExitCode::SUCCESS) };
    let mut parts = tail.bytes_stream();
    let mut events = Events::default();
    while let Some(part) = parts.next().await {
        for (name, data) in events.push(&part?) {
            match name.as_str() {
                "lagged" => eprintln!("{} lines went by unread: narrow the search", data["lines"]),
                _ => {
                    let lines = data["lines"].as_array().cloned().unwrap_or_default();
                    let fresh = lines.iter().filter(|line| !printed.contains(&line["id"]));
                    ignore_closed(print_lines(fresh, output))?;
                    // What the search found comes again in the first moments and in no later one.
                    printed.retain(|id| lines.iter().all(|line| line["id"] != *id));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest first.
async fn newest(client: &Client, filter: &[(&str, &str)], limit: usize) -> anyhow::Result<Vec<Value>> {
    let (mut lines, mut after) = (Vec::new(), String::new());
    while lines.len() < limit {
        let count = (limit - lines.len()).min(PAGE_LINES).to_string();
        let asked = [filter, &[("limit", count.as_str()), ("after", after.as_str())]].concat();
        let mut page = client.get("/api/logs", &asked).await?;
        if let Value::Array(found) = page["lines"].take() {
            lines.extend(found);
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    Ok(lines)
}

fn print_lines<'l>(lines: impl Iterator<Item = &'l Value>, output: Output) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        match output {
            Output::Table => writeln!(out, "{}", text_of(line))?,
            Output::Json => writeln!(out, "{line}")?,
            Output::Csv => writeln!(out, "{}", csv_line(COLUMNS.iter().map(|column| &line[*column])))?,
        }
    }
    Ok(out.flush()?)
}

/// Time, severity, service, text. Control characters stay out of the terminal.
fn text_of(line: &Value) -> String {
    let word = |key: &str| line[key].as_str().unwrap_or("-");
    let text = format!("{} {:<5} {} {}", word("ts"), word("severity"), word("service"), word("body"));
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

/// Server-sent events out of the parts in which they arrive.
#[derive(Default)]
struct Events {
    rest: Vec<u8>,
}

impl Events {
    fn push(&mut self, part: &[u8]) -> Vec<(String, Value)> {
        self.rest.extend_from_slice(part);
        let mut events = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            if let (Some(name), Some(data)) = (field("event: "), field("data: ")) {
                events.push((name.to_owned(), serde_json::from_str(data).unwrap_or_default()));
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_whole_however_they_arrive() {
        let text = b": alive\n\nevent: lines\ndata: {\"lines\":[]}\n\nevent: lagged\ndata: {\"lines\":3}\n\n";
        for size in 1..text.len() {
            let mut events = Events::default();
            let found: Vec<_> = text.chunks(size).flat_map(|part| events.push(part)).collect();
            let expected =
                [("lines".to_owned(), json!({"lines": []})), ("lagged".to_owned(), json!({"lines": 3}))];
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_line_cannot_command_the_terminal() {
        let line = json!({"ts": "2026-11-23T10:00:00Z", "severity": "ERROR", "service": null, "body": "a\u{1b}[2J\n b"});
        assert_eq!(text_of(&line), "2026-11-23T10:00:00Z ERROR - a\u{fffd}[2J\n b");
    }
}
