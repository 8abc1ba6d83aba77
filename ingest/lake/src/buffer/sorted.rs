//! Samples in file order: by metric, number and time, no (series, time) twice.
//!
//! Rows are counted per series and scattered to their places, which costs the same for each row
//! however many there are; what arrived in order needs no comparison of times but one to see it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringBuilder};

use super::samples::SampleRow;
use crate::columns;
use crate::series::SeriesIndex;
use crate::series::file_order::FileOrder;

#[derive(Debug, Default)]
pub struct SortedSamples {
    metrics: Vec<Arc<str>>,
    series: Vec<Run>,
    /// Time and value: what is moved to its place at once.
    samples: Vec<(i64, f64)>,
}

/// The rows of one series.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Its place among the metrics.
    metric: u32,
    id: i64,
    end: usize,
}

impl SortedSamples {
    /// Of rows in log order; of two with one series and time the later one stays.
    pub fn of<'a>(rows: impl Iterator<Item = &'a SampleRow> + Clone, index: &SeriesIndex) -> SortedSamples {
        // First how many rows each slot has, then where its next row goes.
        let mut places: Vec<u32> = Vec::new();
        let mut row_count = 0;
        for row in rows.clone() {
            let slot = row.slot as usize;
            if slot >= places.len() {
                places.resize((slot + 1).next_power_of_two(), 0);
            }
            places[slot] += 1;
            row_count += 1;
        }
        let mut sorted = SortedSamples { samples: vec![(0, 0.0); row_count], ..SortedSamples::default() };
        if row_count < places.len() / 16 {
            let mut named: Vec<u32> = rows.clone().map(|row| row.slot).collect();
            named.sort_unstable();
            named.dedup();
            sorted.assign_places(&index.file_order_of(&named), &mut places);
        } else {
            sorted.assign_places(&index.file_order(), &mut places);
        }
        for row in rows {
            let place = &mut places[row.slot as usize];
            sorted.samples[*place as usize] = (row.ts, row.value);
            *place += 1;
        }
        sorted.order_times();
        sorted
    }

    /// Turns counts by slot into the place of each slot's first row.
    fn assign_places(&mut self, order: &FileOrder, places: &mut [u32]) {
        let mut start = 0;
        for (name, series) in order.metrics() {
            let metric = self.metrics.len() as u32;
            for (id, slot) in series {
                let Some(place) = places.get_mut(*slot as usize).filter(|count| **count > 0) else {
                    continue;
                };
                let end = start + *place as usize;
                *place = start as u32;
                self.series.push(Run { metric, id: *id, end });
                start = end;
            }
            if self.series.last().is_some_and(|run| run.metric == metric) {
                self.metrics.push(name.clone());
            }
        }
    }

    /// Brings the rows of each series into order; late ones need it.
    fn order_times(&mut self) {
        let in_order = self
            .ranges()
            .all(|(_, rows)| self.samples[rows].is_sorted_by(|earlier, later| earlier.0 < later.0));
        if in_order {
            return;
        }
        let mut samples = Vec::with_capacity(self.len());
        let mut ends = Vec::with_capacity(self.series.len());
        for (_, rows) in self.ranges() {
            let mut of_series = self.samples[rows].to_vec();
            // Stable: of two with one time the one that was logged later stays behind the other.
            of_series.sort_by_key(|(time, _)| *time);
            for (at, (time, value)) in of_series.iter().enumerate() {
                if of_series.get(at + 1).is_none_or(|(next, _)| next != time) {
                    samples.push((*time, *value));
                }
            }
            ends.push(samples.len());
        }
        for (run, end) in self.series.iter_mut().zip(ends) {
            run.end = end;
        }
        self.samples = samples;
    }

    pub fn len(&self) -> usize {
        self.samples.len()
    }

    fn ranges(&self) -> impl Iterator<Item = (Run, Range<usize>)> {
        let mut start = 0;
        self.series.iter().map(move |run| {
            let rows = start..run.end;
            start = run.end;
            (*run, rows)
        })
    }

    /// The rows in about equal parts; a series is in one of them.
    pub fn parts(&self, count: usize) -> Vec<Range<usize>> {
        let mut parts = Vec::with_capacity(count);
        let mut start = 0;
        for part in 1..=count {
            let wanted = self.len() * part / count;
            let last = self.series.partition_point(|run| run.end < wanted);
            let end = self.series.get(last).map_or(self.len(), |run| run.end);
            if end > start {
                parts.push(start..end);
                start = end;
            }
        }
        parts
    }

    /// How many rows each metric has.
    pub fn rows_by_metric(&self) -> Vec<(Arc<str>, u64)> {
        let mut counts: Vec<(Arc<str>, u64)> =
            self.metrics.iter().map(|metric| (metric.clone(), 0)).collect();
        for (run, rows) in self.ranges() {
            counts[run.metric as usize].1 += rows.len() as u64;
        }
        counts
    }

    /// Columns of `metric_samples` files for some of the rows.
    pub fn columns(&self, rows: Range<usize>) -> Vec<ArrayRef> {
        const METRIC_BYTES: usize = 32;
        let mut metrics = StringBuilder::with_capacity(rows.len(), rows.len() * METRIC_BYTES);
        let mut ids = Vec::with_capacity(rows.len());
        let first = self.series.partition_point(|run| run.end <= rows.start);
        for run in &self.series[first..] {
            let count = run.end.min(rows.end) - rows.start - ids.len();
            let metric = self.metrics[run.metric as usize].as_ref();
            (0..count).for_each(|_| metrics.append_value(metric));
            ids.resize(ids.len() + count, run.id);
            if run.end >= rows.end {
                break;
            }
        }
        let samples = &self.samples[rows];
        vec![
            Arc::new(metrics.finish()),
            Arc::new(Int64Array::from(ids)),
            columns::timestamps(samples.iter().map(|(time, _)| *time)),
            Arc::new(Float64Array::from_iter_values(samples.iter().map(|(_, value)| *value))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::AsArray;
    use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
    use proptest::prelude::*;
    use telemetry::{Labels, SeriesMeta};

    use super::*;
    use crate::series::limits::SeriesLimits;

    fn index_of(series: u32) -> SeriesIndex {
        let index = SeriesIndex::default();
        let set = |at: u32| {
            let metric = ["zeta", "alpha", ""][at as usize % 3];
            Labels::new([("__name__", metric), ("n", &at.to_string())]).unwrap()
        };
        let sets: Vec<Labels> = (0..series).map(set).collect();
        let meta = SeriesMeta::default();
        index.resolve(sets.iter().map(|set| (set, &meta)), "test", &SeriesLimits::NONE);
        index
    }

    proptest! {
        #[test]
        fn rows_are_in_file_order_and_the_last_of_a_key_stays(
            series in prop_oneof![Just(4_u32), Just(400)],
            rows in prop::collection::vec((any::<prop::sample::Index>(), 0_i64..20), 1..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let index = index_of(series);
            let rows: Vec<SampleRow> = rows
                .iter()
                .enumerate()
                .map(|(at, (slot, ts))| {
                    SampleRow { slot: slot.index(series as usize) as u32, ts: *ts, value: at as f64 }
                })
                .collect();
            let mut expected = BTreeMap::new();
            for row in &rows {
                let entry = index.entries_of(&[row.slot]).remove(0);
                expected.insert((entry.labels.metric().to_owned(), entry.id.get(), row.ts), row.value);
            }
            let sorted = SortedSamples::of(rows.iter(), &index);
            let cut = cut.index(sorted.len());
            let mut found = Vec::new();
            for part in [0..cut, cut..sorted.len()] {
                let columns = sorted.columns(part.clone());
                let times = columns[2].as_primitive::<TimestampMicrosecondType>();
                for row in 0..part.len() {
                    let metric = columns[0].as_string::<i32>().value(row).to_owned();
                    let id = columns[1].as_primitive::<Int64Type>().value(row);
                    let value = columns[3].as_primitive::<Float64Type>().value(row);
                    found.push(((metric, id, times.value(row)), value));
                }
            }
            let found_ids: Vec<i64> = found.iter().map(|((_, id, _), _)| *id).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            let mut parts = sorted.parts(3);
            prop_assert!(parts.len() <= 3 && parts.iter().all(|part| !part.is_empty()));
            prop_assert_eq!(parts.iter().map(Range::len).sum::<usize>(), sorted.len());
            // Each ends where another series begins.
            parts.pop();
            prop_assert!(parts.iter().all(|part| found_ids[part.end - 1] != found_ids[part.end]));
            let counted: u64 = sorted.rows_by_metric().iter().map(|(_, rows)| rows).sum();
            prop_assert_eq!(counted as usize, sorted.len());
        }
    }
}
