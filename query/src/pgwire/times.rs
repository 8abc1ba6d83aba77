//! What time it is for a connection. As in PostgreSQL `now()` is when the transaction began, and
//! `statement_timestamp()` is when the client's message came.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use telemetry::{Clock, Timestamp};

/// The times of one connection.
pub(super) struct Times {
    clock: Arc<dyn Clock>,
    begun: Mutex<Begun>,
}

#[derive(Clone, Copy)]
struct Begun {
    transaction: Timestamp,
    message: Timestamp,
}

impl Times {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Times {
        let now = clock.now();
        Times { clock, begun: Mutex::new(Begun { transaction: now, message: now }) }
    }

    /// A message to run something came. Outside of a transaction it is one of its own.
    pub(super) fn message_came(&self, in_transaction: bool) {
        let now = self.clock.now();
        let mut begun = self.begun.lock();
        begun.message = now;
        if !in_transaction {
            begun.transaction = now;
        }
    }

    pub(super) fn transaction(&self) -> Timestamp {
        self.begun.lock().transaction
    }

    pub(super) fn message(&self) -> Timestamp {
        self.begun.lock().message
    }

    pub(super) fn clock(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Times")
    }
}
