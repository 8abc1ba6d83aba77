//! Label matchers as Prometheus writes them: `job="api"`, `region=~"eu-.*"`.

use std::fmt;

use regex::Regex;

use crate::Labels;

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

impl MatchOp {
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }
}

/// A text that is no matcher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    #[error("{0:?} is not a matcher such as service=\"checkout\" or region=~\"eu-.*\"")]
    Syntax(String),
    #[error("{pattern:?} is not a regular expression: {reason}")]
    Pattern { pattern: String, reason: String },
}

/// One condition on one label. A label that is absent has the value `""`; regular expressions
/// match the whole value.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    pattern: Option<Regex>,
}

impl Matcher {
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Matcher, MatcherError> {
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(anchored(value)?),
        };
        Ok(Matcher { name: name.to_owned(), op, value: value.to_owned(), pattern })
    }

    /// Reads `name op value`; the value may stand in double quotes.
    pub fn parse(text: &str) -> Result<Matcher, MatcherError> {
        let bad = || MatcherError::Syntax(text.to_owned());
        let name_end = text.find(['=', '!']).ok_or_else(bad)?;
        let name = text[..name_end].trim();
        let rest = &text[name_end..];
        let (op, value) = [MatchOp::Regex, MatchOp::NotRegex, MatchOp::NotEqual, MatchOp::Equal]
            .into_iter()
            .find_map(|op| Some((op, rest.strip_prefix(op.as_str())?.trim())))
            .ok_or_else(bad)?;
        let value = match value.strip_prefix('"') {
            Some(_) => serde_json::from_str::<String>(value).map_err(|_| bad())?,
            None => value.to_owned(),
        };
        if name.is_empty() { Err(bad()) } else { Matcher::new(name, op, &value) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn op(&self) -> MatchOp {
        self.op
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a label value (`""` when the label is absent) meets the condition.
    pub fn accepts(&self, value: &str) -> bool {
        match (self.op, &self.pattern) {
            (MatchOp::Equal, _) => value == self.value,
            (MatchOp::NotEqual, _) => value != self.value,
            (MatchOp::Regex, pattern) => pattern.as_ref().is_some_and(|pattern| pattern.is_match(value)),
            (MatchOp::NotRegex, pattern) => !pattern.as_ref().is_some_and(|pattern| pattern.is_match(value)),
        }
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.name).unwrap_or_default())
    }
}

fn anchored(pattern: &str) -> Result<Regex, MatcherError> {
    Regex::new(&format!("^(?s:{pattern})$"))
        .map_err(|error| MatcherError::Pattern { pattern: pattern.to_owned(), reason: error.to_string() })
}

/// As Prometheus writes it, with the value quoted.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(matcher: &str, labels: &Labels, expect: bool) {
        let matcher = Matcher::parse(matcher).unwrap();
        assert_eq!(matcher.matches(labels), expect, "{matcher} on {labels}");
    }

    #[test]
    fn matchers_compare_as_in_prometheus() {
        let labels = Labels::new([("job", "api"), ("region", "eu-west")]).unwrap();
        check(r#"job="api""#, &labels, true);
        check("job = api", &labels, true);
        check(r#"job!="api""#, &labels, false);
        check(r#"region=~"eu""#, &labels, false);
        check(r#"region=~"eu-.*|us-.*""#, &labels, true);
        check(r#"region!~"us-.*""#, &labels, true);
        check(r#"absent="""#, &labels, true);
        check(r#"absent=~".*""#, &labels, true);
        check(r#"absent=~".+""#, &labels, false);
    }

    #[test]
    fn what_is_no_matcher_is_refused() {
        assert_eq!(Matcher::parse("job"), Err(MatcherError::Syntax("job".into())));
        assert_eq!(Matcher::parse("=x"), Err(MatcherError::Syntax("=x".into())));
        assert!(matches!(Matcher::parse(r#"a=~"(""#), Err(MatcherError::Pattern { .. })));
    }
}
