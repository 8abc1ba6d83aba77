//! Label matchers as Prometheus writes them: `job="api"`, `region=~"eu-.*"`.

use std::fmt;

use crate::Labels;

mod around;
mod pattern;

use pattern::{Expression, Pattern};

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
/// match the whole value, and `.` matches a newline too.
#[derive(Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    test: Test,
}

#[derive(Clone)]
enum Test {
    /// The value is the matcher's own.
    Same,
    /// The value is one of these.
    OneOf(Vec<String>),
    Pattern(Pattern),
}

impl Matcher {
    /// Fails on an expression that does not compile or is too large.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Matcher, MatcherError> {
        let test = match op {
            MatchOp::Equal | MatchOp::NotEqual => Test::Same,
            MatchOp::Regex | MatchOp::NotRegex => match plain_alternatives(value) {
                Some(literals) => Test::OneOf(literals),
                None => Test::of(value)?,
            },
        };
        Ok(Matcher { name: name.to_owned(), op, value: value.to_owned(), test })
    }

    /// With an expression that the caller has repaired; `value` is how its user wrote it. The operator is
    /// `=~` or `!~`.
    pub fn with_pattern(
        name: &str,
        op: MatchOp,
        value: &str,
        pattern: &str,
    ) -> Result<Matcher, MatcherError> {
        debug_assert!(matches!(op, MatchOp::Regex | MatchOp::NotRegex));
        Ok(Matcher { name: name.to_owned(), op, value: value.to_owned(), test: Test::of(pattern)? })
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
        let hit = match &self.test {
            Test::Same => value == self.value,
            Test::OneOf(literals) => literals.iter().any(|literal| literal == value),
            Test::Pattern(pattern) => pattern.is_match(value),
        };
        hit == self.is_positive()
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.name).unwrap_or_default())
    }

    /// All values that are accepted, when they can be named: what an index looks up.
    pub fn literals(&self) -> Option<&[String]> {
        match &self.test {
            _ if !self.is_positive() => None,
            Test::Same => Some(std::slice::from_ref(&self.value)),
            Test::OneOf(literals) => Some(literals),
            Test::Pattern(_) => None,
        }
    }

    /// What all accepted values begin with, as far as that can be told from an expression.
    pub fn prefix(&self) -> &str {
        match &self.test {
            Test::Pattern(pattern) if self.is_positive() => pattern.prefix(),
            _ => "",
        }
    }

    fn is_positive(&self) -> bool {
        matches!(self.op, MatchOp::Equal | MatchOp::Regex)
    }
}

/// `a|b|c` without anything that means something else.
fn plain_alternatives(pattern: &str) -> Option<Vec<String>> {
    let special =
        |c: char| matches!(c, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$');
    (!pattern.contains(special)).then(|| pattern.split('|').map(str::to_owned).collect())
}

impl Test {
    /// Of an expression for the whole value.
    fn of(pattern: &str) -> Result<Test, MatcherError> {
        match Expression::parse(pattern) {
            Ok(Expression::Values(values)) => Ok(Test::OneOf(values)),
            Ok(Expression::Pattern(pattern)) => Ok(Test::Pattern(pattern)),
            Err(reason) => Err(MatcherError::Pattern { pattern: pattern.to_owned(), reason }),
        }
    }
}

/// As Prometheus writes it, with the value quoted.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    fn expressions_match_whole_values() {
        let check = |op, pattern: &str, hits: &[&str], misses: &[&str]| {
            let matcher = Matcher::new("l", op, pattern).unwrap();
            hits.iter().for_each(|value| assert!(matcher.accepts(value), "{matcher} accepts {value:?}"));
            misses.iter().for_each(|value| assert!(!matcher.accepts(value), "{matcher} refuses {value:?}"));
        };
        check(MatchOp::Regex, "a.c", &["abc", "a\nc"], &["xabc", "abcx", ""]);
        check(MatchOp::Regex, "a|b", &["a", "b"], &["ab", ""]);
        check(MatchOp::Regex, "a+|b", &["aa", "b"], &["aab"]);
        check(MatchOp::Regex, "", &[""], &["a"]);
        check(MatchOp::Regex, "a|", &["a", ""], &["b"]);
        check(MatchOp::Regex, "(?i)get", &["GET", "get"], &["GETS"]);
        check(MatchOp::NotRegex, ".+", &[""], &["a"]);
        check(MatchOp::NotRegex, "a|b", &["", "ab"], &["a", "b"]);
        check(MatchOp::NotEqual, "a", &["", "b"], &["a"]);
    }

    #[test]
    fn values_that_can_be_named_are() {
        let literals = |op, value: &str| {
            let matcher = Matcher::new("l", op, value).unwrap();
            matcher.literals().map(<[String]>::len)
        };
        assert_eq!(literals(MatchOp::Equal, "a|b"), Some(1));
        assert_eq!(literals(MatchOp::Regex, "api|web|db-1"), Some(3));
        assert_eq!(literals(MatchOp::Regex, "api|w.b"), None);
        assert_eq!(literals(MatchOp::Regex, "db-(1|2)(\\.local)?"), Some(4));
        assert_eq!(literals(MatchOp::NotEqual, "api"), None);
        assert_eq!(literals(MatchOp::NotRegex, "api|web"), None);
    }

    #[test]
    fn what_values_begin_with_is_known() {
        let prefix = |op, value: &str| Matcher::new("l", op, value).unwrap().prefix().to_owned();
        assert_eq!(prefix(MatchOp::Regex, "cpu_.+"), "cpu_");
        assert_eq!(prefix(MatchOp::Regex, "cpu_.+|disk_.+"), "");
        assert_eq!(prefix(MatchOp::Regex, "(?i)cpu_.+"), "");
        assert_eq!(prefix(MatchOp::Regex, "é.*"), "é");
        assert_eq!(prefix(MatchOp::NotRegex, "cpu_.+"), "");
    }

    #[test]
    fn expressions_that_do_not_compile_are_named() {
        for pattern in ["(", "a)|(b", "[z-a]", "(a{1000}){1000}{1000}"] {
            let error = Matcher::new("l", MatchOp::Regex, pattern).unwrap_err();
            assert!(
                matches!(&error, MatcherError::Pattern { pattern: named, .. } if named == pattern),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_matcher_is_refused() {
        assert_eq!(Matcher::parse("job"), Err(MatcherError::Syntax("job".into())));
        assert_eq!(Matcher::parse("=x"), Err(MatcherError::Syntax("=x".into())));
        assert!(matches!(Matcher::parse(r#"a=~"(""#), Err(MatcherError::Pattern { .. })));
    }
}
