//! How many queries of a role run at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::QueryError;
use crate::config::{QueryConfig, QueryRole, limit_name};

/// Held while a query runs.
pub(crate) type Slot = OwnedSemaphorePermit;

#[derive(Debug)]
pub(crate) struct Slots {
    viewer: Arc<Semaphore>,
    responder: Arc<Semaphore>,
    admin: Arc<Semaphore>,
    engine: Arc<Semaphore>,
}

impl Slots {
    pub(crate) fn new(config: &QueryConfig) -> Slots {
        let slots = |role| Arc::new(Semaphore::new(config.limits_of(role).concurrency_max));
        Slots {
            viewer: slots(QueryRole::Viewer),
            responder: slots(QueryRole::Responder),
            admin: slots(QueryRole::Admin),
            engine: slots(QueryRole::Engine),
        }
    }

    /// Waits for a slot as long as the role's `queue_timeout` allows; a page of a dashboard asks
    /// for more at once than it should run at once.
    pub(crate) async fn take(&self, config: &QueryConfig, role: QueryRole) -> Result<Slot, QueryError> {
        let slots = match role {
            QueryRole::Viewer => &self.viewer,
            QueryRole::Responder => &self.responder,
            QueryRole::Admin => &self.admin,
            QueryRole::Engine => &self.engine,
        };
        let limits = config.limits_of(role);
        match timeout(limits.queue_timeout, slots.clone().acquire_owned()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_closed)) => Err(QueryError::Canceled),
            Err(_elapsed) => Err(QueryError::Overloaded {
                running: limits.concurrency_max,
                limit: limit_name(role, "concurrency_max"),
            }),
        }
    }
}
