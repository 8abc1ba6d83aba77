//! Walks a tree: each node becomes a [`Column`] over the same grid, from the series of a batch or from
//! what pipelines have left.

use std::cell::RefCell;
use std::sync::Arc;

use super::{EvalOptions, Setting};
use crate::aggregate;
use crate::annotations::Annotations;
use crate::error::PromqlError;
use crate::load::Product;
use crate::matching;
use crate::matrix::{Grid, Matrix, Series};
use crate::meter::{Charge, Meter};
use crate::operators;
use crate::plan::{Binary, Expr, Span};
use crate::select::{Reading, WindowRow};
use crate::source::SeriesData;

/// The value of an expression over a grid.
pub(crate) enum Column {
    Vector(Matrix),
    /// One number per step.
    Scalar(Vec<f64>),
    Text(String),
}

/// A range vector: each row's samples, and where each step's window ends.
pub(crate) struct Windows {
    pub range_ms: i64,
    pub ends_ms: Vec<i64>,
    pub rows: Vec<WindowRow>,
}

pub(crate) struct Evaluator<'a> {
    pub setting: &'a Setting,
    pub options: &'a EvalOptions,
    pub meter: &'a Arc<Meter>,
    pub span: Span,
    /// What every selector selects: pipelines have one.
    pub series: &'a [SeriesData],
    /// Each is taken once.
    products: RefCell<Vec<Option<Product>>>,
    /// What samples that were taken cost.
    kept: RefCell<Vec<Charge>>,
    notes: RefCell<Annotations>,
}

impl<'a> Evaluator<'a> {
    /// For a pipeline.
    pub(crate) fn over_series(setting: &'a Setting, series: &'a [SeriesData]) -> Evaluator<'a> {
        let (options, meter, span) = (&setting.options, &setting.meter, setting.span);
        let (products, kept, notes) = (RefCell::default(), RefCell::default(), RefCell::default());
        Evaluator { setting, options, meter, span, series, products, kept, notes }
    }

    /// For what is left when the pipelines have run.
    pub(crate) fn over_products(setting: &'a Setting, products: Vec<Product>) -> Evaluator<'a> {
        let products = RefCell::new(products.into_iter().map(Some).collect());
        Evaluator { products, ..Evaluator::over_series(setting, &[]) }
    }

    pub(crate) fn into_notes(self) -> Annotations {
        self.notes.into_inner()
    }

    fn take(&self, product: usize) -> Option<Product> {
        self.products.borrow_mut().get_mut(product)?.take()
    }

    /// The windows' samples that a pipeline has kept.
    pub(crate) fn take_samples(&self, product: usize) -> Result<Vec<WindowRow>, PromqlError> {
        match self.take(product) {
            Some(Product::Samples(rows, charge)) => {
                self.kept.borrow_mut().push(charge);
                Ok(rows)
            }
            _ => Err(missing(product)),
        }
    }
}

/// Each product has one place in the tree, so this says that cutting has a hole.
fn missing(product: usize) -> PromqlError {
    PromqlError::execution(format!("part {product} of the query has not been computed"))
}

impl Evaluator<'_> {
    pub(crate) fn column(&self, expr: &Expr, grid: Grid) -> Result<Column, PromqlError> {
        match expr {
            Expr::Number(value) => Ok(Column::Scalar(vec![*value; grid.steps])),
            Expr::Text(text) => Ok(Column::Text(text.clone())),
            Expr::Instant(selector) => {
                self.instant_selector(selector, grid, Reading::Value).map(Column::Vector)
            }
            Expr::Range(_) => Err(unexpected(expr)),
            Expr::Negate(inner) => self.negate(inner, grid),
            Expr::Binary(binary) => self.binary(binary, grid),
            Expr::Aggregate(node) => aggregate::evaluate(self, node, grid).map(Column::Vector),
            Expr::Call(call) => call.function.call(self, &call.args, grid),
            Expr::Invariant(inner) => self.invariant(inner, grid),
            Expr::Loaded { product, .. } => match self.take(*product) {
                Some(Product::Matrix(matrix)) => Ok(Column::Vector(matrix)),
                _ => Err(missing(*product)),
            },
        }
    }

    /// The value of an expression that is known to be a vector.
    pub(crate) fn vector(&self, expr: &Expr, grid: Grid) -> Result<Matrix, PromqlError> {
        match self.column(expr, grid)? {
            Column::Vector(matrix) => Ok(matrix),
            _ => Err(unexpected(expr)),
        }
    }

    /// The value of an expression that is known to be a scalar.
    pub(crate) fn scalar(&self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, PromqlError> {
        match self.column(expr, grid)? {
            Column::Scalar(values) => Ok(values),
            _ => Err(unexpected(expr)),
        }
    }

    /// The windows of an expression that is known to be a range vector.
    pub(crate) fn range_vector(&self, expr: &Expr, grid: Grid) -> Result<Windows, PromqlError> {
        match expr {
            Expr::Range(range) => self.windows(range, grid),
            _ => Err(unexpected(expr)),
        }
    }

    pub(crate) fn warn(&self, text: String) {
        self.notes.borrow_mut().warn(text);
    }

    pub(crate) fn inform(&self, text: String) {
        self.notes.borrow_mut().inform(text);
    }

    fn negate(&self, inner: &Expr, grid: Grid) -> Result<Column, PromqlError> {
        Ok(match self.column(inner, grid)? {
            Column::Scalar(values) => Column::Scalar(values.into_iter().map(|value| -value).collect()),
            Column::Vector(mut matrix) => {
                matrix.map(|value| -value);
                matrix.mark_names_dropped();
                Column::Vector(matrix)
            }
            Column::Text(_) => return Err(unexpected(inner)),
        })
    }

    fn binary(&self, binary: &Binary, grid: Grid) -> Result<Column, PromqlError> {
        let (op, return_bool) = (binary.op, binary.return_bool);
        let left = self.column(&binary.left, grid)?;
        let right = self.column(&binary.right, grid)?;
        Ok(match (left, right) {
            (Column::Scalar(left), Column::Scalar(right)) => {
                Column::Scalar(operators::scalars(op, left, &right))
            }
            (Column::Vector(left), Column::Scalar(right)) => {
                Column::Vector(operators::vector_scalar(op, left, &right, false, return_bool))
            }
            (Column::Scalar(left), Column::Vector(right)) => {
                Column::Vector(operators::vector_scalar(op, right, &left, true, return_bool))
            }
            (Column::Vector(left), Column::Vector(right)) => {
                Column::Vector(matching::evaluate(binary, left, right)?)
            }
            _ => return Err(unexpected(&binary.left)),
        })
    }

    /// Evaluates once and repeats.
    fn invariant(&self, inner: &Expr, grid: Grid) -> Result<Column, PromqlError> {
        if grid.steps <= 1 {
            return self.column(inner, grid);
        }
        Ok(match self.column(inner, Grid { steps: 1, ..grid })? {
            Column::Text(text) => Column::Text(text),
            Column::Scalar(values) => {
                Column::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); grid.steps])
            }
            Column::Vector(once) => {
                let mut matrix = Matrix::new(grid.steps, self.meter);
                for (series, row) in once.rows() {
                    if let Some(value) = row.get(0) {
                        let at = matrix.add_row(series.clone())?;
                        matrix.row_mut(at).fill(|_| value);
                    }
                }
                Column::Vector(matrix)
            }
        })
    }

    /// A vector of one series without labels.
    pub(crate) fn single(
        &self,
        series: Series,
        grid: Grid,
        value: impl Fn(usize) -> f64,
    ) -> Result<Matrix, PromqlError> {
        let mut matrix = Matrix::new(grid.steps, self.meter);
        let row = matrix.add_row(series)?;
        matrix.row_mut(row).fill(value);
        Ok(matrix)
    }
}

/// Kinds are checked when a query is read, so this says that the check has a hole.
pub(crate) fn unexpected(expr: &Expr) -> PromqlError {
    PromqlError::bad(format!("an expression of type {} is not allowed here", expr.kind()))
}
