//! Rows as a table for people, as JSON or CSV for programs.

use std::io::{ErrorKind, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Map, Value};

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
        let rows: Vec<Vec<Value>> = rows.collect();
        return ignore_closed(write_csv(columns.iter().copied(), &rows, &mut std::io::stdout().lock()));
    }
    let mut table = TableWriter::new(columns.iter().copied());
    let mut out = std::io::stdout().lock();
    let mut rows = rows;
    let written = rows.try_for_each(|row| table.row(&row, &mut out));
    ignore_closed(written.and_then(|()| table.end(&mut out)))
}

/// Rows that widths are taken from: a result of more rows is printed as it comes.
const ROWS_MEASURED: usize = 1_000;

/// Prints rows as a table, without holding more than a beginning of them.
pub struct TableWriter {
    columns: Vec<String>,
    /// The beginning, until the widths are known.
    held: Vec<Vec<Value>>,
    /// Widths and whether a column is of numbers, once rows are printed as they come.
    widths: Option<Vec<(usize, bool)>>,
    count: usize,
    /// Whether a short table is fitted into the terminal: cells then have several lines.
    is_fitted: bool,
}

impl TableWriter {
    pub fn new<'a>(columns: impl Iterator<Item = &'a str>) -> TableWriter {
        let columns = columns.map(str::to_owned).collect();
        TableWriter { columns, held: Vec::new(), widths: None, count: 0, is_fitted: true }
    }

    /// As wide as its rows are, for a pager that scrolls.
    pub fn unfitted<'a>(columns: impl Iterator<Item = &'a str>) -> TableWriter {
        TableWriter { is_fitted: false, ..TableWriter::new(columns) }
    }

    pub fn row(&mut self, row: &[Value], out: &mut impl Write) -> anyhow::Result<()> {
        self.count += 1;
        if let Some(widths) = &self.widths {
            return Ok(writeln!(out, "{}", padded(&texts_of(row), widths))?);
        }
        self.held.push(row.to_vec());
        if self.held.len() == ROWS_MEASURED { self.begin(out) } else { Ok(()) }
    }

    /// The header, and the rows that were held.
    fn begin(&mut self, out: &mut impl Write) -> anyhow::Result<()> {
        let widths = self.measure();
        writeln!(out, "{}", padded(&self.columns, &widths))?;
        let line = widths.iter().map(|(width, _)| "─".repeat(width + 2)).collect::<String>();
        writeln!(out, "{line}")?;
        for row in std::mem::take(&mut self.held) {
            writeln!(out, "{}", padded(&texts_of(&row), &widths))?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    pub fn end(mut self, out: &mut impl Write) -> anyhow::Result<()> {
        match (&self.widths, self.is_fitted) {
            (Some(_), _) => {}
            (None, true) => writeln!(out, "{}", self.arranged())?,
            (None, false) => self.begin(out)?,
        }
        Ok(writeln!(out, "({} row{})", self.count, if self.count == 1 { "" } else { "s" })?)
    }

    /// A short table, fitted into the terminal.
    fn arranged(&mut self) -> Table {
        let mut table = Table::new();
        table.load_preset(HEADER_LINE_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(&self.columns);
        let widths = self.measure();
        for row in &self.held {
            table.add_row(texts_of(row));
        }
        for (index, (_, is_number)) in widths.into_iter().enumerate() {
            if let (true, Some(column)) = (is_number, table.column_mut(index)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    fn measure(&self) -> Vec<(usize, bool)> {
        let mut widths: Vec<(usize, bool)> =
            self.columns.iter().map(|name| (name.chars().count(), true)).collect();
        for row in &self.held {
            for ((width, is_number), cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(table_text_of(cell).chars().count());
                *is_number &= cell.is_number() || cell.is_null();
            }
        }
        widths
    }
}

/// Prints rows as an array of objects, each on a line of its own.
pub struct JsonWriter {
    columns: Vec<String>,
    is_begun: bool,
}

impl JsonWriter {
    pub fn new<'a>(columns: impl Iterator<Item = &'a str>) -> JsonWriter {
        JsonWriter { columns: columns.map(str::to_owned).collect(), is_begun: false }
    }

    pub fn row(&mut self, row: &[Value], out: &mut impl Write) -> anyhow::Result<()> {
        let separator = if std::mem::replace(&mut self.is_begun, true) { ",\n" } else { "[\n" };
        let object: Map<String, Value> = self.columns.iter().cloned().zip(row.iter().cloned()).collect();
        Ok(write!(out, "{separator}  {}", serde_json::to_string(&object)?)?)
    }

    pub fn end(self, out: &mut impl Write) -> anyhow::Result<()> {
        Ok(writeln!(out, "{}", if self.is_begun { "\n]" } else { "[]" })?)
    }
}

/// Prints rows as CSV.
pub fn write_csv<'a>(
    columns: impl Iterator<Item = &'a str>,
    rows: &[Vec<Value>],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out, "{}", columns.map(csv_cell).collect::<Vec<_>>().join(","))?;
    for row in rows {
        writeln!(out, "{}", csv_line(row.iter()))?;
    }
    Ok(())
}

/// Cells as one line of CSV, without its end.
pub fn csv_line<'a>(cells: impl Iterator<Item = &'a Value>) -> String {
    cells.map(|cell| csv_cell(&csv_text_of(cell))).collect::<Vec<_>>().join(",")
}

fn texts_of(row: &[Value]) -> Vec<String> {
    row.iter().map(table_text_of).collect()
}

/// A line of cells; what is wider than its column pushes the others to the right.
fn padded(cells: &[String], widths: &[(usize, bool)]) -> String {
    let mut line = String::new();
    for (cell, (width, is_number)) in cells.iter().zip(widths) {
        let cell = cell.replace(['\n', '\r'], " ");
        line.push(' ');
        line.push_str(&if *is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") });
        line.push(' ');
    }
    line.truncate(line.trim_end().len());
    line
}

/// A line below the header and nothing else, so that rows can be cut and pasted.
const HEADER_LINE_ONLY: &str = "     ──            ";

/// Prints a line. A reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    ignore_closed(writeln!(std::io::stdout(), "{text}").map_err(Into::into))
}

/// A reader that has seen enough is no error.
pub fn ignore_closed(written: anyhow::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if is_closed(&error) => Ok(()),
        other => other,
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// A cell for people: text without quotes, a dash for unknown, numbers to six digits.
pub fn table_text_of(cell: &Value) -> String {
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
    fn a_long_table_is_printed_as_it_comes() {
        let mut table = TableWriter::new(["n", "name"].into_iter());
        let mut out = Vec::new();
        for n in 0..ROWS_MEASURED + 1 {
            table.row(&[Value::from(n), Value::from("a\nb")], &mut out).unwrap();
        }
        let before_the_end = out.len();
        table.end(&mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out[before_the_end..]), "(1001 rows)\n");
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["   n  name", "───────────", "   0  a b"]);
        assert_eq!(lines.last(), Some(&"(1001 rows)"));
    }

    #[test]
    fn a_short_table_says_how_many_rows_it_has() {
        let mut out = Vec::new();
        TableWriter::new(["n"].into_iter()).end(&mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with("(0 rows)\n"));
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
