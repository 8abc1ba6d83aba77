//! `COPY (query) TO STDOUT` and `COPY table TO STDOUT`, as text or CSV: what `\copy` of psql, psycopg
//! and asyncpg send to take out many rows.
//!
//! Any other `COPY` changes something or touches files and is refused.

use bytes::Bytes;
use datafusion::arrow::array::ArrayRef;
use datafusion::sql::sqlparser::ast::{
    CopyLegacyCsvOption, CopyLegacyOption, CopyOption, CopySource, CopyTarget, Statement,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion_postgres::arrow_pg::datatypes::arrow_schema_to_pg_fields;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::CopyResponse;
use datafusion_postgres::pgwire::messages::copy::CopyData;
use futures::{StreamExt, stream};

use super::error::{Failure, pg_error};
use super::rows::{Names, named};
use crate::formats::cell_text;
use crate::{QueryError, SqlRows};

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    csv: bool,
    header: bool,
    delimiter: char,
    quote: char,
    null: String,
}

/// The query whose rows are copied, and how they are written.
pub(super) fn query_of(statement: &Statement) -> Result<(Statement, Style), Failure> {
    let Statement::Copy { source, to: true, target: CopyTarget::Stdout, options, legacy_options, .. } =
        statement
    else {
        return Err(Failure::read_only("COPY other than TO STDOUT"));
    };
    let query = match source {
        CopySource::Query(query) => Statement::Query(query.clone()),
        CopySource::Table { table_name, columns } => {
            let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
            let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
            let text = format!("SELECT {columns} FROM {table_name}");
            let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, &text)?;
            parsed.pop().ok_or_else(|| Failure::read_only("this COPY"))?
        }
    };
    Ok((query, style_of(options, legacy_options)?))
}

fn style_of(options: &[CopyOption], legacy: &[CopyLegacyOption]) -> Result<Style, Failure> {
    let unsupported = |what: String| Failure::new("0A000", format!("COPY knows no {what} here"));
    let mut style = Style { csv: false, header: false, delimiter: '\t', quote: '"', null: "\\N".to_owned() };
    let (mut delimiter, mut null) = (None, None);
    for option in options {
        match option {
            CopyOption::Format(name) => match name.value.to_lowercase().as_str() {
                "text" => style.csv = false,
                "csv" => style.csv = true,
                other => return Err(unsupported(format!("format {other:?}: text and csv are"))),
            },
            CopyOption::Header(header) => style.header = *header,
            CopyOption::Delimiter(given) => delimiter = Some(*given),
            CopyOption::Quote(given) | CopyOption::Escape(given) => style.quote = *given,
            CopyOption::Null(given) => null = Some(given.clone()),
            CopyOption::Encoding(name) if name.replace('-', "").eq_ignore_ascii_case("utf8") => {}
            other => return Err(unsupported(other.to_string())),
        }
    }
    for option in legacy {
        match option {
            CopyLegacyOption::Csv(csv) => {
                style.csv = true;
                style.header |= csv.contains(&CopyLegacyCsvOption::Header);
            }
            CopyLegacyOption::Delimiter(given) => delimiter = Some(*given),
            CopyLegacyOption::Null(given) => null = Some(given.clone()),
            CopyLegacyOption::Header => style.header = true,
            other => return Err(unsupported(other.to_string())),
        }
    }
    if style.csv {
        (style.delimiter, style.null) = (',', String::new());
    }
    style.delimiter = delimiter.unwrap_or(style.delimiter);
    style.null = null.unwrap_or(style.null);
    Ok(style)
}

/// One message per row, as clients count them.
pub(super) fn respond(rows: SqlRows, names: &Names, style: Style) -> Result<CopyResponse, Failure> {
    let fields = named(arrow_schema_to_pg_fields(&rows.schema, &Format::UnifiedText, None)?, names);
    let columns = fields.len();
    let header = style.header.then(|| {
        let cells: Vec<String> = fields.iter().map(|field| style.cell(Some(field.name()))).collect();
        Ok(style.line(cells))
    });
    let body = rows.stream.flat_map(move |batch| {
        let lines: Vec<_> = match batch {
            Ok(batch) => (0..batch.num_rows())
                .map(|row| {
                    let cells = batch.columns().iter().map(|column| style.cell_of(column, row));
                    Ok(style.line(cells.collect::<Result<_, _>>().map_err(pg_error)?))
                })
                .collect(),
            Err(error) => vec![Err(pg_error(error))],
        };
        stream::iter(lines)
    });
    Ok(CopyResponse::new(0, columns, stream::iter(header).chain(body)))
}

impl Style {
    fn cell_of(&self, column: &ArrayRef, row: usize) -> Result<String, QueryError> {
        Ok(self.cell(cell_text(column, row)?.as_deref()))
    }

    fn cell(&self, text: Option<&str>) -> String {
        let Some(text) = text else { return self.null.clone() };
        if self.csv { self.csv_cell(text) } else { self.text_cell(text) }
    }

    fn csv_cell(&self, text: &str) -> String {
        let plain = text != self.null && !text.contains([self.delimiter, self.quote, '\n', '\r']);
        if plain {
            return text.to_owned();
        }
        let quote = self.quote.to_string();
        format!("{quote}{}{quote}", text.replace(&quote, &quote.repeat(2)))
    }

    fn text_cell(&self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                '\\' => escaped.push_str("\\\\"),
                '\n' => escaped.push_str("\\n"),
                '\r' => escaped.push_str("\\r"),
                '\t' => escaped.push_str("\\t"),
                letter if letter == self.delimiter => escaped.extend(['\\', letter]),
                letter => escaped.push(letter),
            }
        }
        escaped
    }

    fn line(&self, cells: Vec<String>) -> CopyData {
        let mut line = cells.join(&self.delimiter.to_string());
        line.push('\n');
        CopyData::new(Bytes::from(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(sql: &str) -> Style {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        query_of(&statements.remove(0)).unwrap().1
    }

    #[test]
    fn cells_are_written_as_postgresql_reads_them() {
        let text = style("COPY (SELECT 1) TO STDOUT");
        assert_eq!(text.cell(Some("a\tb\\c\n")), "a\\tb\\\\c\\n");
        assert_eq!(text.cell(None), "\\N");
        let csv = style("COPY (SELECT 1) TO STDOUT WITH (FORMAT csv, HEADER)");
        assert_eq!(
            (csv.cell(Some("a,\"b\"")), csv.cell(None)),
            ("\"a,\"\"b\"\"\"".to_owned(), String::new())
        );
        assert_eq!(csv.cell(Some("")), "\"\"", "text without letters is not NULL");
        let old = style("COPY logs TO STDOUT CSV HEADER");
        assert!(old.csv && old.header);
    }

    #[test]
    fn only_queries_leave_and_nothing_comes_in() {
        for sql in ["COPY logs FROM STDIN", "COPY logs TO '/tmp/x'", "COPY logs TO PROGRAM 'sh'"] {
            let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
            let refused = query_of(&statements[0]).unwrap_err();
            assert!(matches!(refused, Failure::Query(QueryError::ReadOnly { .. })), "{sql}");
        }
    }
}
