//! SQL that PostgreSQL reads and DataFusion does not: columns of one name, `FETCH FIRST`, `EXISTS` as a
//! value, patterns of `to_char`. Each becomes what means the same.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LimitClause, Query, SelectItem,
    SetExpr, Statement, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::patterns;
use crate::pgwire::names::{REPEATED, name_of_item};

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
pub(super) fn fetch_first(query: &mut Query) {
    let Some(fetch) = &query.fetch else { return };
    if fetch.with_ties || fetch.percent || query.limit_clause.is_some() {
        return;
    }
    let one = || Expr::value(Value::Number("1".to_owned(), false));
    let limit = Some(fetch.quantity.clone().unwrap_or_else(one));
    query.limit_clause = Some(LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() });
    query.fetch = None;
}

/// `EXISTS (q)` among the columns: how many rows of `q` there are, of the first one.
pub(super) fn exists_as_value(item: &mut SelectItem) {
    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { return };
    let Expr::Exists { subquery, negated } = expr else { return };
    let (operator, alias) = (if *negated { "=" } else { ">" }, "exists");
    let counted =
        format!("(SELECT count(*) {operator} 0 FROM (SELECT 1 AS one FROM ({subquery}) q LIMIT 1) r)");
    let parsed =
        Parser::new(&PostgreSqlDialect {}).try_with_sql(&counted).and_then(|mut sql| sql.parse_expr());
    let Ok(counted) = parsed else { return };
    *item = match item {
        SelectItem::ExprWithAlias { alias, .. } => {
            SelectItem::ExprWithAlias { expr: counted, alias: alias.clone() }
        }
        _ => SelectItem::ExprWithAlias { expr: counted, alias: Ident::new(alias) },
    };
}

/// Where the pattern is written out, as it nearly always is.
pub(super) fn pattern_of_to_char(function: &mut Function) {
    let name = function.name.0.last().map(ToString::to_string).unwrap_or_default();
    if !name.eq_ignore_ascii_case("to_char") {
        return;
    }
    if let FunctionArguments::List(list) = &mut function.args
        && let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(pattern)))] =
            list.args.as_mut_slice()
        && let ValueWithSpan { value: Value::SingleQuotedString(text), .. } = pattern
        && let Some(ours) = patterns::of_postgres(text)
    {
        *text = ours;
    }
}

/// Columns that would have the same name get one of their own, which clients do not see.
pub(super) fn repeated_columns(statement: &mut Statement) {
    let Statement::Query(query) = statement else { return };
    let mut body = query.body.as_mut();
    while let SetExpr::Query(inner) = body {
        body = inner.body.as_mut();
    }
    let SetExpr::Select(select) = body else { return };
    // Whoever asks for all columns is told their names by the planner alone.
    if select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)))
    {
        return;
    }
    let mut seen = HashSet::new();
    for (at, item) in select.projection.iter_mut().enumerate() {
        let (key, expr) = match &*item {
            SelectItem::UnnamedExpr(expr) => (without_casts(expr).to_string(), expr),
            SelectItem::ExprWithAlias { expr, alias } => (alias.value.clone(), expr),
            _ => continue,
        };
        if seen.insert(key) {
            continue;
        }
        let alias = Ident::with_quote('"', format!("{}{REPEATED}{at}", name_of_item(item)));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

/// DataFusion names a cast after what is cast.
fn without_casts(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast { expr, .. } | Expr::Nested(expr) => without_casts(expr),
        other => other,
    }
}
