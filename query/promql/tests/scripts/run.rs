//! Runs a script against the engine over series in memory, and compares.

use std::fmt;
use std::time::Duration;

use promql::{
    EvalOptions, Evaluated, PromqlError, Samples, ScanOptions, Selector, SeriesChunks, SeriesData,
    SeriesSource, Value, chunked,
};
use telemetry::{Labels, Timestamp};

use crate::features::{Reach, Unusual};
use crate::notation::Point;
use crate::script::{Command, Eval, Load, Times};

/// Series in memory; a label set loaded twice keeps the later samples.
#[derive(Default)]
struct Memory(Vec<(Labels, Vec<(i64, f64)>)>);

impl Memory {
    fn load(&mut self, load: &Load) {
        for (labels, points) in &load.series {
            let samples = points.iter().enumerate().filter_map(|(at, point)| {
                let value = match point {
                    Point::Value(value) => *value,
                    Point::Stale => telemetry::stale_marker(),
                    Point::Gap | Point::Histogram => return None,
                };
                Some((at as i64 * load.step_ms, value))
            });
            self.0.retain(|(known, _)| known != labels);
            self.0.push((labels.clone(), samples.collect()));
        }
    }
}

impl SeriesSource for Memory {
    fn scan(&self, selector: &Selector, _: ScanOptions) -> SeriesChunks {
        let inside = |ts: i64| selector.start.millis() < ts && ts <= selector.end.millis();
        let matching = self.0.iter().filter(|(labels, _)| selector.matches(labels));
        let series = matching.map(|(labels, samples)| {
            let (ts, values) = samples.iter().copied().filter(|(ts, _)| inside(*ts)).unzip();
            SeriesData { labels: labels.clone(), samples: Samples::new(ts, values) }
        });
        // Small chunks, so that what reaches over their ends is tested too.
        chunked(series.collect(), ScanOptions { chunk_samples_max: 20, ..ScanOptions::default() })
    }
}

#[derive(Default)]
pub struct Tally {
    pub passed: usize,
    pub core: usize,
    pub core_passed: usize,
    pub skipped: usize,
    /// Core cases that fail.
    pub failures: Vec<String>,
    /// Other cases that fail.
    pub beyond: Vec<String>,
    /// Right results with other warnings, infos or words of an error than expected.
    pub remarks: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.core += other.core;
        self.core_passed += other.core_passed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.beyond.extend(other.beyond);
        self.remarks.extend(other.remarks);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = self.passed + self.failures.len() + self.beyond.len();
        let Tally { passed, core, core_passed, skipped, remarks, .. } = self;
        let remarks = remarks.len();
        write!(
            f,
            "pass {passed}/{tried}, core {core_passed}/{core}, skipped {skipped}, remarks differ {remarks}"
        )
    }
}

pub async fn run(file: &str, commands: &[Command]) -> Tally {
    let mut tally = Tally::default();
    let blocks = commands.split(|command| matches!(command, Command::Clear));
    for block in blocks {
        let mut unusual = Unusual::default();
        for command in block {
            if let Command::Load(load) = command {
                unusual.learn(load);
            }
        }
        let mut memory = Memory::default();
        for command in block {
            match command {
                Command::Load(load) => memory.load(load),
                Command::Eval(eval) => case(file, eval, unusual.reach(eval), &memory, &mut tally).await,
                Command::Clear => {}
            }
        }
    }
    tally
}

async fn case(file: &str, eval: &Eval, reach: Reach, memory: &Memory, tally: &mut Tally) {
    if reach == Reach::Impossible {
        tally.skipped += 1;
        return;
    }
    let answer = evaluate(eval, eval.times, memory).await;
    let mut outcome = judge(eval, &answer);
    if outcome.is_ok() {
        outcome = as_range(eval, memory).await;
    }
    tally.core += usize::from(reach == Reach::Core);
    let line = |text: &str| format!("{file}:{}: {}\n    {text}", eval.line, eval.expr);
    match outcome {
        Ok(()) => {
            tally.passed += 1;
            tally.core_passed += usize::from(reach == Reach::Core);
            if let Err(difference) = judge_remarks(eval, &answer) {
                tally.remarks.push(line(&difference));
            }
        }
        Err(why) if reach == Reach::Core => tally.failures.push(line(&why)),
        Err(why) => tally.beyond.push(line(&why)),
    }
}

async fn evaluate(eval: &Eval, times: Times, memory: &Memory) -> Result<Evaluated, PromqlError> {
    let query = promql::parse(&eval.expr)?;
    let at = Timestamp::from_millis;
    let options = EvalOptions::default();
    match times {
        Times::Instant(time) => promql::eval_instant(&query, at(time), memory, &options).await,
        Times::Range { start, end, step } => {
            let step = Duration::from_millis(step as u64);
            promql::eval_range(&query, at(start), at(end), step, memory, &options).await
        }
    }
}

/// An instant query must have the same values as one step of a range query around it.
async fn as_range(eval: &Eval, memory: &Memory) -> Result<(), String> {
    let Times::Instant(at) = eval.times else { return Ok(()) };
    let depends_on_span =
        ["start()", "end()", "range()", "step()"].iter().any(|call| eval.expr.contains(call));
    if eval.fails || eval.ordered || eval.string.is_some() || eval.range_vector.is_some() || depends_on_span {
        return Ok(());
    }
    let start = if at >= 60_000 { at - 60_000 } else { at };
    let times = Times::Range { start, end: at + 60_000, step: 60_000 };
    let answer = evaluate(eval, times, memory).await.map_err(|error| format!("as a range: {error}"))?;
    let Value::Matrix(series) = answer.value else { return Err("as a range: no matrix".to_owned()) };
    let found = series.into_iter().filter_map(|(labels, points)| {
        let point = points.iter().find(|(time, _)| time.millis() == at)?;
        Some((labels, point.1))
    });
    let found: Vec<(Labels, f64)> = found.collect();
    let outcome = match eval.scalar {
        Some(expected) => near(expected, found.first().map_or(f64::NAN, |(_, value)| *value))
            .then_some(())
            .ok_or_else(|| format!("expected {expected}, got {found:?}")),
        None => compare_vector(eval, &found),
    };
    outcome.map_err(|why| format!("as a range: {why}"))
}

fn judge(eval: &Eval, answer: &Result<Evaluated, PromqlError>) -> Result<(), String> {
    let value = match answer {
        Err(_) if eval.fails => return Ok(()),
        Err(error) => return Err(format!("error: {error}")),
        Ok(answer) if eval.fails => return Err(format!("expected a failure, got {:?}", answer.value)),
        Ok(answer) => &answer.value,
    };
    match (value, eval.times, eval.range_vector) {
        (Value::Scalar(found), ..) => match eval.scalar {
            Some(expected) if near(expected, *found) => Ok(()),
            expected => Err(format!("expected {expected:?}, got {found}")),
        },
        (Value::String(found), ..) if eval.string.as_ref() == Some(found) => Ok(()),
        (Value::Vector(found), Times::Instant(_), None) if eval.scalar.is_none() && eval.string.is_none() => {
            compare_vector(eval, found)
        }
        (Value::Matrix(found), Times::Instant(_), Some((start, _, step))) => {
            compare_matrix(eval, found, start, step)
        }
        (Value::Matrix(found), Times::Range { start, step, .. }, None) => {
            compare_matrix(eval, found, start, step)
        }
        (found, ..) => Err(format!("another kind of value: {found:?}")),
    }
}

fn compare_vector(eval: &Eval, found: &[(Labels, f64)]) -> Result<(), String> {
    for (position, (labels, value)) in found.iter().enumerate() {
        let expected = eval.series.iter().position(|(expected, _)| expected == labels);
        let Some(expected) = expected else { return Err(format!("unexpected {labels} {value}")) };
        if eval.ordered && expected != position {
            return Err(format!("{labels} at {position}, expected at {expected}"));
        }
        match eval.series[expected].1.first() {
            Some(Point::Value(expected)) if near(*expected, *value) => {}
            expected => return Err(format!("{labels}: expected {expected:?}, got {value}")),
        }
        if found[..position].iter().any(|(other, _)| other == labels) {
            return Err(format!("{labels} twice"));
        }
    }
    match eval.series.iter().find(|(expected, _)| !found.iter().any(|(labels, _)| labels == expected)) {
        Some((missing, _)) => Err(format!("missing {missing}")),
        None => Ok(()),
    }
}

fn compare_matrix(
    eval: &Eval,
    found: &[(Labels, Vec<(Timestamp, f64)>)],
    start: i64,
    step: i64,
) -> Result<(), String> {
    if !found.windows(2).all(|pair| pair[0].0 < pair[1].0) {
        return Err(format!("not sorted by labels: {found:?}"));
    }
    for (labels, points) in found {
        let Some((_, expected)) = eval.series.iter().find(|(expected, _)| expected == labels) else {
            return Err(format!("unexpected {labels} {points:?}"));
        };
        let expected = expected.iter().enumerate().filter_map(|(at, point)| match point {
            Point::Value(value) => Some((start + at as i64 * step, *value)),
            _ => None,
        });
        let expected: Vec<(i64, f64)> = expected.collect();
        let same = expected.len() == points.len()
            && expected
                .iter()
                .zip(points)
                .all(|((at, value), (time, found))| *at == time.millis() && near(*value, *found));
        if !same {
            return Err(format!("{labels}: expected {expected:?}, got {points:?}"));
        }
    }
    match eval.series.iter().find(|(expected, _)| !found.iter().any(|(labels, _)| labels == expected)) {
        Some((missing, _)) => Err(format!("missing {missing}")),
        None => Ok(()),
    }
}

/// Relative difference below one in a million, as Prometheus compares.
fn near(expected: f64, found: f64) -> bool {
    if expected == found || (expected.is_nan() && found.is_nan()) {
        return true;
    }
    let (magnitude, difference) = (expected.abs() + found.abs(), (expected - found).abs());
    expected != 0.0 && found != 0.0 && difference / magnitude.min(f64::MAX) < 1e-6
}

fn judge_remarks(eval: &Eval, answer: &Result<Evaluated, PromqlError>) -> Result<(), String> {
    let (errors, warnings, infos) = match answer {
        Err(error) => (vec![error.to_string()], Vec::new(), Vec::new()),
        Ok(answer) => (Vec::new(), answer.warnings.clone(), answer.infos.clone()),
    };
    // Positions at the end of a remark are the reference's alone.
    let position = regex::Regex::new(r" ?\(\d+:\d+\)$").unwrap();
    for (kind, how, text) in &eval.expectations {
        let said = match kind.as_str() {
            "fail" => &errors,
            "warn" | "no_warn" => &warnings,
            _ => &infos,
        };
        if kind.starts_with("no_") {
            if !said.is_empty() {
                return Err(format!("expected {kind}, got {said:?}"));
            }
            continue;
        }
        let hit = match how.as_deref() {
            None => !said.is_empty(),
            Some("msg") => said.iter().any(|said| said.contains(position.replace(text, "").as_ref())),
            Some(_) => {
                let pattern = regex::Regex::new(&text.replace(r" \([0-9]+:[0-9]+\)", "")).unwrap();
                said.iter().any(|said| pattern.is_match(said))
            }
        };
        if !hit {
            return Err(format!("expected {kind} {text:?}, got {said:?}"));
        }
    }
    Ok(())
}
