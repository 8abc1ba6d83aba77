//! Rows and how long they took; whether two engines have the same ones.

use std::time::Duration;

use serde_json::Value;

use crate::latencies::quantile_ms;

pub type Rows = Vec<Vec<Value>>;

/// For sums in another order.
const TOLERANCE: f64 = 1e-9;

pub struct Answer {
    pub rows: Rows,
    /// Shortest first.
    pub latencies: Vec<Duration>,
}

impl Answer {
    pub fn median_ms(&self) -> f64 {
        quantile_ms(&self.latencies, 0.5)
    }

    pub fn p95_ms(&self) -> f64 {
        quantile_ms(&self.latencies, 0.95)
    }

    /// The first thing that differs.
    pub fn difference(&self, other: &Answer) -> Option<String> {
        if self.rows.is_empty() {
            return Some("no rows".to_owned());
        }
        if self.rows.len() != other.rows.len() {
            return Some(format!("{} and {} rows", self.rows.len(), other.rows.len()));
        }
        let pairs = self.rows.iter().zip(&other.rows).enumerate();
        pairs.into_iter().find_map(|(row, (ours, theirs))| {
            let same = ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| is_same(a, b));
            (!same).then(|| format!("row {row}: {ours:?} and {theirs:?}"))
        })
    }
}

fn is_same(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()),
        _ => ours == theirs,
    }
}
