//! What can go wrong with a query, sorted into the classes that a surface has to tell apart.
//!
//! Texts are for the person who asked; what only the operator should see is in the error's source.

use std::time::Duration;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use telemetry::time::format_duration;

/// How a surface should answer: one HTTP status or SQLSTATE each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The query is wrong: 400.
    BadRequest,
    /// The query is right and asks for more than its role may have: 422.
    TooExpensive,
    /// The query took longer than its role may take: 504.
    Timeout,
    /// Too many queries at once, try again: 429.
    Overloaded,
    /// The lake cannot answer yet (replay) or no more (shutdown): 503.
    Unavailable,
    /// Ours to fix: 500.
    Internal,
}

/// Where in the text a query is wrong; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

/// What a name would have been the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Table,
    Column,
    Function,
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not SQL.
    #[error("syntax error: {message}")]
    Syntax { message: String, position: Option<Position> },
    /// The text is SQL and says something impossible: an unknown table, a type that does not fit.
    #[error("{0}")]
    Invalid(String),
    /// A name that nothing has.
    #[error("{message}")]
    UnknownName { what: Name, name: String, message: String, hint: Option<String> },
    /// A statement that would change something.
    #[error("{statement} is not allowed: queries read, they change nothing")]
    ReadOnly { statement: String },
    #[error(
        "the result has more than {rows_max} rows (limit `{limit}`): add a LIMIT, aggregate, or narrow the \
         time range"
    )]
    TooManyRows { rows_max: u64, limit: String },
    #[error(
        "the query needs more than {} MiB of memory (limit `{limit}`): narrow the time range, select fewer \
         columns, or join and group on fewer keys",
        bytes_max / (1024 * 1024)
    )]
    TooMuchMemory { bytes_max: u64, limit: String },
    #[error(
        "the query ran longer than {} (limit `{limit}`): narrow the time range or filter by metric, service \
         or kind",
        format_duration(*timeout)
    )]
    Timeout { timeout: Duration, limit: String },
    #[error("{running} queries are running already (limit `{limit}`): try again in a moment")]
    Overloaded { running: usize, limit: String },
    #[error("the query was cancelled")]
    Canceled,
    #[error("{}", lake_message(.0))]
    Lake(#[from] lake::LakeError),
    #[error(transparent)]
    Promql(#[from] promql::PromqlError),
    /// Division by zero, a cast of text that is no number: found while running.
    #[error("{0}")]
    Execution(String),
    #[error("the query failed")]
    Internal(#[source] DataFusionError),
    #[error("the result could not be written")]
    Encoding(#[source] std::io::Error),
}

/// What a person can do something with; the rest is in the source.
fn lake_message(error: &lake::LakeError) -> String {
    match error {
        lake::LakeError::Replaying { .. } => format!("{error}; queries are answered when it is over"),
        _ => "the lake cannot answer".to_owned(),
    }
}

impl QueryError {
    pub fn class(&self) -> ErrorClass {
        match self {
            QueryError::Syntax { .. }
            | QueryError::Invalid(_)
            | QueryError::UnknownName { .. }
            | QueryError::ReadOnly { .. }
            | QueryError::Execution(_) => ErrorClass::BadRequest,
            QueryError::TooManyRows { .. } | QueryError::TooMuchMemory { .. } => ErrorClass::TooExpensive,
            QueryError::Timeout { .. } | QueryError::Canceled => ErrorClass::Timeout,
            QueryError::Overloaded { .. } => ErrorClass::Overloaded,
            QueryError::Lake(_) => ErrorClass::Unavailable,
            QueryError::Promql(error) => match error {
                promql::PromqlError::Bad(_) => ErrorClass::BadRequest,
                promql::PromqlError::Execution(_) | promql::PromqlError::TooManySamples { .. } => {
                    ErrorClass::TooExpensive
                }
                promql::PromqlError::Timeout | promql::PromqlError::Canceled => ErrorClass::Timeout,
                promql::PromqlError::Source(source) => match source.downcast_ref::<QueryError>() {
                    Some(error) => error.class(),
                    None => ErrorClass::Internal,
                },
            },
            QueryError::Internal(_) | QueryError::Encoding(_) => ErrorClass::Internal,
        }
    }

    /// The place in the text, when it is known.
    pub fn position(&self) -> Option<Position> {
        match self {
            QueryError::Syntax { position, .. } => *position,
            _ => None,
        }
    }

    /// What may have been meant.
    pub fn hint(&self) -> Option<&str> {
        match self {
            QueryError::UnknownName { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    /// The code that PostgreSQL clients know the error by.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            QueryError::Syntax { .. } => "42601",
            QueryError::UnknownName { what: Name::Table, .. } => "42P01",
            QueryError::UnknownName { what: Name::Column, .. } => "42703",
            QueryError::UnknownName { what: Name::Function, .. } => "42883",
            QueryError::Invalid(message) => state_of_plan(message),
            QueryError::ReadOnly { .. } => "25006",
            QueryError::TooManyRows { .. } => "54000",
            QueryError::TooMuchMemory { .. } => "53200",
            QueryError::Timeout { .. } | QueryError::Canceled => "57014",
            QueryError::Overloaded { .. } => "53300",
            QueryError::Lake(_) => "57P03",
            QueryError::Execution(message) => state_of_data(message),
            QueryError::Promql(_) => "22000",
            QueryError::Internal(_) | QueryError::Encoding(_) => "XX000",
        }
    }
}

/// Sorts DataFusion's errors; our own errors that passed through its streams come out as they were.
impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> QueryError {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<QueryError>() {
                Ok(ours) => *ours,
                Err(inner) => QueryError::Internal(DataFusionError::External(inner)),
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => (*inner).into(),
            DataFusionError::Collection(mut errors) if !errors.is_empty() => errors.swap_remove(0).into(),
            DataFusionError::Shared(shared) => from_shared(&shared),
            DataFusionError::ArrowError(inner, backtrace) => match *inner {
                datafusion::arrow::error::ArrowError::ExternalError(inner) => {
                    DataFusionError::External(inner).into()
                }
                inner @ (datafusion::arrow::error::ArrowError::DivideByZero
                | datafusion::arrow::error::ArrowError::CastError(_)
                | datafusion::arrow::error::ArrowError::ParseError(_)
                | datafusion::arrow::error::ArrowError::ArithmeticOverflow(_)) => {
                    QueryError::Execution(lowercase_start(&inner.to_string()))
                }
                inner => QueryError::Internal(DataFusionError::ArrowError(Box::new(inner), backtrace)),
            },
            DataFusionError::SQL(error, _) => syntax(&error.to_string()),
            DataFusionError::Plan(message) => planning(&message),
            DataFusionError::NotImplemented(message) | DataFusionError::Configuration(message) => {
                QueryError::Invalid(first_line(&message))
            }
            DataFusionError::SchemaError(error, _) => schema(&error),
            DataFusionError::Execution(message) => QueryError::Execution(first_line(&message)),
            other => QueryError::Internal(other),
        }
    }
}

/// Shared errors (one failure seen by several partitions) cannot be taken apart, only looked at.
fn from_shared(shared: &std::sync::Arc<DataFusionError>) -> QueryError {
    match shared.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<QueryError>() {
            Some(QueryError::TooMuchMemory { bytes_max, limit }) => {
                QueryError::TooMuchMemory { bytes_max: *bytes_max, limit: limit.clone() }
            }
            _ => QueryError::Internal(DataFusionError::Shared(shared.clone())),
        },
        DataFusionError::Plan(message) => planning(message),
        DataFusionError::Execution(message) => QueryError::Execution(first_line(message)),
        _ => QueryError::Internal(DataFusionError::Shared(shared.clone())),
    }
}

/// Tells a name that nothing has from the other ways to be wrong, by DataFusion's words for it.
fn planning(message: &str) -> QueryError {
    let quoted = |before: &str, after: &str| {
        message.strip_prefix(before)?.split_once(after).map(|(name, _)| name.to_owned())
    };
    let unknown = |what, name: String| {
        let (message, hint) = (first_line(message), suggestion(message));
        QueryError::UnknownName { what, name, message, hint }
    };
    if let Some(name) = quoted("table '", "' not found") {
        return unknown(Name::Table, name);
    }
    if let Some(name) =
        quoted("Invalid function '", "'").or_else(|| quoted("table function '", "' not found"))
    {
        return unknown(Name::Function, name);
    }
    QueryError::Invalid(first_line(message))
}

fn schema(error: &SchemaError) -> QueryError {
    let text = error.to_string();
    let SchemaError::FieldNotFound { field, .. } = error else {
        return QueryError::Invalid(first_line(&text));
    };
    let message = text.split(". Did you mean").next().unwrap_or_default();
    let name = field.name.clone();
    QueryError::UnknownName {
        what: Name::Column,
        name,
        message: first_line(message),
        hint: suggestion(&text),
    }
}

/// `Did you mean 'value'?`
fn suggestion(text: &str) -> Option<String> {
    let at = text.find("Did you mean")?;
    text[at..].lines().next().map(|hint| hint.trim_end_matches('.').to_owned())
}

/// SQLSTATE of a plan that cannot be, by DataFusion's words for it.
fn state_of_plan(message: &str) -> &'static str {
    let words = [
        ("column in SELECT must be in GROUP BY", "42803"),
        ("ambiguous reference", "42702"),
        ("failed to coerce arguments", "42883"),
        ("cannot coerce", "42804"),
        ("unsupported SQL type", "42704"),
        ("one statement at a time", "42601"),
        ("the query is empty", "42601"),
    ];
    let known = words.iter().find(|(beginning, _)| message.starts_with(beginning));
    known.map_or("42000", |(_, state)| state)
}

/// SQLSTATE of data that a query could not be computed on.
fn state_of_data(message: &str) -> &'static str {
    let message = message.to_lowercase();
    let words = [
        ("divide by zero", "22012"),
        ("overflow", "22003"),
        ("cannot cast string", "22P02"),
        ("unrecognized configuration parameter", "42704"),
        ("was not provided a value", "08P01"),
    ];
    let known = words.iter().find(|(part, _)| message.contains(part));
    known.map_or("22000", |(_, state)| state)
}

/// Splits the parser's `... at Line: 1, Column: 8` off.
fn syntax(text: &str) -> QueryError {
    let text = text.trim_start_matches("sql parser error: ").trim_start_matches("ParserError(\"");
    let found = text.find(" at Line: ").and_then(|at| {
        let (line, rest) = text[at + " at Line: ".len()..].split_once(", Column: ")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some((at, Position { line: line.parse().ok()?, column: rest[..digits].parse().ok()? }))
    });
    let message = found.map_or(text, |(at, _)| &text[..at]);
    QueryError::Syntax {
        message: lowercase_start(message.trim_end_matches("\")")),
        position: found.map(|(_, place)| place),
    }
}

/// DataFusion adds suggestions and back traces on further lines; a message is one.
fn first_line(text: &str) -> String {
    lowercase_start(text.lines().next().unwrap_or_default().trim_end_matches('.'))
}

fn lowercase_start(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // `SELECT ...` and `Int64 ...` keep their capitals, `Expected` does not.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_errors_say_where() {
        let error = syntax("sql parser error: Expected: an expression, found: EOF at Line: 2, Column: 17");
        assert_eq!(error.to_string(), "syntax error: expected: an expression, found: EOF");
        assert_eq!(error.position(), Some(Position { line: 2, column: 17 }));
        assert_eq!(error.class(), ErrorClass::BadRequest);
    }

    #[test]
    fn names_that_nothing_has_are_told_apart() {
        let plan = |message: &str| QueryError::from(DataFusionError::Plan(message.to_owned()));
        let error = plan("table 'evenkeel.public.nosuch' not found");
        assert_eq!((error.sqlstate(), error.hint()), ("42P01", None));
        let error = plan("Invalid function 'cuont'.\nDid you mean 'count'?");
        assert_eq!((error.sqlstate(), error.hint()), ("42883", Some("Did you mean 'count'?")));
        assert_eq!(error.to_string(), "invalid function 'cuont'");
        let error = plan("Column in SELECT must be in GROUP BY or an aggregate function: x");
        assert_eq!((error.sqlstate(), error.class()), ("42803", ErrorClass::BadRequest));
    }

    #[test]
    fn our_errors_survive_the_trip_through_a_stream() {
        let limit = "query.viewer.rows_max".to_owned();
        let inner = QueryError::TooManyRows { rows_max: 5, limit };
        let error: QueryError =
            DataFusionError::Context("x".into(), Box::new(DataFusionError::External(Box::new(inner)))).into();
        assert_eq!(
            error.to_string(),
            "the result has more than 5 rows (limit `query.viewer.rows_max`): add a LIMIT, aggregate, or \
             narrow the time range"
        );
        assert_eq!(error.class(), ErrorClass::TooExpensive);
    }
}
