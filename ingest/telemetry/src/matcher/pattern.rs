//! Regular expressions for whole label values.
//!
//! A query compiles its expressions each time it is sent and tries them on some thousand short values. So
//! what an expression stands for is named where that is possible, for an index to look up; of the others
//! those that need no automaton get none ([`around`](super::around)), and the rest is compiled to what is
//! quick to make: no automaton is built but for the states that values reach.

use std::fmt;

use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::around::Around;

/// A compiled expression may take this much memory; patterns come from users.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Values are named up to so many.
const VALUES_MAX: usize = 128;

/// What an expression accepts.
pub(super) enum Expression {
    /// These and no others; one may be there twice.
    Values(Vec<String>),
    Pattern(Pattern),
}

#[derive(Clone)]
pub(super) struct Pattern {
    test: Test,
    prefix: String,
}

#[derive(Clone)]
enum Test {
    Around(Around),
    Regex(Regex),
}

impl Expression {
    /// For a whole value; `.` matches a newline too. The error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Expression, String> {
        let config = syntax::Config::new().dot_matches_new_line(true);
        // Alone: `a)|(b` must not become valid inside of a group.
        let tree = syntax::parse_with(text, &config).map_err(|error| error.to_string())?;
        match values_of(&tree) {
            Some(values) => Ok(Expression::Values(values)),
            None => Pattern::compile(tree).map(Expression::Pattern),
        }
    }
}

impl Pattern {
    fn compile(tree: Hir) -> Result<Pattern, String> {
        let prefix = prefix_of(&tree).to_owned();
        let test = match Around::of(&tree) {
            Some(around) => Test::Around(around),
            None => Test::Regex(whole(tree)?),
        };
        Ok(Pattern { test, prefix })
    }

    pub(super) fn is_match(&self, value: &str) -> bool {
        match &self.test {
            Test::Around(around) => around.is_match(value),
            Test::Regex(regex) => regex.is_match(value),
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// For values as a whole.
fn whole(tree: Hir) -> Result<Regex, String> {
    let whole = Hir::concat(vec![Hir::look(Look::Start), tree, Hir::look(Look::End)]);
    let config = meta::Config::new()
        .dfa(false)
        .onepass(false)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(PATTERN_BYTES_MAX));
    Regex::builder().configure(config).build_from_hir(&whole).map_err(|error| match error.size_limit() {
        Some(limit) => format!("it takes more than {limit} bytes"),
        None => error.to_string(),
    })
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Around(around) => fmt::Debug::fmt(around, f),
            Test::Regex(regex) => fmt::Debug::fmt(regex, f),
        }
    }
}

/// All values of an expression; `None` when they are many or no end of them.
fn values_of(tree: &Hir) -> Option<Vec<String>> {
    let values = match tree.kind() {
        HirKind::Empty => vec![String::new()],
        HirKind::Literal(literal) => vec![str::from_utf8(&literal.0).ok()?.to_owned()],
        HirKind::Class(Class::Unicode(class)) => {
            let count: usize = class.iter().map(|range| range.len()).sum();
            if count > VALUES_MAX {
                return None;
            }
            class.iter().flat_map(|range| range.start()..=range.end()).map(String::from).collect()
        }
        HirKind::Capture(group) => values_of(&group.sub)?,
        HirKind::Alternation(branches) => {
            let mut values = Vec::new();
            for branch in branches {
                values.append(&mut values_of(branch)?);
                if values.len() > VALUES_MAX {
                    return None;
                }
            }
            values
        }
        HirKind::Concat(parts) => {
            let mut values = vec![String::new()];
            for part in parts {
                let ends = values_of(part)?;
                if values.len() * ends.len() > VALUES_MAX {
                    return None;
                }
                values = values
                    .iter()
                    .flat_map(|begin| ends.iter().map(move |end| format!("{begin}{end}")))
                    .collect();
            }
            values
        }
        HirKind::Repetition(repeated) if (repeated.min, repeated.max) == (0, Some(1)) => {
            let mut values = values_of(&repeated.sub)?;
            values.push(String::new());
            values
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Repetition(_) | HirKind::Look(_) => return None,
    };
    Some(values)
}

fn prefix_of(tree: &Hir) -> &str {
    match tree.kind() {
        HirKind::Literal(literal) => str::from_utf8(&literal.0).unwrap_or_default(),
        HirKind::Capture(group) => prefix_of(&group.sub),
        HirKind::Concat(parts) => parts.first().map_or("", prefix_of),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_automata::meta::Regex;

    use super::*;

    fn values(text: &str) -> Option<Vec<String>> {
        match Expression::parse(text).unwrap() {
            Expression::Values(mut values) => {
                values.sort_unstable();
                Some(values)
            }
            Expression::Pattern(_) => None,
        }
    }

    #[test]
    fn values_are_named_where_there_are_few() {
        for (text, expected) in [
            ("host_1|host_7", &["host_1", "host_7"][..]),
            ("host_(1|20)", &["host_1", "host_20"]),
            ("a[b-d]?", &["a", "ab", "ac", "ad"]),
            (r"db\.local", &["db.local"]),
            ("(?i)no", &["NO", "No", "nO", "no"]),
            ("", &[""]),
        ] {
            let expected: Vec<String> = expected.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(values(text), Some(expected), "{text}");
        }
        for text in ["a+", "a{2}b*", "^a", r"a\b", ".", "[a-z]{0,9}", r"\pL", "[a-d][a-d][a-d][a-d]"] {
            assert_eq!(values(text), None, "{text}");
        }
    }

    proptest! {
        /// Against one expression in the usual form, that knows nothing of values and prefixes.
        #[test]
        fn values_are_accepted_as_by_the_anchored_expression(
            text in "(a|b|c|ab|\\.|\\.\\*|\\.\\+|[a-c]|a\\?|\\(b\\|ca?\\)|\\|){0,6}",
            value in "[abcé\n]{0,5}",
        ) {
            let Ok(expression) = Expression::parse(&text) else { return Ok(()) };
            let whole = Regex::new(&format!("^(?s:{text})$")).unwrap();
            let (accepted, prefix) = match &expression {
                Expression::Values(values) => (values.contains(&value), ""),
                Expression::Pattern(pattern) => (pattern.is_match(&value), pattern.prefix()),
            };
            prop_assert_eq!(accepted, whole.is_match(&value), "{} on {:?}", text, value);
            prop_assert!(!accepted || value.starts_with(prefix));
        }
    }
}
