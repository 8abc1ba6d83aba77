//! Admission: how many requests, and how many of their bytes, are inside at one moment.
//!
//! A request takes a ticket before its first byte is read and charges it as bytes arrive and
//! unpack. Nothing waits: at the bound the sender is told to come again.

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use telemetry::Limit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{IngestError, IngestLimits};

/// The unit in which bytes in flight are counted (semaphores count in `u32`).
const UNIT_BYTES: u64 = 1 << 10;

#[derive(Debug)]
pub(crate) struct Gate {
    requests: Arc<Semaphore>,
    units: Arc<Semaphore>,
    in_flight: Gauge,
}

impl Gate {
    /// `in_flight` shows how many tickets are out.
    pub(crate) fn new(limits: &IngestLimits, in_flight: Gauge) -> Gate {
        let units = limits.bytes_in_flight_max.div_ceil(UNIT_BYTES) as usize;
        Gate {
            requests: Arc::new(Semaphore::new(limits.requests_in_flight_max.min(Semaphore::MAX_PERMITS))),
            units: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            in_flight,
        }
    }

    pub(crate) fn enter(&self, limits: &IngestLimits) -> Result<Ticket, IngestError> {
        let request = self.requests.clone().try_acquire_owned().map_err(|_| IngestError::Overloaded {
            what: format!("{} requests are in flight", limits.requests_in_flight_max),
            limit: Some(Limit::RequestsInFlight),
            retry_after: limits.retry_after,
        })?;
        let over = IngestError::Overloaded {
            what: format!("{} bytes of requests are in flight", limits.bytes_in_flight_max),
            limit: Some(Limit::BytesInFlight),
            retry_after: limits.retry_after,
        };
        self.in_flight.inc();
        let in_flight = self.in_flight.clone();
        Ok(Ticket { _request: request, units: self.units.clone(), held: None, bytes: 0, over, in_flight })
    }
}

/// One request's share; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    _request: OwnedSemaphorePermit,
    units: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    bytes: u64,
    over: IngestError,
    in_flight: Gauge,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}

impl Ticket {
    /// Charges what is missing to `bytes` in all.
    pub(crate) fn charge_up_to(&mut self, bytes: u64) -> Result<(), IngestError> {
        self.charge(bytes.saturating_sub(self.bytes))
    }

    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), IngestError> {
        let before = self.bytes.div_ceil(UNIT_BYTES);
        let after = (self.bytes + bytes).div_ceil(UNIT_BYTES);
        if after > before {
            let units = u32::try_from(after - before).map_err(|_| self.over.clone())?;
            let permit = self.units.clone().try_acquire_many_owned(units).map_err(|_| self.over.clone())?;
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
        }
        self.bytes += bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_refuses_and_a_dropped_ticket_makes_room() {
        let limits =
            IngestLimits { requests_in_flight_max: 2, bytes_in_flight_max: 4096, ..IngestLimits::default() };
        let in_flight = Gauge::default();
        let gate = Gate::new(&limits, in_flight.clone());
        let mut one = gate.enter(&limits).unwrap();
        let mut two = gate.enter(&limits).unwrap();
        assert_eq!(gate.enter(&limits).unwrap_err().limit(), Some(Limit::RequestsInFlight));
        one.charge(3000).unwrap();
        one.charge(72).unwrap();
        assert_eq!(two.charge(2000).unwrap_err().limit(), Some(Limit::BytesInFlight));
        assert_eq!(in_flight.get(), 2);
        drop(one);
        two.charge(4096).unwrap();
    }
}
