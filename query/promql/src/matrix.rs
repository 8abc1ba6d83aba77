//! The value of a vector expression: a dense table, one row per series and one column per step.
//!
//! Invariants: `values` is row-major with `steps` numbers per row; a cell counts only where its bit in
//! `valid` is set (other cells hold anything, so that element-wise work can run over whole slices); bits
//! past the last step are never set. A later kind of sample (native histograms) becomes a sparse side
//! column, not another matrix type.

use std::collections::HashMap;
use std::sync::Arc;

use telemetry::Labels;

use crate::error::PromqlError;
use crate::meter::{Charge, Meter};

mod assembly;
mod row;

pub(crate) use assembly::Assembly;
pub(crate) use row::{Row, RowMut, set_bits};

/// The steps of an evaluation, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub start_ms: i64,
    /// Positive, also where there is just one step.
    pub step_ms: i64,
    pub steps: usize,
}

impl Grid {
    pub(crate) fn instant(at_ms: i64) -> Grid {
        Grid { start_ms: at_ms, step_ms: 1, steps: 1 }
    }

    pub(crate) fn time_ms(&self, step: usize) -> i64 {
        self.start_ms + self.step_ms * step as i64
    }

    pub(crate) fn times_ms(self) -> impl Iterator<Item = i64> {
        (0..self.steps).map(move |step| self.time_ms(step))
    }

    pub(crate) fn end_ms(&self) -> i64 {
        self.time_ms(self.steps.saturating_sub(1))
    }
}

/// What names a row. A function that changes a value's meaning does not take the metric's name away
/// at once but marks it, so that `label_replace` can still read it; it goes when the query ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Series {
    pub labels: Labels,
    pub drop_name: bool,
}

impl Series {
    pub(crate) fn new(labels: Labels) -> Series {
        Series { labels, drop_name: false }
    }

    pub(crate) fn unnamed(labels: Labels) -> Series {
        Series { labels, drop_name: true }
    }

    /// The labels that the user sees.
    pub(crate) fn visible_labels(&self) -> Labels {
        if self.drop_name { self.labels.without_metric() } else { self.labels.clone() }
    }
}

/// A cell of the meter is a sample: a time and a number.
const CELL_BYTES: usize = 16;

pub(crate) struct Matrix {
    pub series: Vec<Series>,
    steps: usize,
    words: usize,
    values: Vec<f64>,
    valid: Vec<u64>,
    charge: Charge,
}

impl Matrix {
    /// Charges for more than the numbers: what its labels hold.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), PromqlError> {
        self.charge.add(bytes / CELL_BYTES)
    }

    pub(crate) fn new(steps: usize, meter: &Arc<Meter>) -> Matrix {
        let words = steps.div_ceil(64);
        let (series, values, valid) = (Vec::new(), Vec::new(), Vec::new());
        Matrix { series, steps, words, values, valid, charge: meter.charge() }
    }

    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    pub(crate) fn meter(&self) -> &Arc<Meter> {
        self.charge.meter()
    }

    /// Adds a row without any value; also where the stop signal is heard.
    pub(crate) fn add_row(&mut self, series: Series) -> Result<usize, PromqlError> {
        self.charge.meter().check_at_row(self.series.len())?;
        self.charge.add(self.steps)?;
        self.series.push(series);
        self.values.resize(self.values.len() + self.steps, 0.0);
        self.valid.resize(self.valid.len() + self.words, 0);
        Ok(self.series.len() - 1)
    }

    /// Adds a row and takes it away again if `fill` sets nothing.
    pub(crate) fn add_filled(
        &mut self,
        series: Series,
        fill: impl FnOnce(&mut RowMut<'_>) -> Result<(), PromqlError>,
    ) -> Result<(), PromqlError> {
        let row = self.add_row(series)?;
        fill(&mut self.row_mut(row))?;
        if self.row(row).is_empty() {
            self.series.pop();
            self.values.truncate(self.values.len() - self.steps);
            self.valid.truncate(self.valid.len() - self.words);
            self.charge.give_back(self.steps);
        }
        Ok(())
    }

    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        Row {
            values: &self.values[row * self.steps..(row + 1) * self.steps],
            bits: &self.valid[row * self.words..(row + 1) * self.words],
        }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Series, Row<'_>)> {
        self.series.iter().enumerate().map(|(row, series)| (series, self.row(row)))
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> RowMut<'_> {
        RowMut {
            values: &mut self.values[row * self.steps..(row + 1) * self.steps],
            bits: &mut self.valid[row * self.words..(row + 1) * self.words],
        }
    }

    /// Adds the rows of a matrix with the same steps.
    pub(crate) fn append(&mut self, mut other: Matrix) {
        self.series.append(&mut other.series);
        self.values.append(&mut other.values);
        self.valid.append(&mut other.valid);
        self.charge.join(other.charge);
    }

    /// Rows in the order of their labels.
    pub(crate) fn sorted(mut self) -> Matrix {
        if self.series.is_sorted_by(|a, b| a.labels <= b.labels) {
            return self;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by(|a, b| self.series[*a].labels.cmp(&self.series[*b].labels));
        let (mut values, mut valid) =
            (Vec::with_capacity(self.values.len()), Vec::with_capacity(self.valid.len()));
        for &row in &order {
            values.extend_from_slice(self.row(row).values);
            valid.extend_from_slice(self.row(row).bits);
        }
        let series = order.into_iter().map(|row| std::mem::take(&mut self.series[row]));
        self.series = series.collect();
        Matrix { values, valid, ..self }
    }

    /// Replaces every value; `change` also sees cells that do not count.
    pub(crate) fn map(&mut self, change: impl Fn(f64) -> f64) {
        for value in &mut self.values {
            *value = change(*value);
        }
    }

    /// Replaces every value with knowledge of its step.
    pub(crate) fn map_steps(&mut self, change: impl Fn(usize, f64) -> f64) {
        if self.steps == 0 {
            return;
        }
        for row in self.values.chunks_exact_mut(self.steps) {
            for (step, value) in row.iter_mut().enumerate() {
                *value = change(step, *value);
            }
        }
    }

    /// Keeps the cells that `keep` accepts, then the rows that still have one.
    pub(crate) fn filter_cells(&mut self, keep: impl Fn(usize, f64) -> bool) {
        for row in 0..self.len() {
            self.row_mut(row).retain(&keep);
        }
        self.drop_empty_rows();
    }

    pub(crate) fn mark_names_dropped(&mut self) {
        for series in &mut self.series {
            series.drop_name = true;
        }
    }

    pub(crate) fn drop_empty_rows(&mut self) {
        let keep: Vec<usize> = (0..self.len()).filter(|row| !self.row(*row).is_empty()).collect();
        if keep.len() < self.len() {
            self.keep_rows(&keep);
        }
    }

    /// Keeps the rows named, in that order (ascending).
    fn keep_rows(&mut self, keep: &[usize]) {
        for (to, &from) in keep.iter().enumerate() {
            self.series.swap(to, from);
            self.values.copy_within(from * self.steps..(from + 1) * self.steps, to * self.steps);
            self.valid.copy_within(from * self.words..(from + 1) * self.words, to * self.words);
        }
        self.charge.give_back((self.len() - keep.len()) * self.steps);
        self.series.truncate(keep.len());
        self.values.truncate(keep.len() * self.steps);
        self.valid.truncate(keep.len() * self.words);
    }

    /// Rows that have become the same series are one if they never meet at a step, and an error if
    /// they do.
    pub(crate) fn merge_same_series(self) -> Result<Matrix, PromqlError> {
        let mut seen: HashMap<&Series, ()> = HashMap::with_capacity(self.len());
        if self.series.iter().all(|series| seen.insert(series, ()).is_none()) {
            return Ok(self);
        }
        let mut merged = Assembly::new(self.steps, self.meter());
        for (series, row) in self.rows() {
            let target = merged.row_of(series.clone())?;
            for (step, value) in row.iter() {
                if !merged.set(target, step, value) {
                    return Err(same_labelset());
                }
            }
        }
        Ok(merged.finish())
    }
}

pub(crate) fn same_labelset() -> PromqlError {
    PromqlError::execution("vector cannot contain metrics with the same labelset")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str) -> Series {
        Series::new(Labels::new([("a", name)]).unwrap())
    }

    fn matrix(rows: &[(&str, &[usize])]) -> Matrix {
        let mut matrix = Matrix::new(130, &Meter::new(10_000, None));
        for (name, steps) in rows {
            let row = matrix.add_row(series(name)).unwrap();
            steps.iter().for_each(|step| matrix.row_mut(row).set(*step, *step as f64));
        }
        matrix
    }

    #[test]
    fn cells_count_only_where_set() {
        let matrix = matrix(&[("x", &[0, 63, 64, 129])]);
        let cells: Vec<_> = matrix.row(0).iter().collect();
        assert_eq!(cells, [(0, 0.0), (63, 63.0), (64, 64.0), (129, 129.0)]);
        assert_eq!((matrix.row(0).get(1), matrix.row(0).get(129)), (None, Some(129.0)));
    }

    #[test]
    fn rows_without_cells_go_away() {
        let mut matrix = matrix(&[("x", &[1]), ("y", &[2, 100]), ("z", &[3])]);
        matrix.filter_cells(|step, _| step == 100 || step == 3);
        let left: Vec<_> = matrix.rows().map(|(s, row)| (s.labels.to_string(), row.iter().count())).collect();
        assert_eq!(left, [(r#"{a="y"}"#.to_owned(), 1), (r#"{a="z"}"#.to_owned(), 1)]);
        assert_eq!(matrix.row(0).get(100), Some(100.0));
    }

    #[test]
    fn equal_series_merge_unless_they_meet() {
        let merged = matrix(&[("x", &[1]), ("x", &[2])]).merge_same_series().unwrap();
        assert_eq!((merged.len(), merged.row(0).iter().count()), (1, 2));
        assert!(matrix(&[("x", &[1]), ("x", &[1])]).merge_same_series().is_err());
    }
}
