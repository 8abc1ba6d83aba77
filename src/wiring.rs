//! The only place where the data plane and the workflow plane meet: implements the ports.
//!
//! Signals and query results flow from the data plane to alerting; facts flow back through the
//! outbox. Nothing else crosses.

mod burn_signals;
mod gate_facts;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use alerting::ports::{FactSink, InstantQuery, PortError};
use async_trait::async_trait;
use lake::{Lake, LakeError};
use query::Engine;
use runbooks::ports::ChangeSource;
use telemetry::{Batch, Event, EventKind, Labels, Timestamp};

pub use burn_signals::BurnSignals;
pub use gate_facts::GateFactsFrom;

/// Facts of the workflow plane become rows of `events`.
pub struct FactsToLake(pub Lake);

#[async_trait]
impl FactSink for FactsToLake {
    async fn record(&self, events: Vec<Event>) -> Result<(), PortError> {
        let batch = Batch { events, ..Batch::default() };
        match self.0.append(batch).await {
            Ok(_) => Ok(()),
            Err(error @ LakeError::Overloaded { .. }) => {
                Err(PortError::new(format!("the lake is busy: {error}")))
            }
            Err(error) => Err(PortError::new(error)),
        }
    }
}

/// Rules are evaluated by the PromQL engine over the lake.
pub struct RuleQueries(pub Engine);

#[async_trait]
impl InstantQuery for RuleQueries {
    async fn query(&self, expr: &str, at: Timestamp) -> Result<Vec<(Labels, f64)>, PortError> {
        let options = self.0.promql_options();
        let evaluated = self.0.promql_instant(expr, at, options).await.map_err(PortError::new)?;
        match evaluated.value {
            promql::Value::Vector(elements) => Ok(elements),
            promql::Value::Scalar(value) => Ok(vec![(Labels::empty(), value)]),
            promql::Value::Matrix(_) => {
                Err(PortError::new("a rule needs a vector or a scalar, not a range vector"))
            }
            promql::Value::String(_) => {
                Err(PortError::new("a rule needs a vector or a scalar, not a string"))
            }
        }
    }
}

/// Deploys and other changes for timelines come from the lake.
#[derive(Clone)]
pub struct DeploysFromLake(pub Engine);

impl std::fmt::Debug for DeploysFromLake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeploysFromLake")
    }
}

#[async_trait]
impl ChangeSource for DeploysFromLake {
    async fn changes(
        &self,
        service: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Event>, String> {
        let mut changes = Vec::new();
        for kind in [EventKind::DEPLOY, EventKind::CHANGE] {
            let events = self.0.events(&kind, service, from, to, limit).await;
            changes.append(&mut events.map_err(|error| error.to_string())?);
        }
        changes.sort_by_key(|event| (event.valid_at, event.seq));
        let too_many = changes.len().saturating_sub(limit);
        Ok(changes.split_off(too_many))
    }
}

/// The ports of alerting over one lake.
pub fn alerting_ports(
    lake: &Lake,
    engine: &Engine,
    slos: &Arc<query::SloEvaluator>,
    external_url: Option<url::Url>,
    objectives_in_use: Arc<AtomicBool>,
) -> alerting::ports::Ports {
    alerting::ports::Ports {
        queries: Arc::new(RuleQueries(engine.clone())),
        signals: Arc::new(BurnSignals::new(slos.clone(), external_url, objectives_in_use)),
        facts: Arc::new(FactsToLake(lake.clone())),
    }
}
