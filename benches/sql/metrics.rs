//! Metrics of a day: the hosts of the PromQL benchmark, an hour at a time.

use telemetry::{Batch, Labels, Sample, SeriesMeta, SeriesSamples, Timestamp};

use crate::hosts::{Host, INTERVAL_MS, OFFSET_MS};

const HOUR_MS: i64 = 3_600_000;

pub struct Metrics {
    hosts: Vec<(Host, Vec<Labels>)>,
}

impl Metrics {
    pub fn new(hosts: usize) -> Metrics {
        let labelled = |number| {
            let host = Host::new(number);
            let labels = host.series.iter().map(|pairs| {
                let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
                Labels::new(pairs).expect("labels with names")
            });
            let labels = labels.collect();
            (host, labels)
        };
        Metrics { hosts: (0..hosts).map(labelled).collect() }
    }

    /// The next hour.
    pub fn hour(&mut self, start_ms: i64) -> Batch {
        let mut batch = Batch::default();
        for (host, labels) in &mut self.hosts {
            let first = batch.series.len();
            batch.series.extend(labels.iter().map(|labels| SeriesSamples {
                labels: labels.clone(),
                meta: SeriesMeta::default(),
                start: None,
                samples: Vec::with_capacity((HOUR_MS / INTERVAL_MS) as usize),
            }));
            for at_ms in (start_ms..start_ms + HOUR_MS).step_by(INTERVAL_MS as usize) {
                let ts = Timestamp::from_millis(at_ms + OFFSET_MS);
                host.scrape(|at, value| batch.series[first + at].samples.push(Sample { ts, value }));
            }
        }
        batch
    }
}
