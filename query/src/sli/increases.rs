//! Counters as increases: a series source that answers, for every slice, how much each series grew.
//!
//! Each consecutive pair of samples counts in the slice that holds the later one, so slices add up to
//! the whole. A value below its predecessor is a reset and counts from zero. The first sample of a
//! series says nothing about growth: it counts 0. A slice without a sample has no value.
//!
//! The increase of the slice `[t, t + width)` stands at the time `t`, so that an expression is
//! evaluated at the starts of the slices.
//!
//! Series pass through as they are read: of each only its slices are kept. A series whose first sample is
//! in the range may have come back after a hole, so these wait, as slices, until the hour before has
//! been looked at.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryFutureExt, TryStreamExt};
use parking_lot::Mutex;
use promql::{Samples, ScanOptions, Selector, SeriesChunks, SeriesData, SeriesSource, SourceError};
use telemetry::{Labels, Timestamp, is_stale};

/// The sample before a slice is usually this near; looking further back is asked for separately.
const USUAL_GAP_MS: i64 = 5 * 60_000;

/// An increase over a longer hole belongs to nobody: it is dropped.
const LONGEST_GAP: Duration = Duration::from_secs(3_600);

/// What was odd about the increases of one evaluation.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// Increases that span more than five minutes without a sample.
    pub(super) spanned: AtomicU64,
    /// Increases that span more than an hour, which are left out.
    pub(super) dropped: AtomicU64,
}

#[derive(Clone)]
pub(super) struct SliceIncreases {
    inner: Arc<dyn SeriesSource>,
    width_ms: i64,
    holes: Arc<Holes>,
}

/// A series that begins within the range, in slices.
struct Newcomer {
    labels: Labels,
    first: (i64, f64),
    starts: Vec<i64>,
    sums: Vec<f64>,
}

impl SliceIncreases {
    pub(super) fn new(inner: Arc<dyn SeriesSource>, width: Duration) -> SliceIncreases {
        let width_ms = i64::try_from(width.as_millis()).unwrap_or(i64::MAX).max(1);
        SliceIncreases { inner, width_ms, holes: Arc::default() }
    }

    pub(super) fn holes(&self) -> &Holes {
        &self.holes
    }

    fn slice_of(&self, ts_ms: i64) -> i64 {
        ts_ms.div_euclid(self.width_ms) * self.width_ms
    }

    /// The increases of one series at the starts of its slices, from `first_ms` on. One that begins
    /// there is put aside.
    fn slices(
        &self,
        series: SeriesData,
        first_ms: i64,
        newcomers: &Mutex<Vec<Newcomer>>,
    ) -> Option<SeriesData> {
        let (mut starts, mut sums): (Vec<i64>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut first = None;
        let mut before: Option<(i64, f64)> = None;
        let samples = &series.samples;
        for (ts_ms, value) in samples.ts_ms().iter().copied().zip(samples.values().iter().copied()) {
            // Neither the stale marker nor any other NaN is a count.
            if is_stale(value) || value.is_nan() {
                continue;
            }
            let earlier = before.replace((ts_ms, value));
            if ts_ms < first_ms {
                continue;
            }
            let increase = match earlier {
                Some(earlier) => self.increase(earlier, (ts_ms, value)),
                None => {
                    first = Some((ts_ms, value));
                    0.0
                }
            };
            let start = self.slice_of(ts_ms);
            match (starts.last(), sums.last_mut()) {
                (Some(last), Some(sum)) if *last == start => *sum += increase,
                _ => {
                    starts.push(start);
                    sums.push(increase);
                }
            }
        }
        match first {
            Some(first) => {
                newcomers.lock().push(Newcomer { labels: series.labels, first, starts, sums });
                None
            }
            None if starts.is_empty() => None,
            None => Some(SeriesData { labels: series.labels, samples: Samples::new(starts, sums) }),
        }
    }

    fn increase(&self, (earlier_ms, earlier): (i64, f64), (ts_ms, value): (i64, f64)) -> f64 {
        let gap_ms = ts_ms - earlier_ms;
        if gap_ms > LONGEST_GAP.as_millis() as i64 {
            self.holes.dropped.fetch_add(1, Ordering::Relaxed);
            return 0.0;
        }
        if gap_ms > USUAL_GAP_MS {
            self.holes.spanned.fetch_add(1, Ordering::Relaxed);
        }
        if value < earlier { value } else { value - earlier }
    }

    /// The series that were put aside, with what they grew since they were last there.
    async fn returned(
        &self,
        range: &Selector,
        options: ScanOptions,
        newcomers: Vec<Newcomer>,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let mut last_seen: HashMap<Labels, Option<(i64, f64)>> =
            newcomers.iter().map(|newcomer| (newcomer.labels.clone(), None)).collect();
        if !newcomers.is_empty() {
            let before = Selector {
                matchers: range.matchers.clone(),
                start: range.start.minus(2 * LONGEST_GAP),
                end: range.start,
            };
            let mut chunks = self.inner.scan(&before, options);
            while let Some(chunk) = chunks.try_next().await? {
                for series in chunk {
                    let Some(seen) = last_seen.get_mut(&series.labels) else { continue };
                    let times = series.samples.ts_ms().iter().copied();
                    let is_count = |(_, value): &(i64, f64)| !is_stale(*value) && !value.is_nan();
                    *seen = times.zip(series.samples.values().iter().copied()).rfind(is_count);
                }
            }
        }
        let grown = |mut newcomer: Newcomer| {
            let seen = last_seen.get(&newcomer.labels).copied().flatten();
            if let (Some(seen), Some(sum)) = (seen, newcomer.sums.first_mut()) {
                *sum += self.increase(seen, newcomer.first);
            }
            SeriesData { labels: newcomer.labels, samples: Samples::new(newcomer.starts, newcomer.sums) }
        };
        Ok(newcomers.into_iter().map(grown).collect())
    }
}

impl SeriesSource for SliceIncreases {
    fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks {
        // Slices whose start lies in (start, end].
        let first_ms = self.slice_of(selector.start.millis()) + self.width_ms;
        let last_ms = self.slice_of(selector.end.millis()) + self.width_ms - 1;
        if last_ms < first_ms {
            return futures::stream::empty().boxed();
        }
        let range = Selector {
            matchers: selector.matchers.clone(),
            start: Timestamp::from_millis(first_ms - USUAL_GAP_MS),
            end: Timestamp::from_millis(last_ms),
        };
        let newcomers: Arc<Mutex<Vec<Newcomer>>> = Arc::default();
        let (source, aside) = (self.clone(), newcomers.clone());
        let passing = self.inner.scan(&range, options).map_ok(move |chunk| {
            chunk.into_iter().filter_map(|series| source.slices(series, first_ms, &aside)).collect()
        });
        let source = self.clone();
        // Made when the stream before it has ended: by then all newcomers are known.
        let returned = async move {
            let newcomers = std::mem::take(&mut *newcomers.lock());
            source.returned(&range, options, newcomers).await
        };
        let returned = returned.map_ok(move |series| promql::chunked(series, options)).try_flatten_stream();
        passing.chain(returned).boxed()
    }
}

#[cfg(test)]
mod tests {
    use telemetry::stale_marker;

    use super::*;

    struct Fixed(Vec<(i64, f64)>);

    impl SeriesSource for Fixed {
        fn scan(&self, selector: &Selector, options: ScanOptions) -> SeriesChunks {
            let wanted = |ts: &i64| *ts > selector.start.millis() && *ts <= selector.end.millis();
            let (ts, values) = self.0.iter().filter(|(ts, _)| wanted(ts)).copied().unzip();
            let series = SeriesData { labels: Labels::empty(), samples: Samples::new(ts, values) };
            promql::chunked(vec![series], options)
        }
    }

    async fn check(
        samples: &[(i64, f64)],
        from_secs: i64,
        to_secs: i64,
        expected: &[(i64, f64)],
    ) -> (u64, u64) {
        let in_ms = samples.iter().map(|(secs, value)| (secs * 1000, *value)).collect();
        let source = SliceIncreases::new(Arc::new(Fixed(in_ms)), Duration::from_secs(30));
        let selector = Selector {
            matchers: Vec::new(),
            start: Timestamp::from_secs(from_secs),
            end: Timestamp::from_secs(to_secs),
        };
        let found = source.select(&selector).await.unwrap();
        let found: Vec<(i64, f64)> = found
            .first()
            .map(|series| {
                let ts = series.samples.ts_ms().iter().map(|ms| ms / 1000);
                ts.zip(series.samples.values().iter().copied()).collect()
            })
            .unwrap_or_default();
        assert_eq!(found, expected);
        (source.holes.spanned.load(Ordering::Relaxed), source.holes.dropped.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn resets_count_from_zero_and_first_samples_count_nothing() {
        let samples = [(0, 100.0), (30, 150.0), (60, 20.0), (90, 60.0)];
        check(&samples, -30, 90, &[(0, 0.0), (30, 50.0), (60, 20.0), (90, 40.0)]).await;
        // The sample before the range is known.
        check(&samples, 0, 60, &[(30, 50.0), (60, 20.0)]).await;
    }

    #[tokio::test]
    async fn a_slice_adds_its_pairs_up_and_a_hole_has_no_value() {
        let samples = [(0, 0.0), (10, 1.0), (20, 3.0), (35, 4.0), (110, 10.0)];
        check(&samples, -30, 90, &[(0, 3.0), (30, 1.0), (90, 6.0)]).await;
    }

    #[tokio::test]
    async fn markers_and_nan_are_no_samples() {
        let samples = [(0, 5.0), (10, stale_marker()), (30, f64::NAN), (60, 9.0)];
        check(&samples, -30, 60, &[(0, 0.0), (60, 4.0)]).await;
    }

    #[tokio::test]
    async fn increases_over_holes_are_marked_and_then_dropped() {
        let minute = 60;
        let at = |time: i64| (time / 30) * 30;
        let (back, late) = (10 * minute, 100 * minute);
        let samples = [(0, 5.0), (back, 8.0), (late, 20.0)];
        assert_eq!(check(&samples, back - 30, back, &[(at(back), 3.0)]).await, (1, 0));
        assert_eq!(check(&samples, late - 30, late, &[(at(late), 0.0)]).await, (0, 1));
    }
}
