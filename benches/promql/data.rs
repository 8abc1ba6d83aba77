//! What all servers hold: hosts, hours, and the remote write bodies that bring them there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prost::Message;
use serde_json::json;
use tokio::sync::Mutex;

use crate::client::Client;
use crate::hosts::{Host, INTERVAL_MS, OFFSET_MS};
use crate::latencies::clock;
use crate::wire::{Label, Sample, TimeSeries, WriteRequest};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// One request has this many samples of each series, so that its labels do not outweigh them ...
const SCRAPES_PER_REQUEST: i64 = 40;
/// ... and the series of this many hosts.
const HOSTS_PER_REQUEST: usize = 4;
/// Prometheus keeps fifteen days out of the box; what was loaded earlier is not used again.
const AGE_DAYS_MAX: i64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data {
    pub hosts: usize,
    pub hours: i64,
    /// A midnight at least a day ago: the last day is over and merged with the settings that every
    /// server has out of the box.
    pub end_ms: i64,
}

impl Data {
    pub fn before(now_ms: i64, hosts: usize, hours: i64) -> Data {
        Data { hosts, hours, end_ms: (now_ms / DAY_MS - 1) * DAY_MS }
    }

    /// What a directory holds, when it is the data that is asked for and is not too old; a fresh
    /// directory is told what it will hold.
    pub fn kept(dir: &Path, now_ms: i64, hosts: usize, hours: i64) -> Data {
        std::fs::create_dir_all(dir).expect("a directory");
        let file = dir.join("data.json");
        if let Ok(text) = std::fs::read_to_string(&file) {
            let kept: serde_json::Value = serde_json::from_str(&text).expect("data.json is ours");
            let number = |name: &str| kept[name].as_i64().unwrap_or_default();
            let data =
                Data { hosts: number("hosts") as usize, hours: number("hours"), end_ms: number("end_ms") };
            assert!(
                (data.hosts, data.hours) == (hosts, hours),
                "{} holds {} hosts over {} h: name another directory, or remove it",
                dir.display(),
                data.hosts,
                data.hours
            );
            assert!(
                now_ms - data.end_ms < AGE_DAYS_MAX * DAY_MS,
                "{} is older than {AGE_DAYS_MAX} days, and retention takes it: remove it",
                dir.display()
            );
            return data;
        }
        let data = Data::before(now_ms, hosts, hours);
        let text = json!({"hosts": hosts, "hours": hours, "end_ms": data.end_ms}).to_string();
        std::fs::write(file, text).expect("a file");
        data
    }

    pub fn start_ms(&self) -> i64 {
        self.end_ms - self.hours * HOUR_MS
    }

    pub fn series(&self) -> usize {
        (0..self.hosts).map(|number| Host::new(number).series.len()).sum()
    }

    pub fn samples(&self) -> i64 {
        self.series() as i64 * (self.hours * HOUR_MS / INTERVAL_MS)
    }
}

/// Some hosts, and the request that is filled with their next samples again and again.
struct Sender {
    hosts: Vec<Host>,
    request: WriteRequest,
}

impl Sender {
    fn new(hosts: Vec<Host>) -> Sender {
        let label = |(name, value): &(&str, String)| Label { name: (*name).to_owned(), value: value.clone() };
        let timeseries = hosts
            .iter()
            .flat_map(|host| &host.series)
            .map(|pairs| TimeSeries { labels: pairs.iter().map(label).collect(), samples: Vec::new() })
            .collect();
        Sender { hosts, request: WriteRequest { timeseries } }
    }

    /// The compressed body with the scrapes from one time to another.
    fn body(&mut self, times: impl Iterator<Item = i64> + Clone) -> Vec<u8> {
        let mut first = 0;
        for host in &mut self.hosts {
            let series = &mut self.request.timeseries[first..first + host.series.len()];
            series.iter_mut().for_each(|series| series.samples.clear());
            for timestamp in times.clone() {
                host.scrape(|at, value| series[at].samples.push(Sample { value, timestamp }));
            }
            first += host.series.len();
        }
        let plain = self.request.encode_to_vec();
        snap::raw::Encoder::new().compress_vec(&plain).expect("a body can be compressed")
    }
}

/// Sends everything. Ten minutes of all hosts are taken before the next ten are sent: no sample is far
/// behind another.
pub async fn load(data: &Data, client: &Client, senders: usize) -> Duration {
    let started = clock();
    let hosts: Vec<usize> = (0..data.hosts).collect();
    let groups: Arc<[Mutex<Sender>]> = hosts
        .chunks(HOSTS_PER_REQUEST)
        .map(|numbers| Mutex::new(Sender::new(numbers.iter().copied().map(Host::new).collect())))
        .collect();
    let part_ms = SCRAPES_PER_REQUEST * INTERVAL_MS;
    for from in (data.start_ms()..data.end_ms).step_by(part_ms as usize) {
        let times =
            (from..data.end_ms.min(from + part_ms)).step_by(INTERVAL_MS as usize).map(|at| at + OFFSET_MS);
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..senders {
            let (groups, next, client, times) = (groups.clone(), next.clone(), client.clone(), times.clone());
            tasks.spawn(async move {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let body = group.lock().await.body(times.clone());
                    client.send(&body).await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a sender ends");
        }
    }
    started.elapsed()
}
