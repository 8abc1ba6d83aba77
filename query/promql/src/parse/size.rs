//! Bounds on a text before it is parsed, because later stages recurse over the tree and compile patterns.

use super::bad;
use crate::error::PromqlError;

/// Longer texts are refused: the longest generated dashboards stay below a tenth of it.
pub(super) const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bound on everything that can nest (operators, brackets, calls): a tree of this depth still fits
/// the smallest thread stack in use (2 MiB) in an unoptimised build.
pub(super) const NESTING_MAX: usize = 250;
/// Regular expressions are compiled while parsing, a hostile one takes tens of milliseconds.
pub(super) const PATTERNS_MAX: usize = 100;

pub(super) fn check(text: &str) -> Result<(), PromqlError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(bad(format!("the query has {} bytes, more than {TEXT_BYTES_MAX}", text.len())));
    }
    let Size { nesting, patterns } = measure(text)?;
    if patterns > PATTERNS_MAX {
        return Err(bad(format!("the query has {patterns} regular expressions, more than {PATTERNS_MAX}")));
    }
    if nesting > NESTING_MAX {
        return Err(bad(format!("the query has {nesting} operators and brackets, more than {NESTING_MAX}")));
    }
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Size {
    /// Operators, opening brackets and operator words outside of strings, matchers and comments: an
    /// upper bound of the tree's depth.
    pub nesting: usize,
    /// `=~` and `!~`
    pub patterns: usize,
}

pub(super) fn measure(text: &str) -> Result<Size, PromqlError> {
    let mut size = Size::default();
    let mut in_matchers = false;
    let mut word = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            word.push(c.to_ascii_lowercase());
            continue;
        }
        if matches!(word.as_str(), "and" | "or" | "unless" | "atan2") {
            size.nesting += 1;
        }
        word.clear();
        match c {
            '"' | '\'' | '`' => skip_string(&mut chars, c)?,
            '#' => drop(chars.by_ref().find(|c| *c == '\n')),
            '{' => in_matchers = true,
            '}' => in_matchers = false,
            '(' | '[' | '+' | '-' | '*' | '/' | '%' | '^' | '=' | '<' | '>' | '!' if !in_matchers => {
                size.nesting += 1;
            }
            '~' => size.patterns += 1,
            _ => {}
        }
    }
    Ok(size)
}

/// Refuses escapes of single bytes beyond ASCII: the library reads them as code points, while in PromQL
/// they are parts of UTF-8 sequences.
pub(super) fn skip_string(chars: &mut std::str::Chars<'_>, quote: char) -> Result<(), PromqlError> {
    while let Some(c) = chars.next() {
        if c == quote {
            return Ok(());
        }
        if c != '\\' || quote == '`' {
            continue;
        }
        let rest = chars.as_str();
        let beyond_ascii = match chars.next() {
            Some('x') => rest[1..].starts_with(|c: char| c.is_ascii_hexdigit() && c >= '8'),
            Some(c) => ('2'..='3').contains(&c),
            None => false,
        };
        if beyond_ascii {
            let escape: String = rest.chars().take(3).collect();
            return Err(bad(format!(
                "the byte escape `\\{escape}` is not supported: write the character itself"
            )));
        }
    }
    Ok(())
}
