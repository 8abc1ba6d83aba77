//! What names a series: `name{label="value"}` or, for names of any characters,
//! `{"name", "label"="value"}`.

use std::borrow::Cow;

use telemetry::METRIC_NAME;

use super::Format;
use super::text::{Cursor, LabelName, MetricName};

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The piece of a line that names a series. The same piece always names the same series, so it is a
/// key to remember the series by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesText<'a> {
    text: &'a str,
    format: Format,
}

impl<'a> SeriesText<'a> {
    /// Finds the end of it, minding quotes; whether the inside is right shows in [`SeriesText::pairs`].
    pub(super) fn find(cursor: &mut Cursor<'a>, format: Format) -> Result<SeriesText<'a>, String> {
        if cursor.peek() != Some(b'{') {
            cursor.bare(MetricName)?;
        }
        let mut text = cursor.passed();
        if format == Format::Text {
            cursor.skip_blanks();
        }
        if cursor.skip(b'{') {
            loop {
                cursor.take_until(|byte| byte == b'"' || byte == b'}');
                match cursor.peek() {
                    Some(b'"') => cursor.skip_quoted()?,
                    Some(_) => break,
                    None => return Err("the labels have no closing brace".to_owned()),
                }
            }
            cursor.skip(b'}');
            text = cursor.passed();
        }
        Ok(SeriesText { text, format })
    }

    /// As it stands on the line.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// The labels, the first of them [`METRIC_NAME`], the others in the order of the page and maybe
    /// more than once.
    pub fn pairs(self) -> Result<Vec<Pair<'a>>, String> {
        let mut cursor = Cursor::new(self.text);
        let mut pairs = vec![(Cow::Borrowed(METRIC_NAME), Cow::Borrowed(""))];
        if cursor.peek() != Some(b'{') {
            pairs[0].1 = Cow::Borrowed(cursor.bare(MetricName)?);
        }
        let free_blanks = self.format == Format::Text;
        if free_blanks {
            cursor.skip_blanks();
        }
        if !cursor.is_at_end() {
            braces(&mut cursor, free_blanks, &mut pairs)?;
        }
        if pairs[0].1.is_empty() {
            return Err("the name of a metric is missing".to_owned());
        }
        if pairs[1..].iter().any(|(name, _)| name == METRIC_NAME) {
            return Err(format!("the name of a metric is not given as label {METRIC_NAME}"));
        }
        Ok(pairs)
    }
}

/// The labels of an exemplar.
pub(super) fn exemplar_labels<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<Pair<'a>>, String> {
    // Not empty, so that a name in quotes without a value is refused.
    let mut pairs = vec![(Cow::Borrowed(METRIC_NAME), Cow::Borrowed("exemplar"))];
    braces(cursor, false, &mut pairs)?;
    pairs.remove(0);
    Ok(pairs)
}

/// `{a="b",c="d"}`, a comma after the last is fine; a quoted text without a value is the metric's
/// name, `pairs[0]`. Prometheus' text may leave commas out where blanks stand.
fn braces<'a>(cursor: &mut Cursor<'a>, free_blanks: bool, pairs: &mut Vec<Pair<'a>>) -> Result<(), String> {
    let blanks = |cursor: &mut Cursor<'a>| free_blanks && cursor.skip_blanks();
    if !cursor.skip(b'{') {
        return Err(format!("labels in braces are expected {}", cursor.here()));
    }
    blanks(cursor);
    while !cursor.skip(b'}') {
        let is_quoted = cursor.peek() == Some(b'"');
        let name = cursor.name(LabelName)?;
        blanks(cursor);
        if is_quoted && matches!(cursor.peek(), Some(b',' | b'}')) {
            if !pairs[0].1.is_empty() {
                return Err(format!("{name:?} is a second name, the first is {:?}", pairs[0].1));
            }
            pairs[0].1 = name;
        } else {
            if !cursor.skip(b'=') {
                return Err(format!("label {name:?} has no value"));
            }
            blanks(cursor);
            let value = cursor.quoted().map_err(|reason| format!("label {name:?}: {reason}"))?;
            pairs.push((name, value));
        }
        blanks(cursor);
        let is_separated = cursor.skip(b',') || free_blanks;
        blanks(cursor);
        if !is_separated && cursor.peek() != Some(b'}') {
            return Err(format!("a comma or the closing brace is expected {}", cursor.here()));
        }
    }
    Ok(())
}
