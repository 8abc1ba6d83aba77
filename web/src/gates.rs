//! Port: what is known about a service when somebody asks whether it may be changed.

use std::time::Duration;

use async_trait::async_trait;
use slo::gate::GateFacts;
use telemetry::Timestamp;

/// The facts of both planes.
#[async_trait]
pub trait GateSource: Send + Sync {
    /// What is known now; a fact that cannot be read is said to be unknown. Freezes are not asked for
    /// here. `changes_over` is how far back deployments count, if they do. `None` for a service that
    /// neither the configuration nor an objective names.
    async fn facts(&self, service: &str, changes_over: Option<Duration>, now: Timestamp)
    -> Option<GateFacts>;
}
