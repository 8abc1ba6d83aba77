//! The server under load: the release binary, whose clock goes faster than ours.
//!
//! Debian's `libfaketime` speeds the wall clock up, so that hours close, days end and retention comes
//! within minutes. The monotonic clock stays as it is: what is measured, and what waits, takes its time.

use std::path::{Path, PathBuf};

use crate::client::Client;
use crate::evenkeel::Evenkeel;
use crate::stamped::ServerClock;

pub const TOKEN: &str = "a-token-for-the-benchmark";
/// A day ends after an hour of its time.
const BEGIN: &str = "@2026-06-01 23:00:00";

/// With an hour a minute, what is looked for once a minute otherwise is looked for more often; metrics
/// live for half a day, so that retention takes as much as comes, and files that were merged away go after
/// two hours; the rest is as it comes out of the box.
const SETTINGS: &str = "
lake:
  compact_interval: 5s
  retention: {metrics: 12h}
  log_retention: 1h
";

pub struct Target {
    /// Ends before its directory goes.
    pub server: Evenkeel,
    pub clock: ServerClock,
    pub client: Client,
    dir: Scratch,
}

/// A directory that goes with its owner.
struct Scratch(PathBuf);

/// What the server says about itself, by the names of its metrics.
pub struct Metrics(String);

impl Target {
    pub async fn start(speed: u32) -> Target {
        let parent = crate::arguments::argument("--dir").map_or_else(std::env::temp_dir, PathBuf::from);
        let dir = Scratch(parent.join(format!("evenkeel-soak-{}", std::process::id())));
        let (library, time) = (faketime(), format!("{BEGIN} x{speed}"));
        let library = library.to_str().expect("a path in UTF-8");
        let env = [
            ("LD_PRELOAD", library),
            ("FAKETIME", &time),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
            ("TZ", "UTC"),
            ("EVENKEEL_LOG", "warn"),
        ];
        let server = Evenkeel::start(&dir.0, SETTINGS, TOKEN, &env);
        let client = Client::new(format!("{}/prometheus/api/v1/write", server.base), Some(TOKEN));
        let mut target = Target { server, clock: ServerClock::at(0, speed), client, dir };
        let now: serde_json::Value =
            serde_json::from_str(&target.get("/prometheus/api/v1/query?query=time()").await)
                .expect("an answer in JSON");
        let now_secs = now["data"]["result"][1].as_str().and_then(|secs| secs.parse::<f64>().ok());
        target.clock = ServerClock::at((now_secs.expect("the server's time") * 1e3) as i64, speed);
        target
    }

    /// Fails when the server does.
    pub async fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.server.base);
        let answer = reqwest::Client::new().get(&url).bearer_auth(TOKEN).send().await;
        let answer = answer.expect("the server answers");
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "{url}: {status} {text}");
        text
    }

    pub async fn metrics(&self) -> Metrics {
        Metrics(self.get("/metrics").await)
    }

    /// A directory of the lake: `wal`, `lake/metric_samples`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} was not removed: {error}", self.0.display());
        }
    }
}

impl Metrics {
    /// 0 for what is not there.
    pub fn value(&self, name: &str) -> f64 {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        self.0.lines().find_map(value).unwrap_or(0.0)
    }
}

/// Bytes of the files below a directory.
pub fn disk_bytes(dir: &Path) -> u64 {
    let files = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).filter(|file| file.is_file()).map(|file| file.len()).sum()
}

fn faketime() -> PathBuf {
    let machines = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut libraries = machines.map(|machine| machine.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.exists()).expect("libfaketime is installed (make setup-test)")
}
