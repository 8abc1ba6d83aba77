//! Writers of every kind, and `kill -9` at random moments: while rows come in, while they are
//! flushed, committed and merged, and while the server starts. Some writers send again what got no answer.
//!
//! `EVENKEEL_CRASH_ROUNDS` sets the number of rounds, `EVENKEEL_CRASH_SEED` repeats a run's moments.

use std::time::Duration;

use prost::Message;
use serde_json::json;
use tokio::task::JoinSet;

use super::ledger::{Ledger, ROWS_PER_REQUEST};
use crate::harness::{
    Answer, Api, Random, Series, Server, ServerOptions, WriteRequest, logs_request, now_ms, peer_to_end,
    snappy_block,
};

const ROUNDS_DEFAULT: u32 = 8;
/// It goes on beyond the rounds until the work in the background was met, but not for ever.
const ROUNDS_MORE_MAX: u32 = 24;
/// The tables are read from outside, and the ledger is compared, this often.
const ROUNDS_BETWEEN_CHECKS: u32 = 4;

/// Everything that a kill may hit happens every second: small log segments, flushes, merges of hours
/// that are over, retention, checkpoints of the Delta logs; and a replay never holds up a start.
const BUSY: &str = "
lake:
  flush_interval: 700ms
  compact_interval: 1s
  hour_grace: 0s
  checkpoint_commits: 5
  retention: {rejections: 1s}
  wal: {segment_bytes: 262144, replay_wait: 0s}
";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Samples of now.
    Samples,
    /// Samples of an hour that is over, which compaction merges again and again.
    LateSamples,
    /// Points of delta series, each of them 1; and one that is refused every time but the first.
    Deltas,
    Logs,
    Events,
}

/// What becomes of a request whose connection broke before the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unanswered {
    /// As senders do: it is sent again until it is acknowledged, and has to be there once.
    IsSentAgain,
    /// It has to be there whole or not at all.
    IsLeft,
}

const WRITERS: [(&str, Kind, Unanswered); 8] = [
    ("samples-a", Kind::Samples, Unanswered::IsLeft),
    ("samples-b", Kind::Samples, Unanswered::IsSentAgain),
    ("late-a", Kind::LateSamples, Unanswered::IsLeft),
    ("deltas-a", Kind::Deltas, Unanswered::IsLeft),
    ("deltas-b", Kind::Deltas, Unanswered::IsSentAgain),
    ("logs-a", Kind::Logs, Unanswered::IsLeft),
    ("logs-b", Kind::Logs, Unanswered::IsSentAgain),
    ("events-a", Kind::Events, Unanswered::IsSentAgain),
];

/// One writer with its own numbers; goes on after each crash where it was.
#[derive(Clone)]
struct Writer {
    name: &'static str,
    kind: Kind,
    unanswered: Unanswered,
    next: u64,
    began_ms: i64,
    /// To be sent again.
    open: Option<(u64, Outgoing)>,
}

/// A request as it goes over the wire: the same bytes each time.
#[derive(Clone)]
struct Outgoing {
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Vec<u8>,
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_and_duplicates_no_acknowledged_row() {
    let rounds = std::env::var("EVENKEEL_CRASH_ROUNDS").map(|text| text.parse().expect("a number of rounds"));
    let rounds = rounds.unwrap_or(ROUNDS_DEFAULT);
    let mut random = Random::from_env("EVENKEEL_CRASH_SEED");
    let mut server = Server::start(ServerOptions::settings(BUSY)).await;
    let began_ms = now_ms();
    let ledger = Ledger::beginning_at(began_ms);
    let new = |(name, kind, unanswered)| Writer { name, kind, unanswered, next: 0, began_ms, open: None };
    let mut writers: Vec<Writer> = WRITERS.into_iter().map(new).collect();
    let mut kills = 0;

    let mut round = 0;
    while round < rounds || (round < rounds + ROUNDS_MORE_MAX && !not_met_yet(&server).is_empty()) {
        round += 1;
        let mut writing = JoinSet::new();
        for writer in writers.drain(..) {
            writing.spawn(writer.write_until_it_dies(server.api(), ledger.clone()));
        }
        tokio::time::sleep(random.millis(100, 1_800)).await;
        server.kill9();
        kills += 1;
        writers = writing.join_all().await;
        match random.below(3) {
            0 => {
                server.spawn();
                tokio::time::sleep(random.millis(0, 700)).await;
            }
            // Started, and nobody has written yet.
            1 => server.start_again().await,
            _ => {}
        }
        if server.is_running() {
            server.kill9();
            kills += 1;
        }
        server.start_again().await;
        if round % ROUNDS_BETWEEN_CHECKS == 0 {
            ledger.check(&server).await.assert_whole();
            read_from_outside(&server, &ledger).await;
        }
    }

    for writer in &mut writers {
        writer.send_what_is_open(&server.api(), &ledger).await.expect("the server answers");
    }
    assert_eq!(ledger.refusals(), Vec::<String>::new(), "nothing was wrong with the requests");
    let findings = ledger.check(&server).await;
    println!(
        "{kills} kills: {} requests of {ROWS_PER_REQUEST} rows acknowledged, {} of them sent again; {} lost, {} duplicated; {} left \
         without an answer, {} of them stored",
        findings.acknowledged,
        ledger.sent_again(),
        findings.lost.len(),
        findings.duplicated.len(),
        findings.unanswered,
        findings.unanswered_stored
    );
    findings.assert_whole();
    assert!(findings.acknowledged > 10 * rounds as usize, "hardly anything was written: {findings:?}");

    let sums = server.api().sql(SUMS).await;
    assert_eq!(sums.len() as u64, 2 * ROWS_PER_REQUEST, "{sums:?}");
    for sum in &sums {
        assert_eq!(sum[2].as_f64(), sum[3].as_f64(), "a running total counts every point once: {sum:?}");
    }

    // Everything is in the tables after an orderly end, and other readers find the same rows.
    server.stop().await;
    let tables = read_from_outside(&server, &ledger).await;
    let refused_but_once = 2;
    let stored =
        (findings.acknowledged + findings.unanswered_stored) as u64 * ROWS_PER_REQUEST + refused_but_once;
    let rows = |table: &str| {
        let count = |what: &str| tables[table][what].as_u64().unwrap_or_default();
        count("rows") - count("duplicates")
    };
    assert_eq!(rows("metric_samples") + rows("logs") + rows("events"), stored, "{tables}");
    assert_eq!(not_met_yet(&server), [""; 0], "what the kills should have met");
}

/// Which work in the background has not been done in any table by now.
fn not_met_yet(server: &Server) -> Vec<&'static str> {
    let has_log = |table: &str, ending: &str, holds: &str| {
        let files = std::fs::read_dir(server.table_dir(table).join("_delta_log")).into_iter().flatten();
        let mut paths = files.filter_map(Result::ok).map(|file| file.path());
        paths.any(|path| {
            let content = || std::fs::read(&path).unwrap_or_default();
            path.to_string_lossy().ends_with(ending) && String::from_utf8_lossy(&content()).contains(holds)
        })
    };
    let work = [
        ("a merge", has_log("metric_samples", ".json", "\"OPTIMIZE\"")),
        ("retention", has_log("ingest_rejections", ".json", "\"DELETE\"")),
        ("a checkpoint", has_log("logs", ".checkpoint.parquet", "PAR1")),
    ];
    work.into_iter().filter(|(_, met)| !met).map(|(name, _)| name).collect()
}

/// What the running totals came to, and of how many points.
const SUMS: &str = "SELECT labels['writer'], labels['row'], max(value), count(*) FROM metrics
                    WHERE metric LIKE 'crash_deltas%' GROUP BY 1, 2";

/// What delta-rs for Python and DuckDB find in the tables: no row twice, but for samples that their
/// sender sent twice (they are merged when read by us, and by compaction).
async fn read_from_outside(server: &Server, ledger: &Ledger) -> serde_json::Value {
    let dir = server.data_dir().join("lake");
    let tables = peer_to_end("delta_check.py", &[dir.to_str().expect("a path in UTF-8")]).await;
    for (table, found) in tables.as_object().expect("tables by name") {
        let allowed = if table == "metric_samples" { ledger.sent_again() * ROWS_PER_REQUEST } else { 0 };
        assert!(found["duplicates"].as_u64() <= Some(allowed), "{table}: {found}, {allowed} allowed");
    }
    tables
}

impl Writer {
    /// Writes until the server does not answer any more.
    async fn write_until_it_dies(mut self, api: Api, ledger: Ledger) -> Writer {
        if self.send_what_is_open(&api, &ledger).await.is_err() {
            return self;
        }
        loop {
            let number = self.next;
            self.next += 1;
            let outgoing = self.request(number);
            let Ok(answer) = outgoing.send(&api).await else {
                ledger.unanswered((self.name.to_owned(), number));
                self.open = (self.unanswered == Unanswered::IsSentAgain).then_some((number, outgoing));
                return self;
            };
            self.answered(number, &answer, &ledger).await;
        }
    }

    async fn send_what_is_open(&mut self, api: &Api, ledger: &Ledger) -> reqwest::Result<()> {
        let Some((number, outgoing)) = &self.open else { return Ok(()) };
        ledger.send_again();
        let answer = outgoing.send(api).await?;
        self.answered(*number, &answer, ledger).await;
        self.open = None;
        Ok(())
    }

    async fn answered(&self, number: u64, answer: &Answer, ledger: &Ledger) {
        match answer.status {
            200..300 => ledger.acknowledge((self.name.to_owned(), number)),
            // Overload: not stored.
            429 | 503 => tokio::time::sleep(Duration::from_millis(20)).await,
            other => ledger.refused(format!("{} {number}: {other} {}", self.name, answer.text())),
        }
    }

    fn request(&self, number: u64) -> Outgoing {
        let rows: Vec<String> = (0..ROWS_PER_REQUEST).map(|row| row.to_string()).collect();
        let ids = || rows.iter().map(|row| format!("{}/{number}/{row}", self.name)).collect::<Vec<_>>();
        match self.kind {
            Kind::Samples | Kind::LateSamples => {
                let samples = [(self.time_ms(number), number as f64)];
                let labels: Vec<_> = rows
                    .iter()
                    .map(|row| [("__name__", "crash_samples"), ("writer", self.name), ("row", row)])
                    .collect();
                let series: Vec<_> =
                    labels.iter().map(|labels| Series { labels, samples: &samples }).collect();
                Outgoing {
                    path: "/prometheus/api/v1/write",
                    headers: &[("content-type", "application/x-protobuf"), ("content-encoding", "snappy")],
                    body: snappy_block(&WriteRequest::of(&series).encode_to_vec()),
                }
            }
            Kind::Deltas => {
                let point = |row: &str, time_ms: i64| {
                    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
                    json!({
                        "attributes": [text("writer", self.name), text("row", row)],
                        "timeUnixNano": (time_ms * 1_000_000).to_string(),
                        "asDouble": 1,
                    })
                };
                let sum = |name: &str, points: Vec<serde_json::Value>| {
                    let sum = json!({"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": points});
                    json!({"name": name, "sum": sum})
                };
                let time_ms = self.time_ms(number);
                let metrics = [
                    sum("crash_deltas", rows.iter().map(|row| point(row.as_str(), time_ms)).collect()),
                    sum("crash_refused", vec![point("0", self.began_ms)]),
                ];
                let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]});
                Outgoing {
                    path: "/v1/metrics",
                    headers: &[("content-type", "application/json")],
                    body: request.to_string().into_bytes(),
                }
            }
            Kind::Logs => Outgoing {
                path: "/v1/logs",
                headers: &[("content-type", "application/x-protobuf")],
                body: logs_request("crash", &ids()),
            },
            Kind::Events => {
                let event =
                    |id| json!({"id": id, "kind": "crash", "service": "crash", "at": "2026-01-31T09:00:00Z"});
                let events: Vec<_> = ids().into_iter().map(event).collect();
                Outgoing {
                    path: "/api/events",
                    headers: &[("content-type", "application/json")],
                    body: json!(events).to_string().into_bytes(),
                }
            }
        }
    }

    /// A millisecond of its own for each request.
    fn time_ms(&self, number: u64) -> i64 {
        const HOUR_MS: i64 = 3_600_000;
        match self.kind {
            Kind::LateSamples => (self.began_ms / HOUR_MS - 3) * HOUR_MS + number as i64,
            _ => self.began_ms + number as i64,
        }
    }
}

impl Outgoing {
    async fn send(&self, api: &Api) -> reqwest::Result<Answer> {
        api.send(self.path, self.headers, self.body.clone()).await
    }
}
