//! A batch of the write buffer as a source of runs.

use std::ops::Range;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::buffer::ScalarBuffer;
use datafusion::arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::error::DataFusionError;

use super::runs::{Run, RunBatch, RunSource, Window, run_end, seek};
use super::wanted::Wanted;
use crate::QueryError;

pub(super) struct BufferedRuns {
    ids: ScalarBuffer<i64>,
    times: ScalarBuffer<i64>,
    values: ScalarBuffer<f64>,
    /// Rows of the wanted metrics that are left, and the ranks of their series; last ones first.
    metrics: Vec<(Range<usize>, Range<u32>)>,
    window: Window,
}

impl BufferedRuns {
    /// `None` when the batch holds nothing that is wanted.
    pub(super) fn new(
        rows: &RecordBatch,
        wanted: &Wanted,
        window: Window,
    ) -> Result<Option<BufferedRuns>, QueryError> {
        let columns = || {
            let metrics = rows.column_by_name("metric")?.as_string_opt::<i32>()?;
            let ids = rows.column_by_name("series_id")?.as_primitive_opt::<Int64Type>()?;
            let times = rows.column_by_name("ts")?.as_primitive_opt::<TimestampMicrosecondType>()?;
            let values = rows.column_by_name("value")?.as_primitive_opt::<Float64Type>()?;
            Some((metrics, ids.values(), times.values(), values.values()))
        };
        let (names, ids, times, values) = columns().ok_or_else(|| {
            DataFusionError::Internal("buffered samples have columns of other types".to_owned())
        })?;
        let mut metrics = Vec::new();
        let mut start = 0;
        for (name, ranks) in wanted.metrics() {
            start = first_row(names.len(), start, |row| names.value(row) >= name.as_str());
            let end = first_row(names.len(), start, |row| names.value(row) > name.as_str());
            if start < end {
                metrics.push((start..end, ranks.clone()));
            }
            start = end;
        }
        metrics.reverse();
        let runs =
            BufferedRuns { ids: ids.clone(), times: times.clone(), values: values.clone(), metrics, window };
        Ok((!runs.metrics.is_empty()).then_some(runs))
    }

    pub(super) fn rows(&self) -> usize {
        self.metrics.iter().map(|(rows, _)| rows.len()).sum()
    }
}

/// The first row from `from` on for which something holds that holds for all rows behind it, too.
fn first_row(rows: usize, from: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (from, rows);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

impl RunSource for BufferedRuns {
    fn next_batch(&mut self, wanted: &Wanted, batch: &mut RunBatch) -> Result<bool, QueryError> {
        let Some((rows, ranks)) = self.metrics.pop() else { return Ok(false) };
        let ids = &self.ids[rows.clone()];
        let mut at = 0;
        for rank in ranks {
            at = seek(ids, at, wanted.id(rank));
            if at == ids.len() {
                break;
            }
            if ids[at] != wanted.id(rank) {
                continue;
            }
            let end = run_end(ids, at);
            let run = rows.start + at..rows.start + end;
            at = end;
            let kept = self.window.of(&self.times[run.clone()]);
            if kept.is_empty() {
                continue;
            }
            let kept = run.start + kept.start..run.start + kept.end;
            let begin = batch.times.len();
            batch.times.extend_from_slice(&self.times[kept.clone()]);
            batch.values.extend_from_slice(&self.values[kept]);
            batch.runs.push(Run { rank, times: begin..batch.times.len(), values: begin });
        }
        Ok(true)
    }
}
