//! Aggregations that keep one accumulator per group and step, and so never need all rows at once.
//!
//! Rows are added in the order in which they come; since floats are added in that order, the order of
//! a group's rows decides the last bits and nothing else does.

use std::collections::HashMap;
use std::sync::Arc;

use telemetry::Labels;

use super::Members;
use crate::error::PromqlError;
use crate::matrix::{Matrix, Series};
use crate::meter::{Charge, Meter};
use crate::numbers::{self, KahanSum, Mean};
use crate::plan::AggregateOp;

/// Groups while rows are added to them.
pub(crate) trait Fold: Send {
    /// Adds rows, which are divided into groups already.
    fn add(&mut self, groups: Vec<Members>, rows: &Matrix) -> Result<(), PromqlError>;

    /// The groups in the order of their labels.
    fn finish(self: Box<Self>) -> Result<Matrix, PromqlError>;
}

pub(crate) fn is_foldable(op: AggregateOp) -> bool {
    use AggregateOp::{Avg, Count, Group, Max, Min, Stddev, Stdvar, Sum};
    matches!(op, Sum | Avg | Min | Max | Count | Group | Stddev | Stdvar)
}

/// # Panics
/// For an operator that is not [foldable](is_foldable).
pub(crate) fn fold_of(op: AggregateOp, steps: usize, meter: &Arc<Meter>) -> Box<dyn Fold> {
    match op {
        AggregateOp::Sum => groups::<KahanSum>(steps, meter),
        AggregateOp::Avg => groups::<Mean>(steps, meter),
        AggregateOp::Min => groups::<Min>(steps, meter),
        AggregateOp::Max => groups::<Max>(steps, meter),
        AggregateOp::Count => groups::<Count>(steps, meter),
        AggregateOp::Group => groups::<Group>(steps, meter),
        AggregateOp::Stdvar => groups::<Stdvar>(steps, meter),
        AggregateOp::Stddev => groups::<Stddev>(steps, meter),
        other => unreachable!("{other:?} is not foldable"),
    }
}

fn groups<A: Accumulator>(steps: usize, meter: &Arc<Meter>) -> Box<dyn Fold> {
    Box::new(Groups::<A> { steps, found: HashMap::new(), groups: Vec::new(), charge: meter.charge() })
}

struct Groups<A> {
    steps: usize,
    found: HashMap<Labels, usize>,
    groups: Vec<Accumulated<A>>,
    charge: Charge,
}

struct Accumulated<A> {
    series: Series,
    cells: Vec<A>,
    bits: Vec<u64>,
}

impl<A: Accumulator> Groups<A> {
    /// A cell of the sample limit is a sample: 16 bytes.
    fn cost(&self) -> usize {
        self.steps * size_of::<A>().div_ceil(16).max(1)
    }
}

impl<A: Accumulator> Fold for Groups<A> {
    fn add(&mut self, groups: Vec<Members>, rows: &Matrix) -> Result<(), PromqlError> {
        for group in groups {
            let at = match self.found.get(&group.series.labels) {
                Some(at) => *at,
                None => {
                    self.charge.add(self.cost())?;
                    self.charge.meter().check_at_row(self.groups.len())?;
                    self.found.insert(group.series.labels.clone(), self.groups.len());
                    self.groups.push(Accumulated {
                        series: group.series.clone(),
                        cells: vec![A::default(); self.steps],
                        bits: vec![0; self.steps.div_ceil(64)],
                    });
                    self.groups.len() - 1
                }
            };
            let known = &mut self.groups[at];
            known.series.drop_name |= group.series.drop_name;
            for row in group.rows {
                let row = rows.row(row);
                if row.is_full() {
                    known.cells.iter_mut().zip(row.values).for_each(|(cell, value)| cell.add(*value));
                } else {
                    row.iter().for_each(|(step, value)| known.cells[step].add(value));
                }
                known.bits.iter_mut().zip(row.bits).for_each(|(all, word)| *all |= word);
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Matrix, PromqlError> {
        self.groups.sort_unstable_by(|a, b| a.series.labels.cmp(&b.series.labels));
        let mut output = Matrix::new(self.steps, self.charge.meter());
        let cost = self.cost();
        for group in std::mem::take(&mut self.groups) {
            self.charge.give_back(cost);
            let target = output.add_row(group.series)?;
            let result = output.row_mut(target);
            result.bits.copy_from_slice(&group.bits);
            result.values.iter_mut().zip(group.cells).for_each(|(value, cell)| *value = cell.get());
        }
        output.drop_empty_rows();
        Ok(output)
    }
}

/// What a group remembers at a step.
trait Accumulator: Copy + Default + Send + 'static {
    fn add(&mut self, value: f64);
    fn get(self) -> f64;
}

impl Accumulator for KahanSum {
    fn add(&mut self, value: f64) {
        KahanSum::add(self, value);
    }

    fn get(self) -> f64 {
        self.total()
    }
}

impl Accumulator for Mean {
    fn add(&mut self, value: f64) {
        Mean::add(self, value);
    }

    fn get(self) -> f64 {
        Mean::get(self)
    }
}

/// NaN only if there is nothing else.
#[derive(Clone, Copy)]
struct Min(f64);

impl Default for Min {
    fn default() -> Self {
        Min(f64::NAN)
    }
}

impl Accumulator for Min {
    fn add(&mut self, value: f64) {
        self.0 = self.0.min(value);
    }

    fn get(self) -> f64 {
        self.0
    }
}

/// NaN only if there is nothing else.
#[derive(Clone, Copy)]
struct Max(f64);

impl Default for Max {
    fn default() -> Self {
        Max(f64::NAN)
    }
}

impl Accumulator for Max {
    fn add(&mut self, value: f64) {
        self.0 = self.0.max(value);
    }

    fn get(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy, Default)]
struct Count(f64);

impl Accumulator for Count {
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn get(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy, Default)]
struct Group;

impl Accumulator for Group {
    fn add(&mut self, _: f64) {}

    fn get(self) -> f64 {
        1.0
    }
}

/// Population variance.
#[derive(Clone, Copy, Default)]
struct Stdvar(numbers::Variance);

impl Accumulator for Stdvar {
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn get(self) -> f64 {
        self.0.get()
    }
}

#[derive(Clone, Copy, Default)]
struct Stddev(numbers::Variance);

impl Accumulator for Stddev {
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn get(self) -> f64 {
        self.0.get().sqrt()
    }
}
