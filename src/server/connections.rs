//! HTTP connections: so many of a listener at once, and none that keeps this side waiting for long.
//!
//! When all places of a listener are taken, whoever comes next gets the place of the connection that has
//! been idle for longest, so that senders that hold connections without using them keep nobody from the
//! dashboard. Only when every connection is in use is one refused. The time and the size of requests are
//! bounded by their routes.

mod activity;
mod metrics;
mod one;
mod places;
mod refusal;
#[cfg(test)]
mod tests;
mod watched;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use one::OneConnection;
use places::Places;

pub(super) use metrics::{ConnectionMetrics, ListenerMetrics};

/// How long a listener rests that has no file descriptor left for a connection.
const REST: Duration = Duration::from_secs(1);

/// Connections that are told at once why they are refused; those beyond are closed without a word.
const REFUSALS_MAX: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// `web.connections_max`
    pub connections_max: usize,
    /// `web.idle_timeout`
    pub idle_timeout: Duration,
}

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.1, and HTTP/2 for clients that begin with it.
    Http,
    /// HTTP/2 alone.
    Grpc,
}

/// Serves until `stop`; then lets running requests end.
pub(super) async fn serve(
    name: &'static str,
    listener: TcpListener,
    router: Router,
    protocol: Protocol,
    limits: ConnectionLimits,
    metrics: ListenerMetrics,
    stop: CancellationToken,
) {
    let places = Arc::new(Places::new(name, limits.connections_max, metrics.clone()));
    let builder = Arc::new(one::builder(protocol, limits.idle_timeout));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(error.kind()) => continue,
            Err(error) => {
                tracing::error!(listener = name, %error, "no connection can be accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        metrics.accepted.inc();
        let Some(place) = places.take().await else {
            metrics.refused.inc();
            if let (Protocol::Http, Ok(room)) = (protocol, refusals.clone().try_acquire_owned()) {
                connections.spawn(async move {
                    refusal::refuse(stream, limits.connections_max).await;
                    drop(room);
                });
            }
            continue;
        };
        // Answers are written whole: nothing is gained by waiting for more.
        let _is_faster = stream.set_nodelay(true);
        let connection = OneConnection {
            router: router.clone(),
            peer,
            idle_timeout: limits.idle_timeout,
            activity: place.activity(),
            stop: stop.clone(),
        };
        let (builder, metrics) = (builder.clone(), metrics.clone());
        connections.spawn(async move {
            metrics.count_end(connection.serve(&builder, stream).await);
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn is_of_one_connection(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}
