//! Measuring one SLO over a month of a thousand series that a server holds as day files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lake::{Lake, LakeConfig, Retention};
use query::sli::{BackfillSpan, SliConfig, SloEvaluator};
use query::{Engine, QueryConfig};
use slo::indicator::QueryForm;
use telemetry::{Batch, Labels, ManualClock, Sample, SeriesMeta, SeriesSamples, Timestamp};

use super::{Failure, Figures, Options, refresh};

const STEP_SECS: i64 = 15;
const DAY_SECS: i64 = 86_400;
/// Series of one import: what is held in memory while filling.
const SERIES_AT_ONCE: usize = 100;
/// One in so many series counts what went wrong.
const BAD_ONE_IN: usize = 10;

pub const END: &str = "2026-11-23T00:00:00Z";
pub const GOOD: &str = r#"http_requests_total{code!~"5.."}"#;
pub const TOTAL: &str = "http_requests_total";

/// What a series stands at. A restart a day, at a time of its own, sets it back to zero.
pub fn counter(series: usize, ts: i64) -> f64 {
    let restarted = (ts - series as i64 * 61).rem_euclid(DAY_SECS);
    let per_step = if series.is_multiple_of(BAD_ONE_IN) { 0.125 } else { 7.0 + (series % 5) as f64 };
    (restarted / STEP_SECS) as f64 * per_step
}

pub fn labels(series: usize) -> [(&'static str, String); 3] {
    let code = if series.is_multiple_of(BAD_ONE_IN) { "500" } else { "200" };
    [("__name__", TOTAL.into()), ("pod", format!("pod-{series:04}")), ("code", code.into())]
}

/// Bad and total requests over `(from, to]`, counted pair by pair.
pub fn exact(series: usize, from: i64, to: i64) -> (f64, f64) {
    let (mut bad, mut total) = (0.0, 0.0);
    for index in 0..series {
        let mut before = counter(index, from);
        for ts in (from + STEP_SECS..=to).step_by(STEP_SECS as usize) {
            let now = counter(index, ts);
            let grown = if now < before { now } else { now - before };
            total += grown;
            bad += if index.is_multiple_of(BAD_ONE_IN) { grown } else { 0.0 };
            before = now;
        }
    }
    (bad, total)
}

/// What measuring the whole history took, and what the window holds afterwards.
pub struct Evaluated {
    pub taken: Duration,
    pub written: u64,
    pub bad: f64,
    pub total: f64,
    pub as_of: Timestamp,
}

pub async fn measure(options: &Options, figures: &mut Figures) -> Result<(), Failure> {
    let own = tempfile::tempdir()?;
    let dir = options.dir.clone().unwrap_or_else(|| own.path().to_owned());
    let evaluated = evaluate(dir, options.series, options.days).await?;
    let taken = evaluated.taken;
    figures.time("history: one SLO measured over all of it", taken, Some(Duration::from_secs(10)));
    let samples = options.series as f64 * (options.days * DAY_SECS / STEP_SECS) as f64;
    // Good and total are two reads.
    figures.value("history: samples read", 2.0 * samples / taken.as_secs_f64() / 1e6, "M/s");
    figures.value("history: slices written", evaluated.written as f64, "");
    // The first sample of a window's first series says nothing about growth.
    let start = Timestamp::parse_rfc3339(END)?.secs() - options.days * DAY_SECS;
    let as_of = evaluated.as_of.secs();
    let from = start.max(as_of - options.days * DAY_SECS);
    let (bad, total) = exact(options.series, from, as_of - STEP_SECS);
    figures.value("history: bad requests, difference from the exact number", evaluated.bad - bad, "");
    figures.value("history: requests, difference from the exact number", evaluated.total - total, "");
    Ok(())
}

/// Measures one SLO over `days` of `series` in a lake that is filled first unless it is there.
pub async fn evaluate(dir: PathBuf, series: usize, days: i64) -> Result<Evaluated, Failure> {
    let end = Timestamp::parse_rfc3339(END)?;
    let start = end.minus(Duration::from_secs((days * DAY_SECS) as u64));
    let clock = Arc::new(ManualClock::at(end));
    let config = LakeConfig {
        dir: dir.clone(),
        retention: Retention { metrics: None, ..Retention::default() },
        flush_interval: Duration::from_secs(DAY_SECS as u64),
        compact_interval: Duration::from_secs(DAY_SECS as u64),
        ..LakeConfig::default()
    };
    let is_new = !dir.join("lake").exists();
    let lake = Lake::open(config, clock.clone()).await?;
    if is_new {
        fill(&lake, series, start, end).await?;
    }
    let engine = Engine::open(lake.clone(), QueryConfig::default(), clock.clone())?;
    let evaluator = SloEvaluator::new(engine, SliConfig::default());
    let mut slo = refresh::slo();
    // A name that was not measured before in a directory that is used again.
    slo.name = format!("requests-{}", std::process::id());
    let objective = &mut slo.objectives[0];
    if let slo::Indicator::Ratio { numerator: slo::indicator::Numerator::Good(good), total, .. } =
        &mut objective.indicator
    {
        (good.text, total.text) = (format!("sum({GOOD})"), format!("sum({TOTAL})"));
        (good.form, total.form) = (QueryForm::Counter, QueryForm::Counter);
    }
    let name = slo.name.clone();
    evaluator.set_catalog(vec![slo], end).await?;
    let span = BackfillSpan { from: start, to: end, again: false };
    let began = Instant::now();
    let report = evaluator.backfill(&name, span, &|_progress| ()).await?;
    let taken = began.elapsed();
    let status = evaluator.statuses()[0].clone();
    lake.shutdown().await?;
    Ok(Evaluated {
        taken,
        written: report.written,
        bad: status.bad.unwrap_or(f64::NAN),
        total: status.total.unwrap_or(f64::NAN),
        as_of: status.as_of.ok_or("no slice was measured")?,
    })
}

async fn fill(lake: &Lake, series: usize, start: Timestamp, end: Timestamp) -> Result<(), Failure> {
    let began = Instant::now();
    for first in (0..series).step_by(SERIES_AT_ONCE) {
        let some = (first..series.min(first + SERIES_AT_ONCE)).map(|index| SeriesSamples {
            labels: Labels::new(labels(index)).expect("good names"),
            meta: SeriesMeta::default(),
            start: None,
            samples: (start.secs()..end.secs())
                .step_by(STEP_SECS as usize)
                .map(|ts| Sample { ts: Timestamp::from_secs(ts), value: counter(index, ts) })
                .collect(),
        });
        lake.import(Batch { series: some.collect(), ..Batch::default() }).await?;
    }
    println!("filled in {:.1} s", began.elapsed().as_secs_f64());
    lake.compact().await?;
    Ok(())
}
