//! The peers' sizes: samples by remote write, then everything merged and the process ended.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use prost::Message;

use crate::sets::SampleSet;
use crate::wire::{Label, Sample, TimeSeries, WriteRequest};

/// Bytes on disk.
pub struct PeerSize {
    /// Samples with what is needed to find them within a file.
    pub data: u64,
    /// Which series there are.
    pub index: u64,
}

pub async fn victoria_metrics(set: &SampleSet, dir: &Path) -> PeerSize {
    let port = free_port();
    let server = Server::start(
        Command::new("victoria-metrics").args([
            format!("-storageDataPath={}", dir.display()),
            "-retentionPeriod=100y".to_owned(),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-loggerLevel=ERROR".to_owned(),
        ]),
        port,
    )
    .await;
    remote_write(set, &format!("http://127.0.0.1:{port}/api/v1/write")).await;
    for step in ["force_flush", "force_merge"] {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}/internal/{step}")).await;
        assert!(answer.expect("victoria-metrics answers").status().is_success());
    }
    let data = dir.join("data");
    settle(|| bytes_below(&data)).await;
    drop(server);
    PeerSize { data: bytes_below(&data), index: bytes_below(&dir.join("indexdb")) }
}

pub async fn prometheus(set: &SampleSet, dir: &Path) -> PeerSize {
    std::fs::create_dir_all(dir).expect("a directory");
    let config = dir.join("prometheus.yml");
    std::fs::write(&config, "").expect("a file");
    let port = free_port();
    let server = Server::start(
        Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--storage.tsdb.retention.time=100y", "--web.enable-remote-write-receiver"])
            .args(["--web.enable-admin-api", "--log.level=error"]),
        port,
    )
    .await;
    remote_write(set, &format!("http://127.0.0.1:{port}/api/v1/write")).await;
    // A snapshot brings the head into a block too.
    let snapshot = reqwest::Client::new()
        .post(format!("http://127.0.0.1:{port}/api/v1/admin/tsdb/snapshot"))
        .send()
        .await
        .expect("prometheus answers");
    assert!(snapshot.status().is_success(), "{}", snapshot.text().await.unwrap_or_default());
    let blocks = dir.join("data/snapshots");
    let all = bytes_below(&blocks);
    drop(server);
    let index = files_below(&blocks).filter(|(name, _)| name == "index").map(|(_, bytes)| bytes).sum();
    PeerSize { data: all - index, index }
}

/// A child that is ended when it goes out of scope; what it holds in memory is not needed any more.
struct Server(Child);

impl Server {
    async fn start(command: &mut Command, port: u16) -> Server {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().unwrap_or_else(|error| panic!("{program} has to be installed: {error}"));
        let server = Server(child);
        for _ in 0..300 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{program} does not listen");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    probe.expect("a free port").port()
}

async fn remote_write(set: &SampleSet, url: &str) {
    let http = reqwest::Client::new();
    let labels: Vec<Vec<Label>> = set
        .series
        .iter()
        .map(|pairs| {
            let label = |(name, value): &(String, String)| Label { name: name.clone(), value: value.clone() };
            pairs.iter().map(label).collect()
        })
        .collect();
    for scrapes in set.requests() {
        let samples =
            scrapes.iter().flat_map(|scrape| scrape.samples.iter().map(move |sample| (scrape, sample)));
        let timeseries = samples.map(|(scrape, (series, value))| TimeSeries {
            labels: labels[*series].clone(),
            samples: vec![Sample { value: *value, timestamp: scrape.ts_ms }],
        });
        let body = WriteRequest { timeseries: timeseries.collect() }.encode_to_vec();
        let body = snap::raw::Encoder::new().compress_vec(&body).expect("a body can be compressed");
        let answer = http
            .post(url)
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .body(body)
            .send()
            .await
            .expect("the server answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }
}

/// Waits until a size has stayed the same for five seconds.
async fn settle(size: impl Fn() -> u64) {
    let (mut before, mut same) = (size(), 0);
    while same < 5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = size();
        same = if now == before { same + 1 } else { 0 };
        before = now;
    }
}

pub fn bytes_below(dir: &Path) -> u64 {
    files_below(dir).map(|(_, bytes)| bytes).sum()
}

/// Names and sizes of files; a file that goes away meanwhile counts as nothing.
fn files_below(dir: &Path) -> Box<dyn Iterator<Item = (String, u64)>> {
    let entries: Vec<_> = std::fs::read_dir(dir).into_iter().flatten().flatten().collect();
    Box::new(entries.into_iter().flat_map(|entry| {
        if entry.path().is_dir() {
            return files_below(&entry.path());
        }
        let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
        Box::new(std::iter::once((entry.file_name().to_string_lossy().into_owned(), bytes)))
    }))
}
