//! The PostgreSQL wire protocol over the same catalog: `psql`, drivers and BI tools.
//!
//! Users log in by SCRAM-SHA-256 with a token's name and the token ([`PgAuthenticator`]). Statements
//! are brought into a form that can be planned ([`parse`], [`compat`]) and pass an allow-list ([`gate`]);
//! their plans pass the same guard as everybody's, and their rows run within the role's limits
//! ([`runner`]) until somebody cancels them ([`cancel`]). Settings stay in the connection ([`settings`]), and so
//! does what time it is for a transaction ([`times`]);
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
mod refusal;
mod rows;
mod runner;
mod service;
mod settings;
mod times;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use datafusion_postgres::pgwire::api::ConnectionManager;
use datafusion_postgres::pgwire::tokio::{TlsAcceptor, process_socket};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Engine, QueryError};
use cancel::Statements;
use connection::{Handlers, Shared};

pub use login::{PgAuthenticator, PgLogin, PgSecret, SCRAM_ITERATIONS, salted_password};

/// The protocol's name in a TLS handshake, for clients that begin with one.
pub const TLS_PROTOCOL: &[u8] = b"postgresql";

/// Connections told at once why they are refused; those beyond are closed without a word.
const REFUSALS_MAX: usize = 16;

/// Counts of the listener's connections.
#[derive(Clone, Debug, Default)]
pub struct ConnectionCounters {
    pub open: Gauge,
    pub accepted: Counter,
    /// Those among the accepted for which there was no place.
    pub refused: Counter,
}

/// Serves connections until `shutdown`; open ones are then closed. `tls` is offered to clients that
/// ask for encryption; its `alpn_protocols` hold [`TLS_PROTOCOL`].
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    auth: Arc<dyn PgAuthenticator>,
    tls: Option<Arc<ServerConfig>>,
    counters: ConnectionCounters,
    shutdown: CancellationToken,
) -> Result<(), QueryError> {
    let context = compat::context(&engine).await?;
    let limits = engine.config().postgres.clone();
    let connections_max = limits.connections_max.min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    // The log is told once, until half of the places are free again.
    let mut is_told = false;
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
        counters.accepted.inc();
        is_told &= places.available_permits() < connections_max / 2;
        let Ok(place) = places.clone().try_acquire_owned() else {
            counters.refused.inc();
            if !is_told {
                is_told = true;
                tracing::warn!(
                    %peer,
                    connections_max,
                    "all connections are taken: others are refused (query.postgres.connections_max)"
                );
            }
            if let Ok(room) = refusals.clone().try_acquire_owned() {
                connections.spawn(async move {
                    refusal::refuse(socket, connections_max).await;
                    drop(room);
                });
            }
            continue;
        };
        let (handlers, tls, counters) = (Handlers::new(&shared), tls.clone(), counters.clone());
        connections.spawn(async move {
            counters.open.inc();
            match run(socket, tls, handlers, limits.authentication_timeout).await {
                Ok(()) => {}
                Err(error) => tracing::debug!(%peer, %error, "a PostgreSQL connection ended"),
            }
            counters.open.dec();
            drop(place);
        });
    }
    connections.shutdown().await;
    Ok(())
}

/// One connection; it ends when nobody has logged in after `authentication_timeout`.
async fn run(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    handlers: Handlers,
    authentication_timeout: Duration,
) -> io::Result<()> {
    let role = handlers.role();
    let mut running = pin!(process_socket(socket, tls, Arc::new(handlers)));
    tokio::select! {
        ended = running.as_mut() => return ended,
        () = tokio::time::sleep(authentication_timeout) => {}
    }
    if role.get().is_none() {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "nobody has logged in (query.postgres.authentication_timeout)",
        ));
    }
    running.await
}

/// Keeps a listener that cannot accept from spinning.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
