//! Label matchers with Prometheus' meaning: an absent label equals `""`, regular expressions are
//! anchored at both ends and `.` matches a newline too.

use regex::{Regex, RegexBuilder};

use crate::error::LakeError;

/// A compiled expression may take this much memory; patterns come from users.
const REGEX_BYTES_MAX: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// One condition on one label.
#[derive(Clone, Debug)]
pub struct LabelMatcher {
    name: Box<str>,
    op: MatchOp,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// The value is one of these: equality, and alternations without special characters.
    OneOf(Vec<Box<str>>),
    Pattern(Regex),
}

impl LabelMatcher {
    /// Fails with [`LakeError::BadRegex`] on a pattern that does not compile or is too large.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<LabelMatcher, LakeError> {
        let test = match op {
            MatchOp::Equal | MatchOp::NotEqual => Test::OneOf(vec![value.into()]),
            MatchOp::Regex | MatchOp::NotRegex => match literal_alternatives(value) {
                Some(literals) => Test::OneOf(literals),
                None => Test::Pattern(compile(value)?),
            },
        };
        Ok(LabelMatcher { name: name.into(), op, test })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// Whether a label with this value is selected; `""` for an absent label.
    pub fn matches(&self, value: &str) -> bool {
        let hit = match &self.test {
            Test::OneOf(literals) => literals.iter().any(|literal| literal.as_ref() == value),
            Test::Pattern(pattern) => pattern.is_match(value),
        };
        hit == matches!(self.op, MatchOp::Equal | MatchOp::Regex)
    }

    /// All values that are selected, when they can be named.
    pub(crate) fn literals(&self) -> Option<&[Box<str>]> {
        match &self.test {
            Test::OneOf(literals) if matches!(self.op, MatchOp::Equal | MatchOp::Regex) => Some(literals),
            _ => None,
        }
    }
}

/// `a|b|c` without anything that means something else.
fn literal_alternatives(pattern: &str) -> Option<Vec<Box<str>>> {
    let special =
        |c: char| matches!(c, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$');
    (!pattern.contains(special)).then(|| pattern.split('|').map(Into::into).collect())
}

fn compile(pattern: &str) -> Result<Regex, LakeError> {
    let bad = |problem: String| LakeError::BadRegex { pattern: pattern.to_owned(), problem };
    // Checked alone first: `a)|(b` would otherwise become valid inside of the group.
    regex_syntax_check(pattern).map_err(bad)?;
    RegexBuilder::new(&format!("^(?s:{pattern})$"))
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| bad(error.to_string()))
}

fn regex_syntax_check(pattern: &str) -> Result<(), String> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map(drop)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(op: MatchOp, pattern: &str, hits: &[&str], misses: &[&str]) {
        let matcher = LabelMatcher::new("l", op, pattern).unwrap();
        for value in hits {
            assert!(matcher.matches(value), "{op:?} {pattern:?} should match {value:?}");
        }
        for value in misses {
            assert!(!matcher.matches(value), "{op:?} {pattern:?} should not match {value:?}");
        }
    }

    #[test]
    fn expressions_are_anchored() {
        check(MatchOp::Regex, "a.c", &["abc", "a\nc"], &["xabc", "abcx", ""]);
        check(MatchOp::Regex, "a|b", &["a", "b"], &["ab", ""]);
        check(MatchOp::Regex, "a+|b", &["aa", "b"], &["aab"]);
        check(MatchOp::Regex, "", &[""], &["a"]);
        check(MatchOp::Regex, "a|", &["a", ""], &["b"]);
        check(MatchOp::Regex, "(?i)get", &["GET", "get"], &["GETS"]);
        check(MatchOp::NotRegex, ".+", &[""], &["a"]);
        check(MatchOp::NotEqual, "a", &["", "b"], &["a"]);
    }

    #[test]
    fn only_plain_alternations_name_their_values() {
        let literals = |pattern| {
            let matcher = LabelMatcher::new("l", MatchOp::Regex, pattern).unwrap();
            matcher.literals().map(<[_]>::len)
        };
        assert_eq!(literals("api|web|db-1"), Some(3));
        assert_eq!(literals("api|w.b"), None);
    }

    #[test]
    fn what_does_not_compile_is_named() {
        for pattern in ["(", "a)|(b", "[z-a]", "(a{1000}){1000}{1000}"] {
            let error = LabelMatcher::new("l", MatchOp::Regex, pattern).unwrap_err();
            assert!(
                matches!(&error, LakeError::BadRegex { pattern: named, .. } if named == pattern),
                "{error}"
            );
        }
    }
}
