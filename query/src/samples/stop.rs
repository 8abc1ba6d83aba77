//! The end of a scan that nobody wants any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::QueryError;

/// Asked by whoever reads for a scan, before each batch.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

/// Ends the scan when it is dropped.
pub(super) struct StopOnDrop(Stop);

impl Stop {
    pub(super) fn on_drop(&self) -> StopOnDrop {
        StopOnDrop(self.clone())
    }

    /// # Errors
    /// `Canceled`, once the scan was dropped.
    pub(super) fn check(&self) -> Result<(), QueryError> {
        if self.0.load(Ordering::Relaxed) { Err(QueryError::Canceled) } else { Ok(()) }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
