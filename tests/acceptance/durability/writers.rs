//! Writers of every kind: what they send, and what they do when nobody answers.

use std::time::Duration;

use prost::Message;
use serde_json::json;

use super::ledger::{Ledger, ROWS_PER_REQUEST};
use crate::harness::{Answer, Api, Series, WriteRequest, logs_request, snappy_block};

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
pub struct Writer {
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

impl Writer {
    /// One of each, whose first rows are of this time.
    pub fn all(began_ms: i64) -> Vec<Writer> {
        let new = |(name, kind, unanswered)| Writer { name, kind, unanswered, next: 0, began_ms, open: None };
        WRITERS.into_iter().map(new).collect()
    }

    /// Writes until the server does not answer any more.
    pub async fn write_until_it_dies(mut self, api: Api, ledger: Ledger) -> Writer {
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

    pub async fn send_what_is_open(&mut self, api: &Api, ledger: &Ledger) -> reqwest::Result<()> {
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
