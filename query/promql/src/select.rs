//! Selectors over loaded samples: the value at each step, or the window of samples before it. Each
//! series is walked once, with pointers that only move forward.

use telemetry::is_stale;

use crate::error::PromqlError;
use crate::evaluate::{Evaluator, Windows};
use crate::matrix::{Grid, Matrix, Series};
use crate::plan::{RangeExpr, SelectorRef, When};
use crate::source::Samples;

/// What an instant selector reads off a sample.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Value,
    /// Its own time, in seconds.
    Timestamp,
}

/// Points of a subquery, windows of all steps together: two years in minutes. Scalars are computed for
/// each of them before any series is counted against the sample limit.
const SUBQUERY_POINTS_MAX: usize = 1_100_000;

impl Evaluator<'_> {
    /// Per step the newest sample in `(t - lookback, t]`, unless it is a staleness marker.
    pub(crate) fn instant_selector(
        &self,
        selector: &SelectorRef,
        grid: Grid,
        reading: Reading,
    ) -> Result<Matrix, PromqlError> {
        let lookback_ms = self.options.lookback_ms();
        let mut matrix = Matrix::new(grid.steps, self.meter);
        for data in self.series {
            let (ts, values) = (data.samples.ts_ms(), data.samples.values());
            let series = match reading {
                Reading::Value => Series::new(data.labels.clone()),
                Reading::Timestamp => Series::unnamed(data.labels.clone()),
            };
            matrix.add_filled(series, |row| {
                let mut after = Pointer::at_start(ts); // the first sample after the step
                for (step, time_ms) in self.times_seen(selector.when, grid).enumerate() {
                    let Some(newest) = after.advance(time_ms).checked_sub(1) else { continue };
                    if ts[newest] > time_ms - lookback_ms && !is_stale(values[newest]) {
                        row.set(
                            step,
                            match reading {
                                Reading::Value => values[newest],
                                Reading::Timestamp => ts[newest] as f64 / 1e3,
                            },
                        );
                    }
                }
                Ok(())
            })?;
        }
        Ok(matrix)
    }

    /// The samples that a range vector holds, without staleness markers.
    pub(crate) fn windows(&self, range: &RangeExpr, grid: Grid) -> Result<Windows, PromqlError> {
        match range {
            RangeExpr::Window { selector, range_ms } => {
                let rows = self.series.iter().map(|data| WindowRow {
                    series: Series::new(data.labels.clone()),
                    samples: data.samples.without_stale(),
                });
                let ends_ms = self.times_seen(selector.when, grid).collect();
                Ok(Windows { range_ms: *range_ms, ends_ms, rows: rows.collect() })
            }
            RangeExpr::Loaded { product, range_ms, when } => {
                let ends_ms = self.times_seen(*when, grid).collect();
                Ok(Windows { range_ms: *range_ms, ends_ms, rows: self.take_samples(*product)? })
            }
            RangeExpr::Subquery { expr, range_ms, step_ms, when } => {
                let ends_ms: Vec<i64> = self.times_seen(*when, grid).collect();
                let step_ms = step_ms.unwrap_or_else(|| self.options.subquery_step_ms());
                let inner = match (ends_ms.first(), ends_ms.last()) {
                    (Some(first), Some(last)) => subquery_grid(*first, *last, *range_ms, step_ms)?,
                    _ => None,
                };
                let rows = inner.map_or(Ok(Vec::new()), |inner| self.subquery_rows(expr, inner))?;
                Ok(Windows { range_ms: *range_ms, ends_ms, rows })
            }
        }
    }

    fn subquery_rows(&self, expr: &crate::plan::Expr, inner: Grid) -> Result<Vec<WindowRow>, PromqlError> {
        let matrix = self.vector(expr, inner)?;
        let rows = matrix.rows().map(|(series, row)| {
            let (ts, values) = row.iter().map(|(step, value)| (inner.time_ms(step), value)).unzip();
            WindowRow { series: series.clone(), samples: Samples::new(ts, values) }
        });
        Ok(rows.collect())
    }

    fn times_seen(&self, when: When, grid: Grid) -> impl Iterator<Item = i64> {
        let span = self.span;
        grid.times_ms().map(move |time_ms| when.resolve(time_ms, span))
    }
}

/// The steps of a subquery: the multiples of `step_ms` inside of all windows, which end from `first_ms` to
/// `last_ms`; `None` if there is none.
pub(crate) fn subquery_grid(
    first_ms: i64,
    last_ms: i64,
    range_ms: i64,
    step_ms: i64,
) -> Result<Option<Grid>, PromqlError> {
    let start_ms = (first_ms.saturating_sub(range_ms).div_euclid(step_ms) + 1) * step_ms;
    match usize::try_from((last_ms - start_ms).div_euclid(step_ms) + 1) {
        Ok(steps) if steps > SUBQUERY_POINTS_MAX => Err(PromqlError::execution(format!(
            "a subquery has {steps} points, more than {SUBQUERY_POINTS_MAX}: use a longer step"
        ))),
        Ok(steps) if steps > 0 => Ok(Some(Grid { start_ms, step_ms, steps })),
        _ => Ok(None),
    }
}

/// The first position from `from` on whose time is after `time_ms`. Doubling steps, so that a walk
/// over many samples between two steps stays cheap.
fn advance(ts: &[i64], from: usize, time_ms: i64) -> usize {
    let mut reach = 1;
    let mut low = from;
    while low + reach <= ts.len() && ts[low + reach - 1] <= time_ms {
        low += reach;
        reach *= 2;
    }
    let high = (low + reach - 1).min(ts.len());
    low + ts[low..high].partition_point(|ts| *ts <= time_ms)
}

/// A position among times that only moves forward. Samples and steps are mostly regular, so that the next
/// move is as long as the one before.
struct Pointer<'t> {
    ts: &'t [i64],
    at: usize,
    stride: usize,
}

impl<'t> Pointer<'t> {
    fn at_start(ts: &'t [i64]) -> Pointer<'t> {
        Pointer { ts, at: 0, stride: 0 }
    }

    /// Moves to the first position from here on whose time is after `time_ms`.
    fn advance(&mut self, time_ms: i64) -> usize {
        let guess = self.at + self.stride;
        let is_before = |at: usize| self.ts.get(at).is_some_and(|ts| *ts <= time_ms);
        let reaches = guess == self.at || is_before(guess - 1);
        let next = match reaches && !is_before(guess) && guess <= self.ts.len() {
            true => guess,
            false => advance(self.ts, self.at, time_ms),
        };
        (self.at, self.stride) = (next, next - self.at);
        next
    }
}

/// One series of a range vector.
pub(crate) struct WindowRow {
    pub series: Series,
    pub samples: Samples,
}

impl WindowRow {
    /// The samples in the window of a step; searches, so not for loops over steps.
    pub(crate) fn at_step(&self, windows: &Windows, step: usize) -> (&[i64], &[f64]) {
        let (ts, end_ms) = (self.samples.ts_ms(), windows.ends_ms[step]);
        let low = advance(ts, 0, end_ms - windows.range_ms);
        let high = advance(ts, low, end_ms);
        (&ts[low..high], &self.samples.values()[low..high])
    }

    /// Calls `visit(step, position of the first sample, times, values)` for each step whose window is not
    /// empty.
    pub(crate) fn walk(
        &self,
        windows: &Windows,
        mut visit: impl FnMut(usize, usize, &[i64], &[f64]) -> Result<(), PromqlError>,
    ) -> Result<(), PromqlError> {
        let (ts, values) = (self.samples.ts_ms(), self.samples.values());
        let (mut begin, mut end) = (Pointer::at_start(ts), Pointer::at_start(ts));
        for (step, end_ms) in windows.ends_ms.iter().enumerate() {
            let low = begin.advance(end_ms - windows.range_ms);
            let high = end.advance(*end_ms);
            if low < high {
                visit(step, low, &ts[low..high], &values[low..high])?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn subqueries_run_on_multiples_of_their_step() {
        let grid = |first, last, range, step| subquery_grid(first, last, range, step).unwrap();
        assert_eq!(grid(100, 100, 30, 10), Some(Grid { start_ms: 80, step_ms: 10, steps: 3 }));
        assert_eq!(grid(95, 125, 30, 10), Some(Grid { start_ms: 70, step_ms: 10, steps: 6 }));
        assert_eq!(grid(-5, -5, 10, 10), Some(Grid { start_ms: -10, step_ms: 10, steps: 1 }));
        assert_eq!(grid(99, 99, 5, 60), None);
    }

    proptest! {
        #[test]
        fn advancing_is_searching(gaps in proptest::collection::vec(1_i64..9, 0..60), from in 0_usize..60, time in -5_i64..400) {
            let ts: Vec<i64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let from = from.min(ts.len());
            let expected = from.max(ts.partition_point(|ts| *ts <= time));
            prop_assert_eq!(advance(&ts, from, time), expected);
        }

        #[test]
        fn a_pointer_is_where_a_search_ends(
            gaps in proptest::collection::vec(prop_oneof![6 => Just(3_i64), 1 => 1_i64..30], 0..60),
            moves in proptest::collection::vec(prop_oneof![4 => Just(9_i64), 1 => 0_i64..50], 1..30),
        ) {
            let ts: Vec<i64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let (mut pointer, mut time) = (Pointer::at_start(&ts), 0);
            for step in moves {
                time += step;
                prop_assert_eq!(pointer.advance(time), ts.partition_point(|ts| *ts <= time));
            }
        }
    }
}
