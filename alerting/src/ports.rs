//! What alerting needs from the data plane: three ports of one method each, implemented where the
//! planes meet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use telemetry::{Event, Labels, Timestamp};

/// Why the other side could not answer. Text for logs and rule errors.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

impl PortError {
    pub fn new(error: impl std::fmt::Display) -> PortError {
        PortError(error.to_string())
    }
}

/// Evaluates a rule's expression.
#[async_trait]
pub trait InstantQuery: Send + Sync {
    /// The instant vector at a time; a scalar is a vector of one element without labels.
    async fn query(&self, expr: &str, at: Timestamp) -> Result<Vec<(Labels, f64)>, PortError>;
}

/// Conditions that are computed elsewhere: burn rates of objectives.
#[async_trait]
pub trait SignalSource: Send + Sync {
    /// Every signal that is defined at present, each with its state; one whose state cannot be told
    /// is `Unknown`, not left out. A signal that is left out for
    /// [`SIGNAL_GONE_AFTER`](crate::alert::SIGNAL_GONE_AFTER) is taken to be deleted and its alert
    /// resolves.
    async fn signals(&self, now: Timestamp) -> Result<Vec<Signal>, PortError>;
}

/// Where facts go.
#[async_trait]
pub trait FactSink: Send + Sync {
    /// Durable when it returns; an `event_id` that was recorded before is recorded once.
    async fn record(&self, events: Vec<Event>) -> Result<(), PortError>;
}

/// The three together.
#[derive(Clone)]
pub struct Ports {
    pub queries: Arc<dyn InstantQuery>,
    pub signals: Arc<dyn SignalSource>,
    pub facts: Arc<dyn FactSink>,
}

/// A condition as its source sees it now.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The identity: `alertname`, `service`, `severity` and what else tells signals apart.
    pub labels: Labels,
    /// `summary`, `description`, `runbook_url`, ...
    pub annotations: BTreeMap<String, String>,
    pub state: SignalState,
    /// `slo:NAME`.
    pub source: String,
    /// When the trouble began, if that was before the signal fired: the first bad slice.
    pub started_at: Option<Timestamp>,
    /// Why it fires, for people: `14.4x over 1h and 5m`.
    pub explains: Option<String>,
    /// For a notice: how long it is told, if what it says holds for longer. `None`: as long as it holds.
    pub shown_for: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SignalState {
    /// The condition holds, but not yet for as long as it has to.
    Pending {
        value: f64,
    },
    Firing {
        value: f64,
    },
    Quiet,
    /// Not enough data to tell: the alert stays as it is.
    Unknown,
}
