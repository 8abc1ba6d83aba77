//! Port: what is known about a service when somebody asks whether it may be changed.

use async_trait::async_trait;
use slo::gate::{GateFacts, GateTerms};
use telemetry::Timestamp;

/// The facts of both planes.
#[async_trait]
pub trait GateSource: Send + Sync {
    /// Whether the configuration or an objective names the service.
    fn knows(&self, service: &str) -> bool;

    /// What is known now, as far as the terms ask for it; a fact that cannot be read is said to be
    /// unknown. Freezes are not asked for here. `None` for a service that is not known.
    async fn facts(&self, service: &str, terms: &GateTerms, now: Timestamp) -> Option<GateFacts>;
}
