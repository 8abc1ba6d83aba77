//! What this crate needs from the data plane: one port of one method.

use async_trait::async_trait;
use telemetry::{Event, Timestamp};

/// Deploys and other changes live in the lake, incidents in the store; a timeline shows both.
#[async_trait]
pub trait ChangeSource: Send + Sync + std::fmt::Debug {
    /// Events of the kinds `deploy` and `change` of a service (of all services for `None`) with `from <= valid_at <= to`,
    /// at most `limit`, the newest if there are more. A text says why there is no answer.
    async fn changes(
        &self,
        service: Option<&str>,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Event>, String>;
}
