//! The language of log searches: words, phrases, fields; every term has to hold.
//!
//! | written | holds for lines |
//! |---|---|
//! | `refused` | with this word, in any case |
//! | `"connection refused"`, `/api/orders` | with this text, beginning and ending at words |
//! | `refus*` | with a word that begins so |
//! | `~"time(d )?out"` | whose text matches the regular expression |
//! | `region=eu-0`, `region=eu-0,eu-1`, `region="a b"` | whose column or attribute has one of the values |
//! | `region=*` | that have the attribute |
//! | `region=~"eu-.*"` | whose attribute matches from beginning to end |
//! | `-refused`, `-region=eu-0`, `region!=eu-0` | for which the term does not hold |
//!
//! Pure: text in, terms out. A line without the field is one for which `field=value` does not hold.

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::required;

/// Longer texts are no searches of a person.
const TEXT_BYTES_MAX: usize = 4 << 10;
const TERMS_MAX: usize = 64;
/// What one regular expression may take when it is compiled.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// All of the terms have to hold; none of them hold for every line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogQuery {
    pub terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    pub negated: bool,
    pub test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    Text(TextTest),
    Field { name: String, test: FieldTest },
}

/// Of the body. Literals are folded ([`lake::log_index::fold`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TextTest {
    /// Between words.
    Literal(String),
    /// Where a word begins.
    Prefix(String),
    Regex(Pattern),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldTest {
    OneOf(Vec<String>),
    Present,
    /// From beginning to end.
    Regex(Pattern),
}

/// A regular expression that compares by its text.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl std::hash::Hash for Pattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

/// What is wrong with a text, and where; `position` counts characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {position})")]
pub struct LogQueryError {
    pub position: usize,
    pub message: String,
}

impl LogQuery {
    pub fn parse(text: &str) -> Result<LogQuery, LogQueryError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(LogQueryError {
                position: 1,
                message: format!("a search is at most {TEXT_BYTES_MAX} bytes long"),
            });
        }
        let mut reader = Reader { text, at: 0 };
        let mut terms = Vec::new();
        while reader.skip_spaces() {
            terms.push(reader.term()?);
            if terms.len() > TERMS_MAX {
                return Err(reader.error_here(format!("a search has at most {TERMS_MAX} terms")));
            }
        }
        Ok(LogQuery { terms })
    }
}

impl FieldTest {
    /// Columns whose case is known are found in any.
    fn folds(name: &str) -> bool {
        matches!(name, "severity" | "trace_id" | "span_id")
    }

    fn in_case_of(self, name: &str) -> FieldTest {
        let turn: fn(&str) -> String = match name {
            "severity" => |value| value.to_uppercase(),
            "trace_id" | "span_id" => |value| value.to_lowercase(),
            _ => return self,
        };
        match self {
            FieldTest::OneOf(values) => FieldTest::OneOf(values.iter().map(|value| turn(value)).collect()),
            other => other,
        }
    }

    pub fn holds(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| match self {
            FieldTest::OneOf(values) => values.iter().any(|wanted| wanted == value),
            FieldTest::Present => true,
            FieldTest::Regex(pattern) => pattern.0.is_match(value),
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn error_here(&self, message: impl Into<String>) -> LogQueryError {
        self.error_at(self.at, message)
    }

    fn error_at(&self, at: usize, message: impl Into<String>) -> LogQueryError {
        LogQueryError { position: self.text[..at].chars().count() + 1, message: message.into() }
    }

    /// `false` at the end.
    fn skip_spaces(&mut self) -> bool {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.at < self.text.len()
    }

    fn take(&mut self, prefix: &str) -> bool {
        let is_next = self.rest().starts_with(prefix);
        self.at += if is_next { prefix.len() } else { 0 };
        is_next
    }

    fn term(&mut self) -> Result<Term, LogQueryError> {
        let negated = self.take("-");
        if self.rest().starts_with(|c: char| c.is_whitespace()) || self.rest().is_empty() {
            return Err(self.error_here("`-` stands before a term; write \"-\" to look for the character"));
        }
        if self.take("~") {
            return Ok(Term { negated, test: Test::Text(TextTest::Regex(self.pattern()?.1)) });
        }
        if self.rest().starts_with('"') {
            let start = self.at;
            let text = self.quoted()?;
            return Ok(Term { negated, test: Test::Text(self.literal(&text, start)?) });
        }
        if let Some((name, operator)) = self.field() {
            let (unequal, test) = match operator {
                "=" => (false, self.values()?),
                "!=" => (true, self.values()?),
                "=~" => (false, self.field_pattern(&name)?),
                _ => (true, self.field_pattern(&name)?),
            };
            let test = test.in_case_of(&name);
            return Ok(Term { negated: negated != unequal, test: Test::Field { name, test } });
        }
        let start = self.at;
        let word = self.bare("");
        let test = match word.strip_suffix('*').filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => TextTest::Prefix(lake::log_index::fold(prefix).into_owned()),
            None => self.literal(word, start)?,
        };
        Ok(Term { negated, test: Test::Text(test) })
    }

    fn literal(&self, text: &str, start: usize) -> Result<TextTest, LogQueryError> {
        let folded = lake::log_index::fold(text.trim()).into_owned();
        if folded.is_empty() {
            return Err(self.error_at(start, "the phrase is empty"));
        }
        Ok(TextTest::Literal(folded))
    }

    /// A name and what follows it, when they come next.
    fn field(&mut self) -> Option<(String, &'static str)> {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '@');
        let rest = self.rest();
        let end = rest.find(|c: char| !is_name(c))?;
        let begins_well = rest.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@'));
        let operator = ["!=", "=~", "!~", "="].into_iter().find(|op| rest[end..].starts_with(op))?;
        if !begins_well {
            return None;
        }
        self.at += end + operator.len();
        Some((rest[..end].to_owned(), operator))
    }

    fn values(&mut self) -> Result<FieldTest, LogQueryError> {
        if self.rest() == "*" || self.rest().starts_with("* ") {
            self.at += 1;
            return Ok(FieldTest::Present);
        }
        let mut values = Vec::new();
        loop {
            let is_quoted = self.rest().starts_with('"');
            let value = if is_quoted { self.quoted()? } else { self.bare(",").to_owned() };
            if value.is_empty() && !is_quoted {
                return Err(self.error_here("a value is missing; write \"\" for the empty one"));
            }
            values.push(value);
            if !self.take(",") {
                return Ok(FieldTest::OneOf(values));
            }
        }
    }

    /// Up to a space or one of the characters.
    fn bare(&mut self, ends: &str) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || ends.contains(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Between quotes, `\"` and `\\` escaped.
    fn quoted(&mut self) -> Result<String, LogQueryError> {
        let start = self.at;
        let mut text = String::new();
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1) {
            match c {
                '"' if !escaped => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' if !escaped => escaped = true,
                c => {
                    if escaped && !matches!(c, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(c);
                    escaped = false;
                }
            }
        }
        Err(self.error_at(start, "the quote is not closed"))
    }

    /// The expression as it was written, and as a pattern.
    fn pattern(&mut self) -> Result<(String, Pattern), LogQueryError> {
        let start = self.at;
        let text = if self.rest().starts_with('"') { self.quoted()? } else { self.bare("").to_owned() };
        if text.is_empty() {
            return Err(self.error_at(start, "the regular expression is empty"));
        }
        let pattern = self.compiled(&text, start)?;
        Ok((text, pattern))
    }

    /// From beginning to end. Values are listed when there are few: lists are found by the index.
    fn field_pattern(&mut self, name: &str) -> Result<FieldTest, LogQueryError> {
        let start = self.at;
        // An expression by itself: its brackets cannot end what is put around it.
        let (text, _) = self.pattern()?;
        if let Some(values) = required::values_of(&text) {
            return Ok(FieldTest::OneOf(values));
        }
        let flags = if FieldTest::folds(name) { "i" } else { "" };
        Ok(FieldTest::Regex(self.compiled(&format!("^(?{flags}:{text})$"), start)?))
    }

    fn compiled(&self, text: &str, start: usize) -> Result<Pattern, LogQueryError> {
        let compiled = RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build();
        compiled.map(Pattern).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            self.error_at(start, format!("not a regular expression: {last}"))
        })
    }
}

/// As it can be read again; what follows the terms of a body, for `log_match`.
impl fmt::Display for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        match self {
            TextTest::Literal(text) => write!(f, "\"{}\"", quoted(text)),
            TextTest::Prefix(text) => write!(f, "{text}*"),
            TextTest::Regex(pattern) => write!(f, "~\"{}\"", quoted(pattern.0.as_str())),
        }
    }
}

#[cfg(test)]
mod tests;
