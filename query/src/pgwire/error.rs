//! Errors as PostgreSQL clients read them: SQLSTATE, message, hint, and the place in the text.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError};

use super::settings::SettingError;
use crate::QueryError;

/// Why a statement was not answered.
#[derive(Debug)]
pub(super) enum Failure {
    Query(QueryError),
    Wire(PgWireError),
}

impl Failure {
    pub(super) fn new(sqlstate: &str, message: impl Into<String>) -> Failure {
        let info = ErrorInfo::new("ERROR".to_owned(), sqlstate.to_owned(), message.into());
        Failure::Wire(PgWireError::UserError(Box::new(info)))
    }

    pub(super) fn read_only(statement: impl Into<String>) -> Failure {
        Failure::Query(QueryError::ReadOnly { statement: statement.into() })
    }

    /// For the client, with the place in the text it sent.
    pub(super) fn in_text(self, text: &str) -> PgWireError {
        let (position, error) = match self {
            Failure::Wire(error) => return error,
            Failure::Query(error) => (position_in(&error, text), error),
        };
        let mut info = info_of(error);
        info.position = position.map(|position| position.to_string());
        PgWireError::UserError(Box::new(info))
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Failure {
        Failure::Query(error)
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Failure {
        Failure::Query(error.into())
    }
}

impl From<ParserError> for Failure {
    fn from(error: ParserError) -> Failure {
        DataFusionError::SQL(Box::new(error), None).into()
    }
}

impl From<PgWireError> for Failure {
    fn from(error: PgWireError) -> Failure {
        Failure::Wire(error)
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Failure {
        Failure::new(error.sqlstate(), error.to_string())
    }
}

/// An error that comes while rows are on their way.
pub(super) fn pg_error(error: QueryError) -> PgWireError {
    PgWireError::UserError(Box::new(info_of(error)))
}

fn info_of(error: QueryError) -> ErrorInfo {
    if let QueryError::Internal(source) = &error {
        tracing::error!(error = %source, "a query failed");
    }
    let mut info = ErrorInfo::new("ERROR".to_owned(), error.sqlstate().to_owned(), error.to_string());
    info.hint = error.hint().map(str::to_owned);
    info
}

/// Characters from the beginning of the text, counted from 1.
fn position_in(error: &QueryError, text: &str) -> Option<usize> {
    if let QueryError::UnknownName { name, .. } = error {
        return position_of_name(name, text);
    }
    let place = error.position()?;
    Some(characters_before(text, Location { line: place.line, column: place.column }) + 1)
}

/// The first place where the text has the name, outside of literals and comments.
fn position_of_name(name: &str, text: &str) -> Option<usize> {
    let last_part = name.rsplit('.').next()?.trim_matches('"');
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().ok()?;
    let found = tokens.iter().find(
        |token| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(last_part)),
    )?;
    Some(characters_before(text, found.span.start) + 1)
}

fn characters_before(text: &str, place: Location) -> usize {
    let lines_before = place.line.saturating_sub(1) as usize;
    let before: usize = text.split_inclusive('\n').take(lines_before).map(|line| line.chars().count()).sum();
    before + place.column.saturating_sub(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(error: QueryError, text: &str) -> Option<String> {
        match Failure::from(error).in_text(text) {
            PgWireError::UserError(info) => info.position,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn errors_point_into_the_text() {
        let unknown = || QueryError::UnknownName {
            what: crate::error::Name::Column,
            name: "m.nosuch".to_owned(),
            message: "no field named m.nosuch".to_owned(),
            hint: None,
        };
        assert_eq!(position(unknown(), "SELECT 'nosuch',\n m.nosuch FROM m"), Some("21".to_owned()));
        assert_eq!(position(unknown(), "SELECT 1"), None);
        let syntax = QueryError::Syntax {
            message: "expected an expression".to_owned(),
            position: Some(crate::Position { line: 2, column: 3 }),
        };
        assert_eq!(position(syntax, "SELECT ä\n+ , 1"), Some("12".to_owned()));
    }
}
