//! One process, composed ([`start`]): what it is once it runs, and how it ends, in order.

mod backups;
mod connections;
mod health;
mod listen;
mod reload;
mod reserve;
mod slo_backfill;
mod start;
mod ticks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ingest::otlp::OtlpMetrics;
use ingest::scrape::Scraper;
use ingest::{Dialect, Ingest};
use lake::Lake;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use query::SloEvaluator;
use runbooks::Runbooks;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use web::{AppState, Auth, Role};

use crate::console::tell;
use crate::jobs::Jobs;
use listen::Listeners;

/// The part of `shutdown_timeout` that requests may use; the rest is for the flush.
const DRAINING_SHARE: f64 = 0.6;

/// What only some processes have.
#[derive(Default)]
pub struct Extras {
    /// The demo's mails.
    pub inbox: Option<Arc<dyn web::Inbox>>,
    /// A default port that is taken is replaced by a free one instead of being an error.
    pub may_move_ports: bool,
}

/// A running server.
pub struct Server {
    state: AppState,
    lake: Lake,
    ingest: Ingest,
    slos: Arc<SloEvaluator>,
    runbooks: Runbooks,
    scraper: Scraper,
    auth: Auth,
    jobs: Jobs,
    listeners: Listeners,
    tasks: JoinSet<()>,
    stop: CancellationToken,
    external_url: Url,
    login_url: String,
}

impl Server {
    /// Prints where it listens and how to log in, one fact a line, for people and scripts.
    pub fn announce(&self) {
        tell!("evenkeel {} is ready", self.state.version);
        self.listeners.announce();
        if self.auth.has_tokens() {
            tell!("log in with a token, or with this link (once): {}", self.login_url);
        } else {
            tell!("log in (this link works once): {}", self.login_url);
        }
    }

    pub fn login_url(&self) -> &str {
        &self.login_url
    }

    /// What links to the dashboard start with, without the slash at the end.
    pub fn dashboard_url(&self) -> String {
        self.external_url.as_str().trim_end_matches('/').to_owned()
    }

    /// `http://ADDRESS` of the HTTP listener.
    pub fn http_url(&self) -> Option<String> {
        self.listeners.http_address().map(|address| format!("http://{address}"))
    }

    pub fn postgres_address(&self) -> Option<SocketAddr> {
        self.listeners.postgres_address()
    }

    /// A new token; a former one of the same name stops working.
    pub async fn create_token(&self, name: &str, role: Role) -> anyhow::Result<String> {
        if self.auth.tokens().iter().any(|token| token.name == name) {
            self.auth.revoke_token(name).await?;
        }
        let token = web::NewToken { name: name.to_owned(), role, expires_at: None };
        Ok(self.auth.create_token(token, "evenkeel").await?.expose().to_owned())
    }

    /// Decodes a request as the receiver does, and writes it past the buffer, as history.
    pub async fn import_otlp(&self, request: &ExportMetricsServiceRequest) -> anyhow::Result<()> {
        let head = axum::http::Request::builder().header("content-type", "application/x-protobuf").body(())?;
        let context = ingest::Context {
            limits: self.ingest.limits(),
            source: "import",
            now: self.state.clock.now(),
            families: &ingest::FamilyTypes::default(),
            known: &ingest::KnownSeries::new(0),
        };
        let decoded = OtlpMetrics.decode(&head.into_parts().0, &request.encode_to_vec(), &context)?;
        self.lake.import(decoded.batch).await?;
        Ok(())
    }

    /// Computes the slices of every objective over a span of history.
    pub async fn backfill_slos(
        &self,
        from: telemetry::Timestamp,
        to: telemetry::Timestamp,
    ) -> anyhow::Result<()> {
        slo_backfill::run(&self.slos, from, to).await
    }

    /// Waits for a failure after which the process has to end.
    pub async fn failed(&self) -> anyhow::Error {
        match self.lake.replayed().await {
            Ok(()) => std::future::pending().await,
            Err(error) => anyhow::Error::new(error),
        }
    }

    /// Stops taking requests, lets running work end, flushes and closes, all of it within `timeout`. What
    /// is not flushed by then is in the log, and the next start finds it there.
    pub async fn stop(self, timeout: Duration) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + timeout;
        let draining_ends = tokio::time::Instant::now() + timeout.mul_f64(DRAINING_SHARE);
        let Server { mut tasks, stop, jobs, runbooks, scraper, auth, lake, .. } = self;
        stop.cancel();
        // Requests that follow logs live would not end by themselves.
        lake.end_followers();
        jobs.shutdown().await;
        let drained = tokio::time::timeout_at(draining_ends, async {
            while tasks.join_next().await.is_some() {}
            runbooks.shutdown().await;
            scraper.shutdown().await;
        });
        if drained.await.is_err() {
            tracing::warn!("requests or runbook steps were still running late in shutdown_timeout");
            tasks.shutdown().await;
        }
        if let Err(error) = auth.write_last_uses().await {
            tracing::warn!(%error, "when tokens were last used could not be written down");
        }
        match tokio::time::timeout_at(deadline, lake.shutdown()).await {
            Ok(closed) => closed.context("the lake did not close; what was acknowledged is in its log"),
            Err(_) => {
                tracing::warn!("the lake was not flushed within shutdown_timeout; its log has everything");
                Ok(())
            }
        }
    }
}
