//! Samples, merged series by series.
//!
//! Files to be merged hold mostly the same series in the same order, some rows of each. So the next
//! series is found by looking at where each input stands, which is an integer comparison for each of
//! them; then the inputs that have it take turns by time, and as a rule each of them once.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, Int64Array, RecordBatch, StringArray, StringBuilder};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};

use super::{Input, OUTPUT_ROWS};
use crate::columns;
use crate::error::LakeError;
use crate::schema::Table;

pub struct Merger {
    /// By sequence, so that of two cursors at one time the later source comes second.
    cursors: Vec<Cursor>,
    /// The cursors at the metric that is merged; the others are behind it.
    at_metric: Vec<usize>,
    /// Of them, the ones at the series that is merged, by the time they are at.
    at_series: Vec<usize>,
    output: Output,
}

/// An input at a row.
struct Cursor {
    input: Input,
    metrics: StringArray,
    ids: ScalarBuffer<i64>,
    times: ScalarBuffer<i64>,
    values: ScalarBuffer<f64>,
    row: usize,
}

/// Rows that are put together.
#[derive(Default)]
struct Output {
    /// Each with where its rows end.
    metrics: Vec<(String, usize)>,
    ids: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Merger {
    pub fn new(mut inputs: Vec<Input>) -> Result<Merger, LakeError> {
        inputs.sort_by_key(|input| input.sequence);
        let mut cursors = Vec::with_capacity(inputs.len());
        for mut input in inputs {
            if let Some(batch) = input.read(Table::MetricSamples)? {
                cursors.push(Cursor::at_start(input, &batch));
            }
        }
        Ok(Merger { cursors, at_metric: Vec::new(), at_series: Vec::new(), output: Output::default() })
    }

    /// The next rows; `None` when all were taken.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        while self.output.times.len() < OUTPUT_ROWS {
            if self.at_series.is_empty() && !self.find_series() {
                break;
            }
            self.take_run()?;
        }
        if self.output.times.is_empty() { Ok(None) } else { self.output.take().map(Some) }
    }

    /// Finds who is at the next series; `false` at the end.
    fn find_series(&mut self) -> bool {
        if self.at_metric.is_empty() {
            let live = || self.cursors.iter().enumerate().filter(|(_, cursor)| !cursor.is_at_end());
            let Some(metric) = live().map(|(_, cursor)| cursor.metric()).min() else { return false };
            self.at_metric.extend(live().filter(|(_, cursor)| cursor.metric() == metric).map(|(at, _)| at));
            self.output.begin_metric(metric);
        }
        let (cursors, at_metric) = (&self.cursors, &self.at_metric);
        let next = at_metric.iter().map(|at| cursors[*at].id()).min();
        self.at_series.extend(at_metric.iter().filter(|at| Some(cursors[**at].id()) == next));
        // Stable: at one time the later source stays the second.
        self.at_series.sort_by_key(|at| cursors[*at].time());
        true
    }

    /// Takes what the first cursor has before the second one's time.
    fn take_run(&mut self) -> Result<(), LakeError> {
        let Some((&at, others)) = self.at_series.split_first() else { return Ok(()) };
        let until = others.first().map(|at| self.cursors[*at].time());
        let cursor = &mut self.cursors[at];
        let (id, run_begin) = (cursor.id(), cursor.row);
        let run_end = cursor.run_end(until);
        // None when the second one has this time, too: its row is right.
        self.output.push(id, &cursor.times[run_begin..run_end], &cursor.values[run_begin..run_end]);
        let is_replaced = run_end == run_begin;
        let metric_goes_on = cursor.go_to(if is_replaced { run_begin + 1 } else { run_end })?;

        if !metric_goes_on {
            self.at_metric.retain(|other| *other != at);
            self.at_series.remove(0);
        } else if cursor.id() != id {
            self.at_series.remove(0);
        } else {
            let (time, cursors) = (self.cursors[at].time(), &self.cursors);
            let before = |other: &usize| (cursors[*other].time(), *other) < (time, at);
            let place = self.at_series[1..].partition_point(before);
            self.at_series[..=place].rotate_left(1);
        }
        Ok(())
    }
}

impl Cursor {
    fn at_start(input: Input, batch: &RecordBatch) -> Cursor {
        Cursor {
            input,
            metrics: batch.column(0).as_string::<i32>().clone(),
            ids: batch.column(1).as_primitive::<Int64Type>().values().clone(),
            times: batch.column(2).as_primitive::<TimestampMicrosecondType>().values().clone(),
            values: batch.column(3).as_primitive::<Float64Type>().values().clone(),
            row: 0,
        }
    }

    fn is_at_end(&self) -> bool {
        self.row == self.ids.len()
    }

    fn metric(&self) -> &str {
        self.metrics.value(self.row)
    }

    fn id(&self) -> i64 {
        self.ids[self.row]
    }

    fn time(&self) -> i64 {
        self.times[self.row]
    }

    /// Where the rows of this series before a time end, within the batch.
    fn run_end(&self, until: Option<i64>) -> usize {
        let id = self.id();
        let is_before = |row: usize| self.ids[row] == id && until.is_none_or(|until| self.times[row] < until);
        let (mut end, mut step) = (self.row, 1);
        while end + step <= self.ids.len() && is_before(end + step - 1) {
            end += step;
            step *= 2;
        }
        // The answer is within the last step.
        let mut beyond = (end + step - 1).min(self.ids.len());
        while end < beyond {
            let middle = end + (beyond - end) / 2;
            if is_before(middle) { end = middle + 1 } else { beyond = middle }
        }
        end
    }

    /// Moves on, into the next batch if need be. `false` when another metric begins there, or nothing.
    fn go_to(&mut self, row: usize) -> Result<bool, LakeError> {
        if row < self.ids.len() {
            let metric_goes_on =
                self.ids[row] == self.ids[self.row] || self.metrics.value(row) == self.metric();
            self.row = row;
            return Ok(metric_goes_on);
        }
        let metric = self.metric().to_owned();
        self.row = row;
        let Some(batch) = self.input.read(Table::MetricSamples)? else { return Ok(false) };
        self.metrics = batch.column(0).as_string::<i32>().clone();
        self.ids = batch.column(1).as_primitive::<Int64Type>().values().clone();
        self.times = batch.column(2).as_primitive::<TimestampMicrosecondType>().values().clone();
        self.values = batch.column(3).as_primitive::<Float64Type>().values().clone();
        self.row = 0;
        Ok(self.metric() == metric)
    }
}

impl Output {
    fn begin_metric(&mut self, metric: &str) {
        self.end_metric();
        self.metrics.push((metric.to_owned(), self.times.len()));
    }

    /// The rows that came belong to the newest metric.
    fn end_metric(&mut self) {
        if let Some((_, end)) = self.metrics.last_mut() {
            *end = self.times.len();
        }
    }

    fn push(&mut self, id: i64, times: &[i64], values: &[f64]) {
        self.ids.resize(self.ids.len() + times.len(), id);
        self.times.extend_from_slice(times);
        self.values.extend_from_slice(values);
    }

    /// The rows; the metric goes on.
    fn take(&mut self) -> Result<RecordBatch, LakeError> {
        self.end_metric();
        let rows = self.times.len();
        let text_bytes = self.metrics.iter().map(|(metric, _)| metric.len()).max().unwrap_or_default() * rows;
        let mut metrics = StringBuilder::with_capacity(rows, text_bytes);
        let mut begin = 0;
        for (metric, end) in &self.metrics {
            (begin..*end).for_each(|_| metrics.append_value(metric));
            begin = *end;
        }
        if let Some((metric, _)) = self.metrics.pop() {
            self.metrics.clear();
            self.metrics.push((metric, 0));
        }
        let batch = RecordBatch::try_new(
            Table::MetricSamples.file_schema(),
            vec![
                Arc::new(metrics.finish()),
                Arc::new(Int64Array::from(std::mem::take(&mut self.ids))),
                columns::timestamps(std::mem::take(&mut self.times)),
                Arc::new(Float64Array::from(std::mem::take(&mut self.values))),
            ],
        );
        Ok(batch?)
    }
}
