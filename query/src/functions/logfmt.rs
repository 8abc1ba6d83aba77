//! Lines of `key=value` pairs: `logfmt(line)` is all of them as a map, `logfmt_get(line, key)` one.
//!
//! Values stand bare or in double quotes with `\"`, `\\`, `\n`, `\r`, `\t`. Words without `=` are no
//! pairs and are left out; of a key that occurs twice the last value counts.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, TypeSignature};

use super::column::ColumnFunction;
use super::documented::{Manual, Section};
use super::types::{map_builder, map_type};

const LINE: (&str, &str) = ("line", "Text such as `level=info msg=\"card refused\" ms=12`.");

const LOGFMT: Manual = Manual {
    section: Section::Logs,
    syntax: "logfmt(line)",
    description: "The key=value pairs of a line as a map of text. Words without `=` are left out; a line without pairs gives an empty map.",
    arguments: &[LINE],
    example: "SELECT logfmt(body)['user'] AS buyer, count(*) FROM logs GROUP BY 1",
};

const LOGFMT_GET: Manual = Manual {
    section: Section::Logs,
    syntax: "logfmt_get(line, key)",
    description: "The value of one key of a line of key=value pairs; NULL when the line has no such key.",
    arguments: &[LINE, ("key", "Which pair.")],
    example: "SELECT avg(CAST(logfmt_get(body, 'ms') AS DOUBLE)) FROM logs WHERE service = 'checkout'",
};

pub(super) fn functions() -> Vec<ScalarUDF> {
    let text = |count| TypeSignature::Exact(vec![DataType::Utf8; count]);
    vec![
        ColumnFunction::udf("logfmt", text(1), map_type(), all_pairs, &LOGFMT),
        ColumnFunction::udf("logfmt_get", text(2), DataType::Utf8, one_value, &LOGFMT_GET),
    ]
}

fn all_pairs(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = map_builder();
    let mut found: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for line in as_string_array(&args[0])? {
        let Some(line) = line else {
            column.append(false)?;
            continue;
        };
        found.clear();
        for (key, value) in pairs(line) {
            match found.iter_mut().find(|(known, _)| *known == key) {
                Some(earlier) => earlier.1 = value,
                None => found.push((key, value)),
            }
        }
        for (key, value) in &found {
            column.keys().append_value(key);
            column.values().append_value(value);
        }
        column.append(true)?;
    }
    Ok(Arc::new(column.finish()))
}

fn one_value(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (lines, keys) = (as_string_array(&args[0])?, as_string_array(&args[1])?);
    let mut column = StringBuilder::new();
    for row in 0..lines.len() {
        if lines.is_null(row) || keys.is_null(row) {
            column.append_null();
            continue;
        }
        let wanted = keys.value(row);
        let value = pairs(lines.value(row)).filter(|(key, _)| *key == wanted).last();
        column.append_option(value.map(|(_, value)| value));
    }
    Ok(Arc::new(column.finish()))
}

/// The pairs of a line in their order.
fn pairs(line: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            match after.strip_prefix('=') {
                Some(after) => {
                    let (value, after) = value(after);
                    rest = after;
                    if !key.is_empty() {
                        return Some((key, value));
                    }
                }
                None => rest = after,
            }
        }
    })
}

/// The value at the start of a text, and what follows it.
fn value(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (bare, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        return (Cow::Borrowed(bare), rest);
    };
    let mut unescaped = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, letter)) = chars.next() {
        match letter {
            '"' if !quoted[..at].contains('\\') => return (Cow::Borrowed(&quoted[..at]), &quoted[at + 1..]),
            '"' => return (Cow::Owned(unescaped), &quoted[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => unescaped.push('\n'),
                Some((_, 'r')) => unescaped.push('\r'),
                Some((_, 't')) => unescaped.push('\t'),
                Some((_, other)) => unescaped.push(other),
                None => unescaped.push('\\'),
            },
            other => unescaped.push(other),
        }
    }
    // The quote never ends: the line was cut off.
    (Cow::Owned(unescaped), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> = pairs(line).map(|(key, value)| (key, value.into_owned())).collect();
        let expected: Vec<_> = expected.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn pairs_come_bare_and_quoted() {
        check(
            r#"level=info msg="card \"VISA\" refused\n" ms=12 err= path=/a=b"#,
            &[
                ("level", "info"),
                ("msg", "card \"VISA\" refused\n"),
                ("ms", "12"),
                ("err", ""),
                ("path", "/a=b"),
            ],
        );
    }

    #[test]
    fn prose_has_no_pairs_and_cut_lines_keep_what_is_there() {
        check("the payment service is slow", &[]);
        check("retrying in 5s attempt=3", &[("attempt", "3")]);
        check("=3 a=1", &[("a", "1")]);
        check(r#"a=1 msg="cut o"#, &[("a", "1"), ("msg", "cut o")]);
        check("grün=ja größe=\"ä b\"x=1", &[("grün", "ja"), ("größe", "ä b"), ("x", "1")]);
    }
}
