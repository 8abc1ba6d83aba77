//! Gathers rows by series while a request is decoded: senders repeat a series for each of its rows,
//! the lake wants each series once with its rows oldest first.

use std::collections::HashMap;

use telemetry::{
    Exemplar, HistogramSample, Labels, Sample, SeriesExemplars, SeriesHistograms, SeriesMeta, SeriesSamples,
    Timestamp,
};

/// Rows of one kind: samples, native histograms or exemplars.
#[derive(Debug)]
pub(crate) struct SeriesSet<T = Sample> {
    /// Cumulative and delta points of one label set stay apart: they are different numbers.
    places: HashMap<(Labels, bool), usize, foldhash::fast::RandomState>,
    series: Vec<Gathered<T>>,
}

#[derive(Debug)]
struct Gathered<T> {
    labels: Labels,
    meta: SeriesMeta,
    start: Option<Timestamp>,
    rows: Vec<T>,
}

impl<T> Default for SeriesSet<T> {
    fn default() -> Self {
        SeriesSet { places: HashMap::default(), series: Vec::new() }
    }
}

impl<T> SeriesSet<T> {
    pub(crate) fn add(&mut self, labels: Labels, meta: &SeriesMeta, row: T) {
        self.series_of(labels, meta).push(row);
    }

    /// Adds a row of a series of which the sender says when it began to count.
    pub(crate) fn add_since(&mut self, labels: Labels, meta: &SeriesMeta, start: Option<Timestamp>, row: T) {
        let series = self.gathered(labels, meta);
        series.rows.push(row);
        // Of several starts the first one: it belongs to the oldest rows.
        series.start = [series.start, start].into_iter().flatten().min();
    }

    /// Which one of the series a label set is, in the order of `finish`.
    pub(crate) fn place_of(&self, labels: &Labels, delta: bool) -> Option<usize> {
        self.places.get(&(labels.clone(), delta)).copied()
    }

    /// The rows of a series so far.
    pub(crate) fn series_of(&mut self, labels: Labels, meta: &SeriesMeta) -> &mut Vec<T> {
        &mut self.gathered(labels, meta).rows
    }

    fn gathered(&mut self, labels: Labels, meta: &SeriesMeta) -> &mut Gathered<T> {
        let place = *self.places.entry((labels, meta.delta)).or_insert_with_key(|(labels, _)| {
            let (labels, meta) = (labels.clone(), meta.clone());
            self.series.push(Gathered { labels, meta, start: None, rows: Vec::with_capacity(1) });
            self.series.len() - 1
        });
        &mut self.series[place]
    }

    /// Stable: of two rows for one time the one sent later stays later.
    fn sorted(mut self, ts: impl Fn(&T) -> Timestamp) -> impl Iterator<Item = Gathered<T>> {
        for series in &mut self.series {
            series.rows.sort_by_key(&ts);
        }
        self.series.into_iter()
    }
}

impl SeriesSet<Sample> {
    pub(crate) fn finish(self) -> Vec<SeriesSamples> {
        let series =
            |Gathered { labels, meta, start, rows: samples }| SeriesSamples { labels, meta, start, samples };
        self.sorted(|sample| sample.ts).map(series).collect()
    }
}

impl SeriesSet<HistogramSample> {
    pub(crate) fn finish(self) -> Vec<SeriesHistograms> {
        let series = |Gathered { labels, meta, start, rows: histograms }| SeriesHistograms {
            labels,
            meta,
            start,
            histograms,
        };
        self.sorted(|histogram| histogram.ts).map(series).collect()
    }
}

impl SeriesSet<Exemplar> {
    pub(crate) fn finish(self) -> Vec<SeriesExemplars> {
        let series = |Gathered { labels, meta, start: _, rows: exemplars }| SeriesExemplars {
            labels,
            meta,
            exemplars,
        };
        self.sorted(|exemplar| exemplar.ts).map(series).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_series_become_one_with_sorted_samples() {
        let mut set = SeriesSet::default();
        let labels = |job| Labels::new([("__name__", "up"), ("job", job)]).unwrap();
        let meta = SeriesMeta::default();
        let at = Timestamp::from_secs;
        for (job, secs, start) in [("a", 2, Some(1)), ("b", 1, None), ("a", 1, Some(0)), ("a", 3, None)] {
            let sample = Sample { ts: at(secs), value: 1.0 };
            set.add_since(labels(job), &meta, start.map(at), sample);
        }
        let series = set.finish();
        assert_eq!(series.len(), 2);
        let times: Vec<_> = series[0].samples.iter().map(|sample| sample.ts.secs()).collect();
        assert_eq!(times, [1, 2, 3]);
        assert_eq!((series[0].start, series[1].start), (Some(at(0)), None));
    }
}
