//! Cuts a query into pipelines and the rest.
//!
//! A pipeline is a subtree with one selector that treats each series by itself: a selector, functions of
//! its windows, of single values, operators with a number. It can be computed chunk by chunk while the
//! samples are read, and its samples are dropped then. What comes out is kept as rows; if an aggregation
//! that can be folded stands above the subtree, only its groups are. All pipelines over one scan share
//! it. The rest of the tree works on these products and never sees a sample.
//!
//! The one exception: a range vector that is the answer itself, or whose function has a parameter that
//! depends on other series, keeps its samples.

use std::mem;

use crate::aggregate;
use crate::error::PromqlError;
use crate::functions;
use crate::matrix::Grid;
use crate::plan::{AggregateOp, Call, Expr, Grouping, Kind, RangeExpr, Span, When};
use crate::select::subquery_grid;

/// A subtree that is computed while its series are read.
pub(crate) struct Pipeline {
    pub expr: Expr,
    pub grid: Grid,
    pub selector: usize,
    pub end: End,
    /// Cells that a series takes at most in one matrix on the way.
    pub cells_per_series: usize,
}

/// What is kept of what a pipeline computes.
pub(crate) enum End {
    Rows,
    Groups(AggregateOp, Grouping),
    /// The windows' samples.
    Samples,
}

/// Cutting: the pipelines so far, and what they are planned with.
pub(crate) struct Cutter {
    pub pipelines: Vec<Pipeline>,
    pub span: Span,
    pub subquery_step_ms: i64,
}

impl Cutter {
    /// Replaces the subtrees below (or at) `expr` that make pipelines. `grid` has the times at which the
    /// expression is evaluated.
    pub(crate) fn cut(&mut self, expr: &mut Expr, grid: Grid) -> Result<(), PromqlError> {
        if expr.kind() == Kind::Vector
            && let Some(selector) = selector_of_local(expr)
        {
            let inner = mem::replace(expr, Expr::Number(0.0));
            let plain = plain_selector(&inner).or(timed_selector(&inner));
            *expr = self.loaded(inner, grid, selector, End::Rows)?;
            if let Expr::Loaded { selector, .. } = expr {
                *selector = plain;
            }
            return Ok(());
        }
        match expr {
            Expr::Number(_) | Expr::Text(_) | Expr::Instant(_) | Expr::Loaded { .. } => Ok(()),
            Expr::Range(range) => self.range(range, grid),
            Expr::Negate(inner) => self.cut(inner, grid),
            Expr::Invariant(inner) => self.cut(inner, Grid { steps: grid.steps.min(1), ..grid }),
            Expr::Binary(binary) => {
                self.cut(&mut binary.left, grid)?;
                self.cut(&mut binary.right, grid)
            }
            Expr::Aggregate(node) => {
                if aggregate::is_foldable(node.op)
                    && let Some(selector) = selector_of_local(&node.expr)
                {
                    let inner = mem::replace(&mut node.expr, Expr::Number(0.0));
                    let end = End::Groups(node.op, node.grouping.clone());
                    *expr = self.loaded(inner, grid, selector, end)?;
                    return Ok(());
                }
                if let Some(param) = &mut node.param {
                    self.cut(param, grid)?;
                }
                self.cut(&mut node.expr, grid)
            }
            Expr::Call(call) if call.function.presence_only => self.presence(call, grid),
            Expr::Call(call) => call.args.iter_mut().try_for_each(|arg| self.cut(arg, grid)),
        }
    }

    fn range(&mut self, range: &mut RangeExpr, grid: Grid) -> Result<(), PromqlError> {
        match range {
            RangeExpr::Loaded { .. } => Ok(()),
            RangeExpr::Subquery { expr, range_ms, step_ms, when } => {
                match self.inner_grid(*range_ms, *step_ms, *when, grid)? {
                    Some(inner) => self.cut(expr, inner),
                    // Between two of its steps: it has no points, and reads nothing.
                    None => self.cut(expr, Grid { steps: 0, ..grid }),
                }
            }
            RangeExpr::Window { selector, range_ms } => {
                let (id, range_ms, when) = (selector.id, *range_ms, selector.when);
                let product = self.pipelines.len();
                let inner = mem::replace(range, RangeExpr::Loaded { product, range_ms, when });
                self.add(Expr::Range(inner), grid, id, End::Samples)
            }
        }
    }

    /// `absent` and `absent_over_time` ask only at which steps there is anything.
    fn presence(&mut self, call: &mut Call, grid: Grid) -> Result<(), PromqlError> {
        let arg = &mut call.args[0];
        let plain = plain_selector(arg);
        if arg.kind() == Kind::Matrix {
            let inner = mem::replace(arg, Expr::Number(0.0));
            *arg = Expr::Call(Call { function: functions::present_over_time(), args: vec![inner] });
        }
        let Some(selector) = selector_of_local(arg) else { return self.cut(arg, grid) };
        let inner = mem::replace(arg, Expr::Number(0.0));
        let end = End::Groups(AggregateOp::Group, Grouping { without: false, labels: Vec::new() });
        let product = self.pipelines.len();
        self.add(inner, grid, selector, end)?;
        *arg = Expr::Loaded { product, selector: plain };
        Ok(())
    }

    fn loaded(&mut self, expr: Expr, grid: Grid, selector: usize, end: End) -> Result<Expr, PromqlError> {
        let product = self.pipelines.len();
        self.add(expr, grid, selector, end)?;
        Ok(Expr::Loaded { product, selector: None })
    }

    fn add(&mut self, expr: Expr, grid: Grid, selector: usize, end: End) -> Result<(), PromqlError> {
        let cells_per_series = self.cells(&expr, grid)?.max(1);
        self.pipelines.push(Pipeline { expr, grid, selector, end, cells_per_series });
        Ok(())
    }

    /// The steps of the longest row below an expression of one selector.
    fn cells(&self, expr: &Expr, grid: Grid) -> Result<usize, PromqlError> {
        let below = match expr {
            Expr::Range(RangeExpr::Subquery { expr, range_ms, step_ms, when }) => {
                match self.inner_grid(*range_ms, *step_ms, *when, grid)? {
                    Some(inner) => self.cells(expr, inner)?,
                    None => 0,
                }
            }
            Expr::Negate(inner) | Expr::Invariant(inner) => self.cells(inner, grid)?,
            Expr::Binary(binary) => self.cells(&binary.left, grid)?.max(self.cells(&binary.right, grid)?),
            Expr::Call(call) => {
                let args = call.args.iter().map(|arg| self.cells(arg, grid));
                args.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0)
            }
            _ => 0,
        };
        Ok(below.max(grid.steps))
    }

    fn inner_grid(
        &self,
        range_ms: i64,
        step_ms: Option<i64>,
        when: When,
        grid: Grid,
    ) -> Result<Option<Grid>, PromqlError> {
        let seen = |time_ms| when.resolve(time_ms, self.span);
        let step_ms = step_ms.unwrap_or(self.subquery_step_ms);
        if grid.steps == 0 {
            return Ok(None);
        }
        subquery_grid(seen(grid.start_ms), seen(grid.end_ms()), range_ms, step_ms)
    }
}

/// The one selector of an expression that treats each series by itself.
fn selector_of_local(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Instant(selector) | Expr::Range(RangeExpr::Window { selector, .. }) => Some(selector.id),
        Expr::Range(RangeExpr::Subquery { expr, .. }) => selector_of_local(expr),
        Expr::Negate(inner) | Expr::Invariant(inner) => selector_of_local(inner),
        Expr::Binary(binary) => {
            let (left, right) = (&binary.left, &binary.right);
            match (left.kind(), right.kind()) {
                (Kind::Vector, Kind::Scalar) if is_free_of_data(right) => selector_of_local(left),
                (Kind::Scalar, Kind::Vector) if is_free_of_data(left) => selector_of_local(right),
                _ => None,
            }
        }
        Expr::Call(call) if call.function.is_row_wise() => {
            let has_series = |arg: &&Expr| matches!(arg.kind(), Kind::Vector | Kind::Matrix);
            let mut others = call.args.iter().filter(|arg| !has_series(arg));
            let series = call.args.iter().find(has_series)?;
            others.all(is_free_of_data).then(|| selector_of_local(series)).flatten()
        }
        Expr::Number(_) | Expr::Text(_) | Expr::Range(_) | Expr::Aggregate(_) | Expr::Call(_) => None,
        Expr::Loaded { .. } => None,
    }
}

/// Whether an expression depends on no series.
fn is_free_of_data(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::Text(_) => true,
        Expr::Instant(_) | Expr::Loaded { .. } => false,
        Expr::Range(RangeExpr::Subquery { expr, .. }) => is_free_of_data(expr),
        Expr::Range(_) => false,
        Expr::Negate(inner) | Expr::Invariant(inner) => is_free_of_data(inner),
        Expr::Binary(binary) => is_free_of_data(&binary.left) && is_free_of_data(&binary.right),
        Expr::Aggregate(node) => is_free_of_data(&node.expr) && node.param.iter().all(is_free_of_data),
        Expr::Call(call) => call.args.iter().all(is_free_of_data),
    }
}

/// Whether an argument names one selector, whose matchers then say what an absent series would be.
fn plain_selector(expr: &Expr) -> Option<usize> {
    match expr.unmarked() {
        Expr::Instant(selector) => Some(selector.id),
        Expr::Range(RangeExpr::Window { selector, .. }) => Some(selector.id),
        _ => None,
    }
}

/// The selector whose samples' times an expression asks for.
fn timed_selector(expr: &Expr) -> Option<usize> {
    match expr.unmarked() {
        Expr::Call(call) if call.function.name == "timestamp" => plain_selector(&call.args[0]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let mut query = crate::parse(text).unwrap();
        let grid = Grid { start_ms: 0, step_ms: 60_000, steps: 61 };
        let span = Span { start_ms: 0, end_ms: grid.end_ms() };
        let mut cutter = Cutter { pipelines: Vec::new(), span, subquery_step_ms: 60_000 };
        cutter.cut(&mut query.expr, grid).unwrap();
        let ends = cutter.pipelines.iter().map(|pipeline| {
            let end = match &pipeline.end {
                End::Rows => "rows".to_owned(),
                End::Groups(op, grouping) => format!("{op:?} by {:?}", grouping.labels),
                End::Samples => "samples".to_owned(),
            };
            format!("{end} ({} steps, {} cells)", pipeline.grid.steps, pipeline.cells_per_series)
        });
        expected.assert_eq(&ends.collect::<Vec<_>>().join("; "));
    }

    #[test]
    fn an_aggregation_folds_what_is_computed_series_by_series() {
        check("sum by (x) (rate(m[5m]))", expect!["Sum by [\"x\"] (61 steps, 61 cells)"]);
        check("avg(-(clamp_min(m, 2) * time()))", expect!["Avg by [] (61 steps, 61 cells)"]);
        check("max(max_over_time(rate(m[5m])[1h:10s]))", expect!["Max by [] (61 steps, 720 cells)"]);
        check("count(m @ 0)", expect!["Count by [] (1 steps, 1 cells)"]);
        check(
            "absent(m) or absent_over_time(m[5m])",
            expect![["Group by [] (61 steps, 61 cells); Group by [] (61 steps, 61 cells)"]],
        );
    }

    #[test]
    fn other_operators_work_on_rows() {
        check("topk(3, rate(m[5m]))", expect!["rows (61 steps, 61 cells)"]);
        check("rate(m[5m]) / n", expect!["rows (61 steps, 61 cells); rows (61 steps, 61 cells)"]);
        check("sum(m * scalar(n))", expect!["rows (61 steps, 61 cells); rows (61 steps, 61 cells)"]);
        check("sum(m + vector(1))", expect!["rows (61 steps, 61 cells)"]);
        check("avg_over_time(sum(m)[1h:30s])", expect!["Sum by [] (240 steps, 240 cells)"]);
        check("vector(time())", expect![""]);
    }

    #[test]
    fn samples_are_kept_where_a_parameter_depends_on_other_series() {
        check(
            "quantile_over_time(scalar(q), m[5m])",
            expect!["rows (61 steps, 61 cells); samples (61 steps, 61 cells)"],
        );
    }
}
