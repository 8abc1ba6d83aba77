//! What the writers were told: the requests that were acknowledged, and those that got no answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::harness::Server;

/// Rows of each request; a request is there whole or not at all.
pub const ROWS_PER_REQUEST: u64 = 8;

/// A writer's n-th request.
pub type Request = (String, u64);

#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    /// The time of a request with number 0.
    began_ms: i64,
    acknowledged: BTreeSet<Request>,
    /// The connection broke before the answer: stored whole or not at all, both are right.
    unanswered: BTreeSet<Request>,
    /// Answers that nothing explains.
    refused: Vec<String>,
    sent_again: u64,
}

/// What a look at the rows found.
#[derive(Debug, Default, PartialEq)]
pub struct Findings {
    pub acknowledged: usize,
    pub unanswered: usize,
    pub unanswered_stored: usize,
    pub lost: Vec<Request>,
    pub duplicated: Vec<Request>,
    pub partial: Vec<Request>,
    pub invented: Vec<Request>,
}

impl Ledger {
    pub fn beginning_at(began_ms: i64) -> Ledger {
        let ledger = Ledger::default();
        ledger.0.lock().expect("no panic with the lock").began_ms = began_ms;
        ledger
    }

    /// Also of a request that had no answer before.
    pub fn acknowledge(&self, request: Request) {
        let mut entries = self.0.lock().expect("no panic with the lock");
        entries.unanswered.remove(&request);
        entries.acknowledged.insert(request);
    }

    pub fn unanswered(&self, request: Request) {
        self.0.lock().expect("no panic with the lock").unanswered.insert(request);
    }

    pub fn send_again(&self) {
        self.0.lock().expect("no panic with the lock").sent_again += 1;
    }

    /// Requests that were sent once more, because the first time got no answer.
    pub fn sent_again(&self) -> u64 {
        self.0.lock().expect("no panic with the lock").sent_again
    }

    pub fn refused(&self, what: String) {
        self.0.lock().expect("no panic with the lock").refused.push(what);
    }

    pub fn refusals(&self) -> Vec<String> {
        self.0.lock().expect("no panic with the lock").refused.clone()
    }

    /// Compares with what SQL finds.
    pub async fn check(&self, server: &Server) -> Findings {
        let began_ms = self.0.lock().expect("no panic with the lock").began_ms;
        let stored = stored(server, began_ms).await;
        let entries = self.0.lock().expect("no panic with the lock");
        let mut findings = Findings {
            acknowledged: entries.acknowledged.len(),
            unanswered: entries.unanswered.len(),
            ..Findings::default()
        };
        findings.lost =
            entries.acknowledged.iter().filter(|request| !stored.contains_key(*request)).cloned().collect();
        for (request, rows) in stored {
            if entries.unanswered.contains(&request) {
                findings.unanswered_stored += 1;
            } else if !entries.acknowledged.contains(&request) {
                findings.invented.push(request.clone());
            }
            if rows.all > rows.distinct {
                findings.duplicated.push(request);
            } else if rows.distinct != ROWS_PER_REQUEST {
                findings.partial.push(request);
            }
        }
        findings
    }
}

impl Findings {
    pub fn assert_whole(&self) {
        assert!(
            self.lost.is_empty()
                && self.duplicated.is_empty()
                && self.partial.is_empty()
                && self.invented.is_empty(),
            "{self:#?}"
        );
    }
}

struct Rows {
    all: u64,
    distinct: u64,
}

/// Rows of each request that SQL finds.
async fn stored(server: &Server, began_ms: i64) -> BTreeMap<Request, Rows> {
    let deltas = format!(
        "SELECT labels['writer'], CAST(round(date_part('epoch', ts) * 1000) AS BIGINT) - {began_ms}, count(*),
                count(DISTINCT labels['row'])
         FROM metrics WHERE metric LIKE 'crash_deltas%' GROUP BY 1, 2"
    );
    let queries = [
        "SELECT labels['writer'], CAST(value AS BIGINT), count(*), count(DISTINCT labels['row'])
         FROM metrics WHERE metric = 'crash_samples' GROUP BY 1, 2",
        "SELECT split_part(body, '/', 1), CAST(split_part(body, '/', 2) AS BIGINT), count(*), count(DISTINCT body)
         FROM logs WHERE service = 'crash' GROUP BY 1, 2",
        "SELECT split_part(event_id, '/', 1), CAST(split_part(event_id, '/', 2) AS BIGINT), count(*),
                count(DISTINCT event_id)
         FROM events WHERE kind = 'crash' GROUP BY 1, 2",
        &deltas,
    ];
    let mut stored = BTreeMap::new();
    for query in queries {
        for row in server.api().sql(query).await {
            let number = |cell: &Value| cell.as_u64().unwrap_or_else(|| panic!("not a count: {cell}"));
            let writer = row[0].as_str().expect("a writer has a name").to_owned();
            let rows = Rows { all: number(&row[2]), distinct: number(&row[3]) };
            let known = stored.insert((writer, number(&row[1])), rows);
            assert!(known.is_none(), "{query}: a group came twice");
        }
    }
    stored
}
