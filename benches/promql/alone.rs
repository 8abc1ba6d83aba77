//! One query after the other: how long each takes each server, and whether they agree.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::answers::Answer;
use crate::data::Data;
use crate::draw::Draw;
use crate::latencies::{clock, quantile_ms};
use crate::queries::{Agreement, Query};
use crate::request::Request;
use crate::servers::{Kind, Server};

/// The answers of so many rounds are compared.
const ROUNDS_COMPARED: usize = 2;
const ROUNDS_MIN: usize = 3;
/// For sums in another order.
const TOLERANCE: f64 = 1e-9;
/// For rates: with twenty samples in a window, one more or less is a twentieth.
const RATE_TOLERANCE: f64 = 0.1;

/// How often and how long.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// With slow servers fewer rounds have to do.
    pub per_query: Duration,
}

/// What one server did with one query.
pub struct Run {
    pub kind: Kind,
    /// Shortest first.
    latencies: Vec<Duration>,
    pub error: Option<String>,
}

pub struct Row {
    pub name: &'static str,
    /// In the order of the servers: ours first.
    pub runs: Vec<Run>,
    pub answer_bytes: usize,
    pub differences: Vec<String>,
}

impl Run {
    pub fn median_ms(&self) -> Option<f64> {
        self.error.is_none().then(|| quantile_ms(&self.latencies, 0.5))
    }

    pub fn p95_ms(&self) -> f64 {
        quantile_ms(&self.latencies, 0.95)
    }

    fn json(&self) -> Value {
        match &self.error {
            Some(error) => json!({"error": error}),
            None => json!({
                "median_ms": self.median_ms(), "p95_ms": self.p95_ms(), "rounds": self.latencies.len(),
            }),
        }
    }
}

impl Row {
    /// Our median to that of the faster peer.
    pub fn ratio(&self) -> Option<f64> {
        let [ours, peers @ ..] = self.runs.as_slice() else { return None };
        let best = peers.iter().filter_map(Run::median_ms).min_by(f64::total_cmp)?;
        Some(ours.median_ms()? / best)
    }

    pub fn json(&self) -> Value {
        let runs: BTreeMap<&str, Value> = self.runs.iter().map(|run| (run.kind.name(), run.json())).collect();
        json!({
            "servers": runs, "ratio_to_best_peer": self.ratio(), "answer_bytes": self.answer_bytes,
            "differences": self.differences,
        })
    }
}

/// All servers get the same requests, one server after the other.
pub async fn measure(query: &Query, servers: &[Server], data: &Data, effort: Effort) -> Row {
    // One more for warming up.
    let requests: Vec<Request> =
        (0..=effort.rounds).map(|round| (query.make)(&mut Draw::new(data, query.name, round))).collect();
    let mut row = Row { name: query.name, runs: Vec::new(), answer_bytes: 0, differences: Vec::new() };
    let mut answers: Vec<(Kind, Vec<Vec<u8>>)> = Vec::new();
    for server in servers {
        let mut kept = Vec::new();
        let run = run(server, &requests, effort, &mut kept).await;
        if run.error.is_none() {
            row.answer_bytes = row.answer_bytes.max(kept.iter().map(Vec::len).max().unwrap_or_default());
            answers.push((server.kind, kept));
        }
        row.runs.push(run);
    }
    row.differences = differences(query, &requests[1..], &answers);
    row
}

async fn run(server: &Server, requests: &[Request], effort: Effort, kept: &mut Vec<Vec<u8>>) -> Run {
    let mut run = Run { kind: server.kind, latencies: Vec::new(), error: None };
    let [warm_up, requests @ ..] = requests else { return run };
    run.error = server.ask(warm_up).await.err();
    let started = clock();
    for request in requests {
        let enough = run.latencies.len() >= ROUNDS_MIN && started.elapsed() > effort.per_query;
        if run.error.is_some() || enough {
            break;
        }
        let asked = clock();
        let answer = server.ask(request).await;
        run.latencies.push(asked.elapsed());
        match answer {
            Ok(body) if kept.len() < ROUNDS_COMPARED => kept.push(body),
            Ok(_) => {}
            Err(error) => run.error = Some(error),
        }
    }
    run.latencies.sort_unstable();
    run
}

/// Each server against the first that answered.
fn differences(query: &Query, requests: &[Request], answers: &[(Kind, Vec<Vec<u8>>)]) -> Vec<String> {
    let [(first, expected), others @ ..] = answers else { return Vec::new() };
    let mut found = Vec::new();
    for (round, body) in expected.iter().enumerate() {
        let request = &requests[round];
        let expected = match Answer::parse(body) {
            Ok(answer) => answer,
            Err(error) => {
                found.push(format!("{}: {error}, to {request:?}", first.name()));
                continue;
            }
        };
        for (other, bodies) in others {
            let is_loose = query.agreement == Agreement::Rates && *other == Kind::VictoriaMetrics;
            let tolerance = if is_loose { RATE_TOLERANCE } else { TOLERANCE };
            let difference = match bodies.get(round).map(|body| Answer::parse(body)) {
                None => Some("no such round".to_owned()),
                Some(Err(error)) => Some(error),
                Some(Ok(answer)) => expected.difference(&answer, tolerance),
            };
            if let Some(difference) = difference {
                found.push(format!("{} and {}: {difference}, to {request:?}", first.name(), other.name()));
            }
        }
    }
    found
}
