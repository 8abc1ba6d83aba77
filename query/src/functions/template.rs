//! `log_template(line)`: a line with everything that varies from event to event masked, so that
//! `GROUP BY` finds the shapes behind millions of lines.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, TypeSignature};
use regex::Regex;

use super::column::ColumnFunction;
use super::documented::{Manual, Section};

const LOG_TEMPLATE: Manual = Manual {
    section: Section::Logs,
    syntax: "log_template(line)",
    description: "The line with what varies masked: `<time>` for dates with a time, `<uuid>`, `<ip>` (with port), `<hex>`, `<text>` for quoted text, `<id>` for words that mix letters and digits, `<num>` for numbers (a unit stays: `<num>ms`).",
    arguments: &[("line", "A log line, usually the column body.")],
    example: "SELECT log_template(body) AS shape, count(*) AS lines FROM logs GROUP BY 1 ORDER BY 2 DESC LIMIT 20",
};

/// The first alternative that matches at the leftmost place counts.
const VARYING: &str = concat!(
    r"(?<time>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2}(?-u:\b))?)",
    r"|(?<uuid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})",
    r"|(?<ip>\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?-u:\b)|(?-u:\b)[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){4,7}(?-u:\b))",
    r#"|(?<text>"(?:[^"\\]|\\.)*"|\B'(?:[^'\\]|\\.)*'\B)"#,
    r"|(?<decimal>\d+(?:\.\d+)+)",
    r"|(?<word>[0-9A-Za-z]*\d[0-9A-Za-z]*)",
);

static VARYING_PARTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(VARYING).expect("a constant expression that the tests below compile"));

/// Mixed words from this length on are ids; shorter ones are names with a number (`node17`, `h2`).
const ID_LETTERS_MIN: usize = 8;
/// A number is followed by at most so many letters of a unit (`12ms`, `3GiB`).
const UNIT_LETTERS_MAX: usize = 4;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let text = TypeSignature::Exact(vec![DataType::Utf8]);
    vec![ColumnFunction::udf("log_template", text, DataType::Utf8, templates, &LOG_TEMPLATE)]
}

fn templates(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut column = StringBuilder::new();
    for line in as_string_array(&args[0])? {
        column.append_option(line.map(template));
    }
    Ok(Arc::new(column.finish()))
}

fn template(line: &str) -> Cow<'_, str> {
    VARYING_PARTS.replace_all(line, |found: &regex::Captures<'_>| {
        for (name, mask) in
            [("time", "<time>"), ("uuid", "<uuid>"), ("ip", "<ip>"), ("text", "<text>"), ("decimal", "<num>")]
        {
            if found.name(name).is_some() {
                return Cow::Borrowed(mask);
            }
        }
        masked_word(&found[0])
    })
}

/// A word with at least one digit.
fn masked_word(word: &str) -> Cow<'static, str> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let after = &word[digits..];
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if after.is_empty() {
        return Cow::Borrowed("<num>");
    }
    if word.starts_with("0x") || (is_hex && word.len() >= ID_LETTERS_MIN) {
        return Cow::Borrowed("<hex>");
    }
    let is_unit = after.len() <= UNIT_LETTERS_MAX && after.bytes().all(|byte| byte.is_ascii_alphabetic());
    if digits > 0 && is_unit {
        return Cow::Owned(format!("<num>{after}"));
    }
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let ends_in_number = letters > 0 && word[letters..].bytes().all(|byte| byte.is_ascii_digit());
    if ends_in_number {
        return Cow::Owned(format!("{}<num>", &word[..letters]));
    }
    if word.len() >= ID_LETTERS_MIN {
        return Cow::Borrowed("<id>");
    }
    Cow::Owned(numbers_masked(word))
}

fn numbers_masked(word: &str) -> String {
    let mut masked = String::new();
    let mut in_number = false;
    for letter in word.chars() {
        let is_digit = letter.is_ascii_digit();
        match (is_digit, in_number) {
            (true, false) => masked.push_str("<num>"),
            (true, true) => {}
            (false, _) => masked.push(letter),
        }
        in_number = is_digit;
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_masked_and_what_stays_is_kept() {
        for (line, expected) in [
            ("order 4711 took 12.5ms, 3 retries", "order <num> took <num>ms, <num> retries"),
            (
                "user_42 from 10.0.0.7:5123 said \"hi \\\"you\\\"\" at -3",
                "user_<num> from <ip> said <text> at -<num>",
            ),
            ("2026-11-23T10:00:00.123Z start", "<time> start"),
            ("id 0af76519-16cd-43dd-8448-eb211c80319c", "id <uuid>"),
            ("trace 0af7651916cd43dd8448eb211c80319c at 0xDEADBEEF", "trace <hex> at <hex>"),
            ("pod checkout-7d9f8b6c5k-x2abz is not ready", "pod checkout-<id>-x<num>abz is not ready"),
            ("node17 can't reach user's cart", "node<num> can't reach user's cart"),
            ("key 'abc def' is wrong", "key <text> is wrong"),
            ("version 1.14.2 deployed", "version <num> deployed"),
            ("fe80:0:0:0:1ff:fe23 is up", "<ip> is up"),
            ("nothing varies here: café", "nothing varies here: café"),
            ("", ""),
        ] {
            assert_eq!(template(line), expected, "{line}");
        }
    }
}
