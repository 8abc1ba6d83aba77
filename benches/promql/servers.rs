//! The three servers: loaded once, started with what they have, asked in one way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::Client;
use crate::data::{Data, load};
use crate::evenkeel::{Evenkeel, table_size};
use crate::latencies::clock;
use crate::peers::{self, Peer};
use crate::request::Request;

const TOKEN: &str = "a-token-for-the-benchmark";
/// Nothing is merged while the data comes ...
const LOAD_SETTINGS: &str = "lake: {flush_interval: 5s, compact_interval: 1d}\n";
/// ... all of it afterwards ...
const MERGE_SETTINGS: &str = "lake: {flush_interval: 5s, compact_interval: 1s}\n";
/// ... and queries meet a server as it comes out of the box.
const SETTINGS: &str = "";
const MERGE_SECS_MAX: usize = 3_600;
const READY_SECS_MAX: usize = 600;
/// A peer that does not write for so long has merged what it merges.
const QUIET_SECS: usize = 20;
/// A query that takes longer is an error.
const TIMEOUT: Duration = Duration::from_secs(180);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Evenkeel,
    VictoriaMetrics,
    Prometheus,
}

impl Kind {
    /// Ours first.
    pub const ALL: [Kind; 3] = [Kind::Evenkeel, Kind::VictoriaMetrics, Kind::Prometheus];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Evenkeel => "evenkeel",
            Kind::VictoriaMetrics => "victoria-metrics",
            Kind::Prometheus => "prometheus",
        }
    }
}

/// Ends when it goes out of scope.
enum Process {
    Ours(Evenkeel),
    Peer(Peer),
}

pub struct Server {
    pub kind: Kind,
    process: Process,
    http: reqwest::Client,
}

/// What loading took: time until the last answer, and until everything was merged, too.
#[derive(Clone, Copy)]
pub struct Loading {
    pub sent: Duration,
    pub merged: Duration,
}

impl Server {
    /// With what is in its part of a directory.
    pub async fn start(kind: Kind, dir: &Path) -> Server {
        let server = Server::start_with(kind, dir, SETTINGS);
        server.ready().await;
        server
    }

    fn start_with(kind: Kind, dir: &Path, settings: &str) -> Server {
        let dir = dir.join(kind.name());
        let process = match kind {
            Kind::Evenkeel => {
                Process::Ours(Evenkeel::start(&dir, settings, TOKEN, &[("EVENKEEL_LOG", "warn")]))
            }
            Kind::VictoriaMetrics => Process::Peer(peers::victoria_metrics(&dir)),
            Kind::Prometheus => Process::Peer(peers::prometheus(&dir, "")),
        };
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().expect("an HTTP client");
        Server { kind, process, http }
    }

    pub fn process_id(&self) -> String {
        match &self.process {
            Process::Ours(ours) => ours.id(),
            Process::Peer(peer) => peer.id(),
        }
    }

    /// What Prometheus' API lies below.
    fn api(&self) -> String {
        match &self.process {
            Process::Ours(ours) => format!("{}/prometheus/api/v1", ours.base),
            Process::Peer(peer) => format!("{}/api/v1", peer.base),
        }
    }

    /// The whole answer, or what is wrong.
    pub async fn ask(&self, request: &Request) -> Result<Vec<u8>, String> {
        let mut parameters = request.parameters();
        if self.kind == Kind::VictoriaMetrics {
            // Computes every answer, as the others do, and at the times that were asked for.
            parameters.push(("nocache", "1".to_owned()));
        }
        let url = format!("{}/{}", self.api(), request.path());
        let sent = self.http.get(url).query(&parameters).bearer_auth(TOKEN).send().await;
        let answer = sent.map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| format!("{error:?}"))?;
        if status.is_success() {
            return Ok(body.into());
        }
        let said: String = String::from_utf8_lossy(&body).chars().take(300).collect();
        Err(format!("{status}: {said}"))
    }

    /// Waits for what a start has to replay.
    async fn ready(&self) {
        let request = Request::Instant { query: "vector(1)".to_owned(), at_secs: 0 };
        let mut said = String::new();
        for _ in 0..READY_SECS_MAX {
            match self.ask(&request).await {
                Ok(_) => return,
                Err(error) => said = error,
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("{} does not become ready: {said}", self.kind.name());
    }
}

/// Brings the data into one server, unless its directory says that it is there; the server ends again.
pub async fn fill(kind: Kind, dir: &Path, data: &Data, senders: usize) -> Option<Loading> {
    let done = dir.join(format!("{}.loaded", kind.name()));
    if done.exists() {
        return None;
    }
    let server = Server::start_with(kind, dir, LOAD_SETTINGS);
    server.ready().await;
    let started = clock();
    let token = (kind == Kind::Evenkeel).then_some(TOKEN);
    let sent = load(data, &Client::new(format!("{}/write", server.api()), token), senders).await;
    match kind {
        Kind::Evenkeel => {
            let table = dir.join("evenkeel/lake/metric_samples");
            wait_until("everything to be in files", || table_size(&table).rows >= data.samples()).await;
            drop(server);
            let merging = Server::start_with(kind, dir, MERGE_SETTINGS);
            wait_until("the day files", || table_size(&table).day_files == table_size(&table).files).await;
            assert_eq!(table_size(&table).rows, data.samples(), "every sample is there once");
            drop(merging);
        }
        Kind::VictoriaMetrics => {
            for step in ["force_flush", "force_merge"] {
                let url = format!("{}/internal/{step}", server.api().trim_end_matches("/api/v1"));
                let answer = reqwest::get(url).await.expect("victoria-metrics answers");
                assert!(answer.status().is_success(), "{step}: {}", answer.status());
            }
            quiet(&dir.join(kind.name()).join("data")).await;
        }
        Kind::Prometheus => quiet(&dir.join(kind.name()).join("data")).await,
    }
    let loading = Loading { sent, merged: started.elapsed() };
    std::fs::write(done, "").expect("a file");
    Some(loading)
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..MERGE_SECS_MAX {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("waited {MERGE_SECS_MAX} s for {what}");
}

/// Waits until the files below a directory stay as they are.
async fn quiet(dir: &Path) {
    let (mut before, mut same) = (files(dir), 0);
    while same < QUIET_SECS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = files(dir);
        same = if now == before { same + 1 } else { 0 };
        before = now;
    }
}

fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().filter_map(Result::ok);
    let sizes = entries.filter_map(|entry| Some((entry.path().to_owned(), entry.metadata().ok()?)));
    sizes.filter(|(_, metadata)| metadata.is_file()).map(|(path, metadata)| (path, metadata.len())).collect()
}

/// Of what a server keeps: without our log and the room that is set aside for the workflow store.
pub fn disk_bytes(kind: Kind, dir: &Path) -> u64 {
    let kept = if kind == Kind::Evenkeel { "lake" } else { "data" };
    files(&dir.join(kind.name()).join(kept)).iter().map(|(_, bytes)| bytes).sum()
}
