//! What PostgreSQL calls the columns of a query that do not say it themselves: the function's name,
//! the column's, or `?column?`.

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};

use super::rows::Names;

/// By column; empty when the statement does not list its columns.
pub(super) fn column_names(statement: &Statement) -> Names {
    let Statement::Query(query) = statement else { return Names::new() };
    let mut body = query.body.as_ref();
    // A union has the names of its first part.
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => body = inner.body.as_ref(),
            _ => break,
        }
    }
    let SetExpr::Select(select) = body else { return Names::new() };
    let mut names = Names::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => names.push(name_of(expr)),
            SelectItem::ExprWithAlias { alias, .. } => {
                names.push(alias.value.split_once(REPEATED).map(|(name, _)| name.to_owned()));
            }
            _ => return Names::new(),
        }
    }
    names
}

/// Ends the name that clients see of a column whose name occurs before.
pub(super) const REPEATED: char = '\u{1f}';

/// What a column is called, whoever names it.
pub(super) fn name_of_item(item: &SelectItem) -> String {
    match item {
        SelectItem::UnnamedExpr(expr) => name_of(expr).or_else(|| column_of(expr)),
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    }
    .unwrap_or_else(|| UNNAMED.to_owned())
}

fn name_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => None,
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name_of(inner),
        Expr::Function(function) => function.name.0.last().map(|part| unquoted(&part.to_string())),
        Expr::Cast { expr, data_type, .. } => match column_of(expr).or_else(|| name_of(expr)) {
            Some(name) if name != UNNAMED => Some(name),
            _ => Some(data_type.to_string().to_lowercase()),
        },
        Expr::CompoundFieldAccess { root, .. } => column_of(root).or_else(|| name_of(root)),
        Expr::Case { .. } => Some("case".to_owned()),
        Expr::Extract { .. } => Some("extract".to_owned()),
        Expr::Array(_) => Some("array".to_owned()),
        Expr::Exists { .. } => Some("exists".to_owned()),
        Expr::AtTimeZone { .. } => Some("timezone".to_owned()),
        Expr::Substring { .. } => Some("substring".to_owned()),
        Expr::Trim { .. } => Some("btrim".to_owned()),
        Expr::Position { .. } => Some("position".to_owned()),
        Expr::Ceil { .. } => Some("ceil".to_owned()),
        Expr::Floor { .. } => Some("floor".to_owned()),
        // A subquery has the name of its one column, which the planner knows.
        Expr::Subquery(_) => None,
        _ => Some(UNNAMED.to_owned()),
    }
}

const UNNAMED: &str = "?column?";

fn column_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
        _ => None,
    }
}

fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => name.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &[Option<&str>]) {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        let names = column_names(&statements[0]);
        assert_eq!(names.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{sql}");
    }

    #[test]
    fn columns_have_the_names_that_postgresql_gives_them() {
        check("SELECT count(*), MAX(value) FROM m", &[Some("count"), Some("max")]);
        check("SELECT 1, 1 + 1, 'a'", &[Some("?column?"), Some("?column?"), Some("?column?")]);
        check("SELECT 1::int, ts::date, now()::date", &[Some("int"), Some("ts"), Some("now")]);
        check("SELECT labels['job'], m.value, value AS v FROM m", &[Some("labels"), None, None]);
        check("SELECT CASE WHEN true THEN 1 END UNION SELECT 2", &[Some("case")]);
        check("SELECT a AS \"a\u{1f}1\", b AS c FROM m", &[Some("a"), None]);
        check("SELECT * FROM m", &[]);
        check("EXPLAIN SELECT 1", &[]);
    }
}
