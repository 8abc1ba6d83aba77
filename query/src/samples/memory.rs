//! What a scan holds, charged to the pool that all queries share.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use crate::QueryError;

/// The configured bound of the shared pool.
const LIMIT: &str = "query.memory_bytes_max";

/// Where a scan gets its memory from.
#[derive(Clone)]
pub(crate) struct ScanMemory {
    pool: Arc<dyn MemoryPool>,
    /// The size of the pool, for the error.
    bytes_max: u64,
}

impl ScanMemory {
    pub(crate) fn new(pool: Arc<dyn MemoryPool>, bytes_max: u64) -> ScanMemory {
        ScanMemory { pool, bytes_max }
    }

    /// # Errors
    /// `TooMuchMemory`, when the pool has not that much left.
    pub(super) fn reserve(&self, bytes: usize) -> Result<MemoryReservation, QueryError> {
        let reservation = MemoryConsumer::new("samples").register(&self.pool);
        self.grow(&reservation, bytes)?;
        Ok(reservation)
    }

    /// As much as there is of what is wanted, by halves, down to a least.
    pub(super) fn reserve_between(
        &self,
        least: usize,
        wanted: usize,
    ) -> Result<MemoryReservation, QueryError> {
        let mut bytes = wanted;
        while bytes > least {
            match self.reserve(bytes) {
                Ok(reservation) => return Ok(reservation),
                Err(_) => bytes /= 2,
            }
        }
        self.reserve(least.min(wanted))
    }

    pub(super) fn grow(&self, reservation: &MemoryReservation, bytes: usize) -> Result<(), QueryError> {
        let too_much = |_| QueryError::TooMuchMemory { bytes_max: self.bytes_max, limit: LIMIT.to_owned() };
        reservation.try_grow(bytes).map_err(too_much)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    use super::*;

    #[test]
    fn a_scan_makes_do_with_less_and_names_the_limit_when_there_is_too_little() {
        let memory = ScanMemory::new(Arc::new(GreedyMemoryPool::new(1_000)), 1_000);
        let first = memory.reserve(600).unwrap();
        assert_eq!(memory.reserve_between(100, 800).unwrap().size(), 400);
        let _rest = memory.reserve(350).unwrap();
        let error = memory.reserve_between(100, 800).unwrap_err();
        assert!(error.to_string().contains("`query.memory_bytes_max`"), "{error}");
        drop(first);
        assert_eq!(memory.reserve_between(100, 800).unwrap().size(), 400);
    }
}
