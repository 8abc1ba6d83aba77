//! One connection: its login, its role, and how its statements run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::hooks::cursor::CursorStatementHook;
use datafusion_postgres::hooks::set_show::SetShowHook;
use datafusion_postgres::hooks::transactions::TransactionStatementHook;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::ScramAuth;
use datafusion_postgres::pgwire::api::auth::{DefaultServerParameterProvider, StartupHandler};
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::api::portal::{Format, Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::query::{
    ExtendedQueryHandler, SimpleQueryHandler, send_query_response,
};
use datafusion_postgres::pgwire::api::results::{QueryResponse, Response};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::{Entry, PortalStore};
use datafusion_postgres::pgwire::api::{
    ClientInfo, ClientPortalStore, ConnectionManager, DEFAULT_NAME, PgWireConnectionState,
    PgWireServerHandlers, Type,
};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::extendedquery::Execute;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use datafusion_postgres::{DfSessionService, Parser, QueryHook};
use futures::{Sink, stream};
use tokio::time::Instant;

use super::cancel::{Canceler, Running, Statements};
use super::gate::{Gate, Verdict, verdict};
use super::login::{ConnectionRole, PgAuthenticator, SCRAM_ITERATIONS, TokenSource};
use super::rows::{pg_error, respond, without_maps};
use crate::guard::check_read_only;
use crate::{Engine, QueryError, QueryRole};

/// Where the library keeps what the client set as `statement_timeout`.
const STATEMENT_TIMEOUT: &str = "statement_timeout_ms";

/// What pgwire asks for the handlers of one connection.
pub(super) struct Handlers {
    startup: Arc<SASLAuthStartupHandler<DefaultServerParameterProvider>>,
    service: Arc<Service>,
    cancel: Arc<Canceler>,
}

impl Handlers {
    pub(super) fn new(
        engine: Engine,
        auth: Arc<dyn PgAuthenticator>,
        manager: Arc<ConnectionManager>,
        statements: Arc<Statements>,
    ) -> Handlers {
        let role = ConnectionRole::default();
        let mut scram = ScramAuth::new(Arc::new(TokenSource::new(auth.clone(), role.clone())));
        scram.set_iterations(SCRAM_ITERATIONS);
        let mut parameters = DefaultServerParameterProvider::default();
        parameters.is_superuser = false;
        parameters.default_transaction_read_only = true;
        let startup = SASLAuthStartupHandler::new(Arc::new(parameters))
            .with_scram(scram)
            .with_connection_manager(manager.clone());
        let runner = Arc::new(Runner { engine: engine.clone(), auth, role, statements: statements.clone() });
        // The gate comes first: what the others see has passed it.
        let hooks: Vec<Arc<dyn QueryHook>> = vec![
            Arc::new(Gate { runner: runner.clone() }),
            Arc::new(CursorStatementHook),
            Arc::new(SetShowHook),
            Arc::new(TransactionStatementHook),
        ];
        let library = DfSessionService::new_with_hooks(Arc::new(engine.context().clone()), hooks);
        Handlers {
            startup: Arc::new(startup),
            service: Arc::new(Service { library, runner }),
            cancel: Arc::new(Canceler { manager, statements }),
        }
    }
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        self.service.clone()
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        self.service.clone()
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        self.startup.clone()
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        self.cancel.clone()
    }
}

/// Plans and runs statements with the connection's role.
pub(super) struct Runner {
    engine: Engine,
    auth: Arc<dyn PgAuthenticator>,
    role: ConnectionRole,
    statements: Arc<Statements>,
}

impl Runner {
    /// Of somebody who is past the login.
    fn role(&self) -> Result<QueryRole, QueryError> {
        let known = self.role.get();
        let (user, role) = known.ok_or_else(|| QueryError::Invalid("nobody has logged in".to_owned()))?;
        self.auth.queried(&user);
        Ok(role)
    }

    /// A plan that the guard allows, without maps.
    pub(super) async fn plan(&self, statement: &Statement) -> Result<LogicalPlan, QueryError> {
        let state = self.engine.query_state(self.role()?)?;
        let plan = state.statement_to_plan(DfStatement::Statement(Box::new(statement.clone()))).await?;
        check_read_only(&plan)?;
        without_maps(plan, &state)
    }

    pub(super) async fn run_statement(
        &self,
        statement: &Statement,
        client: &mut dyn HookClient,
        format: &Format,
    ) -> PgWireResult<Response> {
        refuse_in_failed_transaction(client.transaction_status())?;
        let running = self.statements.start(client);
        let timeout = client_timeout(client.metadata());
        let plan = self.plan(statement).await.map_err(pg_error)?;
        self.run_plan(plan, running, timeout, format).await
    }

    async fn run_plan(
        &self,
        plan: LogicalPlan,
        running: Running,
        client_timeout: Option<Duration>,
        format: &Format,
    ) -> PgWireResult<Response> {
        let role = self.role().map_err(pg_error)?;
        let limit = self.engine.config().limits_of(role).timeout;
        let timeout = client_timeout.map_or(limit, |wanted| wanted.min(limit));
        let state = self.engine.query_state(role).map_err(pg_error)?;
        let rows = tokio::select! {
            biased;
            () = running.cancelled() => return Err(PgWireError::QueryCanceled),
            rows = self.engine.run_plan(plan, state, role, Instant::now() + timeout) => rows,
        };
        let rows = running.until_cancelled(rows.map_err(pg_error)?);
        Ok(Response::Query(respond(rows, format)?))
    }
}

fn client_timeout(metadata: &HashMap<String, String>) -> Option<Duration> {
    let millis: u64 = metadata.get(STATEMENT_TIMEOUT)?.parse().ok()?;
    (millis > 0).then(|| Duration::from_millis(millis))
}

fn refuse_in_failed_transaction(status: TransactionStatus) -> PgWireResult<()> {
    if !matches!(status, TransactionStatus::Error) {
        return Ok(());
    }
    let message = "current transaction is aborted, commands ignored until end of transaction block";
    let info = ErrorInfo::new("ERROR".to_owned(), "25P02".to_owned(), message.to_owned());
    Err(PgWireError::UserError(Box::new(info)))
}

/// The library's service for parsing and small statements; queries run here.
pub(super) struct Service {
    library: DfSessionService,
    runner: Arc<Runner>,
}

#[async_trait]
impl SimpleQueryHandler for Service {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        SimpleQueryHandler::do_query(&self.library, client, query).await
    }
}

#[async_trait]
impl ExtendedQueryHandler for Service {
    type Statement = ParsedStatement;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        self.library.query_parser()
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Self::Statement>,
        max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match &portal.statement.statement {
            (_, Some((statement, plan))) if verdict(statement) == Verdict::Run => {
                refuse_in_failed_transaction(client.transaction_status())?;
                let running = self.runner.statements.start(client);
                let plan = self.bind(portal, plan)?;
                let timeout = client_timeout(client.metadata());
                self.runner.run_plan(plan, running, timeout, &portal.result_column_format).await
            }
            _ => ExtendedQueryHandler::do_query(&self.library, client, portal, max_rows).await,
        }
    }

    /// Sends the rows of a query as they come: the library holds all of a portal's rows before it sends
    /// the first one. Portals that are read in parts, and small statements, stay with the library.
    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal = match client.portal_store().get_portal(name) {
            Some(Entry::Value(portal)) if message.max_rows == 0 && is_query(&portal) => portal,
            _ => return self._on_execute(client, message).await,
        };
        let is_new = matches!(*portal.state().lock().await, PortalExecutionState::Initial);
        if !is_new || !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return self._on_execute(client, message).await;
        }
        // Whoever executes it again finds it at its end.
        portal.start(QueryResponse::new(Arc::default(), stream::empty())).await;
        client.set_state(PgWireConnectionState::QueryInProgress);
        let transaction = client.transaction_status();
        if let Response::Query(rows) = ExtendedQueryHandler::do_query(self, client, &portal, 0).await? {
            send_query_response(client, rows, false).await?;
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        client.set_transaction_status(transaction);
        Ok(())
    }
}

type ParsedStatement = (String, Option<(Statement, LogicalPlan)>);

/// Whether it has rows that run here.
fn is_query(portal: &Portal<ParsedStatement>) -> bool {
    matches!(&portal.statement.statement, (_, Some((statement, _))) if verdict(statement) == Verdict::Run)
}

impl Service {
    /// Puts the client's parameters in, with the types that the server announced for them.
    fn bind(&self, portal: &Portal<ParsedStatement>, plan: &LogicalPlan) -> PgWireResult<LogicalPlan> {
        let failed = |error: datafusion::error::DataFusionError| pg_error(error.into());
        let announced: Vec<Type> = self.query_parser().get_parameter_types(&portal.statement.statement)?;
        let announced: Vec<Option<&Type>> = announced.iter().map(Some).collect();
        let inferred = in_order(plan.get_parameter_types().map_err(failed)?);
        let inferred: Vec<Option<&DataType>> = inferred.iter().map(Option::as_ref).collect();
        let values = deserialize_parameters_with_server_types(portal, &inferred, &announced)?;
        plan.clone().replace_params_with_values(&values).map_err(failed)
    }
}

/// `$1`, `$2`, ... by number.
fn in_order(types: HashMap<String, Option<DataType>>) -> Vec<Option<DataType>> {
    let mut numbered: Vec<(u32, Option<DataType>)> = types
        .into_iter()
        .map(|(name, data_type)| (name.trim_start_matches('$').parse().unwrap_or(u32::MAX), data_type))
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, data_type)| data_type).collect()
}
