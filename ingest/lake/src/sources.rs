//! What each source sent since the start of the process. How many series it owns the index knows.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::series::cost::SourceCost;

/// Sources that are counted by name. Names come from tokens, and with some dialects from bodies.
const SOURCES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub struct SourceCounts(Mutex<BTreeMap<Box<str>, Counts>>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    samples: u64,
    rejected: u64,
}

impl SourceCounts {
    pub fn add(&self, source: &str, samples: u64, rejected: u64) {
        let mut sources = self.0.lock();
        if !sources.contains_key(source) {
            if sources.len() >= SOURCES_MAX {
                return;
            }
            sources.insert(source.into(), Counts::default());
        }
        let Some(counts) = sources.get_mut(source) else { return };
        counts.samples += samples;
        counts.rejected += rejected;
    }

    /// Together with the series of each source, the one with the most series first.
    pub fn costs(&self, series: Vec<(String, u64)>) -> Vec<SourceCost> {
        let cost = |(source, series)| (source, SourceCost { series, ..SourceCost::default() });
        let mut costs: BTreeMap<String, SourceCost> = series.into_iter().map(cost).collect();
        for (source, counts) in self.0.lock().iter() {
            let cost = costs.entry(source.to_string()).or_default();
            (cost.samples, cost.rejected) = (counts.samples, counts.rejected);
        }
        let mut costs: Vec<SourceCost> =
            costs.into_iter().map(|(source, cost)| SourceCost { source, ..cost }).collect();
        costs.sort_by(|a, b| b.series.cmp(&a.series).then_with(|| a.source.cmp(&b.source)));
        costs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_listed_with_what_it_owns_and_what_it_sent() {
        let counts = SourceCounts::default();
        counts.add("remote_write:a", 10, 1);
        counts.add("remote_write:a", 5, 0);
        counts.add("otlp_logs:b", 0, 2);
        let costs = counts.costs(vec![("remote_write:a".to_owned(), 3), ("gone".to_owned(), 7)]);
        let listed: Vec<_> = costs
            .iter()
            .map(|cost| (cost.source.as_str(), cost.series, cost.samples, cost.rejected))
            .collect();
        assert_eq!(listed, [("gone", 7, 0, 0), ("remote_write:a", 3, 15, 1), ("otlp_logs:b", 0, 0, 2)]);
    }
}
