//! A whole server without listeners, and a client for it.

use std::sync::Arc;
use std::time::Duration;

use alerting::notify::{Channel, Notice, SendError};
use alerting::people::ChannelKind;
use alerting::{
    Alerting, AlertingConfig, Channels, FactSink, InstantQuery, PortError, Ports, Signal, SignalSource,
};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use lake::{Lake, LakeConfig};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use query::{Engine, QueryConfig, SloEvaluator};
use runbooks::ports::ChangeSource;
use runbooks::{Library, Runbooks, RunbooksConfig};
use serde_json::Value;
use telemetry::{Clock, Event, Labels, ManualClock, Timestamp};
use tower::ServiceExt;

use crate::auth::tests::BOOTSTRAP;
use crate::auth::{Auth, NewToken};
use crate::state::{ComponentHealth, Health, HealthReport, ObjectTexts, ReadyRole};
use crate::{AppState, HttpMetrics, Role, WebConfig};

/// 2026-11-23T02:00:00Z, a Monday.
pub(super) const NOW_SECS: i64 = 1_795_399_200;

pub(super) const OBJECTS: &str = r#"
apiVersion: evenkeel/v1
kind: User
metadata: {name: ada}
spec: {email: ada@example.org, contacts: [{channel: email, address: ada@example.org, delay: 0m}]}
---
apiVersion: evenkeel/v1
kind: Schedule
metadata: {name: primary}
spec: {timezone: UTC, layers: [{start: "2026-01-05T09:00", rotation: weekly, shiftLength: 1, users: [ada]}]}
---
apiVersion: evenkeel/v1
kind: EscalationPolicy
metadata: {name: default}
spec: {steps: [{delay: 0m, targets: [{schedule: primary}]}]}
---
apiVersion: evenkeel/v1
kind: Service
metadata: {name: checkout, displayName: Checkout}
spec: {escalationPolicy: default}
"#;

const RUNBOOK: &str = "---\nid: look\ntitle: Look around\n---\nFirst **look**.\n\n\
                       ```sh {step=disk}\necho plenty\n```\n\n```manual {step=ask}\nAsk somebody.\n```\n";

pub(super) struct World {
    pub state: AppState,
    pub clock: Arc<ManualClock>,
    pub health: Arc<FakeHealth>,
    pub mail: Arc<FakeMail>,
    pub gates: Arc<FakeGates>,
    router: Router,
    _dir: tempfile::TempDir,
}

pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What a client shows of itself.
#[derive(Clone, Debug)]
pub(super) enum As {
    Nobody,
    Token(String),
    /// With the cookie, from one of our own pages.
    Session(String),
}

impl World {
    pub async fn new() -> World {
        World::with(WebConfig::default()).await
    }

    pub async fn with(config: WebConfig) -> World {
        // Several tests install it; the first one wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW_SECS)));
        let migrations = [crate::MIGRATIONS, alerting::MIGRATIONS, runbooks::MIGRATIONS];
        let store = db::Store::open(dir.path().join("evenkeel.db"), &migrations).await.unwrap();
        let lake_config = LakeConfig { dir: dir.path().to_owned(), ..LakeConfig::default() };
        let lake = Lake::open(lake_config, clock.clone()).await.unwrap();
        let engine = Engine::open(lake.clone(), QueryConfig::default(), clock.clone()).unwrap();
        let ingest = ingest::Ingest::new(Arc::new(lake), ingest::IngestLimits::default(), clock.clone());
        let mail = Arc::new(FakeMail::default());
        let alerting = open_alerting(store.clone(), clock.clone(), mail.clone()).await;
        let runbooks = open_runbooks(store.clone(), alerting.clone(), clock.clone()).await;
        let auth = Auth::open(store, config.auth.clone(), Some(BOOTSTRAP), clock.clone()).await.unwrap();
        let health = Arc::new(FakeHealth::default());
        let (metrics, mut registry) = (HttpMetrics::default(), Registry::default());
        metrics.register(&mut registry);
        let gates = Arc::new(FakeGates::default());
        let state = AppState {
            config: Arc::new(config),
            auth,
            clock: clock.clone(),
            scraper: ingest::scrape::Scraper::new(
                ingest.clone(),
                ingest::scrape::ScrapeLimits::default(),
                clock.clone(),
            ),
            ingest,
            hooks: Arc::new(hooks()),
            slos: SloEvaluator::new(engine.clone(), query::sli::SliConfig::default()),
            engine,
            alerting,
            runbooks,
            health: health.clone(),
            objects: Arc::new(NoTexts),
            backups: Arc::new(NoBackups),
            gates: gates.clone(),
            inbox: None,
            registry: Arc::new(registry),
            metrics,
            started_at: clock.now(),
            version: "0.0.0-test",
        };
        let router = crate::router(state.clone());
        World { state, clock, health, mail, gates, router, _dir: dir }
    }

    pub fn admin(&self) -> As {
        As::Token(BOOTSTRAP.to_owned())
    }

    pub async fn token(&self, role: Role) -> As {
        let name = format!("{role}-{}", self.state.auth.tokens().len());
        let new = NewToken { name, role, expires_at: None };
        As::Token(self.state.auth.create_token(new, "test").await.unwrap().expose().to_owned())
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Status, content type and body of an answer that may never end.
    pub async fn begin(&self, request: Request<Body>) -> (StatusCode, String, Body) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let kind = response.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
        (response.status(), kind.to_owned(), response.into_body())
    }

    pub async fn get(&self, who: &As, path: &str) -> Answer {
        self.send(request(Method::GET, who, path, &[], "")).await
    }

    pub async fn post(&self, who: &As, path: &str, body: Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.send(request(Method::POST, who, path, &json, body.to_string())).await
    }

    pub async fn form(&self, who: &As, path: &str, body: &str) -> Answer {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.send(request(Method::POST, who, path, &form, body.to_owned())).await
    }
}

pub(super) fn request(
    method: Method,
    who: &As,
    path: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::new(body.into());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    let map = request.headers_mut();
    match who {
        As::Nobody => {}
        As::Token(token) => {
            map.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        As::Session(secret) => {
            map.insert(COOKIE, format!("evenkeel_session={secret}").parse().unwrap());
            map.insert("sec-fetch-site", "same-origin".parse().unwrap());
        }
    }
    for (name, value) in headers {
        map.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    request
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer is a problem document with this status; gives its detail.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

async fn open_alerting(store: db::Store, clock: Arc<ManualClock>, mail: Arc<FakeMail>) -> Alerting {
    let ports = Ports { queries: Arc::new(Nothing), signals: Arc::new(Nothing), facts: Arc::new(Nothing) };
    let config = AlertingConfig::default();
    let channels = Channels::default().with(ChannelKind::Email, mail);
    let alerting = Alerting::open(store, ports, channels, config, clock).await.unwrap();
    let (objects, defects) = alerting::objects::parse("objects.yaml", OBJECTS);
    assert!(defects.is_empty(), "{defects:?}");
    let (catalog, defects) = alerting::Catalog::build(objects);
    assert!(defects.iter().all(|defect| !defect.is_error()), "{defects:?}");
    alerting.set_catalog(Arc::new(catalog));
    alerting
}

async fn open_runbooks(store: db::Store, alerting: Alerting, clock: Arc<ManualClock>) -> Runbooks {
    let client = reqwest::Client::builder().build().unwrap();
    let config = RunbooksConfig::default();
    let runbooks = Runbooks::open(store, alerting, Arc::new(Nothing), client, config, clock).await.unwrap();
    let own = runbooks::document::parse("look.md", RUNBOOK).unwrap();
    runbooks.set_library(Library::build(vec![own]).0);
    runbooks
}

/// Remembers the links of what it was to send.
#[derive(Default)]
pub(super) struct FakeMail {
    pub links: Mutex<Vec<String>>,
}

#[async_trait]
impl Channel for FakeMail {
    async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        self.links.lock().push(notice.acknowledge_url.clone());
        Ok(())
    }
}

/// Ports with nothing behind them.
#[derive(Debug)]
struct Nothing;

#[async_trait]
impl InstantQuery for Nothing {
    async fn query(&self, _: &str, _: Timestamp) -> Result<Vec<(Labels, f64)>, PortError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SignalSource for Nothing {
    async fn signals(&self, _: Timestamp) -> Result<Vec<Signal>, PortError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl FactSink for Nothing {
    async fn record(&self, _: Vec<Event>) -> Result<(), PortError> {
        Ok(())
    }
}

pub(super) const HOOK_SECRET: &str = "the secret of a hook";

fn hooks() -> ingest::hooks::Hooks {
    let config = |provider| ingest::hooks::HookConfig {
        name: "shop".into(),
        provider,
        secret: Some(HOOK_SECRET.into()),
        secret_file: None,
        service: Some("checkout".into()),
        environments: Default::default(),
    };
    let providers = [ingest::hooks::Provider::Github, ingest::hooks::Provider::Gitlab];
    ingest::hooks::Hooks::from_config(&providers.map(config)).unwrap()
}

#[async_trait]
impl ChangeSource for Nothing {
    async fn changes(
        &self,
        _: Option<&str>,
        _: Timestamp,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<Event>, String> {
        Ok(Vec::new())
    }
}

/// Knows the service `checkout`, and what a test tells it about that.
#[derive(Default)]
pub(super) struct FakeGates {
    pub firing_pages: std::sync::atomic::AtomicU64,
}

#[async_trait]
impl crate::GateSource for FakeGates {
    fn knows(&self, service: &str) -> bool {
        service == "checkout"
    }

    async fn facts(
        &self,
        service: &str,
        _: &slo::gate::GateTerms,
        _: Timestamp,
    ) -> Option<slo::gate::GateFacts> {
        self.knows(service).then(|| slo::gate::GateFacts {
            objectives: Ok(Vec::new()),
            open_incidents: Ok(Default::default()),
            firing_pages: Ok(self.firing_pages.load(std::sync::atomic::Ordering::Relaxed)),
            deployments: Ok(Default::default()),
            freezes: Vec::new(),
        })
    }
}

struct NoBackups;

#[async_trait]
impl crate::Backups for NoBackups {
    async fn begin(&self, _to: &str) -> Result<crate::Backup, crate::BackupRefusal> {
        Err(crate::BackupRefusal::NotAllowed)
    }

    fn last(&self) -> Option<crate::Backup> {
        None
    }
}

struct NoTexts;

impl ObjectTexts for NoTexts {
    fn document(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}

#[derive(Default)]
pub(super) struct FakeHealth {
    report: Mutex<HealthReport>,
    trouble: Mutex<Option<Trouble>>,
}

/// What goes wrong in the handler that asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    Panics,
    NeverAnswers,
}

impl FakeHealth {
    pub fn say(&self, name: &'static str, role: ReadyRole, ok: bool) {
        let part = ComponentHealth { name, role: Some(role), ok, detail: "as told".into() };
        self.report.lock().components.push(part);
    }

    pub fn fail(&self, trouble: Trouble) {
        *self.trouble.lock() = Some(trouble);
    }
}

#[async_trait]
impl Health for FakeHealth {
    async fn report(&self) -> HealthReport {
        let trouble = *self.trouble.lock();
        match trouble {
            None => self.report.lock().clone(),
            Some(Trouble::Panics) => panic!("a secret of the server"),
            Some(Trouble::NeverAnswers) => std::future::pending().await,
        }
    }
}

pub(super) const MINUTE: Duration = Duration::from_secs(60);
