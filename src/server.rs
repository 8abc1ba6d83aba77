//! One process, composed: opens the store and the lake, wires the planes, binds the listeners,
//! starts the ticks; and ends all of it in order.

mod backups;
mod connections;
mod health;
mod listen;
mod reserve;
mod slo_backfill;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alerting::{Alerting, Channels};
use anyhow::Context;
use ingest::otlp::OtlpMetrics;
use ingest::scrape::Scraper;
use ingest::{Dialect, Ingest};
use lake::Lake;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prometheus_client::registry::Registry;
use prost::Message;
use query::{Engine, SloEvaluator};
use runbooks::Runbooks;
use telemetry::Clock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use web::{AppState, Auth, Role};

use crate::console::tell;
use crate::jobs::Jobs;
use crate::objects::{ObjectFiles, Objects, Watch};
use crate::scrape::ScrapeConfig;
use crate::settings::Settings;
use crate::wiring;
use backups::ServerBackups;
use connections::ConnectionMetrics;
use health::ServerHealth;
use listen::Listeners;
use reserve::Reserve;

/// A rule group or escalation is looked at this often; what is due is decided from rows.
const ENGINE_TICK: Duration = Duration::from_secs(1);
/// Objectives are looked at this often; a base slice is 10 seconds at least.
const SLO_TICK: Duration = Duration::from_secs(5);
/// How long a change of the configuration directory may go unnoticed.
const OBJECTS_TICK: Duration = Duration::from_secs(5);
/// Expired sessions and links are removed this often.
const SWEEP_TICK: Duration = Duration::from_secs(600);
/// When tokens were last used is written down this often.
const LAST_USES_TICK: Duration = Duration::from_secs(60);
/// The room on the disk is looked at this often.
const RESERVE_TICK: Duration = Duration::from_secs(1);
/// Compacted files appear every few minutes at most.
const DIRECTORIES_TICK: Duration = Duration::from_secs(5);
/// The invariants of alerting are audited this often.
const AUDIT_TICK: Duration = Duration::from_secs(30);
/// How long a change of what to scrape may go unnoticed.
const SCRAPE_TICK: Duration = Duration::from_secs(5);

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
    pub async fn start(settings: Settings, extras: Extras, clock: Arc<dyn Clock>) -> anyhow::Result<Server> {
        let started_at = clock.now();
        let hooks = ingest::hooks::Hooks::from_config(&settings.hooks)?;
        let data_dir = settings.data_dir.clone();
        std::fs::create_dir_all(&data_dir)
            .with_context(|| format!("{} cannot be made", data_dir.display()))?;
        let mut listeners = Listeners::bind(&settings, extras.may_move_ports).await?;
        let external_url = external_url(&settings, listeners.http_address())?;

        let reserve = Reserve::new(&data_dir, settings.store.reserve_bytes);
        if let Err(error) = reserve.keep() {
            tracing::warn!(%error, "no room could be set aside for the workflow store");
        }
        let store_path = data_dir.join("evenkeel.db");
        let migrations = [alerting::MIGRATIONS, runbooks::MIGRATIONS, web::MIGRATIONS];
        let store = db::Store::open(&store_path, &migrations)
            .await
            .with_context(|| format!("the store {}", store_path.display()))?;
        let lake = Lake::open(settings.lake.clone(), clock.clone())
            .await
            .with_context(|| format!("the lake in {}", data_dir.display()))?;
        let engine = Engine::open(lake.clone(), settings.query.clone(), clock.clone())?;
        let slos = SloEvaluator::new(engine.clone(), settings.slo.clone());
        let ingest = Ingest::new(Arc::new(lake.clone()), settings.ingest.limits.clone(), clock.clone());

        let http =
            reqwest::Client::builder().user_agent(concat!("evenkeel/", env!("CARGO_PKG_VERSION"))).build()?;
        let objectives_in_use = Arc::new(AtomicBool::new(false));
        let ports = wiring::alerting_ports(
            &lake,
            &engine,
            &slos,
            Some(external_url.clone()),
            objectives_in_use.clone(),
        );
        let mut alerting_config = settings.alerting.clone();
        alerting_config.external_url = external_url.to_string();
        alerting_config.smtp = settings.smtp.clone().or(alerting_config.smtp);
        let channels = Channels::from_config(&alerting_config)?;
        let alerting = Alerting::open(store.clone(), ports, channels, alerting_config, clock.clone()).await?;
        let mut runbooks_config = settings.runbooks.clone();
        runbooks_config.external_url.get_or_insert_with(|| external_url.to_string());
        let changes = Arc::new(wiring::DeploysFromLake(engine.clone()));
        let runbooks =
            Runbooks::open(store.clone(), alerting.clone(), changes, http, runbooks_config, clock.clone())
                .await?;

        let mut web_config = settings.web.clone();
        web_config.external_url = Some(external_url.clone());
        let bootstrap = std::env::var("EVENKEEL_ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
        // Held while facts are on their way from the store to the lake.
        let publishing = Arc::new(tokio::sync::Mutex::new(()));
        let backups =
            ServerBackups::new(&settings, lake.clone(), store.clone(), publishing.clone(), clock.clone());
        let auth = Auth::open(store, web_config.auth.clone(), bootstrap.as_deref(), clock.clone()).await?;
        let login_url = auth.create_login_link("admin", Role::Admin).await?.url(&external_url);

        let gates = wiring::GateFactsFrom {
            slos: slos.clone(),
            alerting: alerting.clone(),
            engine: engine.clone(),
            paging_severities: settings.alerting.paging_severities.clone(),
            objectives_in_use: objectives_in_use.clone(),
        };
        let objects = ObjectsInUse::default();
        let metrics = web::HttpMetrics::default();
        let scraper = Scraper::new(ingest.clone(), settings.scrape.limits.clone(), clock.clone());
        let mut registry = registry(&lake, &ingest, &alerting, &scraper, &engine, &metrics);
        let connections = ConnectionMetrics::default();
        connections.register(&mut registry);
        let health = ServerHealth::new(
            lake.clone(),
            ingest.clone(),
            alerting.clone(),
            slos.clone(),
            scraper.clone(),
            objects.clone(),
        );
        let state = AppState {
            config: Arc::new(web_config),
            auth: auth.clone(),
            clock: clock.clone(),
            ingest: ingest.clone(),
            hooks: Arc::new(hooks),
            engine: engine.clone(),
            slos: slos.clone(),
            alerting: alerting.clone(),
            runbooks: runbooks.clone(),
            scraper: scraper.clone(),
            health: Arc::new(health),
            objects: Arc::new(ObjectFiles { dir: settings.objects.clone() }),
            backups: Arc::new(backups),
            gates: Arc::new(gates),
            inbox: extras.inbox,
            registry: Arc::new(registry),
            metrics,
            started_at,
            version: env!("CARGO_PKG_VERSION"),
        };

        let stop = CancellationToken::new();
        let tasks = listeners.serve(&state, &engine, &ingest, &auth, &connections, &stop)?;
        let reload = Reload {
            watch: settings.objects.clone().map(|dir| tokio::sync::Mutex::new(Watch::new(dir))),
            slos: slos.clone(),
            alerting: alerting.clone(),
            runbooks: runbooks.clone(),
            in_use: objects,
            engine: engine.clone(),
            lake: lake.clone(),
            waiting_slos: tokio::sync::Mutex::default(),
            objectives_in_use,
            clock: clock.clone(),
        };
        reload.run().await?;
        let mut scrape = ScrapeConfig::new(&settings, scraper.clone());
        scrape.reconcile().await;
        let jobs = jobs(&alerting, &slos, &auth, reload, scrape, publishing, clock).await?;
        let reserve = Arc::new(reserve);
        jobs.every("reserve", RESERVE_TICK, move || {
            let reserve = reserve.clone();
            async move { reserve.keep() }
        })
        .await?;
        let learning = state.engine.clone();
        jobs.every("directories", DIRECTORIES_TICK, move || {
            let engine = learning.clone();
            async move { engine.learn_files().await }
        })
        .await?;
        jobs.start().await?;
        Ok(Server {
            state,
            lake,
            ingest,
            slos,
            runbooks,
            scraper,
            auth,
            jobs,
            listeners,
            tasks,
            stop,
            external_url,
            login_url,
        })
    }

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

fn external_url(settings: &Settings, http: Option<SocketAddr>) -> anyhow::Result<Url> {
    match (&settings.external_url, http) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(address)) => Ok(Url::parse(&format!("http://{address}/"))?),
        (None, None) => Ok(Url::parse("http://127.0.0.1:7400/")?),
    }
}

fn registry(
    lake: &Lake,
    ingest: &Ingest,
    alerting: &Alerting,
    scraper: &Scraper,
    engine: &Engine,
    http: &web::HttpMetrics,
) -> Registry {
    let mut registry = Registry::default();
    lake.register_metrics(&mut registry);
    ingest.metrics().register(&mut registry);
    scraper.metrics().register(&mut registry);
    alerting.register_metrics(&mut registry);
    engine.register_metrics(&mut registry);
    http.register(&mut registry);
    registry
}

/// The ticks of the process.
async fn jobs(
    alerting: &Alerting,
    slos: &Arc<SloEvaluator>,
    auth: &Auth,
    reload: Reload,
    scrape: ScrapeConfig,
    publishing: Arc<tokio::sync::Mutex<()>>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Jobs> {
    let jobs = Jobs::new().await?;
    let it = slos.clone();
    jobs.every("objectives", SLO_TICK, move || {
        let (it, now) = (it.clone(), clock.now());
        async move { it.tick(now).await }
    })
    .await?;
    let it = alerting.clone();
    jobs.every("alerting", ENGINE_TICK, move || {
        let it = it.clone();
        async move { it.tick().await }
    })
    .await?;
    let it = alerting.clone();
    jobs.every("delivery", ENGINE_TICK, move || {
        let it = it.clone();
        async move { it.deliver().await }
    })
    .await?;
    let it = alerting.clone();
    jobs.every("facts", ENGINE_TICK, move || {
        let (it, publishing) = (it.clone(), publishing.clone());
        async move {
            let _publishes = publishing.lock().await;
            it.publish_facts().await
        }
    })
    .await?;
    let it = alerting.clone();
    jobs.every("audit", AUDIT_TICK, move || {
        let it = it.clone();
        async move { it.audit().await }
    })
    .await?;
    let it = auth.clone();
    jobs.every("sweep", SWEEP_TICK, move || {
        let it = it.clone();
        async move { it.sweep().await }
    })
    .await?;
    let it = auth.clone();
    jobs.every("last uses of tokens", LAST_USES_TICK, move || {
        let it = it.clone();
        async move { it.write_last_uses().await }
    })
    .await?;
    let scrape = Arc::new(tokio::sync::Mutex::new(scrape));
    jobs.every("scrape configuration", SCRAPE_TICK, move || {
        let scrape = scrape.clone();
        async move {
            scrape.lock().await.reconcile().await;
            anyhow::Ok(())
        }
    })
    .await?;
    let reload = Arc::new(reload);
    jobs.every("objects", OBJECTS_TICK, move || {
        let reload = reload.clone();
        async move { reload.run().await }
    })
    .await?;
    Ok(jobs)
}

/// The findings about the objects that are in use, for the status page.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectsInUse(Arc<Mutex<(usize, Vec<telemetry::Defect>)>>);

impl ObjectsInUse {
    pub fn get(&self) -> (usize, Vec<telemetry::Defect>) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, objects: &Objects) {
        let mut in_use = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *in_use = (objects.files, objects.defects.clone());
    }
}

/// Brings a changed configuration directory into use.
struct Reload {
    watch: Option<tokio::sync::Mutex<Watch>>,
    slos: Arc<SloEvaluator>,
    alerting: Alerting,
    runbooks: Runbooks,
    in_use: ObjectsInUse,
    engine: Engine,
    lake: Lake,
    /// Objectives that are not in use yet: their history is in a lake that is still being replayed.
    waiting_slos: tokio::sync::Mutex<Option<WaitingSlos>>,
    objectives_in_use: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

/// Objectives, and the time that does not count for them.
struct WaitingSlos {
    slos: Vec<slo::Slo>,
    maintenance: Vec<slo::Maintenance>,
}

impl Reload {
    async fn run(&self) -> anyhow::Result<()> {
        let changed = match &self.watch {
            Some(watch) => watch.lock().await.changed(),
            None if self.runbooks.library().iter().next().is_some() => None,
            None => Some(Objects::none()),
        };
        let mut waiting_slos = self.waiting_slos.lock().await;
        if let Some(objects) = changed {
            *waiting_slos = Some(self.take(objects));
        }
        if let Some(waiting) = waiting_slos.as_ref()
            && self.lake.check_replayed().is_ok()
        {
            let now = self.clock.now();
            self.slos.set_catalog(waiting.slos.clone(), now).await?;
            self.slos.set_maintenance(&waiting.maintenance, now).await?;
            *waiting_slos = None;
            // What the process before this one began to measure goes on, once.
            if !self.objectives_in_use.swap(true, Ordering::AcqRel) {
                self.slos.resume_backfills().await?;
            }
        }
        Ok(())
    }

    /// Puts everything but the objectives to use.
    fn take(&self, objects: Objects) -> WaitingSlos {
        for defect in &objects.defects {
            tracing::warn!(%defect, "a defect in the configuration");
        }
        tracing::info!(files = objects.files, slos = objects.slos.len(), "configuration in use");
        self.in_use.set(&objects);
        let teams = objects.catalog.services.iter();
        let teams =
            teams.map(|(name, service)| (name.clone(), service.team.as_ref().map(|team| team.name.clone())));
        self.engine.publish_services(teams.collect());
        let maintenance = objects.catalog.maintenance.values().cloned().collect();
        self.alerting.set_catalog(Arc::new(objects.catalog));
        self.runbooks.set_library(objects.library);
        WaitingSlos { slos: objects.slos, maintenance }
    }
}
