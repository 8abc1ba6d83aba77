//! The port to storage: one method that answers which series match and what samples they have.
//!
//! The evaluator asks once per distinct selector and time span before it computes anything, so an
//! implementation sees whole scans, never steps. Staleness markers travel through untouched: a source
//! must hand out the exact bits it was given.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use regex::Regex;
use telemetry::{Labels, Timestamp};

use crate::error::SourceError;

/// How a matcher compares a label's value; an absent label has the value `""`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Equal,
    NotEqual,
    /// The whole value matches the regular expression (anchored at both ends, `.` matches newlines).
    Regex,
    NotRegex,
}

impl MatchOp {
    fn symbol(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }
}

/// One condition on one label.
#[derive(Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    pattern: Option<Regex>,
}

impl Matcher {
    /// Fails when the operator is a regular expression and the value is not one.
    pub fn new(
        name: impl Into<String>,
        op: MatchOp,
        value: impl Into<String>,
    ) -> Result<Matcher, regex::Error> {
        let (name, value) = (name.into(), value.into());
        let pattern = match op {
            MatchOp::Regex | MatchOp::NotRegex => Some(Regex::new(&format!("^(?s:{value})$"))?),
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Matcher { name, op, value, pattern })
    }

    /// A pattern that the caller compiled and anchored; `value` is how the user wrote it.
    pub(crate) fn with_pattern(name: String, op: MatchOp, value: String, pattern: Regex) -> Matcher {
        Matcher { name, op, value, pattern: Some(pattern) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// The value or the regular expression as the user wrote it, not anchored.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The compiled and anchored regular expression, for the two operators that have one.
    pub fn pattern(&self) -> Option<&Regex> {
        self.pattern.as_ref()
    }

    pub fn matches(&self, value: &str) -> bool {
        let pattern_matches = || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => pattern_matches(),
            MatchOp::NotRegex => !pattern_matches(),
        }
    }

    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name).unwrap_or_default())
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.symbol(), self.value)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One scan: the series that pass all matchers, with their samples in `(start, end]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub matchers: Vec<Matcher>,
    /// Exclusive: a sample at exactly this time is not wanted.
    pub start: Timestamp,
    /// Inclusive.
    pub end: Timestamp,
}

impl Selector {
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches_labels(labels))
    }
}

/// The samples of many series in two columns; each [`Samples`] is a slice of one block.
#[derive(Debug, Default)]
struct SampleBlock {
    ts_ms: Vec<i64>,
    values: Vec<f64>,
}

/// The samples of one series: times in Unix milliseconds, strictly ascending, and values with
/// staleness markers kept bit-exact. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Samples {
    block: Arc<SampleBlock>,
    range: Range<usize>,
}

impl Samples {
    /// The samples of a single series.
    ///
    /// # Panics
    /// When the columns differ in length.
    pub fn new(ts_ms: Vec<i64>, values: Vec<f64>) -> Samples {
        let end = ts_ms.len();
        let [samples] = <[Samples; 1]>::try_from(Samples::split(ts_ms, values, &[0, end]))
            .expect("two offsets make one series");
        samples
    }

    /// The samples of many series that share two columns: series `i` is `offsets[i]..offsets[i + 1]`.
    /// One allocation per scan instead of two per series.
    ///
    /// # Panics
    /// When the columns differ in length or the offsets descend or leave the columns.
    pub fn split(ts_ms: Vec<i64>, values: Vec<f64>, offsets: &[usize]) -> Vec<Samples> {
        assert_eq!(ts_ms.len(), values.len(), "a time for each value");
        let block = Arc::new(SampleBlock { ts_ms, values });
        let series = offsets.windows(2).map(|pair| {
            let range = pair[0]..pair[1];
            let slice = &block.ts_ms[range.clone()];
            debug_assert!(slice.windows(2).all(|pair| pair[0] < pair[1]), "samples ascend by time");
            Samples { block: Arc::clone(&block), range }
        });
        series.collect()
    }

    pub fn ts_ms(&self) -> &[i64] {
        &self.block.ts_ms[self.range.clone()]
    }

    pub fn values(&self) -> &[f64] {
        &self.block.values[self.range.clone()]
    }

    pub fn len(&self) -> usize {
        self.range.len()
    }

    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The same samples without staleness markers; shares the block when there are none.
    pub(crate) fn without_stale(&self) -> Samples {
        if !self.values().iter().any(|value| telemetry::is_stale(*value)) {
            return self.clone();
        }
        let fresh =
            || self.ts_ms().iter().zip(self.values()).filter(|(_, value)| !telemetry::is_stale(**value));
        Samples::new(fresh().map(|(ts, _)| *ts).collect(), fresh().map(|(_, value)| *value).collect())
    }
}

/// One series that a selector matched.
#[derive(Clone, Debug)]
pub struct SeriesData {
    pub labels: Labels,
    pub samples: Samples,
}

/// Where series come from. Each label set at most once per answer; the order does not matter, and a
/// series without samples in the span may be left out or be empty.
#[async_trait]
pub trait SeriesSource: Send + Sync {
    async fn select(&self, selector: &Selector) -> Result<Vec<SeriesData>, SourceError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_match_whole_values() {
        let matcher = |op, value| Matcher::new("job", op, value).unwrap();
        assert!(matcher(MatchOp::Regex, "a|b").matches("b"));
        assert!(!matcher(MatchOp::Regex, "a|b").matches("ab"));
        assert!(matcher(MatchOp::Regex, "a.b").matches("a\nb"));
        assert!(matcher(MatchOp::NotRegex, "a.*").matches(""));
        assert!(Matcher::new("job", MatchOp::Regex, "(").is_err());
    }

    #[test]
    fn an_absent_label_is_empty() {
        let labels = Labels::new([("job", "api")]).unwrap();
        assert!(Matcher::new("env", MatchOp::Equal, "").unwrap().matches_labels(&labels));
        assert!(!Matcher::new("env", MatchOp::NotEqual, "").unwrap().matches_labels(&labels));
    }

    #[test]
    fn stale_markers_are_stripped_only_where_there_are_some() {
        let split = Samples::split(vec![1, 2, 3], vec![1.0, telemetry::stale_marker(), f64::NAN], &[0, 1, 3]);
        assert!(Arc::ptr_eq(&split[0].without_stale().block, &split[0].block));
        assert_eq!(split[1].without_stale().ts_ms(), [3]);
        assert_eq!(split[1].values()[0].to_bits(), telemetry::STALE_NAN_BITS);
    }
}
