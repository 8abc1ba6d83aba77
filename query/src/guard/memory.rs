//! The memory of one query: a share of the pool that all queries use.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

use crate::QueryError;
use crate::config::{QueryRole, limit_name};

/// Refuses to grow beyond the query's own limit, then asks the shared pool.
#[derive(Debug)]
pub(crate) struct QueryMemory {
    shared: Arc<dyn MemoryPool>,
    used: AtomicUsize,
    bytes_max: usize,
    role: QueryRole,
}

impl QueryMemory {
    pub(crate) fn new(shared: Arc<dyn MemoryPool>, bytes_max: u64, role: QueryRole) -> QueryMemory {
        QueryMemory { shared, used: AtomicUsize::new(0), bytes_max: bytes_max as usize, role }
    }

    fn too_much(&self) -> DataFusionError {
        QueryError::TooMuchMemory {
            bytes_max: self.bytes_max as u64,
            limit: limit_name(self.role, "memory_bytes_max"),
        }
        .into_resources_exhausted()
    }
}

impl QueryError {
    /// Operators that can spill do so when they see `ResourcesExhausted`, and on no other error.
    fn into_resources_exhausted(self) -> DataFusionError {
        DataFusionError::ResourcesExhausted(self.to_string())
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query memory of {} bytes within {}", self.bytes_max, self.shared.name())
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.shared.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.shared.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Ordering::Relaxed);
        self.shared.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used.fetch_sub(shrink, Ordering::Relaxed);
        self.shared.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let before = self.used.fetch_add(additional, Ordering::Relaxed);
        let granted = if before.saturating_add(additional) > self.bytes_max {
            Err(self.too_much())
        } else {
            self.shared.try_grow(reservation, additional)
        };
        if granted.is_err() {
            self.used.fetch_sub(additional, Ordering::Relaxed);
        }
        granted
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes_max)
    }
}
