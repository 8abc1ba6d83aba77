//! Whether a line is what a search looks for: what scans, the live tail and tests all ask.

use std::borrow::Cow;

use lake::log_index::{fold, is_word_char};
use memchr::memmem::Finder;
use regex::Regex;
use telemetry::{LogColumn, LogRows};

use super::language::{FieldTest, LogQuery, Test, TextTest};

/// The terms about a body, ready to be asked often.
#[derive(Debug)]
pub(crate) struct TextMatcher {
    tests: Vec<(bool, Prepared)>,
    /// A regular expression alone needs no folding.
    folds: bool,
}

#[derive(Debug)]
enum Prepared {
    Literal { finder: Box<Finder<'static>>, at_start: bool, at_end: bool },
    Regex(Regex),
}

impl TextMatcher {
    /// Of the terms with whether they are negated.
    pub(crate) fn new<'q>(terms: impl Iterator<Item = (bool, &'q TextTest)>) -> TextMatcher {
        let begins_in_word = |text: &str| text.chars().next().is_some_and(is_word_char);
        let ends_in_word = |text: &str| text.chars().next_back().is_some_and(is_word_char);
        let prepare = |(negated, test): (bool, &TextTest)| {
            let prepared = match test {
                TextTest::Literal(text) | TextTest::Prefix(text) => Prepared::Literal {
                    finder: Box::new(Finder::new(text.as_bytes()).into_owned()),
                    at_start: begins_in_word(text),
                    at_end: matches!(test, TextTest::Literal(_)) && ends_in_word(text),
                },
                TextTest::Regex(pattern) => Prepared::Regex(pattern.0.clone()),
            };
            (negated, prepared)
        };
        let tests: Vec<(bool, Prepared)> = terms.map(prepare).collect();
        let folds = tests.iter().any(|(_, test)| matches!(test, Prepared::Literal { .. }));
        TextMatcher { tests, folds }
    }

    pub(crate) fn of(query: &LogQuery) -> TextMatcher {
        TextMatcher::new(query.terms.iter().filter_map(|term| match &term.test {
            Test::Text(test) => Some((term.negated, test)),
            Test::Field { .. } => None,
        }))
    }

    pub(crate) fn matches(&self, body: &str) -> bool {
        let folded = if self.folds { fold(body) } else { Cow::Borrowed("") };
        self.tests.iter().all(|(negated, test)| {
            let holds = match test {
                Prepared::Literal { finder, at_start, at_end } => {
                    has_between_words(&folded, finder, *at_start, *at_end)
                }
                Prepared::Regex(regex) => regex.is_match(body),
            };
            holds != *negated
        })
    }
}

/// Whether the text is there without cutting a word at an end where it has one.
fn has_between_words(folded: &str, finder: &Finder<'_>, at_start: bool, at_end: bool) -> bool {
    let mut from = 0;
    while let Some(found) = finder.find(&folded.as_bytes()[from..]) {
        let start = from + found;
        let before = folded[..start].chars().next_back();
        let after = folded[start + finder.needle().len()..].chars().next();
        let cuts_word =
            (at_start && before.is_some_and(is_word_char)) || (at_end && after.is_some_and(is_word_char));
        if !cuts_word {
            return true;
        }
        // The next one may begin within this one.
        from = start + folded[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// What a field of a term is of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Column(LogColumn),
    Attribute(String),
}

impl Field {
    pub(crate) fn named(name: &str) -> Field {
        match LogColumn::ALL.into_iter().find(|column| column_name(*column) == name) {
            Some(column) => Field::Column(column),
            None => Field::Attribute(name.to_owned()),
        }
    }
}

pub(crate) fn column_name(column: LogColumn) -> &'static str {
    match column {
        LogColumn::Service => "service",
        LogColumn::Env => "env",
        LogColumn::Host => "host",
        LogColumn::Severity => "severity",
        LogColumn::TraceId => "trace_id",
        LogColumn::SpanId => "span_id",
    }
}

/// All terms of a search, for rows in memory.
#[derive(Debug)]
pub(crate) struct RowMatcher {
    text: TextMatcher,
    fields: Vec<(bool, Field, FieldTest)>,
}

impl RowMatcher {
    pub(crate) fn of(query: &LogQuery) -> RowMatcher {
        let fields = query.terms.iter().filter_map(|term| match &term.test {
            Test::Field { name, test } => Some((term.negated, Field::named(name), test.clone())),
            Test::Text(_) => None,
        });
        RowMatcher { text: TextMatcher::of(query), fields: fields.collect() }
    }

    /// # Panics
    ///
    /// When there is no such row.
    pub(crate) fn matches(&self, rows: &LogRows, row: usize) -> bool {
        let text = |word| rows.words().get(word);
        let fields_hold = self.fields.iter().all(|(negated, field, test)| {
            let holds = match field {
                Field::Column(column) => test.holds(text(rows.column(*column)[row])),
                Field::Attribute(name) => {
                    let named = |(key, _): &&(_, _)| text(*key) == Some(name.as_str());
                    let value = rows.attrs_of(row).iter().find(named).map(|(_, value)| *value);
                    test.holds(value.and_then(text))
                }
            };
            holds != *negated
        });
        fields_hold && self.text.matches(rows.bodies().get(row))
    }
}

#[cfg(test)]
mod tests {
    use telemetry::LogRecord;

    use super::*;

    fn matches(query: &str, body: &str) -> bool {
        let record = LogRecord {
            service: Some("checkout".into()),
            severity: Some("ERROR".into()),
            body: body.into(),
            attrs: vec![("region".into(), "eu-0".into())],
            ..LogRecord::default()
        };
        let rows: LogRows = [record].iter().collect();
        RowMatcher::of(&LogQuery::parse(query).unwrap()).matches(&rows, 0)
    }

    #[test]
    fn words_are_whole_and_in_any_case() {
        let body = "GET /api/orders: Connection refused by order_db:5432 (Ünïcode)";
        for query in [
            "connection",
            "REFUSED",
            "\"connection REFUSED\"",
            "/api/orders",
            "/api/orders:",
            "order_db",
            "5432",
            "conn*",
            "ünïcode",
            "~refused",
            "-accepted",
            "refused -accepted ~[0-9]{4}",
        ] {
            assert!(matches(query, body), "{query}");
        }
        for query in [
            "connect",
            "order",
            "efused",
            "\"refused connection\"",
            "fused*",
            "~Refused",
            "-refused",
            "nïcode",
        ] {
            assert!(!matches(query, body), "{query}");
        }
        assert!(matches("\"a a\"", "ba a a"), "a match within another one");
    }

    #[test]
    fn fields_are_columns_and_attributes() {
        for query in [
            "service=checkout",
            "severity=error",
            "region=eu-0,eu-1",
            "region=~eu-.",
            "region=*",
            "env!=prod",
            "-zone=*",
        ] {
            assert!(matches(query, "x"), "{query}");
        }
        for query in
            ["service=check", "region=eu", "region=~eu", "zone=*", "region!=eu-0", "-service=checkout"]
        {
            assert!(!matches(query, "x"), "{query}");
        }
    }
}
