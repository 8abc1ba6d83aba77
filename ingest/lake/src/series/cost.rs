//! What series cost, by metric, label and source: counts that the index has anyway.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use roaring::RoaringBitmap;
use telemetry::METRIC_NAME;
use tokio::time::Instant;

use super::SeriesIndex;

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricCost {
    pub metric: String,
    pub series: u64,
    /// Over the last five to ten minutes of flushes.
    pub samples_per_minute: f64,
}

/// One label name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelCost {
    pub label: String,
    /// Distinct values.
    pub values: u64,
    /// Series that have the label.
    pub series: u64,
    /// Text of the values, counted for each series.
    pub value_bytes: u64,
}

/// One pair of label and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairCost {
    pub label: String,
    pub value: String,
    pub series: u64,
}

/// One source (dialect and token).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCost {
    pub source: String,
    /// Series that it sent first.
    pub series: u64,
    /// Stored since the start of the process.
    pub samples: u64,
    /// Rows refused by name since the start of the process.
    pub rejected: u64,
}

impl SeriesIndex {
    /// Every metric, the one with the most series first.
    pub fn metric_costs(&self) -> Vec<MetricCost> {
        let rates = self.rates.per_minute();
        let inner = self.inner.read();
        let metrics = inner.postings.get(METRIC_NAME).into_iter().flatten();
        let cost = |(metric, held): (&Arc<str>, &RoaringBitmap)| MetricCost {
            metric: metric.to_string(),
            series: held.len(),
            samples_per_minute: rates.get(metric).copied().unwrap_or_default(),
        };
        let mut costs: Vec<MetricCost> = metrics.map(cost).collect();
        costs.sort_by(|a, b| b.series.cmp(&a.series).then_with(|| a.metric.cmp(&b.metric)));
        costs
    }

    /// Every label name, the one with the most values first.
    pub fn label_costs(&self) -> Vec<LabelCost> {
        let inner = self.inner.read();
        let mut costs: Vec<LabelCost> = Vec::with_capacity(inner.postings.len());
        for (label, values) in &inner.postings {
            let mut cost = LabelCost {
                label: label.to_string(),
                values: values.len() as u64,
                series: 0,
                value_bytes: 0,
            };
            for (value, held) in values {
                // A series has one value of a label, so the sums count it once.
                cost.series += held.len();
                cost.value_bytes += value.len() as u64 * held.len();
            }
            costs.push(cost);
        }
        costs.sort_by(|a, b| b.values.cmp(&a.values).then_with(|| a.label.cmp(&b.label)));
        costs
    }

    /// The pairs that the most series have.
    pub fn pair_costs(&self, limit: usize) -> Vec<PairCost> {
        let inner = self.inner.read();
        let mut pairs: Vec<(u64, &str, &str)> = Vec::new();
        for (label, values) in &inner.postings {
            pairs.extend(values.iter().map(|(value, held)| (held.len(), label.as_ref(), value.as_ref())));
        }
        pairs.sort_unstable_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        pairs.truncate(limit);
        let cost = |(series, label, value): (u64, &str, &str)| PairCost {
            label: label.to_owned(),
            value: value.to_owned(),
            series,
        };
        pairs.into_iter().map(cost).collect()
    }

    /// How many label/value pairs there are.
    pub fn pair_count(&self) -> u64 {
        self.inner.read().postings.values().map(|values| values.len() as u64).sum()
    }

    /// Series by the source that sent them first.
    pub(crate) fn series_by_source(&self) -> Vec<(String, u64)> {
        let inner = self.inner.read();
        inner.by_source.iter().map(|(source, held)| (source.to_string(), held.len())).collect()
    }

    /// Notes what a flush wrote.
    pub(crate) fn count_flushed(&self, metrics: impl Iterator<Item = (Arc<str>, u64)>) {
        self.rates.count(metrics);
    }
}

/// Samples per metric in two windows of time, the current one and the one before.
#[derive(Debug, Default)]
pub(super) struct SampleRates(Mutex<Windows>);

const WINDOW: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
struct Windows {
    /// When the older window began.
    since: Option<Instant>,
    turned: Option<Instant>,
    samples: HashMap<Arc<str>, (u64, u64), foldhash::fast::RandomState>,
}

impl SampleRates {
    fn count(&self, metrics: impl Iterator<Item = (Arc<str>, u64)>) {
        let now = Instant::now();
        let mut windows = self.0.lock();
        let turned = *windows.turned.get_or_insert(now);
        windows.since.get_or_insert(now);
        if now.duration_since(turned) >= WINDOW {
            (windows.since, windows.turned) = (Some(turned), Some(now));
            windows.samples.retain(|_, (before, current)| {
                (*before, *current) = (*current, 0);
                *before > 0
            });
        }
        for (metric, samples) in metrics {
            windows.samples.entry(metric).or_default().1 += samples;
        }
    }

    fn per_minute(&self) -> HashMap<Arc<str>, f64, foldhash::fast::RandomState> {
        let windows = self.0.lock();
        let Some(since) = windows.since else { return HashMap::default() };
        // The first flush holds what came since the start; less than a minute is no rate.
        let minutes = (since.elapsed().as_secs_f64() / 60.0).max(1.0);
        let rate = |(before, current): &(u64, u64)| (before + current) as f64 / minutes;
        windows.samples.iter().map(|(metric, counts)| (metric.clone(), rate(counts))).collect()
    }
}
