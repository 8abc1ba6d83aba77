//! Runs what was entered and shows what came of it.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use query::formats::Column;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::command::{self, Chart, Command};
use super::{catalog, pager, plot, view};
use crate::cli::chart::{self, Size};
use crate::cli::client::Client;
use crate::cli::output::{JsonWriter, Output, TableWriter, write_csv};
use crate::cli::promql;

/// Rows of the last result that `\chart` can draw.
const ROWS_KEPT: usize = 100_000;
/// Rows that are held to be shown by the pager; the rest of a result is not read.
const ROWS_SHOWN: usize = 100_000;
const CHART_ROWS: usize = 16;
const NO_TERMINAL: (usize, usize) = (100, usize::MAX);

/// What comes after a line.
pub enum Next {
    Read,
    Leave,
}

pub struct Session<'a> {
    client: &'a Client,
    /// Columns and rows, when there is a terminal.
    pub terminal: Option<(usize, usize)>,
    format: Output,
    expanded: bool,
    timing: bool,
    charts: bool,
    file: Option<File>,
    last: Option<Rows>,
}

struct Rows {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    is_cut: bool,
}

impl<'a> Session<'a> {
    pub fn new(client: &'a Client, format: Output) -> Session<'a> {
        let (expanded, timing, charts) = (false, false, false);
        Session { client, terminal: None, format, expanded, timing, charts, file: None, last: None }
    }

    /// Runs a statement. That it is wrong is said and ends nothing.
    pub async fn statement(&mut self, query: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        if let Some(rows) = self.ask(query, &[]).await {
            self.show(&rows)?;
            self.last = Some(rows);
        }
        self.tell_time(began.elapsed());
        Ok(())
    }

    pub async fn command(&mut self, line: &str) -> anyhow::Result<Next> {
        let command = match command::parse(line) {
            Ok(command) => command,
            Err(wrong) => {
                eprintln!("{wrong}");
                return Ok(Next::Read);
            }
        };
        match command {
            Command::Quit => return Ok(Next::Leave),
            Command::Help => println!("{}", command::HELP),
            Command::Describe(None) | Command::Tables => self.list(catalog::TABLES, &[]).await?,
            Command::Describe(Some(name)) => self.describe(&name).await?,
            Command::Functions(part) => {
                self.list(catalog::FUNCTIONS, &[json!(part.unwrap_or_default())]).await?;
            }
            Command::Timing(wanted) => {
                self.timing = wanted.unwrap_or(!self.timing);
                println!("timing is {}", on_off(self.timing));
            }
            Command::Expanded(wanted) => {
                self.expanded = wanted.unwrap_or(!self.expanded);
                println!("a line per column is {}", on_off(self.expanded));
            }
            Command::Format(format) => self.format = format,
            Command::OutputTo(path) => self.output_to(path),
            Command::Chart(Chart::Always(always)) => {
                self.charts = always;
                println!("charts are {}", on_off(always));
            }
            Command::Chart(Chart::Last) => self.chart_last(),
            Command::Promql { range, expr } => self.promql(range.as_deref(), &expr).await?,
        }
        Ok(Next::Read)
    }

    async fn describe(&mut self, name: &str) -> anyhow::Result<()> {
        let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
        let Some(rows) = self.ask(catalog::COLUMNS, &[json!(name)]).await else { return Ok(()) };
        if rows.rows.is_empty() {
            eprintln!(r"there is no table or view {name:?}: \d lists them");
            return Ok(());
        }
        self.show(&rows)
    }

    async fn list(&mut self, query: &str, parameters: &[Value]) -> anyhow::Result<()> {
        match self.ask(query, parameters).await {
            Some(rows) => self.show(&rows),
            None => Ok(()),
        }
    }

    /// The rows of a query, or none when it was wrong or Ctrl-C ended it: both are said here.
    async fn ask(&self, query: &str, parameters: &[Value]) -> Option<Rows> {
        let asked = async {
            let mut answer = self.client.sql(query, parameters).await?;
            let mut rows = Rows { columns: answer.columns(), rows: Vec::new(), is_cut: false };
            while let Some(more) = answer.next_rows().await? {
                rows.rows.extend(more);
                if rows.rows.len() >= ROWS_SHOWN && self.file.is_none() {
                    rows.rows.truncate(ROWS_SHOWN);
                    rows.is_cut = true;
                    break;
                }
            }
            anyhow::Ok(rows)
        };
        self.unless_interrupted(asked).await
    }

    /// Dropping the answer ends the query on the server.
    async fn unless_interrupted<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> Option<T> {
        tokio::select! {
            done = work => done.map_err(|error| eprintln!("{error:#}")).ok(),
            _ = tokio::signal::ctrl_c() => {
                eprintln!("cancelled");
                None
            }
        }
    }

    fn show(&mut self, rows: &Rows) -> anyhow::Result<()> {
        let mut text = Vec::new();
        let names = rows.columns.iter().map(|column| column.name.as_str());
        match (self.format, self.expanded) {
            (Output::Table, false) => {
                let mut table = TableWriter::unfitted(names);
                rows.rows.iter().try_for_each(|row| table.row(row, &mut text))?;
                table.end(&mut text)?;
            }
            (Output::Table, true) => {
                for (number, row) in rows.rows.iter().enumerate() {
                    text.extend_from_slice(view::expanded(&rows.columns, row, number + 1).as_bytes());
                }
            }
            (Output::Csv, _) => write_csv(names, &rows.rows, &mut text)?,
            (Output::Json, _) => {
                let mut objects = JsonWriter::new(names);
                rows.rows.iter().try_for_each(|row| objects.row(row, &mut text))?;
                objects.end(&mut text)?;
            }
        }
        if rows.is_cut {
            writeln!(text, "only the first {ROWS_SHOWN} rows were read: \\o FILE takes all of them")?;
        }
        let mut text = String::from_utf8_lossy(&text).into_owned();
        if self.charts
            && let Some(chart) = self.chart_of(rows)
        {
            text.push_str(&chart);
        }
        self.put(&text)
    }

    /// To the file, the terminal or the pager.
    fn put(&mut self, text: &str) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            return file.write_all(text.as_bytes()).context("the file of \\o cannot be written");
        }
        let is_paged = self.terminal.is_some_and(|terminal| view::overflows(text, terminal));
        if !is_paged || !std::io::stdout().is_terminal() || !pager::show(text) {
            print!("{text}");
            std::io::stdout().flush()?;
        }
        Ok(())
    }

    fn chart_last(&mut self) {
        let Some(rows) = &self.last else {
            eprintln!("there is no result yet");
            return;
        };
        match self.chart_of(rows) {
            Some(chart) => print!("{chart}"),
            None => {
                eprintln!("nothing to draw: a chart needs a column of times and one of numbers, at two times")
            }
        }
    }

    fn chart_of(&self, rows: &Rows) -> Option<String> {
        let kept = &rows.rows[..rows.rows.len().min(ROWS_KEPT)];
        chart::draw(&plot::series_of(&rows.columns, kept)?, self.chart_size())
    }

    fn chart_size(&self) -> Size {
        let (columns, rows) = self.terminal.unwrap_or(NO_TERMINAL);
        Size { columns, rows: CHART_ROWS.min(rows.saturating_sub(8).max(4)), colours: self.file.is_none() }
    }

    async fn promql(&mut self, range: Option<&str>, expr: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        let asked = promql::evaluate(self.client, expr, range);
        if let Some(answer) = self.unless_interrupted(asked).await {
            let chart = range.and_then(|_| chart::draw(&promql::series(&answer), self.chart_size()));
            match chart {
                Some(chart) => self.put(&chart)?,
                None => {
                    let columns = ["series", "time", "value"];
                    let mut text = Vec::new();
                    let mut table = TableWriter::unfitted(columns.into_iter());
                    promql::rows(&answer).iter().try_for_each(|row| table.row(row, &mut text))?;
                    table.end(&mut text)?;
                    self.put(&String::from_utf8_lossy(&text))?;
                }
            }
        }
        self.tell_time(began.elapsed());
        Ok(())
    }

    fn output_to(&mut self, path: Option<String>) {
        self.file = None;
        let Some(path) = path else { return };
        match File::create(&path) {
            Ok(file) => self.file = Some(file),
            Err(error) => eprintln!("{path}: {error}"),
        }
    }

    fn tell_time(&self, taken: Duration) {
        if self.timing {
            println!("{:.1} ms", taken.as_secs_f64() * 1_000.0);
        }
    }
}

fn on_off(switch: bool) -> &'static str {
    if switch { "on" } else { "off" }
}
