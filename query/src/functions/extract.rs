//! Parts of a line by name: `regexp_groups(line, regexp)` takes the named groups of a regular
//! expression, `pattern_fields(line, pattern)` the fields of a pattern as Loki writes them.
//!
//! A pattern is compiled once per run of equal ones: it is a constant in nearly every query.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, MapBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ScalarUDF, TypeSignature};
use regex::{Regex, RegexBuilder};

use super::column::ColumnFunction;
use super::documented::{Manual, Section};
use super::types::{map_builder, map_type};

/// What a compiled expression may take; a counted repetition of a counted repetition is refused.
const REGEXP_BYTES_MAX: usize = 1024 * 1024;

const REGEXP_GROUPS: Manual = Manual {
    section: Section::Logs,
    syntax: "regexp_groups(line, regexp)",
    description: "The named groups of the first match of a regular expression as a map of text; NULL when nothing matches. A group that took no part is NULL in the map.",
    arguments: &[
        ("line", "Text to search."),
        (
            "regexp",
            "Expression in the syntax of the Rust crate regex (RE2 like) with at least one group `(?<name>...)`.",
        ),
    ],
    example: r"SELECT regexp_groups(body, 'order (?<id>\d+) took (?<ms>\d+)')['ms'] FROM logs",
};

const PATTERN_FIELDS: Manual = Manual {
    section: Section::Logs,
    syntax: "pattern_fields(line, pattern)",
    description: "The fields of a line by a pattern as in LogQL: `<name>` takes everything up to the text that follows it, `<_>` skips. NULL when the line does not begin like the pattern; a field whose end is missing takes the rest of the line.",
    arguments: &[
        ("line", "Text to take apart."),
        ("pattern", "Such as `<ip> - <user> [<_>] \"<method> <path> <_>\" <status> <bytes>`."),
    ],
    example: "SELECT pattern_fields(body, '<method> <path> -> <status>')['status'] AS status, count(*) FROM logs GROUP BY 1",
};

pub(super) fn functions() -> Vec<ScalarUDF> {
    let two_texts = || TypeSignature::Exact(vec![DataType::Utf8; 2]);
    vec![
        ColumnFunction::udf("regexp_groups", two_texts(), map_type(), regexp_groups, &REGEXP_GROUPS),
        ColumnFunction::udf("pattern_fields", two_texts(), map_type(), pattern_fields, &PATTERN_FIELDS),
    ]
}

type Fields = MapBuilder<StringBuilder, StringBuilder>;

fn regexp_groups(args: &[ArrayRef]) -> Result<ArrayRef> {
    extract(args, compile_regexp, |regexp: &Regex, line, fields| {
        let Some(found) = regexp.captures(line) else { return false };
        for name in regexp.capture_names().flatten() {
            fields.keys().append_value(name);
            fields.values().append_option(found.name(name).map(|part| part.as_str()));
        }
        true
    })
}

fn pattern_fields(args: &[ArrayRef]) -> Result<ArrayRef> {
    extract(args, Pattern::parse, |pattern: &Pattern, line, fields| pattern.take_apart(line, fields))
}

/// A map per line; NULL where `take` finds nothing, which then must not have added anything.
fn extract<P>(
    args: &[ArrayRef],
    compile: impl Fn(&str) -> Result<P>,
    take: impl Fn(&P, &str, &mut Fields) -> bool,
) -> Result<ArrayRef> {
    let (lines, patterns) = (as_string_array(&args[0])?, as_string_array(&args[1])?);
    let mut column = map_builder();
    let mut compiled: Option<(&str, P)> = None;
    for row in 0..lines.len() {
        if lines.is_null(row) || patterns.is_null(row) {
            column.append(false)?;
            continue;
        }
        let text = patterns.value(row);
        if compiled.as_ref().is_none_or(|(known, _)| *known != text) {
            compiled = Some((text, compile(text)?));
        }
        let found = match &compiled {
            Some((_, pattern)) => take(pattern, lines.value(row), &mut column),
            None => false,
        };
        column.append(found)?;
    }
    Ok(Arc::new(column.finish()))
}

fn compile_regexp(text: &str) -> Result<Regex> {
    let compiled = RegexBuilder::new(text).size_limit(REGEXP_BYTES_MAX).build().map_err(|error| {
        // The crate draws the place over several lines; the last one says what is wrong.
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        DataFusionError::Execution(format!("regexp_groups: {text:?} is no regular expression: {reason}"))
    })?;
    if compiled.capture_names().flatten().next().is_none() {
        return Err(DataFusionError::Execution(format!(
            "regexp_groups: {text:?} names no group: write (?<name>...) around what you want"
        )));
    }
    Ok(compiled)
}

/// Fields with literal text between them.
#[derive(Debug, PartialEq)]
struct Pattern {
    /// What the line begins with; may be empty.
    start: String,
    /// A field's name, `None` for one to skip, and the text that ends it; the last may end with the line.
    fields: Vec<(Option<String>, String)>,
}

impl Pattern {
    fn parse(text: &str) -> Result<Pattern> {
        let wrong = |reason: &str| DataFusionError::Execution(format!("pattern_fields: {text:?} {reason}"));
        let mut pattern = Pattern { start: String::new(), fields: Vec::new() };
        let mut rest = text;
        while !rest.is_empty() {
            if let Some((name, after)) = field_at(rest) {
                if pattern.fields.last().is_some_and(|(_, end)| end.is_empty()) {
                    return Err(wrong("has two fields without text between them"));
                }
                let name = (name != "_").then(|| name.to_owned());
                if name.is_some() && pattern.fields.iter().any(|(known, _)| *known == name) {
                    return Err(wrong("names a field twice"));
                }
                pattern.fields.push((name, String::new()));
                rest = after;
                continue;
            }
            let length = rest.chars().next().map_or(1, char::len_utf8);
            let literal = pattern.fields.last_mut().map_or(&mut pattern.start, |(_, end)| end);
            literal.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        if pattern.fields.iter().all(|(name, _)| name.is_none()) {
            return Err(wrong("names no field: write <name> for what you want"));
        }
        Ok(pattern)
    }

    fn take_apart(&self, line: &str, fields: &mut Fields) -> bool {
        let Some(mut rest) = line.strip_prefix(self.start.as_str()) else { return false };
        for (name, end) in &self.fields {
            let found = if end.is_empty() { None } else { rest.find(end.as_str()) };
            let value = found.map_or(rest, |at| &rest[..at]);
            if let Some(name) = name {
                fields.keys().append_value(name);
                fields.values().append_value(value);
            }
            match found {
                Some(at) => rest = &rest[at + end.len()..],
                None => break,
            }
        }
        true
    }
}

/// `<name>` at the start of a text: the name, and what follows.
fn field_at(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringArray;

    use super::*;

    fn check(pattern: &str, line: &str, expected: &str) {
        let arrays: [ArrayRef; 2] =
            [Arc::new(StringArray::from(vec![line])), Arc::new(StringArray::from(vec![pattern]))];
        let found = match pattern_fields(&arrays) {
            Ok(column) => {
                let mut json = Vec::new();
                crate::formats::write_json_value(&mut json, &column, 0).unwrap();
                String::from_utf8(json).unwrap()
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{pattern} of {line}");
    }

    #[test]
    fn fields_end_where_the_next_text_begins() {
        let access = "<ip> - <user> [<_>] \"<method> <path> <_>\" <status>";
        let line = "10.0.0.7 - ada [23/Nov/2026] \"GET /cart HTTP/1.1\" 503";
        check(access, line, r#"{"ip":"10.0.0.7","user":"ada","method":"GET","path":"/cart","status":"503"}"#);
        check("took <ms>ms", "took 12ms (slow)", r#"{"ms":"12"}"#);
        check("took <ms>ms", "it took 12ms", "null");
        check("<key>: <value>", "no colon here", r#"{"key":"no colon here"}"#);
        check("a < b <x>", "a < b 1", r#"{"x":"1"}"#);
    }

    #[test]
    fn patterns_that_say_nothing_are_refused() {
        let prefix = "Execution error: pattern_fields: ";
        check("<a><b>", "x", &format!("{prefix}\"<a><b>\" has two fields without text between them"));
        check("<a> <a>", "x", &format!("{prefix}\"<a> <a>\" names a field twice"));
        check(
            "<_>: text",
            "x",
            &format!("{prefix}\"<_>: text\" names no field: write <name> for what you want"),
        );
    }
}
