//! Plans and runs the queries of one connection, with its role and its settings.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::QueryResponse;
use datafusion_postgres::pgwire::error::PgWireError;

use super::cancel::Statements;
use super::error::Failure;
use super::login::{ConnectionRole, PgAuthenticator};
use super::names::column_names;
use super::parameters::{self, with_types};
use super::rows::{Names, respond, without_maps};
use super::settings::{STATEMENT_TIMEOUT, Settings};
use super::times::Times;
use crate::guard::{Deadline, check_read_only};
use crate::session::query_state;
use crate::{Engine, QueryError, QueryRole, SqlRows};

pub(super) struct Runner {
    pub engine: Engine,
    /// The session of the connection.
    pub context: SessionContext,
    pub settings: Settings,
    pub times: Arc<Times>,
    pub auth: Arc<dyn PgAuthenticator>,
    pub role: ConnectionRole,
    pub statements: Arc<Statements>,
}

/// A query that the guard allows, what its columns are called, and the state it was planned in.
pub(super) struct Planned {
    pub plan: LogicalPlan,
    pub names: Names,
    state: SessionState,
}

impl Runner {
    /// Of somebody who is past the login.
    fn role(&self) -> Result<QueryRole, QueryError> {
        let known = self.role.get();
        let (user, role) = known.ok_or_else(|| QueryError::Invalid("nobody has logged in".to_owned()))?;
        self.auth.queried(&user);
        Ok(role)
    }

    fn state(&self) -> Result<SessionState, QueryError> {
        self.role()?;
        Ok(query_state(&self.context, self.times.transaction()))
    }

    /// A plan that the guard allows, without maps; `declared` are the types that the client gave its
    /// parameters.
    pub(super) async fn plan(
        &self,
        statement: &Statement,
        declared: &[Option<Type>],
    ) -> Result<Planned, QueryError> {
        let state = self.state()?;
        let plan = state.statement_to_plan(DfStatement::Statement(Box::new(statement.clone()))).await?;
        check_read_only(&plan)?;
        let plan = without_maps(with_types(plan, declared)?, &state)?;
        Ok(Planned { plan, names: column_names(statement), state })
    }

    pub(super) async fn run_query(
        &self,
        planned: Planned,
        client: &dyn HookClient,
        format: &Format,
    ) -> Result<QueryResponse, Failure> {
        let names = planned.names.clone();
        Ok(respond(self.rows(planned, client).await?, &names, format)?)
    }

    /// The rows of a query, until somebody cancels it or its time is over.
    pub(super) async fn rows(&self, planned: Planned, client: &dyn HookClient) -> Result<SqlRows, Failure> {
        let running = self.statements.start(client);
        let role = self.role()?;
        let asked = self.settings.statement_timeout();
        let deadline = Deadline::of(self.engine.config(), role).or_sooner(asked, STATEMENT_TIMEOUT);
        let rows = tokio::select! {
            biased;
            () = running.cancelled() => return Err(PgWireError::QueryCanceled.into()),
            rows = self.engine.run_plan(planned.plan, planned.state, role, deadline) => rows?,
        };
        Ok(running.until_cancelled(rows))
    }
}

/// The types of `$1`, `$2`, ... of a plan, by number.
pub(super) fn parameter_types(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>, QueryError> {
    let mut types = Vec::new();
    for (name, data_type) in plan.get_parameter_types()? {
        let Some(number) = parameters::number(&name) else { continue };
        // What a rewritten statement no longer mentions is sent all the same.
        types.resize(types.len().max(number), None);
        types[number - 1] = data_type;
    }
    Ok(types)
}
