//! Gathers samples by series while a request is decoded: senders repeat a series for each of its
//! samples, the lake wants each series once with its samples oldest first.

use std::collections::HashMap;

use telemetry::{Labels, Sample, SeriesMeta, SeriesSamples};

#[derive(Debug, Default)]
pub(crate) struct SeriesSet {
    /// Cumulative and delta points of one label set stay apart: they are different numbers.
    places: HashMap<(Labels, bool), usize, foldhash::fast::RandomState>,
    series: Vec<SeriesSamples>,
}

impl SeriesSet {
    pub(crate) fn add(&mut self, labels: Labels, meta: &SeriesMeta, sample: Sample) {
        self.series_of(labels, meta).push(sample);
    }

    /// The samples of a series so far.
    pub(crate) fn series_of(&mut self, labels: Labels, meta: &SeriesMeta) -> &mut Vec<Sample> {
        let place = *self.places.entry((labels, meta.delta)).or_insert_with_key(|(labels, _)| {
            let samples = Vec::with_capacity(1);
            self.series.push(SeriesSamples { labels: labels.clone(), meta: meta.clone(), samples });
            self.series.len() - 1
        });
        &mut self.series[place].samples
    }

    pub(crate) fn finish(mut self) -> Vec<SeriesSamples> {
        for series in &mut self.series {
            // Stable: of two samples for one time the one sent later stays later.
            series.samples.sort_by_key(|sample| sample.ts);
        }
        self.series
    }
}

#[cfg(test)]
mod tests {
    use telemetry::Timestamp;

    use super::*;

    #[test]
    fn repeated_series_become_one_with_sorted_samples() {
        let mut set = SeriesSet::default();
        let labels = |job| Labels::new([("__name__", "up"), ("job", job)]).unwrap();
        let meta = SeriesMeta::default();
        for (job, secs) in [("a", 2), ("b", 1), ("a", 1)] {
            set.add(labels(job), &meta, Sample { ts: Timestamp::from_secs(secs), value: 1.0 });
        }
        let series = set.finish();
        assert_eq!(series.len(), 2);
        let times: Vec<_> = series[0].samples.iter().map(|sample| sample.ts.secs()).collect();
        assert_eq!(times, [1, 2]);
    }
}
