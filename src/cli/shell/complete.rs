//! Completion of the word before the cursor: keywords, tables, columns, functions, commands.

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

/// What people write; not all that the parser knows.
const KEYWORDS: [&str; 58] = [
    "ALL",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "AT TIME ZONE",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS JOIN",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "EXTRACT",
    "FALSE",
    "FILTER",
    "FROM",
    "FULL JOIN",
    "GROUP BY",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER JOIN",
    "INTERSECT",
    "INTERVAL",
    "IS NOT NULL",
    "IS NULL",
    "JOIN",
    "LATERAL",
    "LEFT JOIN",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER BY",
    "OVER",
    "PARTITION BY",
    "SELECT",
    "SHOW FUNCTIONS",
    "SHOW TABLES",
    "THEN",
    "TRUE",
    "UNION",
    "UNION ALL",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
];
const COMMANDS: [&str; 11] =
    [r"\?", r"\chart", r"\d", r"\df", r"\dt", r"\format", r"\o", r"\promql", r"\q", r"\timing", r"\x"];

/// Names that the server knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub tables: Vec<String>,
    /// Table and column.
    pub columns: Vec<(String, String)>,
    pub functions: Vec<String>,
}

pub struct ShellHelper {
    words: Words,
}

impl ShellHelper {
    pub fn new(words: Words) -> ShellHelper {
        ShellHelper { words }
    }
}

/// Where the word begins, and what it may become.
pub fn candidates(words: &Words, line: &str, at: usize) -> (usize, Vec<String>) {
    let before = &line[..at];
    if before.starts_with('\\') && !before.contains(char::is_whitespace) {
        let commands = COMMANDS.iter().filter(|command| command.starts_with(before));
        return (0, commands.map(|command| (*command).to_owned()).collect());
    }
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let start = before
        .rfind(|letter| !is_part(letter))
        .map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8));
    let word = &before[start..];
    let qualifier = before[..start]
        .strip_suffix('.')
        .map(|before| before.rsplit(|letter| !is_part(letter)).next().unwrap_or_default());
    let mut found = match qualifier {
        Some(table) => of_table(words, table, word),
        None if word.is_empty() => Vec::new(),
        None => anywhere(words, word, line),
    };
    found.dedup();
    (start, found)
}

fn of_table(words: &Words, table: &str, beginning: &str) -> Vec<String> {
    let is_table = words.columns.iter().any(|(of, _)| of.eq_ignore_ascii_case(table));
    let columns = words.columns.iter().filter(|(of, _)| !is_table || of.eq_ignore_ascii_case(table));
    sorted(columns.map(|(_, column)| column.as_str()).filter(|column| begins(column, beginning)))
}

/// Tables, then columns (of the tables that the line names, if it names any), functions, keywords.
fn anywhere(words: &Words, beginning: &str, line: &str) -> Vec<String> {
    let named: Vec<&str> = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    let is_named = |table: &str| named.iter().any(|word| word.eq_ignore_ascii_case(table));
    let any_named = words.tables.iter().any(|table| is_named(table));
    let columns = words.columns.iter().filter(|(table, _)| !any_named || is_named(table));
    let columns = columns.map(|(_, column)| column.as_str());
    let mut found = sorted(words.tables.iter().map(String::as_str).filter(|table| begins(table, beginning)));
    found.extend(sorted(columns.filter(|column| begins(column, beginning))));
    let functions = words.functions.iter().filter(|function| begins(function, beginning));
    found.extend(functions.map(|function| format!("{function}(")));
    let is_lower = beginning.chars().any(|letter| letter.is_ascii_lowercase());
    let keywords = KEYWORDS.iter().filter(|keyword| begins(keyword, beginning));
    found.extend(keywords.map(|word| if is_lower { word.to_lowercase() } else { (*word).to_owned() }));
    found
}

fn begins(word: &str, beginning: &str) -> bool {
    word.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

impl Completer for ShellHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, found) = candidates(&self.words, line, at);
        let pairs = found.into_iter().map(|word| Pair { display: word.clone(), replacement: word });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for ShellHelper {
    type Hint = String;
}

impl Highlighter for ShellHelper {}
impl Validator for ShellHelper {}
impl Helper for ShellHelper {}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let text = |word: &str| word.to_owned();
        Words {
            tables: vec![text("logs"), text("metrics")],
            columns: vec![
                (text("logs"), text("service")),
                (text("logs"), text("severity")),
                (text("metrics"), text("service")),
                (text("metrics"), text("series_id")),
            ],
            functions: vec![text("sum")],
        }
    }

    #[track_caller]
    fn check(line: &str, start: usize, expected: &[&str]) {
        assert_eq!(
            candidates(&words(), line, line.len()),
            (start, expected.iter().map(|word| (*word).to_owned()).collect()),
            "{line}"
        );
    }

    #[test]
    fn names_come_before_keywords() {
        check("SEL", 0, &["SELECT"]);
        check("sel", 0, &["select"]);
        check("SELECT * FROM me", 14, &["metrics"]);
        check("SELECT su", 7, &["sum("]);
        check("SELECT se", 7, &["series_id", "service", "severity", "select"]);
        check("SELECT ", 7, &[]);
    }

    #[test]
    fn columns_are_those_of_the_tables_in_the_line() {
        let line = "SELECT se FROM metrics";
        assert_eq!(candidates(&words(), line, 9).1, ["series_id", "service", "select"]);
        check("SELECT metrics.s", 15, &["series_id", "service"]);
        check("SELECT m.sev", 9, &["severity"]);
    }

    #[test]
    fn commands_are_completed_at_the_beginning() {
        check(r"\d", 0, &[r"\d", r"\df", r"\dt"]);
        check(r"\d me", 3, &["metrics"]);
        check("SELECT 'ä' || se", 15, &["series_id", "service", "severity", "select"]);
    }
}
