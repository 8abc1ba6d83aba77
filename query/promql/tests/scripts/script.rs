//! A script's commands.

use regex::Regex;
use telemetry::Labels;

use crate::notation::{self, Point};

pub enum Command {
    Load(Load),
    Clear,
    Eval(Box<Eval>),
}

pub struct Load {
    pub step_ms: i64,
    pub series: Vec<(Labels, Vec<Point>)>,
    /// Classic histograms are to be converted too (`load_with_nhcb`).
    pub converts_histograms: bool,
    /// The block gives start timestamps for these metrics.
    pub start_timestamps: bool,
}

/// When a query is evaluated, in milliseconds.
#[derive(Clone, Copy)]
pub enum Times {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

pub struct Eval {
    pub line: usize,
    pub expr: String,
    pub times: Times,
    pub fails: bool,
    pub ordered: bool,
    pub series: Vec<(Labels, Vec<Point>)>,
    pub scalar: Option<f64>,
    pub string: Option<String>,
    /// The result of an instant query for a range vector: start, end and step of its samples.
    pub range_vector: Option<(i64, i64, i64)>,
    /// (`warn`|`info`|`no_warn`|`no_info`|`fail`, how, text)
    pub expectations: Vec<(String, Option<String>, String)>,
}

pub fn parse(text: &str) -> Result<Vec<Command>, String> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        if line.is_empty() {
            continue;
        }
        let body_end = lines[at..].iter().position(|line| line.is_empty()).map_or(lines.len(), |n| at + n);
        let word = line.split_whitespace().next().unwrap_or_default();
        let located = |error: String| format!("line {at}: {error}");
        if word.eq_ignore_ascii_case("clear") {
            commands.push(Command::Clear);
        } else if word.starts_with("load") {
            commands.push(Command::Load(load(line, &lines[at..body_end]).map_err(located)?));
            at = body_end;
        } else if word.starts_with("eval") {
            let (eval, used) = eval(at, line, &lines[at..body_end]).map_err(located)?;
            commands.push(Command::Eval(Box::new(eval)));
            at += used;
        } else {
            return Err(located(format!("unknown command {line:?}")));
        }
    }
    Ok(commands)
}

fn load(line: &str, body: &[&str]) -> Result<Load, String> {
    let (word, step) = line.split_once(char::is_whitespace).ok_or("load without a step")?;
    let mut load = Load {
        step_ms: notation::duration_ms(step)?,
        series: Vec::new(),
        converts_histograms: word == "load_with_nhcb",
        start_timestamps: false,
    };
    for line in body {
        if line.split_whitespace().next().is_some_and(|name| name.ends_with("@st")) {
            load.start_timestamps = true;
            continue;
        }
        let (labels, rest) = notation::metric(line)?;
        load.series.push((labels, notation::points(rest)?));
    }
    Ok(load)
}

fn eval(line_number: usize, line: &str, body: &[&str]) -> Result<(Eval, usize), String> {
    let instant = Regex::new(r"^eval(?:_(fail|warn|ordered|info))?\s+instant\s+at\s+(\S+)\s+(.+)$").unwrap();
    let range =
        Regex::new(r"^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$")
            .unwrap();
    let (captures, times, expr) = if let Some(captures) = instant.captures(line) {
        let at = notation::duration_ms(&captures[2])?;
        let expr = captures[3].to_owned();
        (captures, Times::Instant(at), expr)
    } else if let Some(captures) = range.captures(line) {
        let ms = |group: usize| notation::duration_ms(&captures[group]);
        let times = Times::Range { start: ms(2)?, end: ms(3)?, step: ms(4)? };
        let expr = captures[5].to_owned();
        (captures, times, expr)
    } else {
        return Err(format!("bad eval {line:?}"));
    };
    let modifier = captures.get(1).map(|found| found.as_str());
    let mut eval = Eval {
        line: line_number,
        expr,
        times,
        fails: modifier == Some("fail"),
        ordered: modifier == Some("ordered"),
        series: Vec::new(),
        scalar: None,
        string: None,
        range_vector: None,
        expectations: Vec::new(),
    };
    if let Some(kind @ ("warn" | "info")) = modifier {
        eval.expectations.push((kind.to_owned(), None, String::new()));
    }
    for (used, line) in body.iter().enumerate() {
        if let Some(rest) = line.strip_prefix("expect ") {
            expectation(&mut eval, rest)?;
        } else if let Some(text) = line.strip_prefix("expected_fail_message ") {
            eval.expectations.push(("fail".to_owned(), Some("msg".to_owned()), text.trim().to_owned()));
        } else if let Some(text) = line.strip_prefix("expected_fail_regexp ") {
            eval.expectations.push(("fail".to_owned(), Some("regex".to_owned()), text.trim().to_owned()));
        } else if let Some(scalar) = notation::number(line) {
            eval.scalar = Some(scalar);
            return Ok((eval, used + 1));
        } else {
            let (labels, rest) = notation::metric(line)?;
            eval.series.push((labels, notation::points(rest)?));
        }
    }
    Ok((eval, body.len()))
}

fn expectation(eval: &mut Eval, rest: &str) -> Result<(), String> {
    if let Some(times) = rest.strip_prefix("range vector") {
        let words: Vec<&str> = times.split_whitespace().collect();
        let [_, start, _, end, _, step] = words.as_slice() else {
            return Err(format!("bad expect {rest:?}"));
        };
        let ms = notation::duration_ms;
        eval.range_vector = Some((ms(start)?, ms(end)?, ms(step)?));
        return Ok(());
    }
    if let Some(text) = rest.strip_prefix("string ") {
        eval.string = Some(notation::quoted(text.trim())?.0);
        return Ok(());
    }
    let (kind, detail) = rest.split_once(' ').unwrap_or((rest, ""));
    match kind {
        "ordered" => eval.ordered = true,
        "fail" | "warn" | "info" | "no_warn" | "no_info" => {
            eval.fails |= kind == "fail";
            let (how, text) = match detail.trim().split_once(':') {
                Some((how, text)) => (Some(how.to_owned()), text.trim().to_owned()),
                None => (None, String::new()),
            };
            eval.expectations.push((kind.to_owned(), how, text));
        }
        _ => return Err(format!("unknown expectation {rest:?}")),
    }
    Ok(())
}
