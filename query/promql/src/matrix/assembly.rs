//! Matrices whose rows come together piece by piece.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Matrix, Series};
use crate::error::PromqlError;
use crate::meter::Meter;

/// A matrix under construction whose rows are found by series.
pub(crate) struct Assembly {
    matrix: Matrix,
    rows: HashMap<Series, usize>,
}

impl Assembly {
    pub(crate) fn new(steps: usize, meter: &Arc<Meter>) -> Assembly {
        Assembly { matrix: Matrix::new(steps, meter), rows: HashMap::new() }
    }

    pub(crate) fn row_of(&mut self, series: Series) -> Result<usize, PromqlError> {
        if let Some(row) = self.rows.get(&series) {
            return Ok(*row);
        }
        let row = self.matrix.add_row(series.clone())?;
        self.rows.insert(series, row);
        Ok(row)
    }

    /// False if the cell was taken; it then keeps its value.
    pub(crate) fn set(&mut self, row: usize, step: usize, value: f64) -> bool {
        let free = !self.matrix.row(row).has(step);
        if free {
            self.matrix.row_mut(row).set(step, value);
        }
        free
    }

    /// Adds to what the cell holds.
    pub(crate) fn add(&mut self, row: usize, step: usize, value: f64) {
        let before = self.matrix.row(row).get(step).unwrap_or(0.0);
        self.matrix.row_mut(row).set(step, before + value);
    }

    pub(crate) fn finish(mut self) -> Matrix {
        self.matrix.drop_empty_rows();
        self.matrix
    }
}
