//! Keeps the parser library from compiling regular expressions: we match with our own, and compiling takes
//! longer than all the rest of reading a query.
//!
//! The library gets them as plain values with a mark in front. Where that does not work, because of an error
//! or of a text that cannot be changed so, it reads the text as it is, and its word counts.

use promql_parser::parser as ast;

use super::{read, size, tree_of};
use crate::error::PromqlError;

/// From the range for private use. A text that has it or may spell it in escapes is left as it is.
const MARK: char = '\u{f8ff}';

/// Makes something of a text's tree in which expressions are [`marked`] values, or as they are.
pub(super) fn uncompiled<T>(
    text: &str,
    lower: impl Fn(&ast::Expr) -> Result<T, PromqlError>,
) -> Result<T, PromqlError> {
    size::check(text)?;
    let made = with_marks(text).and_then(|text| lower(&read(&text).ok()?).ok());
    made.map_or_else(|| lower(&tree_of(text)?), Ok)
}

/// The regular expression that a value was marked as.
pub(super) fn marked(value: &str) -> Option<&str> {
    value.strip_prefix(MARK)
}

/// `name=~"value"` becomes `name="MARKvalue"`; `None` where there is nothing to mark.
fn with_marks(text: &str) -> Option<String> {
    let spells = |pair: &[u8]| pair[0] == b'\\' && matches!(pair[1], b'u' | b'U' | b'x' | b'0'..=b'7');
    if !text.contains('~') || text.contains(MARK) || text.as_bytes().windows(2).any(spells) {
        return None;
    }
    let mut changed = String::with_capacity(text.len() + text.len() / 8);
    let mut chars = text.chars();
    loop {
        let rest = chars.as_str();
        let Some(c) = chars.next() else { return Some(changed) };
        match c {
            '"' | '\'' | '`' => size::skip_string(&mut chars, c).ok()?,
            '#' => drop(chars.by_ref().find(|c| *c == '\n')),
            '=' | '!' if chars.as_str().starts_with('~') => {
                changed.push_str(if c == '=' { "=" } else { "!=" });
                chars = chars.as_str()[1..].trim_start().chars();
                let quote = chars.next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
                let value = chars.as_str();
                size::skip_string(&mut chars, quote).ok()?;
                changed.extend([quote, MARK]);
                changed.push_str(&value[..value.len() - chars.as_str().len()]);
                continue;
            }
            _ => {}
        }
        changed.push_str(&rest[..rest.len() - chars.as_str().len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_marked_and_nothing_else_is_changed() {
        let changed = |text: &str| with_marks(text).map(|text| text.replace(MARK, "^"));
        for (text, expected) in [
            (r#"m{a=~"x|y",b!~'z'} == 1"#, r#"m{a="^x|y",b!='^z'} == 1"#),
            ("{a =~ `x\"`, b=\"=~\"} # c=~\"d\"\n+ m", "{a =`^x\"`, b=\"=~\"} # c=~\"d\"\n+ m"),
            (r#"{a=~"\"b\\.c"}"#, r#"{a="^\"b\\.c"}"#),
        ] {
            assert_eq!(changed(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["m", r#"m{a="~\u0041"}"#, r#"m{a=~"\x41"}"#, "m{a=~b}", "m{a=~#\n\"b\"}"] {
            assert_eq!(changed(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_read_does_not_depend_on_marks() {
        for text in [
            r#"m{a=~"x|y",b!~"z.*"}"#,
            r#"sum by (a) (rate({__name__=~"m.+",a!="x"}[5m])) > 3"#,
            r#"m{a=~"x{b}"}"#,
            r#"{a=~".*"}"#,
            r#"{a!~".+"}"#,
            r#"m{a=~"("}"#,
            r#"m{a=~"x"} + "#,
            r#"m{a=~"\x41"}"#,
        ] {
            let read = super::super::parse(text).map(|query| format!("{:?}", query.selectors()));
            let tree = tree_of(text);
            assert_eq!(read.is_ok(), tree.is_ok(), "{text}: {read:?}");
            assert!(!read.unwrap_or_default().contains(MARK), "{text}");
        }
    }
}
