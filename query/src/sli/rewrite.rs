//! Sloth's form of an indicator, `sum by (…) (rate(selector[{{.window}}]))`, as a plain counter.
//!
//! Rates over a slice miss what happens between two slices; increases do not. Where the expression
//! only adds rates up, putting the counter itself in the place of `rate(selector[window])` gives the
//! same expression over exact increases.

use std::time::Duration;

use promql_parser::parser::token::{T_ADD, T_SUB, T_SUM};
use promql_parser::parser::{self, Expr};

/// The expression over counters, or `None` when it does more than add and subtract rates over `window`.
pub(super) fn as_counter(text: &str, window: Duration) -> Option<String> {
    let rewritten = rewrite(parser::parse(text).ok()?, window)?;
    Some(rewritten.to_string())
}

fn rewrite(expr: Expr, window: Duration) -> Option<Expr> {
    match expr {
        Expr::Call(call) if matches!(call.func.name, "rate" | "increase") => {
            match call.args.args.into_iter().next().map(|arg| *arg) {
                Some(Expr::MatrixSelector(matrix)) if matrix.range == window => {
                    Some(Expr::VectorSelector(matrix.vs))
                }
                _ => None,
            }
        }
        Expr::Aggregate(mut aggregate) if aggregate.op.id() == T_SUM => {
            *aggregate.expr = rewrite(*aggregate.expr, window)?;
            Some(Expr::Aggregate(aggregate))
        }
        Expr::Paren(mut paren) => {
            *paren.expr = rewrite(*paren.expr, window)?;
            Some(Expr::Paren(paren))
        }
        Expr::Binary(mut binary) if matches!(binary.op.id(), T_ADD | T_SUB) => {
            *binary.lhs = rewrite(*binary.lhs, window)?;
            *binary.rhs = rewrite(*binary.rhs, window)?;
            Some(Expr::Binary(binary))
        }
        _ => None,
    }
}

/// The expression with every selector as its increase over `window`, extrapolated as PromQL does it;
/// `None` when it is no expression over plain selectors.
pub(super) fn as_increase(text: &str, window: Duration) -> Option<String> {
    let expr = parser::parse(text).ok()?;
    Some(extrapolated(expr, window)?.to_string())
}

fn extrapolated(expr: Expr, window: Duration) -> Option<Expr> {
    match expr {
        Expr::VectorSelector(selector) => {
            let text = format!("increase({selector}[{}])", telemetry::time::format_duration(window));
            parser::parse(&text).ok()
        }
        Expr::Aggregate(mut aggregate) => {
            *aggregate.expr = extrapolated(*aggregate.expr, window)?;
            Some(Expr::Aggregate(aggregate))
        }
        Expr::Paren(mut paren) => {
            *paren.expr = extrapolated(*paren.expr, window)?;
            Some(Expr::Paren(paren))
        }
        Expr::Binary(mut binary) => {
            *binary.lhs = extrapolated(*binary.lhs, window)?;
            *binary.rhs = extrapolated(*binary.rhs, window)?;
            Some(Expr::Binary(binary))
        }
        Expr::NumberLiteral(number) => Some(Expr::NumberLiteral(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(as_counter(text, Duration::from_secs(30)).as_deref(), expected, "{text}");
    }

    #[test]
    fn sums_of_rates_become_sums_of_counters() {
        check(r#"sum(rate(a{code=~"5.."}[30s]))"#, Some(r#"sum(a{code=~"5.."})"#));
        check("sum by (job) (increase(a[30s]))", Some("sum by (job) (a)"));
        check("sum(rate(a[30s])) - sum(rate(b[30s]))", Some("sum(a) - sum(b)"));
    }

    #[test]
    fn counters_become_increases() {
        let window = Duration::from_secs(30);
        let increase = |text: &str| as_increase(text, window);
        assert_eq!(
            increase(r#"sum(a{code="2"}) - sum(b)"#).as_deref(),
            Some(r#"sum(increase(a{code="2"}[30s])) - sum(increase(b[30s]))"#)
        );
        assert_eq!(increase("sum(rate(a[1m]))"), None);
    }

    #[test]
    fn anything_else_stays() {
        check("histogram_quantile(0.9, sum by (le) (rate(a_bucket[30s])))", None);
        check("sum(rate(a[5m]))", None);
        check("avg(rate(a[30s]))", None);
        check("sum(rate(a[30s])) / sum(rate(b[30s]))", None);
        check("sum(", None);
    }
}
