//! The listeners: bound first, so that a port that is taken ends the start before anything else
//! happens, and served when everything behind them stands.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use ingest::Ingest;
use query::Engine;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use web::{AppState, Auth};

use crate::console::tell;
use crate::settings::{Listen, Settings};

/// One listener, until it is served.
struct Bound {
    name: &'static str,
    scheme: &'static str,
    address: SocketAddr,
    listener: Option<TcpListener>,
}

pub(super) struct Listeners {
    http: Option<Bound>,
    otlp_http: Option<Bound>,
    otlp_grpc: Option<Bound>,
    postgres: Option<Bound>,
    postgres_tls: Option<Arc<rustls::ServerConfig>>,
    elastic: Option<Bound>,
}

impl Listeners {
    /// `may_move`: a taken port is replaced by a free one.
    pub async fn bind(settings: &Settings, may_move: bool) -> anyhow::Result<Listeners> {
        let postgres_tls = settings.postgres_tls.as_ref();
        let postgres_tls = postgres_tls.map(|files| files.server_config(query::pgwire::TLS_PROTOCOL));
        Ok(Listeners {
            postgres_tls: postgres_tls.transpose().context("postgres_tls")?,
            http: bind(settings.http_listen, "HTTP", "http", "--http-listen", may_move).await?,
            otlp_http: bind(settings.otlp_http_listen, "OTLP/HTTP", "http", "--otlp-http-listen", may_move)
                .await?,
            otlp_grpc: bind(settings.otlp_grpc_listen, "OTLP/gRPC", "http", "--otlp-grpc-listen", may_move)
                .await?,
            postgres: bind(
                settings.postgres_listen,
                "PostgreSQL",
                "postgresql",
                "--postgres-listen",
                may_move,
            )
            .await?,
            elastic: bind(settings.elastic_listen, "Elasticsearch", "http", "--elastic-listen", may_move)
                .await?,
        })
    }

    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|bound| bound.address)
    }

    pub fn postgres_address(&self) -> Option<SocketAddr> {
        self.postgres.as_ref().map(|bound| bound.address)
    }

    /// A line per listener: `listening: HTTP on http://127.0.0.1:7400`.
    pub fn announce(&self) {
        let all = [&self.http, &self.otlp_http, &self.otlp_grpc, &self.postgres, &self.elastic];
        for bound in all.into_iter().flatten() {
            tell!("listening: {} on {}://{}", bound.name, bound.scheme, bound.address);
        }
    }

    /// Serves each until `stop`; then lets running requests end.
    pub fn serve(
        &mut self,
        state: &AppState,
        engine: &Engine,
        ingest: &Ingest,
        auth: &Auth,
        stop: &CancellationToken,
    ) -> anyhow::Result<JoinSet<()>> {
        let mut tasks = JoinSet::new();
        if let Some(listener) = take(&mut self.http) {
            tasks.spawn(serve_http("HTTP", listener, web::router(state.clone()), stop.clone()));
        }
        if let Some(listener) = take(&mut self.otlp_http) {
            tasks.spawn(serve_http("OTLP/HTTP", listener, web::otlp_router(state.clone()), stop.clone()));
        }
        if let Some(listener) = take(&mut self.elastic) {
            tasks.spawn(serve_http(
                "Elasticsearch",
                listener,
                web::elastic_router(state.clone()),
                stop.clone(),
            ));
        }
        if let Some(listener) = take(&mut self.otlp_grpc) {
            let routes = ingest::grpc::routes(ingest.clone(), Arc::new(web::IngestTokens(auth.clone())));
            let stop = stop.clone();
            tasks.spawn(async move {
                let incoming = TcpListenerStream::new(listener);
                let server = tonic::transport::Server::builder().add_routes(routes);
                report(
                    "OTLP/gRPC",
                    server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await,
                );
            });
        }
        if let Some(listener) = take(&mut self.postgres) {
            let (engine, auth, stop) =
                (engine.clone(), Arc::new(web::PgPasswords(auth.clone())), stop.clone());
            let tls = self.postgres_tls.clone();
            tasks.spawn(async move {
                report("PostgreSQL", query::pgwire::serve(listener, engine, auth, tls, stop).await);
            });
        }
        Ok(tasks)
    }
}

async fn bind(
    listen: Listen,
    name: &'static str,
    scheme: &'static str,
    flag: &str,
    may_move: bool,
) -> anyhow::Result<Option<Bound>> {
    let Listen::On(address) = listen else { return Ok(None) };
    let listener = match TcpListener::bind(address).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse && may_move => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await
        }
        bound => bound,
    };
    let listener = listener
        .with_context(|| format!("{name} cannot listen on {address}: choose another address with {flag}"))?;
    let address = listener.local_addr()?;
    Ok(Some(Bound { name, scheme, address, listener: Some(listener) }))
}

fn take(bound: &mut Option<Bound>) -> Option<TcpListener> {
    bound.as_mut()?.listener.take()
}

async fn serve_http(name: &'static str, listener: TcpListener, router: Router, stop: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    report(name, axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await);
}

fn report<E: std::fmt::Display>(name: &'static str, ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::error!(listener = name, %error, "a listener ended");
    }
}
