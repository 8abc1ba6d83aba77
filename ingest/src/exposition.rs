//! The two text formats that exporters answer a scrape with: Prometheus' (0.0.4) and OpenMetrics' (1.0).
//!
//! [`entries`] reads a page line by line and borrows from it: what names a series stays one piece of
//! text until somebody asks for its labels, so that a scraper that knows the piece from last time
//! never takes it apart again. Where the documents leave room, a page means what it means to
//! Prometheus: white space is free in the first format and counted in the second, which also must end
//! with `# EOF`.
//!
//! Not here: fetching, target labels, staleness ([`scrape`](crate::scrape)), and whether a page makes
//! sense as a whole (a type given twice, a series given twice).

mod families;
mod labels;
mod sample;
mod text;

use std::borrow::Cow;

use telemetry::{MetricType, Timestamp};

pub(crate) use families::Families;
pub use labels::SeriesText;
use text::Cursor;

/// Which of the two formats a page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `text/plain; version=0.0.4`
    Text,
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
}

impl Format {
    /// Of a `Content-Type` header. What is not OpenMetrics is read as Prometheus' text, for the many
    /// exporters that say `text/plain`, `text/html` or nothing.
    pub fn of_content_type(content_type: &str) -> Format {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Text
        }
    }
}

/// Why a page could not be read; nothing of it is used then, as in Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ExpositionError {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

/// What a line says. Comments and empty lines say nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    Help { family: Cow<'a, str>, text: Cow<'a, str> },
    Type { family: Cow<'a, str>, metric_type: MetricType },
    Unit { family: Cow<'a, str>, unit: &'a str },
    Sample(SampleLine<'a>),
}

/// One sample as it stands on its line.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleLine<'a> {
    /// What names the series, such as `up{job="api"}`. Read as far as finding its end takes.
    pub series: SeriesText<'a>,
    pub value: f64,
    /// Whole milliseconds; `None` when the page leaves the time to its reader.
    pub timestamp: Option<Timestamp>,
    /// In OpenMetrics.
    pub exemplar: Option<ExemplarText<'a>>,
}

/// One observation that a sample's number counts.
#[derive(Clone, Debug, PartialEq)]
pub struct ExemplarText<'a> {
    /// In the order of the page.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub value: f64,
    pub timestamp: Option<Timestamp>,
}

/// Reads a page.
pub fn entries(page: &str, format: Format) -> Entries<'_> {
    Entries { rest: page, line: 0, format, state: State::Reading }
}

/// The lines of a page that say something. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a str,
    line: usize,
    format: Format,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// After `# EOF`.
    AtEnd,
    Done,
}

impl Entries<'_> {
    /// The number of the line that was read last, from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, ExpositionError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.state != State::Done {
            let read = match self.next_line() {
                Some(line) => self.read(line),
                None => {
                    let misses_end = self.format == Format::OpenMetrics && self.state == State::Reading;
                    self.state = State::Done;
                    if !misses_end {
                        return None;
                    }
                    self.line += 1;
                    Err("the page does not end with # EOF".to_owned())
                }
            };
            match read {
                Ok(None) => {}
                Ok(Some(entry)) => return Some(Ok(entry)),
                Err(reason) => {
                    self.state = State::Done;
                    return Some(Err(ExpositionError { line: self.line, reason }));
                }
            }
        }
        None
    }
}

impl<'a> Entries<'a> {
    fn next_line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line)
    }

    fn read(&mut self, line: &'a str) -> Result<Option<Entry<'a>>, String> {
        match self.format {
            Format::Text => {
                let line = line.trim_start_matches([' ', '\t']);
                match line.strip_prefix('#') {
                    _ if line.is_empty() => Ok(None),
                    Some(comment) => text_comment(comment),
                    None => sample::read(line, self.format).map(Some),
                }
            }
            Format::OpenMetrics => match line.strip_prefix("# ") {
                _ if self.state == State::AtEnd => Err("something follows # EOF".to_owned()),
                _ if line.is_empty() => Err("an empty line".to_owned()),
                Some("EOF") => {
                    self.state = State::AtEnd;
                    Ok(None)
                }
                Some(comment) => openmetrics_comment(comment).map(Some),
                None => sample::read(line, self.format).map(Some),
            },
        }
    }
}

/// What follows the `#`. Only HELP and TYPE after white space are more than a remark.
fn text_comment(comment: &str) -> Result<Option<Entry<'_>>, String> {
    let mut cursor = Cursor::new(comment);
    if !cursor.skip_blanks() {
        return Ok(None);
    }
    let word = cursor.take_until(|byte| byte == b' ' || byte == b'\t');
    if !matches!(word, "HELP" | "TYPE") || !cursor.skip_blanks() {
        return Ok(None);
    }
    let family = cursor.name(text::MetricName)?;
    let rest = cursor.rest();
    if !rest.is_empty() && !cursor.skip_blanks() {
        return Err(format!("{rest:?} follows the name of a metric"));
    }
    let rest = cursor.rest();
    if word == "HELP" {
        return Ok(Some(Entry::Help { family, text: text::unescape(rest, "\\n") }));
    }
    let metric_type = match rest.trim_end_matches([' ', '\t']) {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "summary" => MetricType::Summary,
        "untyped" | "unknown" => MetricType::Unknown,
        other => return Err(format!("{other:?} is not a metric type")),
    };
    Ok(Some(Entry::Type { family, metric_type }))
}

/// What follows `# `. There are no remarks in OpenMetrics.
fn openmetrics_comment(comment: &str) -> Result<Entry<'_>, String> {
    let (word, rest) = comment.split_once(' ').unwrap_or((comment, ""));
    if !matches!(word, "HELP" | "TYPE" | "UNIT") {
        return Err(format!("a comment is HELP, TYPE, UNIT or EOF, not {word:?}"));
    }
    let mut cursor = Cursor::new(rest);
    let family = cursor.name(text::MetricName)?;
    if !cursor.skip(b' ') {
        return Err(format!("{word} of {family:?} ends after the name"));
    }
    let rest = cursor.rest();
    match word {
        "HELP" => Ok(Entry::Help { family, text: text::unescape(rest, "\\\"n") }),
        "TYPE" => {
            let metric_type = match rest {
                "counter" => MetricType::Counter,
                "gauge" => MetricType::Gauge,
                "histogram" => MetricType::Histogram,
                "summary" => MetricType::Summary,
                "info" => MetricType::Info,
                "stateset" => MetricType::StateSet,
                // Its buckets go up and down: a histogram's functions would be wrong on them.
                "gaugehistogram" | "unknown" => MetricType::Unknown,
                other => return Err(format!("{other:?} is not a metric type")),
            };
            Ok(Entry::Type { family, metric_type })
        }
        _ => {
            let is_suffix =
                family.strip_suffix(rest).is_some_and(|stem| stem.len() > 1 && stem.ends_with('_'));
            if !rest.is_empty() && !is_suffix {
                return Err(format!("unit {rest:?} is not how the name {family:?} ends"));
            }
            Ok(Entry::Unit { family, unit: rest })
        }
    }
}

#[cfg(test)]
mod tests;
