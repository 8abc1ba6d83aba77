//! What a query may use: samples in memory, and time, through a stop signal.
//!
//! A cell is one number of a matrix or one loaded sample. Holders keep a [`Charge`] as long as the
//! numbers live, so the limit is about what is in memory at once, as in Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::PromqlError;

/// Why a query must end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its deadline has passed.
    Timeout,
    /// Nobody waits for the answer.
    Canceled,
}

/// Asked between series chunks. It owns the clock and the cancellation, so that this crate has neither.
pub type StopSignal = Arc<dyn Fn() -> Option<Stop> + Send + Sync>;

/// The signal is asked once per this many rows: a row is at most 11 000 points, so well under a millisecond.
const ROWS_PER_CHECK: usize = 16;

pub(crate) struct Meter {
    cells_max: u64,
    cells: AtomicU64,
    stop: Option<StopSignal>,
}

impl Meter {
    pub(crate) fn new(cells_max: u64, stop: Option<StopSignal>) -> Arc<Meter> {
        Arc::new(Meter { cells_max, cells: AtomicU64::new(0), stop })
    }

    pub(crate) fn check(&self) -> Result<(), PromqlError> {
        match self.stop.as_ref().and_then(|stop| stop()) {
            None => Ok(()),
            Some(Stop::Timeout) => Err(PromqlError::Timeout),
            Some(Stop::Canceled) => Err(PromqlError::Canceled),
        }
    }

    /// [`Meter::check`] for loops over series.
    pub(crate) fn check_at_row(&self, row: usize) -> Result<(), PromqlError> {
        if row.is_multiple_of(ROWS_PER_CHECK) { self.check() } else { Ok(()) }
    }

    pub(crate) fn charge(self: &Arc<Self>) -> Charge {
        Charge { meter: Arc::clone(self), cells: 0 }
    }
}

/// The cells that one holder has in memory; gives them back when it is dropped.
pub(crate) struct Charge {
    meter: Arc<Meter>,
    cells: u64,
}

impl Charge {
    pub(crate) fn add(&mut self, cells: usize) -> Result<(), PromqlError> {
        let cells = cells as u64;
        let before = self.meter.cells.fetch_add(cells, Ordering::Relaxed);
        self.cells += cells;
        let limit = self.meter.cells_max;
        if before + cells > limit { Err(PromqlError::TooManySamples { limit }) } else { Ok(()) }
    }

    pub(crate) fn give_back(&mut self, cells: usize) {
        self.cells -= cells as u64;
        self.meter.cells.fetch_sub(cells as u64, Ordering::Relaxed);
    }

    /// Takes over what the other holds.
    pub(crate) fn join(&mut self, mut other: Charge) {
        self.cells += std::mem::take(&mut other.cells);
    }

    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.meter.cells.fetch_sub(self.cells, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_given_back() {
        let meter = Meter::new(10, None);
        let mut first = meter.charge();
        first.add(8).unwrap();
        assert!(matches!(meter.charge().add(3), Err(PromqlError::TooManySamples { limit: 10 })));
        first.give_back(4);
        meter.charge().add(3).unwrap();
        drop(first);
        assert_eq!(meter.cells.load(Ordering::Relaxed), 0);
    }
}
