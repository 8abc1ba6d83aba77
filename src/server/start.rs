//! How the process comes up: the store and the lake first, then the planes over them, then whoever asks, then
//! the ticks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use alerting::{Alerting, Channels};
use anyhow::Context;
use ingest::Ingest;
use ingest::scrape::Scraper;
use lake::Lake;
use prometheus_client::registry::Registry;
use query::{Engine, SloEvaluator};
use runbooks::Runbooks;
use telemetry::Clock;
use tokio_util::sync::CancellationToken;
use url::Url;
use web::{AppState, Auth, Role};

use super::backups::ServerBackups;
use super::connections::ConnectionMetrics;
use super::health::ServerHealth;
use super::listen::Listeners;
use super::reload::{ObjectsInUse, Reload};
use super::reserve::Reserve;
use super::ticks::Ticking;
use super::{Extras, Server};
use crate::objects::{ObjectFiles, Watch};
use crate::scrape::ScrapeConfig;
use crate::settings::Settings;
use crate::wiring;

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
        alerting_config.smtp = settings.smtp.clone();
        let channels = Channels::from_config(&alerting_config)?;
        let alerting = Alerting::open(store.clone(), ports, channels, alerting_config, clock.clone()).await?;
        let mut runbooks_config = settings.runbooks.clone();
        runbooks_config.external_url = Some(external_url.to_string());
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
        let ticking =
            Ticking { alerting, slos: slos.clone(), auth: auth.clone(), engine, reserve, publishing, clock };
        let jobs = ticking.jobs(reload, scrape).await?;
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
