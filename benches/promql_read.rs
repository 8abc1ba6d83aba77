//! How fast the reader brings samples of the lake to PromQL, stage by stage and in one process.
//!
//! `promql_read DIR [hosts] [metrics]` fills DIR with a day at 15 s if it is empty: 22 hours as day
//! files, the last two hours as the background work of a running lake leaves them: hour files, flush files
//! and buffered rows. Prints the median of several runs of each read, and of PromQL over it.
#![allow(clippy::disallowed_methods)] // measures durations

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use lake::{Lake, LakeConfig, Retention};
use promql::{ScanOptions, Selector, TimeRange};
use query::{Engine, QueryConfig};
use telemetry::{Batch, Labels, ManualClock, MatchOp, Matcher, Sample, SeriesMeta, SeriesSamples, Timestamp};

const STEP: Duration = Duration::from_secs(15);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Series of one import: what is held in memory while filling.
const SERIES_AT_ONCE: usize = 1_000;
const RUNS: usize = 7;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|text| text != "--bench").collect();
    let Some(dir) = arguments.first() else {
        println!("usage: promql_read DIR [hosts] [metrics]");
        return Ok(());
    };
    let number = |at: usize, default: usize| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let fleet = Fleet { hosts: number(1, 4_000)?, metrics: number(2, 2)? };
    let start = Timestamp::parse_rfc3339("2026-11-22T00:00:00Z")?;
    let end = start.plus(DAY);
    let clock = Arc::new(ManualClock::at(end));
    let config = LakeConfig {
        dir: dir.into(),
        retention: Retention { metrics: None, ..Retention::default() },
        flush_interval: DAY,
        compact_interval: DAY,
        ..LakeConfig::default()
    };
    let is_new = !Path::new(dir).join("lake").exists();
    let lake = Lake::open(config, clock.clone()).await?;
    if is_new {
        fleet.fill(&lake, &clock, start, end).await?;
    }
    let engine = Engine::open(lake.clone(), QueryConfig::default(), clock.clone())?;
    read_all(&engine, end).await?;
    evaluate_all(&engine, end).await?;
    lake.shutdown().await?;
    Ok(())
}

struct Fleet {
    hosts: usize,
    metrics: usize,
}

impl Fleet {
    async fn fill(
        &self,
        lake: &Lake,
        clock: &ManualClock,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let hours_from = end.minus(2 * HOUR);
        let minutes_from = end.minus(Duration::from_secs(600));
        for metric in 0..self.metrics {
            for first in (0..self.hosts).step_by(SERIES_AT_ONCE) {
                let hosts = first..self.hosts.min(first + SERIES_AT_ONCE);
                let series = hosts.map(|host| self.series(metric, host, start, hours_from)).collect();
                lake.import(Batch { series, ..Batch::default() }).await?;
            }
        }
        let mut from = hours_from;
        while from < end {
            let to = from.plus(if from < minutes_from { 4 * STEP } else { STEP });
            for metric in 0..self.metrics {
                let series = (0..self.hosts).map(|host| self.series(metric, host, from, to)).collect();
                lake.append(Batch { series, ..Batch::default() }).await?;
            }
            clock.set(to);
            if to.secs() % 60 == 0 && to < end {
                lake.flush().await?;
                lake.compact().await?;
            }
            from = to;
        }
        println!("filled in {:.1} s", began.elapsed().as_secs_f64());
        Ok(())
    }

    /// A counter in even metrics, a gauge in odd ones; samples in `[from, to)`.
    fn series(&self, metric: usize, host: usize, from: Timestamp, to: Timestamp) -> SeriesSamples {
        let labels = [
            ("__name__", format!("node_metric_{metric}_total")),
            ("host", format!("host-{host:05}")),
            ("region", format!("region-{}", host % 8)),
        ];
        let value = |ts: Timestamp| {
            let step = ts.secs() / 15;
            let noise = (step.wrapping_mul(2_654_435_761).wrapping_add(host as i64 * 97)) >> 7 & 0xff;
            if metric.is_multiple_of(2) { (step * 40 + noise) as f64 } else { noise as f64 / 2.0 }
        };
        let steps = (from.secs() / 15..to.secs() / 15).map(|step| Timestamp::from_secs(step * 15));
        SeriesSamples {
            labels: Labels::new(labels).expect("good names"),
            meta: SeriesMeta::default(),
            start: None,
            samples: steps.map(|ts| Sample { ts, value: value(ts) }).collect(),
        }
    }
}

/// Scans alone: what the evaluator would get.
async fn read_all(engine: &Engine, end: Timestamp) -> Result<(), Failure> {
    let noon = end.minus(DAY / 2);
    let minutes = Duration::from_secs(300);
    let cases = [
        ("1 series, 1 h of the day file", "host-00017", noon, HOUR),
        ("1 series, 24 h", "host-00017", end, DAY),
        ("10 scattered series, 24 h", "host-0..17", end, DAY),
        ("40 scattered series, 1 h", "host-0..1[7-9]|host-0..42", noon, HOUR),
        ("all series, last 5 min", ".*", end, minutes),
        ("all series, last hour", ".*", end, HOUR),
        ("all series, 5 min of the day file", ".*", noon, minutes),
        ("all series, 1 h of the day file", ".*", noon, HOUR),
        ("all series, 24 h", ".*", end, DAY),
    ];
    println!("{:<44} {:>9} {:>12} {:>10} {:>11}", "read", "series", "samples", "ms", "M samples/s");
    for (name, hosts, until, span) in cases {
        let matchers = vec![
            Matcher::new("__name__", MatchOp::Equal, "node_metric_0_total")?,
            Matcher::new("host", MatchOp::Regex, hosts)?,
        ];
        let selector = Selector { matchers, start: until.minus(span), end: until };
        let (mut series, mut samples) = (0, 0);
        let mut times = Vec::new();
        for _ in 0..RUNS {
            (series, samples) = (0, 0);
            let began = Instant::now();
            let mut chunks = engine.series_source().scan(&selector, ScanOptions::default());
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk?;
                series += chunk.len();
                samples += chunk.iter().map(|series| series.samples.len()).sum::<usize>();
            }
            times.push(began.elapsed());
        }
        let ms = median_ms(times);
        println!("{name:<44} {series:>9} {samples:>12} {ms:>10.2} {:>11.1}", samples as f64 / ms / 1e3);
    }
    Ok(())
}

/// Whole queries.
async fn evaluate_all(engine: &Engine, end: Timestamp) -> Result<(), Failure> {
    println!("{:<70} {:>10}", "query", "ms");
    let instants = [
        "node_metric_0_total",
        "sum by (region) (rate(node_metric_0_total[5m]))",
        "topk(5, rate(node_metric_0_total[1h]))",
    ];
    for text in instants {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let began = Instant::now();
            engine.promql_instant(text, end, engine.promql_options()).await?;
            times.push(began.elapsed());
        }
        println!("{:<70} {:>10.2}", format!("{text}  now"), median_ms(times));
    }
    let ranges = [
        (r#"node_metric_0_total{host="host-00017"}"#, HOUR, 15),
        (r#"rate(node_metric_0_total{host="host-00017"}[5m])"#, DAY, 300),
        ("sum by (region) (rate(node_metric_0_total[5m]))", HOUR, 15),
        ("sum by (region) (rate(node_metric_0_total[5m]))", DAY, 300),
        ("sum by (region) (rate(node_metric_0_total[5m]))", DAY, 60),
        ("avg by (host) (avg_over_time(node_metric_1_total[1h]))", DAY / 2, 3_600),
    ];
    for (text, span, step_secs) in ranges {
        let range = TimeRange { start: end.minus(span), end, step: Duration::from_secs(step_secs) };
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let began = Instant::now();
            engine.promql_range(text, range, engine.promql_options()).await?;
            times.push(began.elapsed());
        }
        let hours = span.as_secs() / 3_600;
        println!("{:<70} {:>10.2}", format!("{text}  {hours} h by {step_secs} s"), median_ms(times));
    }
    Ok(())
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
