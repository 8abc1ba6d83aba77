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
use tokio_util::sync::CancellationToken;
use web::{AppState, Auth};

use super::connections::{self, ConnectionLimits, ConnectionMetrics, Protocol};
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
        metrics: &ConnectionMetrics,
        stop: &CancellationToken,
    ) -> anyhow::Result<JoinSet<()>> {
        let mut tasks = JoinSet::new();
        let config = &state.config;
        let limits =
            ConnectionLimits { connections_max: config.connections_max, idle_timeout: config.idle_timeout };
        let mut serve =
            |bound: &mut Option<Bound>, label: &'static str, protocol, router: &dyn Fn() -> Router| {
                let Some(bound) = bound else { return };
                let Some(listener) = bound.listener.take() else { return };
                let (name, metrics, stop) = (bound.name, metrics.of(label), stop.clone());
                tasks.spawn(connections::serve(name, listener, router(), protocol, limits, metrics, stop));
            };
        serve(&mut self.http, "http", Protocol::Http, &|| web::router(state.clone()));
        serve(&mut self.otlp_http, "otlp_http", Protocol::Http, &|| web::otlp_router(state.clone()));
        serve(&mut self.elastic, "elastic", Protocol::Http, &|| web::elastic_router(state.clone()));
        serve(&mut self.otlp_grpc, "otlp_grpc", Protocol::Grpc, &|| {
            let tokens = Arc::new(web::IngestTokens(auth.clone()));
            ingest::grpc::routes(ingest.clone(), tokens, config.request_timeout).into_axum_router()
        });
        if let Some(listener) = self.postgres.as_mut().and_then(|bound| bound.listener.take()) {
            let (engine, auth) = (engine.clone(), Arc::new(web::PgPasswords(auth.clone())));
            let (tls, metrics, stop) = (self.postgres_tls.clone(), metrics.of_postgres(), stop.clone());
            tasks.spawn(async move {
                if let Err(error) = query::pgwire::serve(listener, engine, auth, tls, metrics, stop).await {
                    tracing::error!(listener = "PostgreSQL", %error, "a listener ended");
                }
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
