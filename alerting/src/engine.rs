//! The engine: asks, loads, lets `decide` decide, applies. Holds no state that matters: everything
//! is in the store, and an engine that is dropped and opened again goes on.

mod facts;
mod gates;
mod read;
mod rules;
mod tick;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use db::{Store, WriteTx};
use telemetry::{Clock, Timestamp};

use crate::AlertingError;
use crate::catalog::Catalog;
use crate::config::AlertingConfig;
use crate::decide::{Decision, Input, Report, Terms, decide};
use crate::ids::IncidentId;
use crate::link::Links;
use crate::metrics::Metrics;
use crate::notify::Channels;
use crate::ports::Ports;
use crate::store;

pub use read::{AlertFilter, AlertView, IncidentFilter, IncidentView, PageFilter, ScheduleView};
pub use rules::{RuleGroupView, RuleView};
pub use tick::TickReport;
pub use verbs::AckOutcome;

/// A handle; clones share everything.
#[derive(Clone)]
pub struct Alerting(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub store: Store,
    pub ports: Ports,
    pub channels: Channels,
    pub config: AlertingConfig,
    pub clock: Arc<dyn Clock>,
    pub links: Links,
    pub metrics: Metrics,
    /// `None` until the first configuration is loaded: until then nothing is evaluated, so that no
    /// alert ends because its rule has not been read yet.
    catalog: ArcSwapOption<Catalog>,
    /// One tick at a time.
    ticking: tokio::sync::Mutex<()>,
    memory: std::sync::Mutex<Memory>,
}

/// What may be forgotten.
#[derive(Default)]
struct Memory {
    /// Rule groups evaluated since the engine was opened.
    evaluated: BTreeSet<String>,
    /// Why rules failed in their last evaluation, by source.
    rule_errors: BTreeMap<String, String>,
    /// How long their last queries took, by source.
    rule_took: BTreeMap<String, Duration>,
}

impl Alerting {
    /// Opens alerting over a store that has [`MIGRATIONS`](crate::MIGRATIONS). Idle until
    /// [`set_catalog`](Alerting::set_catalog).
    pub async fn open(
        store: Store,
        ports: Ports,
        channels: Channels,
        config: AlertingConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Alerting, AlertingError> {
        if config.delivery.lease <= config.delivery.send_timeout {
            let message = "has to be longer than delivery.send_timeout".to_owned();
            return Err(AlertingError::Config { setting: "delivery.lease", message });
        }
        let links = Links::new(store::keys::key(&store, "links").await?, &config)?;
        Ok(Alerting(Arc::new(Inner {
            store,
            ports,
            channels,
            config,
            clock,
            links,
            metrics: Metrics::default(),
            catalog: ArcSwapOption::empty(),
            ticking: tokio::sync::Mutex::new(()),
            memory: std::sync::Mutex::new(Memory::default()),
        })))
    }

    /// Replaces what alerting is configured with; takes effect with the next decision.
    pub fn set_catalog(&self, catalog: Arc<Catalog>) {
        self.0.catalog.store(Some(catalog));
    }

    /// The configuration in force; empty before the first is set.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.current_catalog()
    }

    /// Adds alerting's own metrics to a registry.
    pub fn register_metrics(&self, registry: &mut prometheus_client::registry::Registry) {
        self.0.metrics.register(registry);
    }

    /// The store that alerting writes to; runbooks write to the same one.
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

impl Inner {
    /// `None` before the first configuration.
    fn loaded_catalog(&self) -> Option<Arc<Catalog>> {
        self.catalog.load_full()
    }

    pub fn current_catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full().unwrap_or_default()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Loads, decides and applies, in the caller's transaction. Reports are for
    /// [`Inner::heard`], after the commit.
    pub async fn decide_within(
        &self,
        tx: &mut WriteTx,
        focus: Option<IncidentId>,
        input: Input,
        now: Timestamp,
    ) -> Result<Decision, AlertingError> {
        let world = store::load_world(tx, now, focus).await?;
        self.decide_on(tx, world, input, now).await
    }

    /// As [`Inner::decide_within`], over a world that is loaded already.
    pub async fn decide_on(
        &self,
        tx: &mut WriteTx,
        world: crate::decide::World,
        input: Input,
        now: Timestamp,
    ) -> Result<Decision, AlertingError> {
        let catalog = self.current_catalog();
        let terms = Terms { paging_severities: self.config.paging_severities.clone() };
        let decision = decide(world, input, &catalog, &terms, now)?;
        store::apply(tx, &decision, now).await?;
        Ok(decision)
    }

    /// Logs and counts what operators have to hear about. After the commit: what was rolled back
    /// has not happened.
    pub fn heard(&self, reports: &[Report]) {
        for report in reports {
            self.metrics.count(report);
            match report {
                Report::Unrouted { incident } => {
                    tracing::error!(%incident, "nobody answers for this incident");
                }
                Report::NobodyToPage { incident, policy, step } => {
                    tracing::warn!(%incident, policy, step, "an escalation step found nobody to page");
                }
                Report::Exhausted { incident, policy } => {
                    tracing::error!(%incident, policy, "an escalation ended without an acknowledgement");
                }
                Report::Unreached { incident, policy, run } => {
                    tracing::error!(%incident, policy, run, "an escalation reached nobody and starts over");
                }
                Report::PageFailed { incident, page, error } => {
                    tracing::error!(%incident, %page, error, "a page could not be delivered");
                }
            }
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        // What is in there may be forgotten, so it may also be half-written.
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
