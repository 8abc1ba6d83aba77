//! The order in which files hold series: by metric, then by number.
//!
//! It is worked out once for all series and kept until one is added, because every flush, and every
//! reader of the buffer, walks it. A few series among many are put in order by themselves.

use std::sync::Arc;

use parking_lot::Mutex;
use roaring::RoaringBitmap;
use telemetry::METRIC_NAME;

use super::{Inner, SeriesEntry, SeriesIndex};

/// Series in file order.
#[derive(Debug, Default)]
pub(crate) struct FileOrder {
    /// Each metric, and where its series end.
    metrics: Vec<(Arc<str>, usize)>,
    /// Number and slot.
    series: Vec<(i64, u32)>,
}

impl FileOrder {
    /// Each metric with its series, as number and slot.
    pub fn metrics(&self) -> impl Iterator<Item = (&Arc<str>, &[(i64, u32)])> {
        let mut start = 0;
        self.metrics.iter().map(move |(metric, end)| {
            let series = &self.series[start..*end];
            start = *end;
            (metric, series)
        })
    }

    fn push(&mut self, metric: Arc<str>, series: impl Iterator<Item = (i64, u32)>) {
        let start = self.series.len();
        self.series.extend(series);
        self.series[start..].sort_unstable();
        if self.series.len() > start {
            self.metrics.push((metric, self.series.len()));
        }
    }

    fn of_all(inner: &Inner) -> FileOrder {
        let mut order = FileOrder::default();
        order.series.reserve_exact(inner.entries.len());
        let numbered = |slot: u32| (inner.cells.of(slot).id(), slot);
        let metrics = inner.postings.get(METRIC_NAME);
        let values = || metrics.into_iter().flatten();
        let named = values().fold(RoaringBitmap::new(), |union, (_, held)| union | held);
        // Label sets without a metric name sort first.
        order.push("".into(), (inner.all() - named).into_iter().map(numbered));
        for (metric, held) in values() {
            order.push(metric.clone(), held.iter().map(numbered));
        }
        order
    }

    fn of_few(mut entries: Vec<Arc<SeriesEntry>>) -> FileOrder {
        let mut order = FileOrder::default();
        entries.sort_by(|a, b| a.labels.metric().cmp(b.labels.metric()));
        for series in entries.chunk_by(|a, b| a.labels.metric() == b.labels.metric()) {
            let numbered = series.iter().map(|entry| (entry.id.get(), entry.slot));
            order.push(series[0].labels.metric().into(), numbered);
        }
        order
    }
}

/// The order of all series, as it was worked out last.
#[derive(Debug, Default)]
pub(super) struct KeptOrder(Mutex<Arc<FileOrder>>);

impl SeriesIndex {
    /// All series.
    pub(crate) fn file_order(&self) -> Arc<FileOrder> {
        // Two that need it at once would both work it out.
        let mut kept = self.kept_order.0.lock();
        let inner = self.inner.read();
        if kept.series.len() != inner.entries.len() {
            *kept = Arc::new(FileOrder::of_all(&inner));
        }
        kept.clone()
    }

    /// A few series, each named once.
    pub(crate) fn file_order_of(&self, slots: &[u32]) -> FileOrder {
        FileOrder::of_few(self.entries_of(slots))
    }
}

#[cfg(test)]
mod tests {
    use telemetry::{Labels, SeriesMeta};

    use super::*;
    use crate::series::limits::SeriesLimits;

    #[test]
    fn the_order_grows_with_the_registry_and_a_part_of_it_is_the_same() {
        let index = SeriesIndex::default();
        let meta = SeriesMeta::default();
        for count in [1, 7, 7, 40] {
            let set = |at: usize| {
                let metric = ["zeta", "alpha", ""][at % 3];
                Labels::new([("__name__", metric), ("n", &at.to_string())]).unwrap()
            };
            let sets: Vec<Labels> = (0..count).map(set).collect();
            index.resolve(sets.iter().map(|set| (set, &meta)), "test", &SeriesLimits::NONE);
            let slots: Vec<u32> = (0..count as u32).collect();
            let mut expected: Vec<_> = index
                .entries_of(&slots)
                .iter()
                .map(|entry| (entry.labels.metric().to_owned(), entry.id.get(), entry.slot))
                .collect();
            expected.sort();
            for order in [&*index.file_order(), &index.file_order_of(&slots)] {
                let found: Vec<_> = order
                    .metrics()
                    .flat_map(|(metric, series)| {
                        series.iter().map(|(id, slot)| (metric.to_string(), *id, *slot))
                    })
                    .collect();
                assert_eq!(found, expected, "{count}");
            }
        }
    }
}
