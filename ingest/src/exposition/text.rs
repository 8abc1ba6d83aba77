//! A place in a line and what can be read from there: names, quoted text, blanks.

use std::borrow::Cow;

/// Which characters a bare (unquoted) name may have.
pub(super) trait BareName: Copy {
    fn starts_with(self, byte: u8) -> bool;
    fn goes_on_with(self, byte: u8) -> bool;
    fn what(self) -> &'static str;
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
#[derive(Clone, Copy)]
pub(super) struct MetricName;

/// `[a-zA-Z_][a-zA-Z0-9_]*`
#[derive(Clone, Copy)]
pub(super) struct LabelName;

impl BareName for MetricName {
    fn starts_with(self, byte: u8) -> bool {
        byte.is_ascii_alphabetic() || byte == b'_' || byte == b':'
    }

    fn goes_on_with(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
    }

    fn what(self) -> &'static str {
        "the name of a metric"
    }
}

impl BareName for LabelName {
    fn starts_with(self, byte: u8) -> bool {
        byte.is_ascii_alphabetic() || byte == b'_'
    }

    fn goes_on_with(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'_'
    }

    fn what(self) -> &'static str {
        "the name of a label"
    }
}

/// Reads a line from left to right. All that is searched for is ASCII, so every stop is between
/// characters.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(line: &'a str) -> Cursor<'a> {
        Cursor { line, at: 0 }
    }

    pub fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    /// What was read so far.
    pub fn passed(&self) -> &'a str {
        &self.line[..self.at]
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.line.len()
    }

    pub fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    /// Passes one byte if it is this one.
    pub fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Passes spaces and tabs; whether there were any.
    pub fn skip_blanks(&mut self) -> bool {
        let before = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at > before
    }

    /// Up to the first byte that `ends` accepts, or the end of the line.
    pub fn take_until(&mut self, ends: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A bare name, or any text in quotes.
    pub fn name(&mut self, bare: impl BareName) -> Result<Cow<'a, str>, String> {
        if self.peek() == Some(b'"') { self.quoted() } else { self.bare(bare).map(Cow::Borrowed) }
    }

    pub fn bare(&mut self, name: impl BareName) -> Result<&'a str, String> {
        match self.peek() {
            Some(byte) if name.starts_with(byte) => Ok(self.take_until(|byte| !name.goes_on_with(byte))),
            _ => Err(format!("{} is expected {}", name.what(), self.here())),
        }
    }

    /// Text in double quotes with `\\`, `\"` and `\n`; another escape stays as it is.
    pub fn quoted(&mut self) -> Result<Cow<'a, str>, String> {
        let inside = self.at + 1;
        self.skip_quoted()?;
        Ok(unescape(&self.line[inside..self.at - 1], "\\\"n"))
    }

    /// Passes text in double quotes.
    pub fn skip_quoted(&mut self) -> Result<(), String> {
        if !self.skip(b'"') {
            return Err(format!("a text in quotes is expected {}", self.here()));
        }
        let start = self.at;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(()),
                // What is escaped may be longer than a byte; none of its bytes is a quote then.
                b'\\' => self.at = (self.at + 1).min(self.line.len()),
                _ => {}
            }
        }
        self.at = start;
        Err(format!("a text in quotes is not closed: {}", self.here()))
    }

    /// For messages: where reading stopped.
    pub fn here(&self) -> String {
        match self.rest() {
            "" => "at the end of the line".to_owned(),
            rest => format!("at {:?}", crate::body::excerpt(rest)),
        }
    }
}

/// Takes the backslash from the escapes that are `known`; `\n` is a line feed.
pub(super) fn unescape<'a>(text: &'a str, known: &str) -> Cow<'a, str> {
    let Some(first) = text.find('\\') else { return Cow::Borrowed(text) };
    let mut plain = String::with_capacity(text.len());
    plain.push_str(&text[..first]);
    let mut chars = text[first..].chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') if known.contains('n') => plain.push('\n'),
            Some(escaped) if known.contains(escaped) => plain.push(escaped),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}
