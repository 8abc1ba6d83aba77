//! Samples in file order: by metric, number and time, no (series, time) twice.
//!
//! Rows are counted per series, which gives each its place ([`Places`]), and scattered to their places,
//! which costs the same for each row however many there are; what arrived in order needs no comparison of
//! times but one to see it. Parts of the order can be made beside each other.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringBuilder};

use super::samples::SampleRow;
use crate::columns;
use crate::series::SeriesIndex;
use crate::series::file_order::FileOrder;
use crate::writer::{Runs, SampleRows};

/// Slots whose rows are scattered together: what they are scattered to fits into the cache of a core, about
/// 4 KiB for each 16 of them.
const BLOCK_SLOTS: u32 = 1 << 13;
/// Rows that stand together in the log, on average, are of one block of slots; where fewer are, putting
/// blocks together would cost more than it saves.
const PIECE_ROWS_MIN: usize = 64;

/// Where each row goes. Rows are kept or left out by `K`.
pub struct Places<'a, K> {
    /// The log's rows; those of one series in the log's order.
    pieces: Vec<&'a [SampleRow]>,
    keep: K,
    metrics: Vec<Arc<str>>,
    series: Vec<Run>,
    /// By slot: the place of its first row.
    first: Vec<u32>,
}

/// The rows of one series.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Its place among the metrics.
    metric: u32,
    id: i64,
    end: usize,
}

impl<'a, K: Fn(&SampleRow) -> bool> Places<'a, K> {
    /// Of rows in log order.
    pub fn of(log: Vec<&'a [SampleRow]>, keep: K, index: &SeriesIndex) -> Places<'a, K> {
        // First how many rows each slot has, then where its first row goes.
        let mut first: Vec<u32> = Vec::new();
        let mut row_count = 0;
        let pieces = in_blocks(log);
        for piece in &pieces {
            for row in piece.iter().filter(|row| keep(row)) {
                let slot = row.slot as usize;
                if slot >= first.len() {
                    first.resize((slot + 1).next_power_of_two(), 0);
                }
                first[slot] += 1;
                row_count += 1;
            }
        }
        let mut places = Places { pieces, keep, metrics: Vec::new(), series: Vec::new(), first };
        if row_count < places.first.len() / 16 {
            let kept = places.pieces.iter().copied().flatten().filter(|row| (places.keep)(row));
            let mut named: Vec<u32> = kept.map(|row| row.slot).collect();
            named.sort_unstable();
            named.dedup();
            places.assign(&index.file_order_of(&named));
        } else {
            places.assign(&index.file_order());
        }
        places
    }

    /// Turns counts by slot into the place of each slot's first row.
    fn assign(&mut self, order: &FileOrder) {
        let mut start = 0;
        for (name, series) in order.metrics() {
            let metric = self.metrics.len() as u32;
            for (id, slot) in series {
                let Some(place) = self.first.get_mut(*slot as usize).filter(|count| **count > 0) else {
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

    /// How many rows have a place.
    pub fn len(&self) -> usize {
        self.series.last().map_or(0, |run| run.end)
    }

    /// The places in about equal parts; a series is in one of them.
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

    /// The rows of one of the parts; of two with one series and time the later one stays.
    pub fn sorted(&self, part: Range<usize>) -> SortedSamples {
        let of_part = |run: &Run| run.end <= part.start;
        let series =
            self.series.partition_point(of_part)..self.series.partition_point(|run| run.end <= part.end);
        let series = self.series[series].iter().map(|run| Run { end: run.end - part.start, ..*run });
        let mut sorted = SortedSamples {
            metrics: self.metrics.clone(),
            series: series.collect(),
            samples: vec![(0, 0.0); part.len()],
        };
        let mut next = self.first.clone();
        for piece in &self.pieces {
            for row in piece.iter().filter(|row| (self.keep)(row)) {
                let place = &mut next[row.slot as usize];
                let at = (*place as usize).wrapping_sub(part.start);
                if let Some(sample) = sorted.samples.get_mut(at) {
                    *sample = (row.ts, row.value);
                    *place += 1;
                }
            }
        }
        sorted.order_times();
        sorted
    }
}

/// Cuts the log where another block of slots begins, and puts the pieces of each block together: senders
/// send their series in the same order again and again. Of a log in any order nothing is cut.
fn in_blocks(log: Vec<&[SampleRow]>) -> Vec<&[SampleRow]> {
    let block_of = |row: &SampleRow| row.slot / BLOCK_SLOTS;
    let row_count: usize = log.iter().map(|rows| rows.len()).sum();
    let pieces_max = log.len() + row_count / PIECE_ROWS_MIN;
    let mut pieces = Vec::new();
    for rows in &log {
        pieces.extend(rows.chunk_by(|row, next| block_of(row) == block_of(next)));
        if pieces.len() > pieces_max {
            return log;
        }
    }
    // Stable: what a block has stays in the log's order.
    pieces.sort_by_key(|piece| piece.first().map(block_of));
    pieces
}

/// Sorted rows.
#[derive(Debug, Default)]
pub struct SortedSamples {
    metrics: Vec<Arc<str>>,
    series: Vec<Run>,
    /// Time and value: what is moved to its place at once.
    samples: Vec<(i64, f64)>,
}

impl SortedSamples {
    /// All of some rows in log order.
    pub fn of(rows: &[SampleRow], index: &SeriesIndex) -> SortedSamples {
        let places = Places::of(vec![rows], |_| true, index);
        places.sorted(0..places.len())
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
        self.ranges_in(0..self.len())
    }

    /// The series that have some of the rows, and which.
    fn ranges_in(&self, rows: Range<usize>) -> impl Iterator<Item = (Run, Range<usize>)> {
        let first = self.series.partition_point(|run| run.end <= rows.start);
        let mut start = rows.start;
        self.series[first..].iter().map_while(move |run| {
            let of_series = start..run.end.min(rows.end);
            start = of_series.end;
            (!of_series.is_empty()).then_some((*run, of_series))
        })
    }

    /// How many rows each metric has, of those that have any.
    pub fn rows_by_metric(&self) -> Vec<(Arc<str>, u64)> {
        let of_metric = |runs: &[(Run, Range<usize>)]| {
            let rows: usize = runs.iter().map(|(_, rows)| rows.len()).sum();
            (self.metrics[runs[0].0.metric as usize].clone(), rows as u64)
        };
        let runs: Vec<_> = self.ranges().collect();
        runs.chunk_by(|(run, _), (next, _)| run.metric == next.metric).map(of_metric).collect()
    }

    /// Columns of `metric_samples` files for some of the rows.
    pub fn columns(&self, rows: Range<usize>) -> Vec<ArrayRef> {
        const METRIC_BYTES: usize = 32;
        let mut metrics = StringBuilder::with_capacity(rows.len(), rows.len() * METRIC_BYTES);
        let mut ids = Vec::with_capacity(rows.len());
        for (run, of_series) in self.ranges_in(rows.clone()) {
            let metric = self.metrics[run.metric as usize].as_ref();
            of_series.clone().for_each(|_| metrics.append_value(metric));
            ids.resize(ids.len() + of_series.len(), run.id);
        }
        let [times, values] = self.times_and_values(rows);
        vec![Arc::new(metrics.finish()), Arc::new(Int64Array::from(ids)), times, values]
    }

    /// Some of the rows, as a row group is written from them: names and numbers are not repeated for each row.
    pub fn row_group(&self, rows: Range<usize>) -> SampleRows<'_> {
        let (mut metrics, mut series) = (Runs::default(), Runs::default());
        let start = rows.start;
        for (run, of_series) in self.ranges_in(rows.clone()) {
            metrics.extend_to(self.metrics[run.metric as usize].as_ref(), of_series.end - start);
            series.extend_to(run.id, of_series.end - start);
        }
        let [times, values] = self.times_and_values(rows);
        SampleRows::new(metrics, series, times, values)
    }

    fn times_and_values(&self, rows: Range<usize>) -> [ArrayRef; 2] {
        let samples = &self.samples[rows];
        [
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
            let log: Vec<&[SampleRow]> = rows.chunks(7).collect();
            let places = Places::of(log, |row| row.ts < 19, &index);
            expected.retain(|(_, _, ts), _| *ts < 19);
            let parts = places.parts(3);
            prop_assert!(parts.len() <= 3 && parts.iter().all(|part| !part.is_empty()));
            let mut found = Vec::new();
            let mut counted = 0;
            for part in parts {
                let sorted = places.sorted(part);
                counted += sorted.rows_by_metric().iter().map(|(_, rows)| rows).sum::<u64>();
                let begin = found.len();
                let cut = cut.index(sorted.len() + 1);
                for rows in [0..cut, cut..sorted.len()] {
                    found.extend(keyed(&sorted.columns(rows)));
                }
                // Each part begins with another series.
                let series = |at: usize| found.get(at).map(|((metric, id, _), _): &(Key, f64)| (metric, id));
                prop_assert!(begin == 0 || series(begin - 1) != series(begin));
            }
            prop_assert_eq!(counted as usize, found.len());
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn blocks_stand_together_and_each_series_keeps_its_order(
            lengths in prop::collection::vec(1_usize..200, 1..20),
            blocks in prop::collection::vec(0_u32..3, 20),
        ) {
            let row = |at: usize, block: u32| {
                let slot = block * BLOCK_SLOTS + at as u32 % 5;
                SampleRow { slot, ts: at as i64, value: 0.0 }
            };
            let runs = lengths.iter().zip(&blocks).flat_map(|(length, block)| std::iter::repeat_n(*block, *length));
            let rows: Vec<SampleRow> = runs.enumerate().map(|(at, block)| row(at, block)).collect();
            let pieces = in_blocks(rows.chunks(64).collect());
            let mut found: Vec<&SampleRow> = pieces.iter().copied().flatten().collect();
            for (row, next) in found.iter().zip(&found[1..]) {
                prop_assert!(row.slot != next.slot || row.ts < next.ts);
            }
            let is_cut = pieces.iter().all(|piece| {
                piece.iter().all(|row| row.slot / BLOCK_SLOTS == piece[0].slot / BLOCK_SLOTS)
            });
            let ordered = pieces.is_sorted_by_key(|piece| piece[0].slot / BLOCK_SLOTS);
            // A log that jumps about is left as it is.
            prop_assert!((is_cut && ordered) || pieces.len() == rows.chunks(64).count());
            found.sort_by_key(|row| row.ts);
            prop_assert!(found.into_iter().eq(&rows));
        }
    }

    type Key = (String, i64, i64);

    fn keyed(columns: &[ArrayRef]) -> Vec<(Key, f64)> {
        let times = columns[2].as_primitive::<TimestampMicrosecondType>();
        let row = |row: usize| {
            let metric = columns[0].as_string::<i32>().value(row).to_owned();
            let id = columns[1].as_primitive::<Int64Type>().value(row);
            let value = columns[3].as_primitive::<Float64Type>().value(row);
            ((metric, id, times.value(row)), value)
        };
        (0..times.len()).map(row).collect()
    }
}
