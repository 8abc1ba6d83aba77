//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Protocol;
use super::activity::Activity;
use super::watched::{WatchedBody, WatchedSocket};

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By its peer, by an error, or with the process.
    Ordinary,
    /// We waited for its peer for too long.
    Idle,
    /// It was idle, and somebody else needed its place.
    Evicted,
}

pub(super) struct OneConnection {
    pub router: Router,
    pub peer: SocketAddr,
    pub idle_timeout: Duration,
    pub activity: Arc<Activity>,
    pub stop: CancellationToken,
}

/// What all connections of a listener are served with.
pub(super) fn builder(protocol: Protocol, idle_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // A peer that vanished while an answer is being made is found out by pings.
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(idle_timeout);
    match protocol {
        Protocol::Http => builder,
        Protocol::Grpc => builder.http2_only(),
    }
}

impl OneConnection {
    pub(super) async fn serve<S>(self, builder: &Builder<TokioExecutor>, socket: S) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let OneConnection { router, peer, idle_timeout, activity, stop } = self;
        let begins = activity.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let open = begins.begin();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = router.clone().oneshot(request);
            async move { Ok::<_, Infallible>(answer.await?.map(|body| WatchedBody::new(body, open))) }
        });
        let socket = TokioIo::new(WatchedSocket::new(socket, activity.clone()));
        let mut served = pin!(builder.serve_connection(socket, service));
        let mut patience = pin!(tokio::time::sleep(idle_timeout));
        let mut is_closing = false;
        let end = loop {
            tokio::select! {
                ended = served.as_mut() => {
                    if let Err(error) = ended {
                        tracing::trace!(%peer, %error, "a connection ended");
                    }
                    return End::Ordinary;
                }
                () = patience.as_mut() => {
                    let now = Instant::now();
                    let until = activity.waits_for_peer_since().unwrap_or(now) + idle_timeout;
                    if until <= now {
                        break End::Idle;
                    }
                    patience.as_mut().reset(until);
                }
                () = activity.place_needed(), if !is_closing => {
                    if activity.idle_since().is_some() {
                        break End::Evicted;
                    }
                    // A request was faster; it is answered, and is the last.
                    is_closing = true;
                    served.as_mut().graceful_shutdown();
                }
                () = stop.cancelled(), if !is_closing => {
                    if activity.idle_since().is_some() {
                        break End::Ordinary;
                    }
                    is_closing = true;
                    served.as_mut().graceful_shutdown();
                }
            }
        };
        // HTTP/2 has a word for it; whether the peer hears it is not waited for.
        served.as_mut().graceful_shutdown();
        let _is_said = futures::poll!(served.as_mut());
        end
    }
}
