//! What a result looks like.

use query::formats::Column;
use serde_json::Value;

use crate::cli::output::table_text_of;

/// A line per column, a block per row.
pub fn expanded(columns: &[Column], row: &[Value], number: usize) -> String {
    let width = columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("──[ {number} ]{}\n", "─".repeat(width));
    for (column, cell) in columns.iter().zip(row) {
        let lines = table_text_of(cell);
        let mut name = column.name.as_str();
        for line in lines.split('\n') {
            text.push_str(&format!("{name:<width$} │ {line}\n"));
            name = "";
        }
    }
    text
}

/// Whether a text goes past the terminal: then it is paged.
pub fn overflows(text: &str, (columns, rows): (usize, usize)) -> bool {
    text.lines().count() >= rows || text.lines().any(|line| visible_width(line) > columns)
}

/// Letters without colours.
fn visible_width(line: &str) -> usize {
    let mut width = 0;
    let mut in_escape = false;
    for letter in line.chars() {
        match (in_escape, letter) {
            (false, '\u{1b}') => in_escape = true,
            (false, _) => width += 1,
            (true, letter) => in_escape = !letter.is_ascii_alphabetic(),
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expanded_row_has_a_line_per_column() {
        let column = |name: &str| Column { name: name.to_owned(), type_name: "text".to_owned() };
        let text = expanded(&[column("id"), column("body")], &[json!(1), json!("a\nb")], 3);
        assert_eq!(text, "──[ 3 ]────\nid   │ 1\nbody │ a\n     │ b\n");
    }

    #[test]
    fn what_does_not_fit_overflows() {
        assert!(!overflows("abc\nabc", (3, 3)));
        assert!(overflows("abcd", (3, 3)));
        assert!(overflows("a\nb\nc", (3, 3)));
        assert!(!overflows("\u{1b}[31mabc\u{1b}[0m", (3, 3)));
    }
}
