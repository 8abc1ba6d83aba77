//! Which statements a connection may send at all.
//!
//! Queries and what explains them go on to the guard. Statements that drivers send by habit
//! (`SET application_name`, `DISCARD ALL`, savepoints) are answered without doing anything or keep
//! their effect in the connection. Everything else is refused, `SET datafusion.…` by name: the
//! library would change the one session of all clients.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{DeclareType, Expr, Set, Statement};
use datafusion_postgres::QueryHook;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::hooks::set_show::SetShowHook;
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::results::{Response, Tag};
use datafusion_postgres::pgwire::api::stmt::StoredStatement;
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::error::PgWireResult;

use super::connection::Runner;
use super::rows::pg_error;
use crate::QueryError;

/// Settings that live in the connection.
const CLIENT_SETTINGS: [&str; 7] = [
    "application_name",
    "bytea_output",
    "datestyle",
    "extra_float_digits",
    "intervalstyle",
    "search_path",
    "statement_timeout",
];

/// Settings that drivers send and that change nothing here.
const IGNORED_SETTINGS: [&str; 10] = [
    "client_encoding",
    "client_min_messages",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "idle_in_transaction_session_timeout",
    "jit",
    "lock_timeout",
    "names",
    "standard_conforming_strings",
    "transaction_isolation",
];

/// What to do with a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Plan it, guard it, run it.
    Run,
    /// One of the library's hooks answers it, within the connection.
    Pass,
    /// A cursor over a query.
    Declare,
    /// Answer with this tag and do nothing.
    Ignore(&'static str),
    /// `SET timezone = ...`, which the library only knows as `SET TIME ZONE`.
    TimeZone(Box<Expr>),
    Refuse(String),
}

pub(super) fn verdict(statement: &Statement) -> Verdict {
    match statement {
        Statement::Query(_)
        | Statement::Explain { .. }
        | Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowFunctions { .. } => Verdict::Run,
        Statement::ShowVariable { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowCatalogs { .. }
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Fetch { .. }
        | Statement::Close { .. } => Verdict::Pass,
        Statement::Declare { .. } => Verdict::Declare,
        Statement::Savepoint { .. } => Verdict::Ignore("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => Verdict::Ignore("RELEASE"),
        Statement::Discard { .. } => Verdict::Ignore("DISCARD ALL"),
        Statement::Deallocate { .. } => Verdict::Ignore("DEALLOCATE"),
        Statement::UNLISTEN { .. } => Verdict::Ignore("UNLISTEN"),
        Statement::Set(set) => set_verdict(set),
        other => {
            let text = other.to_string();
            // The statement's own words, without names and expressions.
            let is_keyword = |word: &&str| word.chars().all(|letter| letter.is_ascii_uppercase());
            let words: Vec<&str> = text.split_whitespace().take_while(is_keyword).take(2).collect();
            Verdict::Refuse(words.join(" "))
        }
    }
}

fn set_verdict(set: &Set) -> Verdict {
    match set {
        Set::SingleAssignment { variable, values, .. } => {
            let name = variable.to_string().to_lowercase();
            match (name.as_str(), values.first()) {
                ("timezone", Some(value)) => Verdict::TimeZone(Box::new(value.clone())),
                (name, Some(_)) if CLIENT_SETTINGS.contains(&name) => Verdict::Pass,
                (name, _) if IGNORED_SETTINGS.contains(&name) => Verdict::Ignore("SET"),
                _ => Verdict::Refuse(format!("SET {variable}")),
            }
        }
        Set::SetTimeZone { value, .. } => Verdict::TimeZone(Box::new(value.clone())),
        Set::SetTransaction { .. } | Set::SetNames { .. } | Set::SetNamesDefault {} => Verdict::Ignore("SET"),
        Set::SetSessionParam(_)
        | Set::SetRole { .. }
        | Set::SetSessionAuthorization(_)
        | Set::ParenthesizedAssignments { .. }
        | Set::MultipleAssignments { .. } => Verdict::Refuse("this SET".to_owned()),
    }
}

fn refused(statement: String) -> QueryError {
    QueryError::ReadOnly { statement }
}

/// The first hook of a connection; the library's hooks come after it and see only what passes.
pub(super) struct Gate {
    pub(super) runner: Arc<Runner>,
}

impl Gate {
    async fn declare(&self, statement: &Statement, client: &mut dyn HookClient) -> PgWireResult<Response> {
        let Statement::Declare { stmts } = statement else {
            return Err(pg_error(refused("this DECLARE".to_owned())));
        };
        for declare in stmts {
            let (Some(DeclareType::Cursor), Some(name), Some(query)) =
                (&declare.declare_type, declare.names.first(), &declare.for_query)
            else {
                return Err(pg_error(refused("a DECLARE other than CURSOR FOR a query".to_owned())));
            };
            let query = Statement::Query(query.clone());
            let response = self.runner.run_statement(&query, client, &Format::UnifiedText).await?;
            let Response::Query(response) = response else { continue };
            // The plan is what a Describe of the cursor reads its columns from.
            let plan = self.runner.plan(&query).await.map_err(pg_error)?;
            let described = (query.to_string(), Some((query, plan)));
            let stored = StoredStatement::new(name.value.clone(), described, vec![]);
            let portal = Portal::new_cursor(name.value.clone(), Arc::new(stored));
            portal.start(response).await;
            client.portal_store().put_portal(Arc::new(portal));
        }
        Ok(Response::Execution(Tag::new("DECLARE CURSOR")))
    }

    async fn answer(
        &self,
        statement: &Statement,
        context: &SessionContext,
        client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        match verdict(statement) {
            Verdict::Pass => None,
            Verdict::Run => Some(self.runner.run_statement(statement, client, &Format::UnifiedText).await),
            Verdict::Declare => Some(self.declare(statement, client).await),
            Verdict::Ignore(tag) => Some(Ok(Response::Execution(Tag::new(tag)))),
            Verdict::TimeZone(value) => {
                let set = Statement::Set(Set::SetTimeZone { local: false, value: *value });
                SetShowHook.handle_simple_query(&set, context, client).await
            }
            Verdict::Refuse(statement) => Some(Err(pg_error(refused(statement)))),
        }
    }
}

#[async_trait]
impl QueryHook for Gate {
    async fn handle_simple_query(
        &self,
        statement: &Statement,
        context: &SessionContext,
        client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        self.answer(statement, context, client).await
    }

    async fn handle_extended_parse_query(
        &self,
        statement: &Statement,
        _context: &SessionContext,
        _client: &(dyn ClientInfo + Send + Sync),
    ) -> Option<PgWireResult<LogicalPlan>> {
        match verdict(statement) {
            Verdict::Pass => None,
            Verdict::Run => Some(self.runner.plan(statement).await.map_err(pg_error)),
            Verdict::Refuse(statement) => Some(Err(pg_error(refused(statement)))),
            Verdict::Declare | Verdict::Ignore(_) | Verdict::TimeZone(_) => Some(Ok(LogicalPlan::default())),
        }
    }

    async fn handle_extended_query(
        &self,
        statement: &Statement,
        _plan: &LogicalPlan,
        _params: &ParamValues,
        context: &SessionContext,
        client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        self.answer(statement, context, client).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    fn check(sql: &str, expected: &str) {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        let found = match verdict(&statements[0]) {
            Verdict::Run => "run".to_owned(),
            Verdict::Pass => "pass".to_owned(),
            Verdict::Declare => "declare".to_owned(),
            Verdict::Ignore(tag) => format!("ignore {tag}"),
            Verdict::TimeZone(_) => "time zone".to_owned(),
            Verdict::Refuse(what) => format!("refuse {what}"),
        };
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn only_reading_statements_pass() {
        check("SELECT 1", "run");
        check("EXPLAIN SELECT 1", "run");
        check("BEGIN", "pass");
        check("SET application_name = 'psql'", "pass");
        check("SET timezone = 'UTC'", "time zone");
        check("SET client_encoding TO 'UTF8'", "ignore SET");
        check("SET datafusion.execution.batch_size = 1", "refuse SET datafusion.execution.batch_size");
        check("SET ROLE admin", "refuse this SET");
        check("INSERT INTO events VALUES (1)", "refuse INSERT INTO");
        check("COPY events TO STDOUT", "refuse COPY");
        check("CREATE TABLE a (b int)", "refuse CREATE TABLE");
        check("PREPARE p AS INSERT INTO a VALUES (1)", "refuse PREPARE");
        check("DISCARD ALL", "ignore DISCARD ALL");
    }
}
