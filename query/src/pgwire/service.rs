//! What a connection's messages are answered with: simple queries, and prepared statements.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::QueryHook;
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::hooks::cursor::CursorStatementHook;
use datafusion_postgres::hooks::transactions::TransactionStatementHook;
use datafusion_postgres::pgwire::api::portal::{Format, Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::query::{
    ExtendedQueryHandler, SimpleQueryHandler, send_query_response,
};
use datafusion_postgres::pgwire::api::results::{QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::{Entry, PortalStore};
use datafusion_postgres::pgwire::api::{
    ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, Type,
};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::extendedquery::Execute;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use datafusion_postgres::pgwire::messages::startup::ParameterStatus;
use futures::{Sink, stream};

use super::error::Failure;
use super::gate::{SettingVerb, Verdict, verdict};
use super::parse::{ParsedStatement, StatementParser};
use super::rows::text_rows;
use super::runner::{Planned, Runner, parameter_types};
use super::{copy, cursor, parameters};

pub(super) struct Service {
    pub parser: Arc<StatementParser>,
    pub runner: Arc<Runner>,
}

impl Service {
    /// Answers one statement; `portal` has its parameters when it was prepared.
    async fn answer(
        &self,
        statement: &Statement,
        portal: Option<&Portal<ParsedStatement>>,
        client: &mut dyn HookClient,
        format: &Format,
    ) -> Result<Response, Failure> {
        self.runner.settings.take_startup(client.metadata().iter());
        let ends_transaction = matches!(statement, Statement::Commit { .. } | Statement::Rollback { .. });
        if matches!(client.transaction_status(), TransactionStatus::Error) && !ends_transaction {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(Failure::new("25P02", message));
        }
        if ends_transaction {
            self.runner.settings.end_transaction();
        }
        match verdict(statement) {
            Verdict::Run => {
                let planned = self.planned(statement, portal).await?;
                Ok(Response::Query(self.runner.run_query(planned, client, format).await?))
            }
            Verdict::Declare => {
                let (name, query) = cursor::declared(statement)?;
                let planned = self.planned(&query, portal).await?;
                cursor::declare(&self.runner, name, query, planned, client).await
            }
            Verdict::CopyOut => {
                let (query, style) = copy::query_of(statement)?;
                let planned = self.planned(&query, portal).await?;
                let names = planned.names.clone();
                Ok(Response::CopyOut(copy::respond(self.runner.rows(planned, client).await?, &names, style)?))
            }
            Verdict::Pass => self.pass(statement, client).await,
            Verdict::Setting(verb) => self.setting(verb, client).await,
            Verdict::Ignore(tag) => Ok(Response::Execution(Tag::new(tag))),
            Verdict::Refuse(statement) => Err(Failure::read_only(statement)),
        }
    }

    /// A plan of now, also of what was prepared: what a plan says of the time holds when it is made.
    async fn planned(
        &self,
        query: &Statement,
        portal: Option<&Portal<ParsedStatement>>,
    ) -> Result<Planned, Failure> {
        let Some(portal) = portal else { return Ok(self.runner.plan(query, &[]).await?) };
        let mut planned = self.runner.plan(query, &portal.statement.parameter_types).await?;
        planned.plan = self.bind(portal, planned.plan)?;
        Ok(planned)
    }

    async fn pass(&self, statement: &Statement, client: &mut dyn HookClient) -> Result<Response, Failure> {
        let context = &self.runner.context;
        let answered = match CursorStatementHook.handle_simple_query(statement, context, client).await {
            Some(answer) => Some(answer),
            None => TransactionStatementHook.handle_simple_query(statement, context, client).await,
        };
        Ok(answered.unwrap_or_else(|| Ok(Response::EmptyQuery))?)
    }

    async fn setting(&self, verb: SettingVerb, client: &mut dyn HookClient) -> Result<Response, Failure> {
        let settings = &self.runner.settings;
        let tag = match verb {
            SettingVerb::Show(name) if name == "session_authorization" => {
                let user = self.runner.role.get().map(|(user, _)| user.to_string());
                return Ok(text_rows(&[&name], vec![vec![user.unwrap_or_default()]])?);
            }
            SettingVerb::Show(name) => {
                let value = settings.get(&name)?;
                return Ok(text_rows(&[&name], vec![vec![value]])?);
            }
            SettingVerb::ShowAll => {
                let all = settings.all().into_iter().map(|(name, value)| vec![name.to_owned(), value]);
                return Ok(text_rows(&["name", "setting"], all.collect())?);
            }
            SettingVerb::Set { name, value, is_local } => {
                if let Some((name, value)) = settings.set(&name, value, is_local)? {
                    let status = ParameterStatus::new(name.to_owned(), value);
                    client.send_message(PgWireBackendMessage::ParameterStatus(status)).await?;
                }
                "SET"
            }
            SettingVerb::ResetAll => {
                settings.reset_all();
                "RESET"
            }
            SettingVerb::Discard => {
                settings.reset_all();
                "DISCARD ALL"
            }
        };
        Ok(Response::Execution(Tag::new(tag)))
    }

    /// Puts the client's parameters in, with the types that the server announced for them.
    fn bind(&self, portal: &Portal<ParsedStatement>, plan: LogicalPlan) -> Result<LogicalPlan, Failure> {
        let announced: Vec<Type> = self.parser.get_parameter_types(&portal.statement.statement)?;
        let announced: Vec<Option<&Type>> =
            announced.iter().map(|of| Some(parameters::readable(of))).collect();
        let inferred = parameter_types(&plan)?;
        let inferred: Vec<Option<&DataType>> = inferred.iter().map(Option::as_ref).collect();
        let values = deserialize_parameters_with_server_types(portal, &inferred, &announced)?;
        Ok(plan.replace_params_with_values(&values)?)
    }
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
        let statements = self.parser.statements(query).map_err(|failure| failure.in_text(query))?;
        if statements.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        self.runner.times.message_came(in_transaction(client));
        let mut responses = Vec::new();
        for statement in &statements {
            let answer = self.answer(statement, None, client, &Format::UnifiedText).await;
            responses.push(answer.map_err(|failure| failure.in_text(query))?);
        }
        Ok(responses)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Service {
    type Statement = ParsedStatement;
    type QueryParser = StatementParser;

    fn query_parser(&self) -> Arc<StatementParser> {
        self.parser.clone()
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Self::Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let (text, Some((statement, _))) = &portal.statement.statement else {
            return Ok(Response::EmptyQuery);
        };
        self.runner.times.message_came(in_transaction(client));
        let answer = self.answer(statement, Some(portal), client, &portal.result_column_format).await;
        answer.map_err(|failure| failure.in_text(text))
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

fn in_transaction(client: &impl ClientInfo) -> bool {
    !matches!(client.transaction_status(), TransactionStatus::Idle)
}

/// Whether it has rows that run here.
fn is_query(portal: &Portal<ParsedStatement>) -> bool {
    matches!(&portal.statement.statement, (_, Some((statement, _))) if verdict(statement) == Verdict::Run)
}
