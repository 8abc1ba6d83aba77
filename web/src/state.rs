//! What handlers reach, and the ports that the root implements for what lives there.

use std::sync::Arc;

use alerting::Alerting;
use async_trait::async_trait;
use prometheus_client::registry::Registry;
use telemetry::{Clock, Defect, Timestamp};

use crate::auth::Auth;
use crate::backups::Backups;
use crate::config::WebConfig;
use crate::gates::GateSource;
use crate::observe::HttpMetrics;

/// Everything behind the routes. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub config: Arc<WebConfig>,
    pub auth: Auth,
    pub clock: Arc<dyn Clock>,
    pub ingest: ingest::Ingest,
    /// Webhooks that are taken, with their secrets.
    pub hooks: Arc<ingest::hooks::Hooks>,
    pub engine: query::Engine,
    pub slos: Arc<query::sli::SloEvaluator>,
    pub alerting: Alerting,
    pub runbooks: runbooks::Runbooks,
    pub scraper: ingest::scrape::Scraper,
    pub health: Arc<dyn Health>,
    pub objects: Arc<dyn ObjectTexts>,
    pub backups: Arc<dyn Backups>,
    /// What deploy gates decide by.
    pub gates: Arc<dyn GateSource>,
    /// The demo's mails; `None` outside of the demo.
    pub inbox: Option<Arc<dyn Inbox>>,
    /// What `/metrics` shows; the root registers the metrics of every crate.
    pub registry: Arc<Registry>,
    pub metrics: HttpMetrics,
    pub started_at: Timestamp,
    pub version: &'static str,
}

/// Port: how the parts of the server are.
#[async_trait]
pub trait Health: Send + Sync {
    async fn report(&self) -> HealthReport;
}

#[derive(Clone, Debug, Default)]
pub struct HealthReport {
    pub components: Vec<ComponentHealth>,
    /// Counters of the receivers, an object of numbers.
    pub ingest: serde_json::Value,
    /// Files of the configuration directory, and what is wrong in them.
    pub object_files: u64,
    pub defects: Vec<Defect>,
}

/// One part. A part without a role is shown and does not count as readiness.
#[derive(Clone, Debug)]
pub struct ComponentHealth {
    pub name: &'static str,
    pub role: Option<ReadyRole>,
    pub ok: bool,
    /// For people: a state, or what is wrong.
    pub detail: String,
}

/// What `/readyz?role=` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyRole {
    /// Writes are taken. A full disk takes this out, not the pager.
    Ingest,
    Query,
    /// Rules are evaluated and pages go out.
    Engine,
}

impl ReadyRole {
    pub fn from_name(name: &str) -> Option<ReadyRole> {
        match name {
            "ingest" => Some(ReadyRole::Ingest),
            "query" => Some(ReadyRole::Query),
            "engine" => Some(ReadyRole::Engine),
            _ => None,
        }
    }
}

impl HealthReport {
    /// Whether the parts with `role` work; `None` asks for every role.
    pub fn is_ready(&self, role: Option<ReadyRole>) -> bool {
        let counts =
            |part: &&ComponentHealth| part.role.is_some() && role.is_none_or(|role| part.role == Some(role));
        self.components.iter().filter(counts).all(|part| part.ok)
    }
}

/// Port: the configuration files as they were last read.
pub trait ObjectTexts: Send + Sync {
    /// The YAML document of `file` that `line` (from 1) is in; `None` when it is gone.
    fn document(&self, file: &str, line: u64) -> Option<String>;
}

/// Port: the demo's inbox.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// The newest first, at most `limit`.
    async fn mails(&self, limit: usize) -> Vec<InboxMail>;
}

#[derive(Clone, Debug)]
pub struct InboxMail {
    pub id: String,
    pub to: String,
    pub from: String,
    pub subject: String,
    pub received_at: Timestamp,
    pub text: String,
    pub html: Option<String>,
    pub links: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_takes_ingest_out_and_not_the_pager() {
        let part = |name, role, ok| ComponentHealth { name, role, ok, detail: String::new() };
        let report = HealthReport {
            components: vec![
                part("lake", Some(ReadyRole::Ingest), false),
                part("engine", Some(ReadyRole::Engine), true),
                part("objects", None, false),
            ],
            ..HealthReport::default()
        };
        assert!(!report.is_ready(None));
        assert!(!report.is_ready(Some(ReadyRole::Ingest)));
        assert!(report.is_ready(Some(ReadyRole::Engine)));
    }
}
