//! The series that a scan wants, in the order in which files hold them: by metric, then by number.
//!
//! A series' place in that order is its rank. Every source of samples hands out runs of ascending rank,
//! so that sources are merged by comparing small numbers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use lake::SeriesEntry;
use telemetry::Labels;

/// The series of one part of a scan.
#[derive(Debug)]
pub(super) struct Wanted {
    /// By rank.
    series: Vec<Arc<SeriesEntry>>,
    /// By rank.
    ids: Vec<i64>,
    /// Number and rank, by number.
    by_id: Vec<(i64, u32)>,
    /// Names, ascending, and the ranks of their series.
    metrics: Vec<(String, Range<u32>)>,
}

/// Cuts series into at most `count` parts of about equal size, neighbours together.
pub(super) fn in_parts(mut series: Vec<Arc<SeriesEntry>>, count: usize) -> Vec<Wanted> {
    sort(&mut series);
    let per_part = series.len().div_ceil(count.max(1)).max(1);
    series.chunks(per_part).map(Wanted::new).collect()
}

fn sort(series: &mut Vec<Arc<SeriesEntry>>) {
    let first_metric = series.first().map_or("", |entry| entry.labels.metric()).to_owned();
    if series.iter().all(|entry| entry.labels.metric() == first_metric) {
        series.sort_unstable_by_key(|entry| entry.id.get());
        return;
    }
    // Names are compared once each, and not once per comparison of two series.
    let mut by_metric: BTreeMap<&str, Vec<(i64, usize)>> = BTreeMap::new();
    for (at, entry) in series.iter().enumerate() {
        by_metric.entry(entry.labels.metric()).or_default().push((entry.id.get(), at));
    }
    let mut sorted = Vec::with_capacity(series.len());
    for mut of_metric in by_metric.into_values() {
        of_metric.sort_unstable();
        sorted.extend(of_metric.into_iter().map(|(_, at)| series[at].clone()));
    }
    *series = sorted;
}

impl Wanted {
    /// Of series in file order.
    fn new(series: &[Arc<SeriesEntry>]) -> Wanted {
        let series = series.to_vec();
        let ids: Vec<i64> = series.iter().map(|entry| entry.id.get()).collect();
        let mut by_id: Vec<(i64, u32)> =
            ids.iter().enumerate().map(|(rank, id)| (*id, rank as u32)).collect();
        by_id.sort_unstable();
        let mut metrics: Vec<(String, Range<u32>)> = Vec::new();
        for (rank, entry) in series.iter().enumerate() {
            let (rank, metric) = (rank as u32, entry.labels.metric());
            match metrics.last_mut() {
                Some((name, ranks)) if name == metric => ranks.end = rank + 1,
                _ => metrics.push((metric.to_owned(), rank..rank + 1)),
            }
        }
        Wanted { series, ids, by_id, metrics }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// By rank.
    pub(super) fn ids(&self) -> &[i64] {
        &self.ids
    }

    pub(super) fn labels(&self, rank: u32) -> &Labels {
        &self.series[rank as usize].labels
    }

    pub(super) fn id(&self, rank: u32) -> i64 {
        self.ids[rank as usize]
    }

    /// Names, ascending, and the ranks of their series.
    pub(super) fn metrics(&self) -> &[(String, Range<u32>)] {
        &self.metrics
    }

    /// The rank of a series, if it is wanted. It is found at once where `guess` is right.
    pub(super) fn rank_of(&self, id: i64, guess: u32) -> Option<u32> {
        if self.ids.get(guess as usize) == Some(&id) {
            return Some(guess);
        }
        let found = self.by_id.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.by_id[found].1)
    }

    /// Whether a wanted series has a number in a range, both ends included.
    pub(super) fn any_id_in(&self, first: i64, last: i64) -> bool {
        let at = self.by_id.partition_point(|(id, _)| *id < first);
        self.by_id.get(at).is_some_and(|(id, _)| *id <= last)
    }

    /// Whether a wanted series has a metric in a range, both ends included.
    pub(super) fn any_metric_in(&self, first: &[u8], last: &[u8]) -> bool {
        let at = self.metrics.partition_point(|(name, _)| name.as_bytes() < first);
        self.metrics.get(at).is_some_and(|(name, _)| name.as_bytes() <= last)
    }
}
