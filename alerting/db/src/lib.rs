//! Plumbing of the workflow store: connections, migrations, counters, leases, the outbox.
//!
//! Invariants: one writer at a time, and what it commits survives power loss (`synchronous=FULL`);
//! every point in time is a parameter (`i64`, microseconds since the epoch, UTC), no statement asks
//! the database for the time. Statements are written in a narrow dialect that SQLite and PostgreSQL
//! share: `$1` placeholders, BIGINT, INTEGER 0/1, DOUBLE PRECISION, TEXT, BLOB, `ON CONFLICT`,
//! `RETURNING`. What differs between the two (how a write begins, how work is claimed, pragmas)
//! stays inside this crate, and other crates name [`Connection`] and [`Row`] instead of a backend.
//!
//! Deliberately without domain words: tables here know topics and keys, never alerts or pages.

pub mod counter;
pub mod lease;
mod migrate;
pub mod outbox;
mod store;

pub use migrate::Migration;
pub use store::{Store, StoreOptions, WriteTx};

/// The backend behind the store.
pub type Backend = sqlx::Sqlite;
/// What statements run on: `&mut *tx` of a [`WriteTx`].
pub type Connection = sqlx::SqliteConnection;
/// The readers.
pub type ReadPool = sqlx::SqlitePool;
/// A result row.
pub type Row = sqlx::sqlite::SqliteRow;

/// What goes wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("cannot open the store {path}")]
    Open { path: String, source: sqlx::Error },
    #[error("migration {name} failed")]
    Migration { name: String, source: sqlx::Error },
    #[error("two migrations are called {0}")]
    DuplicateMigration(String),
    /// Somebody else took the work over, or finished it: whatever was done must not be recorded.
    #[error("lease on {0} was lost")]
    LeaseLost(String),
    #[error("statement failed")]
    Statement(#[from] sqlx::Error),
}

impl DbError {
    /// Whether a UNIQUE rule refused the write.
    pub fn is_unique_violation(&self) -> bool {
        match self {
            DbError::Statement(sqlx::Error::Database(error)) => error.is_unique_violation(),
            _ => false,
        }
    }
}
