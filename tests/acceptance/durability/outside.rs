//! The tables as others find them: delta-rs for Python and DuckDB, which know nothing of our log.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::ledger::{Ledger, ROWS_PER_REQUEST};
use crate::harness::{Process, Server, peer_to_end, start_peer};

/// A table that is not read by then is taken as unreadable.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// delta-rs for Python, asked again and again.
pub struct Reader {
    process: Process,
    asked: u64,
    /// Rows of events by then, which nothing removes.
    events: u64,
}

impl Reader {
    pub fn of(lake: &Path) -> Reader {
        let process = start_peer("delta_reader.py", &[lake.to_str().expect("a path in UTF-8")]);
        Reader { process, asked: 0, events: 0 }
    }

    /// Opens every table and counts its rows. Fails when a table cannot be read or has lost rows.
    pub async fn read_tables(&mut self) {
        self.asked += 1;
        let word = format!("read-{} ", self.asked);
        self.process.say(&word);
        let answer = self.process.line(&word, READ_WITHIN).await;
        let rows: Value = serde_json::from_str(&answer[word.len()..]).expect("the reader answers with JSON");
        for table in ["metric_samples", "logs", "events"] {
            assert!(rows[table].is_u64(), "{table} is no table: {rows}");
        }
        let events = rows["events"].as_u64().unwrap_or_default();
        assert!(events >= self.events, "{} events became {events}", self.events);
        self.events = events;
    }

    /// How often it has read all tables.
    pub fn count(&self) -> u64 {
        self.asked
    }
}

/// What delta-rs for Python and DuckDB find in the tables: no row twice, but for samples that their
/// sender sent twice (they are merged when read by us, and by compaction).
pub async fn read_from_outside(server: &Server, ledger: &Ledger) -> Value {
    let dir = server.data_dir().join("lake");
    let tables = peer_to_end("delta_check.py", &[dir.to_str().expect("a path in UTF-8")]).await;
    for (table, found) in tables.as_object().expect("tables by name") {
        let allowed = if table == "metric_samples" { ledger.sent_again() * ROWS_PER_REQUEST } else { 0 };
        assert!(found["duplicates"].as_u64() <= Some(allowed), "{table}: {found}, {allowed} allowed");
    }
    tables
}
