//! What a scrape tells about itself: `up` and the series beside it, under Prometheus' names.

use std::time::Duration;

use telemetry::{
    Batch, KnownSample, Labels, METRIC_NAME, MetricType, Sample, SeriesMeta, SeriesSamples, Timestamp,
    stale_marker,
};

use super::memory::Ended;

/// One scrape in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    pub up: bool,
    pub duration: Duration,
    pub scraped: u64,
    pub kept: u64,
    pub added: u64,
}

const NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

impl Report {
    pub fn series(&self, labels: &Labels, at: Timestamp) -> Vec<SeriesSamples> {
        let values = [
            f64::from(u8::from(self.up)),
            self.duration.as_secs_f64(),
            self.scraped as f64,
            self.kept as f64,
            self.added as f64,
        ];
        NAMES
            .into_iter()
            .zip(values)
            .map(|(name, value)| gauge(labels.with(METRIC_NAME, name), at, value))
            .collect()
    }

    /// The end of these series.
    pub fn ends(labels: &Labels, at: Timestamp) -> Vec<SeriesSamples> {
        NAMES.into_iter().map(|name| gauge(labels.with(METRIC_NAME, name), at, stale_marker())).collect()
    }
}

fn gauge(labels: Labels, at: Timestamp, value: f64) -> SeriesSamples {
    let meta = SeriesMeta { metric_type: MetricType::Gauge, ..SeriesMeta::default() };
    SeriesSamples { labels, meta, start: None, samples: vec![Sample { ts: at, value }] }
}

/// Stale markers: these series have ended.
pub(super) fn mark(ended: Ended, at: Timestamp, batch: &mut Batch) {
    let marker = Sample { ts: at, value: stale_marker() };
    batch.known.extend(ended.named.into_iter().map(|series| KnownSample { series, sample: marker }));
    batch.series.extend(ended.unnamed.into_iter().map(|labels| SeriesSamples {
        labels,
        meta: SeriesMeta::default(),
        start: None,
        samples: vec![marker],
    }));
}
