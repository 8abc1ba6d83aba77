//! Whether what is left of a query is computed faster than it is handed to another thread.

use super::Prepared;
use crate::load::Product;
use crate::plan::{Expr, RangeExpr};

/// Cells times operations: about half a millisecond.
const SMALL_WORK: usize = 1 << 17;

impl Prepared {
    /// Whether [`Prepared::run`] is quick, so that any thread may do it.
    pub fn is_small(&self) -> bool {
        let loaded = self.products.iter().map(Product::cells).fold(self.grid.steps, usize::saturating_add);
        operations(&self.rest).is_some_and(|operations| loaded.saturating_mul(operations) <= SMALL_WORK)
    }
}

/// The nodes of an expression; `None` where a subquery has steps of its own.
fn operations(expr: &Expr) -> Option<usize> {
    let below = match expr {
        Expr::Range(RangeExpr::Subquery { .. }) => return None,
        Expr::Number(_) | Expr::Text(_) | Expr::Instant(_) | Expr::Range(_) | Expr::Loaded { .. } => 0,
        Expr::Negate(inner) | Expr::Invariant(inner) => operations(inner)?,
        Expr::Binary(binary) => operations(&binary.left)? + operations(&binary.right)?,
        Expr::Aggregate(node) => {
            let param = node.param.as_ref().map_or(Some(0), operations)?;
            operations(&node.expr)? + param
        }
        Expr::Call(call) => call.args.iter().map(operations).sum::<Option<usize>>()?,
    };
    Some(below + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_where_they_run_on_the_steps_of_the_query() {
        let of = |text: &str| operations(&crate::parse(text).unwrap().expr);
        assert_eq!(of("up"), Some(1));
        assert_eq!(of("topk(2, rate(up[5m])) or -up"), Some(7));
        assert_eq!(of("1 + max_over_time(up[1h:1m])"), None);
    }
}
