//! One connection: its login, its role, its session, and who answers its messages.

use std::sync::Arc;

use datafusion::prelude::SessionContext;
use datafusion_postgres::DfSessionService;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::ScramAuth;
use datafusion_postgres::pgwire::api::auth::{DefaultServerParameterProvider, StartupHandler};
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::{ConnectionManager, PgWireServerHandlers};

use super::cancel::{Canceler, Statements};
use super::compat::{SERVER_VERSION, connection_context};
use super::login::{ConnectionRole, Login, PgAuthenticator, SCRAM_ITERATIONS, TokenSource};
use super::parse::StatementParser;
use super::runner::Runner;
use super::service::Service;
use super::settings::Settings;
use super::times::Times;
use crate::Engine;

/// What all connections share.
pub(super) struct Shared {
    pub engine: Engine,
    pub context: SessionContext,
    pub auth: Arc<dyn PgAuthenticator>,
    pub manager: Arc<ConnectionManager>,
    pub statements: Arc<Statements>,
}

/// What pgwire asks for the handlers of one connection.
pub(super) struct Handlers {
    startup: Arc<Login<SASLAuthStartupHandler<DefaultServerParameterProvider>>>,
    role: ConnectionRole,
    service: Arc<Service>,
    cancel: Arc<Canceler>,
}

impl Handlers {
    pub(super) fn new(shared: &Shared) -> Handlers {
        let role = ConnectionRole::default();
        let mut scram = ScramAuth::new(Arc::new(TokenSource::new(shared.auth.clone(), role.clone())));
        scram.set_iterations(SCRAM_ITERATIONS);
        let mut parameters = DefaultServerParameterProvider::default();
        parameters.server_version = SERVER_VERSION.to_owned();
        parameters.is_superuser = false;
        parameters.default_transaction_read_only = true;
        let exchange = SASLAuthStartupHandler::new(Arc::new(parameters))
            .with_scram(scram)
            .with_connection_manager(shared.manager.clone());
        let settings = Settings::default();
        let times = Arc::new(Times::new(shared.engine.clock().clone()));
        let context = connection_context(&shared.context, &settings, &role, &times);
        // The library reads types and columns off plans; what runs, runs here.
        let library = DfSessionService::new_with_hooks(Arc::new(context.clone()), Vec::new());
        let runner = Arc::new(Runner {
            engine: shared.engine.clone(),
            context,
            settings,
            times,
            auth: shared.auth.clone(),
            role: role.clone(),
            statements: shared.statements.clone(),
        });
        let parser = Arc::new(StatementParser::new(library.query_parser(), runner.clone()));
        Handlers {
            startup: Arc::new(Login { exchange, role: role.clone() }),
            role,
            service: Arc::new(Service { parser, runner }),
            cancel: Arc::new(Canceler {
                manager: shared.manager.clone(),
                statements: shared.statements.clone(),
            }),
        }
    }

    /// Known once the client has logged in.
    pub(super) fn role(&self) -> ConnectionRole {
        self.role.clone()
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
