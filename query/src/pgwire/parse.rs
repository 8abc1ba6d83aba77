//! From the text of a client to statements, and to plans for those that are prepared.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ToDFSchema;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser as SqlParser;
use datafusion_postgres::Parser as LibraryParser;
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::FieldInfo;
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::{ClientInfo, Type};
use datafusion_postgres::pgwire::error::PgWireResult;

use super::compat::rewrite;
use super::error::{Failure, pg_error};
use super::gate::{SettingVerb, Verdict, verdict};
use super::names::column_names;
use super::rows::{named, of_types};
use super::runner::Runner;
use super::{copy, cursor, parameters};

/// A prepared statement: the client's text, what it says, and a plan. The plan of what is no query is
/// there for its columns alone.
pub(super) type ParsedStatement = (String, Option<(Statement, LogicalPlan)>);

pub(super) struct StatementParser {
    compat: PostgresCompatibilityParser,
    library: Arc<LibraryParser>,
    runner: Arc<Runner>,
}

impl StatementParser {
    pub(super) fn new(library: Arc<LibraryParser>, runner: Arc<Runner>) -> StatementParser {
        StatementParser { compat: PostgresCompatibilityParser::new(), library, runner }
    }

    /// The statements of a text, in the form that can be planned.
    pub(super) fn statements(&self, text: &str) -> Result<Vec<Statement>, Failure> {
        let parsed = self.compat.parse(text).map_err(|error| {
            // The library has lost the places of the tokens.
            SqlParser::parse_sql(&PostgreSqlDialect {}, text).err().unwrap_or(error)
        });
        let mut statements = parsed?;
        statements.iter_mut().for_each(rewrite);
        Ok(statements)
    }

    async fn prepare(
        &self,
        text: &str,
        declared: &[Option<Type>],
    ) -> Result<Option<ParsedStatement>, Failure> {
        let mut statements = self.statements(text)?;
        if statements.len() > 1 {
            return Err(Failure::new("42601", "cannot insert multiple commands into a prepared statement"));
        }
        let Some(statement) = statements.pop() else { return Ok(None) };
        let plan = match verdict(&statement) {
            Verdict::Run => self.runner.plan(&statement, declared).await?.plan,
            Verdict::Declare => self.runner.plan(&cursor::declared(&statement)?.1, declared).await?.plan,
            Verdict::CopyOut => self.runner.plan(&copy::query_of(&statement)?.0, declared).await?.plan,
            Verdict::Setting(SettingVerb::Show(name)) => text_columns(&[&name])?,
            Verdict::Setting(SettingVerb::ShowAll) => text_columns(&["name", "setting"])?,
            Verdict::Refuse(statement) => return Err(Failure::read_only(statement)),
            Verdict::Pass | Verdict::Ignore(_) | Verdict::Setting(_) => LogicalPlan::default(),
        };
        Ok(Some((text.to_owned(), Some((statement, plan)))))
    }
}

/// The plan of columns of text without rows.
fn text_columns(names: &[&str]) -> Result<LogicalPlan, Failure> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields).to_dfschema()?);
    Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema }))
}

#[async_trait]
impl QueryParser for StatementParser {
    type Statement = ParsedStatement;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        text: &str,
        types: &[Option<Type>],
    ) -> PgWireResult<Option<ParsedStatement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        self.prepare(text, types).await.map_err(|failure| failure.in_text(text))
    }

    fn get_parameter_types(&self, statement: &ParsedStatement) -> PgWireResult<Vec<Type>> {
        let known = self.library.get_parameter_types(statement)?;
        let (text, Some((_, plan))) = statement else { return Ok(known) };
        let numbers = parameters::numbers(plan).map_err(|error| pg_error(error.into()))?;
        Ok(parameters::announced(text, &numbers, known))
    }

    fn get_result_schema(
        &self,
        statement: &ParsedStatement,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        // They have a plan for their parameters; their rows come otherwise.
        if let (_, Some((Statement::Declare { .. } | Statement::Copy { .. }, _))) = statement {
            return Ok(Vec::new());
        }
        let fields = self.library.get_result_schema(statement, format)?;
        Ok(match statement {
            (_, Some((statement, plan))) => {
                named(of_types(fields, plan.schema().as_arrow()), &column_names(statement))
            }
            _ => fields,
        })
    }
}
