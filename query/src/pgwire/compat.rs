//! What clients ask of a PostgreSQL server beside their queries: catalogue tables, functions about the
//! session, statements in PostgreSQL's own idiom.
//!
//! All of it lives in a session of this surface: the other surfaces know nothing of it. It says what is
//! true here (there are no sizes, no owners, no functions in PL/pgSQL) in the shape that clients expect.

mod catalog;
mod functions;
mod idioms;
mod moments;
mod patterns;
mod rewrite;
mod session;
mod sleep;
mod text;

use std::sync::Arc;

use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;

use super::login::ConnectionRole;
use super::settings::Settings;
use super::times::Times;
use crate::session::CATALOG;
use crate::{Engine, QueryError};
use catalog::ConnectedUser;

pub(super) use catalog::PG_TYPE_KEY;
pub(super) use rewrite::rewrite;

/// The version of PostgreSQL that clients may count on: what they do differently by version fits it.
pub(super) const SERVER_VERSION: &str = concat!("15.0 (Evenkeel ", env!("CARGO_PKG_VERSION"), ")");
pub(super) const SERVER_VERSION_NUM: &str = "150000";

/// The session of this surface: that of the engine, with the catalogue and the functions of
/// PostgreSQL. It shares the engine's tables.
pub(super) async fn context(engine: &Engine) -> Result<SessionContext, QueryError> {
    let context = copy_of(engine.context());
    setup_pg_catalog(&context, CATALOG, EmptyContextProvider).map_err(|error| *error)?;
    functions::all().into_iter().for_each(|function| context.register_udf(function));
    let lookups = catalog::register(&context, engine).await?;
    lookups.into_iter().for_each(|function| context.register_udf(function));
    Ok(context)
}

/// The session of one connection, whose functions know its settings, its user and its times.
pub(super) fn connection_context(
    shared: &SessionContext,
    settings: &Settings,
    role: &ConnectionRole,
    times: &Arc<Times>,
) -> SessionContext {
    let state = shared.state();
    let config = state.config().clone().with_extension(Arc::new(ConnectedUser(role.clone())));
    let context = with_config(state, config);
    session::functions(settings, role).into_iter().for_each(|function| context.register_udf(function));
    moments::functions(times).into_iter().for_each(|function| context.register_udf(function));
    context
}

/// Shares the catalogue; making a default one would replace it for everybody.
fn copy_of(context: &SessionContext) -> SessionContext {
    let state = context.state();
    let config = state.config().clone();
    with_config(state, config)
}

fn with_config(state: SessionState, config: SessionConfig) -> SessionContext {
    let config = config.with_create_default_catalog_and_schema(false);
    SessionContext::new_with_state(SessionStateBuilder::new_from_existing(state).with_config(config).build())
}
