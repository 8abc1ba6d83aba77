//! What SLOs cost: refreshing ten thousand of them, and measuring one over a month of history, beside
//! Prometheus with the recording rules that Sloth writes.
//!
//! `cargo bench -p query --bench slo` takes options: `--slos 10000`, `--days 30`, `--series 1000`,
//! `--dir DIR` (history that is there already is used again), `--only refresh|history|prometheus`,
//! `--prometheus-days 1`, `--prometheus-series 100`. It prints figures with their limits and puts them into
//! `benches/results/slo.json`, in the place of former ones of the same parts.
#![allow(clippy::disallowed_methods)] // measures durations

mod history;
mod prometheus;
mod refresh;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

pub struct Options {
    pub slos: usize,
    pub days: i64,
    pub series: usize,
    pub prometheus_days: i64,
    /// Fewer: Prometheus reads every range of every rule anew each half minute.
    pub prometheus_series: usize,
    pub dir: Option<PathBuf>,
    only: Option<String>,
}

impl Options {
    fn read() -> Result<Options, Failure> {
        let arguments: Vec<String> = std::env::args().skip(1).filter(|text| text != "--bench").collect();
        let given = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1).cloned()
        };
        let number = |name: &str, default: usize| given(name).map_or(Ok(default), |text| text.parse());
        Ok(Options {
            slos: number("--slos", 10_000)?,
            days: number("--days", 30)? as i64,
            series: number("--series", 1_000)?,
            prometheus_days: number("--prometheus-days", 1)? as i64,
            prometheus_series: number("--prometheus-series", 100)?,
            dir: given("--dir").map(PathBuf::from),
            only: given("--only"),
        })
    }

    fn asks_for(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }
}

/// Figures as they come, printed and kept.
#[derive(Default)]
pub struct Figures(Map<String, Value>);

impl Figures {
    pub fn time(&mut self, name: &str, taken: Duration, limit: Option<Duration>) {
        let ms = taken.as_secs_f64() * 1e3;
        let wanted = limit.map_or(String::new(), |limit| {
            let verdict = if taken <= limit { "met" } else { "MISSED" };
            format!("  (at most {} ms: {verdict})", limit.as_millis())
        });
        println!("{name:<58} {ms:>12.3} ms{wanted}");
        self.0.insert(
            name.to_owned(),
            json!({ "ms": ms, "limit_ms": limit.map(|limit| limit.as_millis() as u64) }),
        );
    }

    pub fn value(&mut self, name: &str, value: f64, unit: &str) {
        println!("{name:<58} {value:>12.6} {unit}");
        self.0.insert(name.to_owned(), json!({ "value": value, "unit": unit }));
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::read()?;
    let mut figures = Figures::default();
    let parts = ["refresh", "history", "prometheus"];
    if !parts.iter().any(|part| options.asks_for(part)) {
        return Err(format!("--only takes one of {}", parts.join(", ")).into());
    }
    if options.asks_for("refresh") {
        refresh::measure(&options, &mut figures);
    }
    if options.asks_for("history") {
        history::measure(&options, &mut figures).await?;
    }
    if options.asks_for("prometheus") {
        prometheus::measure(&options, &mut figures).await?;
    }
    let results = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../benches/results/slo.json");
    let mut kept: Map<String, Value> = match std::fs::read(&results) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => Map::new(),
    };
    let is_measured = |name: &str| {
        parts.iter().any(|part| options.asks_for(part) && name.starts_with(&format!("{part}: ")))
    };
    kept.retain(|name, _| !is_measured(name));
    kept.append(&mut figures.0);
    std::fs::write(results, serde_json::to_string_pretty(&kept)? + "\n")?;
    Ok(())
}
