//! The PostgreSQL wire protocol over the same catalog: `psql`, drivers and BI tools.
//!
//! Users log in by SCRAM-SHA-256 with a token's name and the token ([`PgAuthenticator`]). Statements
//! are brought into a form that can be planned ([`parse`], [`compat`]) and pass an allow-list ([`gate`]);
//! their plans pass the same guard as everybody's, and their rows run within the role's limits
//! ([`runner`]) until somebody cancels them ([`cancel`]). Settings stay in the connection ([`settings`]);
//! nothing a client sets reaches another one. With a certificate a client may encrypt the connection; without one it is told that it cannot.

mod cancel;
mod compat;
mod connection;
mod copy;
mod cursor;
mod error;
mod gate;
mod login;
mod names;
mod parameters;
mod parse;
mod rows;
mod runner;
mod service;
mod settings;

use std::sync::Arc;

use datafusion_postgres::pgwire::api::ConnectionManager;
use datafusion_postgres::pgwire::tokio::{TlsAcceptor, process_socket};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Engine, QueryError};
use cancel::Statements;
use connection::{Handlers, Shared};

pub use login::{PgAuthenticator, PgLogin, PgSecret, SCRAM_ITERATIONS, salted_password};

/// The protocol's name in a TLS handshake, for clients that begin with one.
pub const TLS_PROTOCOL: &[u8] = b"postgresql";

/// Serves connections until `shutdown`; open ones are then closed. `tls` is offered to clients that
/// ask for encryption; its `alpn_protocols` hold [`TLS_PROTOCOL`].
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    auth: Arc<dyn PgAuthenticator>,
    tls: Option<Arc<ServerConfig>>,
    shutdown: CancellationToken,
) -> Result<(), QueryError> {
    let context = compat::context(&engine).await?;
    let connections_max = engine.config().postgres.connections_max;
    let places = Arc::new(Semaphore::new(connections_max));
    let manager = Arc::new(ConnectionManager::new());
    let statements = Arc::new(Statements::default());
    let shared = Shared { engine, context, auth, manager, statements };
    let tls = tls.map(TlsAcceptor::from);
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
        let handlers = Handlers::new(&shared);
        let tls = tls.clone();
        connections.spawn(async move {
            if let Err(error) = process_socket(socket, tls, Arc::new(handlers)).await {
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
