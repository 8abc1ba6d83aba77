//! When tokens and keys were last used: noted in memory on the way of a request, written down by a
//! job, at most once a minute for each.

use std::sync::atomic::{AtomicI64, Ordering};

use telemetry::Timestamp;

use super::{Auth, AuthError};

/// Shared by the mirrors of one token, so that reading the tokens anew forgets nothing.
#[derive(Debug)]
pub(super) struct LastUse {
    /// Microseconds; [`NEVER`] when it is not known.
    used: AtomicI64,
    /// As `used`, as the store has it.
    written: AtomicI64,
}

const NEVER: i64 = i64::MIN;

impl LastUse {
    pub(super) fn stored(at: Option<i64>) -> LastUse {
        let at = at.unwrap_or(NEVER);
        LastUse { used: AtomicI64::new(at), written: AtomicI64::new(at) }
    }

    pub(super) fn note(&self, now: Timestamp) {
        self.used.fetch_max(now.micros(), Ordering::Relaxed);
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        let used = self.used.load(Ordering::Relaxed);
        (used != NEVER).then(|| Timestamp::from_micros(used))
    }

    /// What another process has written is known here from now on.
    pub(super) fn learn(&self, stored: Option<i64>) {
        if let Some(stored) = stored {
            self.used.fetch_max(stored, Ordering::Relaxed);
            self.written.fetch_max(stored, Ordering::Relaxed);
        }
    }

    fn unwritten(&self) -> Option<i64> {
        let used = self.used.load(Ordering::Relaxed);
        (used > self.written.load(Ordering::Relaxed)).then_some(used)
    }
}

impl Auth {
    /// Writes down who was here since the last time, in one transaction; for a job of every minute
    /// and for the end of the process. Nothing to write opens none.
    pub async fn write_last_uses(&self) -> Result<u64, AuthError> {
        let mut unwritten = Vec::new();
        for (table, name, last_use) in self.table().last_uses() {
            if let Some(at) = last_use.unwritten() {
                unwritten.push((table, name, at, last_use));
            }
        }
        if unwritten.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store().begin_write().await?;
        for (table, name, at, _) in &unwritten {
            sqlx::query(table.statement()).bind(name).bind(at).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        for (_, _, at, last_use) in &unwritten {
            last_use.learn(Some(*at));
        }
        Ok(unwritten.len() as u64)
    }
}

/// Where a last use is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum UseTable {
    Tokens,
    IntegrationKeys,
}

impl UseTable {
    /// Never turns the time back: several processes write.
    fn statement(self) -> &'static str {
        match self {
            UseTable::Tokens => {
                "UPDATE web_tokens SET last_used_at = $2 \
                 WHERE name = $1 AND (last_used_at IS NULL OR last_used_at < $2)"
            }
            UseTable::IntegrationKeys => {
                "UPDATE web_integration_keys SET last_used_at = $2 \
                 WHERE name = $1 AND (last_used_at IS NULL OR last_used_at < $2)"
            }
        }
    }
}
