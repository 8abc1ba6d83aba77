//! What a query needs from storage: one scan per distinct set of matchers, with overlapping time spans
//! joined.

use telemetry::{Matcher, Timestamp};

use crate::evaluate::EvalOptions;
use crate::matrix::Grid;
use crate::plan::{Expr, Query, RangeExpr, SelectorRef, Span, When};
use crate::source::Selector;

/// The scans of a query, and which scan serves which selector.
pub(crate) struct Scans {
    pub scans: Vec<Selector>,
    /// By the selector's id. A scan may reach further than the selector.
    pub scan_of: Vec<usize>,
}

impl Scans {
    pub(crate) fn of(query: &Query, grid: Grid, options: &EvalOptions) -> Scans {
        let (scans, scan_of) = plan_scans(query, &extents(query, grid, options));
        Scans { scans, scan_of }
    }
}

/// Milliseconds, left-open.
#[derive(Clone, Copy)]
struct Extent {
    start_ms: i64,
    end_ms: i64,
}

/// The extent that each selector reads, by id.
fn extents(query: &Query, grid: Grid, options: &EvalOptions) -> Vec<Extent> {
    let span = Span { start_ms: grid.start_ms, end_ms: grid.end_ms() };
    let nothing = Extent { start_ms: grid.start_ms, end_ms: grid.start_ms };
    let mut visit =
        Visit { span, lookback_ms: options.lookback_ms(), extents: vec![nothing; query.selectors.len()] };
    visit.expr(&query.expr, span);
    visit.extents
}

struct Visit {
    span: Span,
    lookback_ms: i64,
    extents: Vec<Extent>,
}

impl Visit {
    /// `times` are the first and last evaluation time of the expression.
    fn expr(&mut self, expr: &Expr, times: Span) {
        match expr {
            // Nothing is loaded yet when scans are planned.
            Expr::Number(_) | Expr::Text(_) | Expr::Loaded { .. } | Expr::Range(RangeExpr::Loaded { .. }) => {
            }
            Expr::Instant(selector) => self.selector(selector, times, self.lookback_ms),
            Expr::Range(RangeExpr::Window { selector, range_ms }) => {
                self.selector(selector, times, *range_ms);
            }
            Expr::Range(RangeExpr::Subquery { expr, range_ms, when, .. }) => {
                let seen = self.resolve(*when, times);
                let start_ms = seen.start_ms.saturating_sub(*range_ms);
                self.expr(expr, Span { start_ms, end_ms: seen.end_ms });
            }
            Expr::Negate(inner) | Expr::Invariant(inner) => self.expr(inner, times),
            Expr::Binary(binary) => {
                self.expr(&binary.left, times);
                self.expr(&binary.right, times);
            }
            Expr::Aggregate(aggregate) => {
                self.expr(&aggregate.expr, times);
                if let Some(param) = &aggregate.param {
                    self.expr(param, times);
                }
            }
            Expr::Call(call) => call.args.iter().for_each(|arg| self.expr(arg, times)),
        }
    }

    fn resolve(&self, when: When, times: Span) -> Span {
        Span {
            start_ms: when.resolve(times.start_ms, self.span),
            end_ms: when.resolve(times.end_ms, self.span),
        }
    }

    fn selector(&mut self, selector: &SelectorRef, times: Span, reach_ms: i64) {
        let seen = self.resolve(selector.when, times);
        self.extents[selector.id] =
            Extent { start_ms: seen.start_ms.saturating_sub(reach_ms), end_ms: seen.end_ms };
    }
}

/// Joins extents of equal matchers where they overlap or touch; answers the scans, and which scan
/// serves which selector.
fn plan_scans(query: &Query, extents: &[Extent]) -> (Vec<Selector>, Vec<usize>) {
    let mut order: Vec<usize> = (0..extents.len()).collect();
    order.sort_by_key(|id| extents[*id].start_ms);
    let mut scans: Vec<(&[Matcher], Extent)> = Vec::new();
    let mut scan_of = vec![0; extents.len()];
    for id in order {
        let (matchers, extent) = (query.selectors[id].as_slice(), extents[id]);
        let joins =
            |(known, span): &(&[Matcher], Extent)| *known == matchers && extent.start_ms <= span.end_ms;
        scan_of[id] = match scans.iter().position(joins) {
            Some(scan) => {
                scans[scan].1.end_ms = scans[scan].1.end_ms.max(extent.end_ms);
                scan
            }
            None => {
                scans.push((matchers, extent));
                scans.len() - 1
            }
        };
    }
    let selectors = scans.into_iter().map(|(matchers, extent)| Selector {
        matchers: matchers.to_vec(),
        start: Timestamp::from_millis(extent.start_ms),
        end: Timestamp::from_millis(extent.end_ms),
    });
    (selectors.collect(), scan_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let query = crate::parse(text).unwrap();
        let grid = Grid { start_ms: 1_000_000, step_ms: 60_000, steps: 11 };
        let (selectors, scan_of) = plan_scans(&query, &extents(&query, grid, &EvalOptions::default()));
        let scans: Vec<_> = selectors
            .iter()
            .map(|s| format!("{:?} ({}, {}]", s.matchers, s.start.secs(), s.end.secs()))
            .collect();
        expected.assert_eq(&format!("{} {scan_of:?}", scans.join("; ")));
    }

    #[test]
    fn spans_reach_back_by_lookback_range_and_offset() {
        check("up", expect![[r#"[__name__="up"] (700, 1600] [0]"#]]);
        check("rate(up[1m] offset 10s)", expect![[r#"[__name__="up"] (930, 1590] [0]"#]]);
        check("up @ 50", expect![[r#"[__name__="up"] (-250, 50] [0]"#]]);
        check(
            "max_over_time(rate(up[1m])[2m:10s] @ end())",
            expect![[r#"[__name__="up"] (1420, 1600] [0]"#]],
        );
    }

    #[test]
    fn equal_scans_are_shared_where_they_overlap() {
        check("rate(up[1m]) / up", expect![[r#"[__name__="up"] (700, 1600] [0, 0]"#]]);
        check(
            "up - up offset 1d",
            expect![[r#"[__name__="up"] (-85700, -84800]; [__name__="up"] (700, 1600] [1, 0]"#]],
        );
    }
}
