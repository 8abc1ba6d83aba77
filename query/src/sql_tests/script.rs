//! A file in the format of sqllogictest: records separated by empty lines, `#` before comments.
//!
//! ```text
//! query IT rowsort          one letter per column: B I R T D P ?
//! SELECT ...
//! ----
//! 1 text                    a line per row; NULL, (empty), new lines as \n
//!
//! statement error
//! INSERT ...
//! ----
//! the whole text of the error
//! ```

use std::path::{Path, PathBuf};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use futures::TryStreamExt;

use crate::testing::Bench;
use crate::{QueryError, QueryRole, formats};

pub(super) struct Script {
    file: PathBuf,
    records: Vec<Record>,
}

/// One record, or a comment when there is no expectation in it.
struct Record {
    comment: Vec<String>,
    head: String,
    sql: String,
    expected: Vec<String>,
    line: usize,
}

impl Script {
    pub(super) fn read(file: &Path) -> Script {
        let text = std::fs::read_to_string(file).unwrap();
        let mut records = Vec::new();
        let mut block: Vec<(usize, &str)> = Vec::new();
        for (number, line) in text.lines().chain([""]).enumerate() {
            if !line.is_empty() {
                block.push((number + 1, line));
            } else if !block.is_empty() {
                records.push(Record::parse(file, &std::mem::take(&mut block)));
            }
        }
        Script { file: file.to_owned(), records }
    }

    pub(super) async fn check(&self, bench: &Bench, state: &str) {
        for record in self.records.iter().filter(|record| !record.head.is_empty()) {
            let place = format!("{}:{} ({state}): {}", self.file.display(), record.line, record.sql);
            let (types, mut found) = record.run(bench).await;
            let mut expected = record.expected.clone();
            if record.head.ends_with(" rowsort") {
                found.sort();
                expected.sort();
            }
            assert_eq!(found, expected, "{place}");
            assert_eq!(record.types(), types, "types of {place}");
        }
    }

    /// The file with what comes out.
    pub(super) async fn updated(&self, bench: &Bench) -> String {
        let mut text = String::new();
        for record in &self.records {
            for line in &record.comment {
                text.push_str(&format!("{line}\n"));
            }
            if !record.head.is_empty() {
                let (types, mut found) = record.run(bench).await;
                let mut head = record.head.clone();
                if let Some(rest) = record.head.strip_prefix("query") {
                    assert!(types.is_some(), "{}: {found:?}", record.sql);
                    let sorted = if rest.ends_with(" rowsort") { " rowsort" } else { "" };
                    if !sorted.is_empty() {
                        found.sort();
                    }
                    head = format!("query {}{sorted}", types.unwrap_or_default()).trim_end().to_owned();
                } else {
                    assert!(types.is_none(), "{} works", record.sql);
                }
                text.push_str(&format!("{head}\n{}\n----\n", record.sql));
                found.iter().for_each(|row| text.push_str(&format!("{row}\n")));
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

impl Record {
    fn parse(file: &Path, lines: &[(usize, &str)]) -> Record {
        let comments = lines.iter().take_while(|(_, line)| line.starts_with('#')).count();
        let comment = lines[..comments].iter().map(|(_, line)| (*line).to_owned()).collect();
        let Some(((line, head), rest)) = lines[comments..].split_first() else {
            let (head, sql) = (String::new(), String::new());
            return Record { comment, head, sql, expected: Vec::new(), line: lines[0].0 };
        };
        let place = format!("{}:{line}", file.display());
        assert!(head.starts_with("query") || *head == "statement error", "{place}: {head:?} is no record");
        let end = rest.iter().position(|(_, line)| *line == "----");
        let end = end.unwrap_or_else(|| panic!("{place}: no ----"));
        let texts =
            |lines: &[(usize, &str)]| lines.iter().map(|(_, line)| (*line).to_owned()).collect::<Vec<_>>();
        Record {
            comment,
            head: (*head).to_owned(),
            sql: texts(&rest[..end]).join("\n"),
            expected: texts(&rest[end + 1..]),
            line: *line,
        }
    }

    /// The letters of a query's columns; an error has none.
    fn types(&self) -> Option<String> {
        let letters = self.head.strip_prefix("query")?.trim_start();
        Some(letters.split(' ').next().unwrap_or_default().to_owned())
    }

    /// The letters of the columns and the rows, or the lines of the error.
    async fn run(&self, bench: &Bench) -> (Option<String>, Vec<String>) {
        match rows(bench, &self.sql).await {
            Ok((types, rows)) => (Some(types), rows),
            Err(error) => (None, error.to_string().lines().map(str::to_owned).collect()),
        }
    }
}

async fn rows(bench: &Bench, sql: &str) -> Result<(String, Vec<String>), QueryError> {
    let result = bench.engine.sql(sql, QueryRole::Viewer).await?;
    let types = result.schema.fields().iter().map(|field| letter(field.data_type())).collect();
    let batches: Vec<_> = result.stream.try_collect().await?;
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = batch.columns().iter().map(|column| cell(column, row)).collect();
            rows.push(cells.join(" "));
        }
    }
    Ok((types, rows))
}

fn letter(data_type: &DataType) -> char {
    match data_type {
        DataType::Boolean => 'B',
        data_type if data_type.is_integer() => 'I',
        data_type if data_type.is_numeric() => 'R',
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => 'T',
        DataType::Date32 | DataType::Date64 => 'D',
        DataType::Timestamp(_, _) => 'P',
        _ => '?',
    }
}

/// The texts of the JSON contract without quotes.
fn cell(column: &ArrayRef, row: usize) -> String {
    let mut json = Vec::new();
    formats::write_json_value(&mut json, column, row).unwrap();
    let text = String::from_utf8(json).unwrap();
    if text == "null" {
        return "NULL".to_owned();
    }
    let text = if text.starts_with('"') { serde_json::from_str(&text).unwrap() } else { text };
    if text.is_empty() { "(empty)".to_owned() } else { text.replace('\n', "\\n") }
}
