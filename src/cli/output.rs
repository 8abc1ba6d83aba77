//! Rows as a table for people, as JSON or CSV for programs.

use std::io::{ErrorKind, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::Value;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    #[default]
    Table,
    Json,
    Csv,
}

#[derive(Debug, clap::Args)]
pub struct OutputArgs {
    /// How rows are printed.
    #[arg(long, value_enum, default_value_t, env = "EVENKEEL_OUTPUT")]
    pub output: Output,
}

/// Prints the columns of each object in `rows`; JSON prints the objects whole.
pub fn print_objects(output: Output, rows: &[Value], columns: &[&str]) -> anyhow::Result<()> {
    if output == Output::Json {
        return print(&serde_json::to_string_pretty(rows)?);
    }
    let cells = rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect::<Vec<_>>());
    print_rows(output, columns, cells)
}

/// Prints rows of cells as a table or as CSV.
pub fn print_rows(
    output: Output,
    columns: &[&str],
    rows: impl Iterator<Item = Vec<Value>>,
) -> anyhow::Result<()> {
    if output == Output::Csv {
        let mut text = columns.iter().map(|column| csv_cell(column)).collect::<Vec<_>>().join(",");
        for row in rows {
            text.push('\n');
            text.push_str(&row.iter().map(|cell| csv_cell(&csv_text_of(cell))).collect::<Vec<_>>().join(","));
        }
        return print(&text);
    }
    let mut table = Table::new();
    table.load_preset(HEADER_LINE_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns);
    let mut count = 0;
    let mut is_number = vec![true; columns.len()];
    for row in rows {
        for (number, cell) in is_number.iter_mut().zip(&row) {
            *number &= cell.is_number() || cell.is_null();
        }
        table.add_row(row.iter().map(table_text_of));
        count += 1;
    }
    for (index, number) in is_number.into_iter().enumerate() {
        if let (true, Some(column)) = (number, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    print(&format!("{table}\n({count} row{})", if count == 1 { "" } else { "s" }))
}

/// A line below the header and nothing else, so that rows can be cut and pasted.
const HEADER_LINE_ONLY: &str = "     ──            ";

/// Prints a line. A reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A cell for people: text without quotes, a dash for unknown, numbers to six digits.
fn table_text_of(cell: &Value) -> String {
    match cell {
        Value::Null => "—".to_owned(),
        Value::Number(number) if number.is_f64() => six_digits(number.as_f64().unwrap_or_default()),
        other => csv_text_of(other),
    }
}

/// The shortest text of a number to six significant digits.
fn six_digits(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let digits_before_point = number.abs().log10().floor() as i32 + 1;
    let decimals = (6 - digits_before_point).clamp(0, 12) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A cell for programs: text without quotes, nothing for unknown, the rest as JSON.
fn csv_text_of(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(csv_cell("a"), "a");
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_text_of(&Value::Null), "");
        assert_eq!(csv_text_of(&serde_json::json!({"a": 1})), r#"{"a":1}"#);
    }

    #[test]
    fn tables_show_six_digits() {
        for (number, expect) in [
            (0.9995079387786093, "0.999508"),
            (14.4, "14.4"),
            (1_683_942.25, "1683942"),
            (-0.28095238, "-0.280952"),
            (0.0, "0"),
            (1e-9, "0.000000001"),
        ] {
            assert_eq!(table_text_of(&serde_json::json!(number)), expect);
        }
    }
}
