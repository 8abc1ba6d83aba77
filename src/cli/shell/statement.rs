//! Where a statement ends: at a `;` outside of quotes and comments.

/// Lines that are no whole statement yet.
#[derive(Debug, Default)]
pub struct Pending {
    text: String,
    last: String,
}

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Adds a line; answers the statements that are whole with it, without their `;`.
    pub fn push(&mut self, line: &str) -> Vec<String> {
        self.text.push_str(line);
        self.text.push('\n');
        let mut whole = Vec::new();
        while let Some(end) = end_of_statement(&self.text) {
            let statement = self.text[..end].trim().to_owned();
            self.text.drain(..=end);
            if !statement.is_empty() {
                self.last = format!("{statement};");
                whole.push(statement);
            }
        }
        if self.is_empty() {
            self.text.clear();
        }
        whole
    }

    /// What the history keeps after `line`: the whole statement that ended there, else the line.
    pub fn last_entry(&mut self, line: &str) -> String {
        match std::mem::take(&mut self.last) {
            statement if statement.is_empty() => line.to_owned(),
            statement => statement,
        }
    }
}

/// The place of the `;` that ends the first statement.
fn end_of_statement(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        match bytes[at] {
            b';' => return Some(at),
            quote @ (b'\'' | b'"') => at += 1 + rest[1..].find(quote as char)? + 1,
            b'-' if rest.starts_with("--") => at += rest.find('\n')?,
            b'/' if rest.starts_with("/*") => at += rest.find("*/")? + 2,
            b'$' => match dollar_tag(rest) {
                Some(tag) => at += tag.len() + rest[tag.len()..].find(tag)? + tag.len(),
                None => at += 1,
            },
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    None
}

/// `$$` or `$tag$`, which text until the same tag is quoted by; `$1` is a parameter.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let name = &text[1..end];
    let is_name = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    (is_name && !name.starts_with(|letter: char| letter.is_ascii_digit())).then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: &[&str], is_open: bool) {
        let mut pending = Pending::default();
        let whole: Vec<String> = lines.iter().flat_map(|line| pending.push(line)).collect();
        assert_eq!(
            (whole.iter().map(String::as_str).collect::<Vec<_>>(), pending.is_empty()),
            (expected.to_vec(), !is_open),
            "{lines:?}"
        );
    }

    #[test]
    fn statements_end_at_a_semicolon_that_is_no_text() {
        check(&["SELECT 1;"], &["SELECT 1"], false);
        check(&["SELECT 1", "FROM t"], &[], true);
        check(&["SELECT 1", "FROM t;"], &["SELECT 1\nFROM t"], false);
        check(&["SELECT 1; SELECT 2; SELECT"], &["SELECT 1", "SELECT 2"], true);
        check(&["SELECT ';', \"a;b\", 'it''s;';"], &["SELECT ';', \"a;b\", 'it''s;'"], false);
        check(&["SELECT 1 -- not; here", ";"], &["SELECT 1 -- not; here"], false);
        check(&["SELECT /* a;", "b; */ 1;"], &["SELECT /* a;\nb; */ 1"], false);
        check(&["SELECT $$a;b$$, $x$;$x$, $1;"], &["SELECT $$a;b$$, $x$;$x$, $1"], false);
        check(&["SELECT 'ä;", "ü';"], &["SELECT 'ä;\nü'"], false);
        check(&[";;"], &[], false);
    }

    #[test]
    fn the_history_keeps_whole_statements() {
        let mut pending = Pending::default();
        pending.push("SELECT 1,");
        pending.push("2;");
        assert_eq!(pending.last_entry("2;"), "SELECT 1,\n2;");
        assert_eq!(pending.last_entry("\\dt"), "\\dt");
    }
}
