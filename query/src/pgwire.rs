//! The PostgreSQL wire protocol over the same catalog: `psql`, drivers and BI tools.
//!
//! Users log in by SCRAM-SHA-256 with a token's name and the token ([`PgAuthenticator`]). Statements
//! pass an allow-list before anything is planned ([`gate`]), their plans pass the same guard as
//! everybody's, and their rows run within the role's limits ([`connection`]). Session settings stay
//! in the connection; nothing a client sets reaches another one.

mod connection;
mod gate;
mod login;
mod rows;

use std::sync::Arc;

use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;
use datafusion_postgres::pgwire::api::ConnectionManager;
use datafusion_postgres::pgwire::tokio::process_socket;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::session::CATALOG;
use crate::{Engine, QueryError};

pub use login::{PgAuthenticator, PgLogin, PgSecret, SCRAM_ITERATIONS, salted_password};

/// Serves connections until `shutdown`; open ones are then closed.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    auth: Arc<dyn PgAuthenticator>,
    shutdown: CancellationToken,
) -> Result<(), QueryError> {
    setup_pg_catalog(engine.context(), CATALOG, EmptyContextProvider).map_err(|error| *error)?;
    let connections_max = engine.config().postgres.connections_max;
    let places = Arc::new(Semaphore::new(connections_max));
    let manager = Arc::new(ConnectionManager::new());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_ended) = connections.join_next() => continue,
            () = shutdown.cancelled() => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the peer is gone already: the next one may work.
                tracing::warn!(%error, "a PostgreSQL connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!(%peer, connections_max, "a PostgreSQL connection was refused: postgres.connections_max");
            continue;
        };
        let handlers = connection::Handlers::new(engine.clone(), auth.clone(), manager.clone());
        connections.spawn(async move {
            if let Err(error) = process_socket(socket, None, Arc::new(handlers)).await {
                tracing::debug!(%peer, %error, "a PostgreSQL connection ended");
            }
            drop(place);
        });
    }
    connections.shutdown().await;
    Ok(())
}

/// Keeps a listener that cannot accept from spinning.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

#[cfg(test)]
mod tests;
