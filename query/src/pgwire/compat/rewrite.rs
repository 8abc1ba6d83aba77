//! Rewrites what PostgreSQL's clients write and DataFusion does not read, after the library's own
//! rewrites.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, Statement,
    Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::catalog::{INFORMATION_SCHEMA, INFORMATION_TABLES, NO_OIDS, PG_CATALOG, TO_REGCLASS, is_added};
use super::idioms::{exists_as_value, fetch_first, pattern_of_to_char, repeated_columns};
use crate::session::SCHEMA;

/// Columns of the catalogue that hold lists of rights and options, of which nothing here has any.
const LISTS: [&str; 9] = [
    "array(select",
    "relacl",
    "reloptions",
    "attacl",
    "nspacl",
    "setconfig",
    "typacl",
    "defaclacl",
    "lanacl",
];
/// Columns of the catalogue about indexes and constraints, of which there are none.
const KEYS: [&str; 6] = ["indkey", "indclass", "indoption", "conkey", "confkey", ".keys)"];
/// Functions that make rows of such a column.
const SPREADING: [&str; 3] = ["unnest", "generate_subscripts", "_pg_expandarray"];

pub(in crate::pgwire) fn rewrite(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Idioms);
    repeated_columns(statement);
}

struct Idioms;

impl VisitorMut for Idioms {
    type Break = std::convert::Infallible;

    /// Names of the catalogue mean the catalogue also without its schema.
    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<Self::Break> {
        if let [name] = relation.0.as_slice()
            && is_added(&name.to_string())
        {
            let schema = ObjectNamePart::Identifier(Ident::new(PG_CATALOG));
            relation.0.insert(0, schema);
        }
        if let [schema, name] = relation.0.as_slice()
            && schema.to_string().eq_ignore_ascii_case(INFORMATION_SCHEMA)
            && let Some(kept) =
                INFORMATION_TABLES.iter().find(|kept| name.to_string().eq_ignore_ascii_case(kept))
        {
            let name = format!("{INFORMATION_SCHEMA}_{kept}");
            relation.0 = [PG_CATALOG, &name].map(|part| ObjectNamePart::Identifier(Ident::new(part))).into();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        fetch_first(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        select.projection.iter_mut().for_each(exists_as_value);
        ControlFlow::Continue(())
    }

    /// Outer expressions first: `array_to_string(ARRAY(SELECT …))` goes whole.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Some(replacement) = replacement(expr) {
            *expr = replacement;
        }
        match expr {
            // JSON and UUIDs are text here, and functions read them.
            Expr::Cast {
                data_type: data_type @ (DataType::JSON | DataType::JSONB | DataType::Uuid), ..
            } => {
                *data_type = DataType::Text;
            }
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                with_backslash(pattern, escape_char);
            }
            Expr::Function(function) => pattern_of_to_char(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// What stands for an expression that cannot be planned, and whose answer is known.
fn replacement(expr: &Expr) -> Option<Expr> {
    let mentions = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    match expr {
        Expr::Function(function) => {
            let name = function.name.0.last().map(|part| part.to_string().to_lowercase()).unwrap_or_default();
            let arguments = function.args.to_string().to_lowercase();
            match name.as_str() {
                "array_to_string" if mentions(&arguments, &LISTS) => Some(null(DataType::Text)),
                // Who is a member of what, and other lists of the catalogue.
                "array" if arguments.contains("pg_") => Some(null(text_array())),
                name if SPREADING.contains(&name) && mentions(&arguments, &KEYS) => {
                    Some(null(DataType::Int(None)))
                }
                _ => None,
            }
        }
        // `(information_schema._pg_expandarray(i.indkey)).n`
        Expr::CompoundFieldAccess { root, .. } => {
            let root = root.to_string().to_lowercase();
            let is_key = root.contains("_pg_expandarray") || root.ends_with(".keys)");
            is_key.then(|| null(DataType::Int(None)))
        }
        // Grafana asks for the schemas of the search path, of which the library leaves an empty name.
        Expr::InList { expr, list, negated: false } if list.len() == 1 && list[0].to_string() == "''" => {
            let schema = Expr::value(Value::SingleQuotedString(SCHEMA.to_owned()));
            let is_of_schema = expr.to_string() == "quote_ident(table_schema)";
            is_of_schema.then(|| Expr::InList { expr: expr.clone(), list: vec![schema], negated: false })
        }
        Expr::Subquery(query) => of_catalog(&query.to_string()),
        // What a domain is based on and a row consists of: there are neither.
        Expr::Case { conditions, .. } => match conditions.as_slice() {
            [only] if matches!(only.result, Expr::Subquery(_)) => {
                let (condition, result) = (only.condition.to_string(), only.result.to_string());
                match () {
                    () if condition.ends_with("typtype = 'd'") => Some(null(DataType::Int(None))),
                    () if !condition.ends_with("typtype = 'c'") => None,
                    () if result.contains("atttypid") => parsed(&format!("{NO_OIDS}()")),
                    () => Some(null(text_array())),
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// What a correlated subquery of the catalogue would answer about each column or type.
fn of_catalog(query: &str) -> Option<Expr> {
    let reads = |table: &str| query.contains(&format!(" FROM pg_catalog.{table} "));
    // `'name'::regclass`, of which the library looks in one schema alone.
    if query.starts_with("SELECT c.oid FROM pg_catalog.pg_class c JOIN")
        && let Some((_, rest)) = query.split_once("parse_ident(")
        && let Some((name, _)) = rest.split_once("::TEXT)")
    {
        return parsed(&format!("{TO_REGCLASS}(CAST({name} AS TEXT))"));
    }
    // Whether a type is a row of a table: none is.
    if query.starts_with("SELECT c.relkind = 'c' FROM") {
        return Some(Expr::value(Value::Boolean(false)));
    }
    // Defaults, sequences and collations: there are none.
    if ["pg_attrdef", "pg_sequence", "pg_collation"].into_iter().any(reads) {
        return Some(null(DataType::Text));
    }
    (reads("pg_type") && query.contains("typcollation")).then(|| null(DataType::Int(None)))
}

/// `LIKE 'pg/_%' ESCAPE '/'` with the one escape that DataFusion knows.
fn with_backslash(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) {
    let escaped_by = match escape.as_ref().map(|escape| &escape.value) {
        Some(Value::SingleQuotedString(letter)) if letter.chars().count() == 1 && letter != "\\" => {
            letter.clone()
        }
        _ => return,
    };
    if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = pattern {
        *text = text.replace('\\', "\\\\").replace(&escaped_by, "\\");
        *escape = None;
        return;
    }
    if let Some(parsed) = parsed(&format!("replace({pattern}, '{escaped_by}', '\\')")) {
        (*pattern, *escape) = (parsed, None);
    }
}

fn parsed(expr: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(expr).and_then(|mut sql| sql.parse_expr()).ok()
}

fn text_array() -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(DataType::Text), None))
}

fn null(data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(Value::Null)),
        data_type,
        array: false,
        format: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &str) {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        rewrite(&mut statements[0]);
        assert_eq!(statements[0].to_string(), expected);
    }

    #[test]
    fn idioms_of_psql_become_what_can_be_planned() {
        check(
            "SELECT array_to_string(c.reloptions || array(SELECT x FROM unnest(tc.reloptions) x), ', ') FROM pg_class c",
            "SELECT CAST(NULL AS TEXT) FROM pg_class c",
        );
        check(
            "SELECT ARRAY(SELECT b.rolname FROM pg_roles b) AS memberof FROM pg_roles r",
            "SELECT CAST(NULL AS TEXT[]) AS memberof FROM pg_roles r",
        );
        check("SELECT '{}'::json, x::jsonb FROM t", "SELECT '{}'::TEXT, x::TEXT FROM t");
        check("SELECT 'a0ee'::uuid", "SELECT 'a0ee'::TEXT");
        check("SELECT to_char(ts, 'YYYY-MM-DD')", "SELECT to_char(ts, '%Y-%m-%d')");
        check("SELECT unnest(i.indkey) FROM pg_index i", "SELECT CAST(NULL AS INT) FROM pg_index i");
        check(
            "SELECT (information_schema._pg_expandarray(i.indkey)).n FROM pg_index i",
            "SELECT CAST(NULL AS INT) FROM pg_index i",
        );
        check(
            "SELECT CASE WHEN t.typtype = 'd' THEN (SELECT oid FROM b) ELSE NULL END, CASE WHEN t.typtype = 'c' THEN (SELECT array_agg(ia.atttypid) FROM a) ELSE NULL END FROM pg_type t",
            "SELECT CAST(NULL AS INT), pg_no_oids() FROM pg_type t",
        );
        check(
            "SELECT * FROM information_schema.columns",
            "SELECT * FROM pg_catalog.information_schema_columns",
        );
        check("SELECT a FROM t FETCH FIRST 3 ROWS ONLY", "SELECT a FROM t LIMIT 3");
        check(
            "SELECT EXISTS (SELECT 1 FROM logs)",
            "SELECT (SELECT count(*) > 0 FROM (SELECT 1 AS one FROM (SELECT 1 FROM logs) q LIMIT 1) r) AS exists",
        );
        check("SELECT quote_ident(table_schema) IN ('')", "SELECT quote_ident(table_schema) IN ('public')");
        check("SELECT pid FROM pg_stat_activity", "SELECT pid FROM pg_catalog.pg_stat_activity");
        check("SELECT a LIKE $1 || '%' ESCAPE '/'", "SELECT a LIKE replace($1 || '%', '/', '\\')");
        check(
            "SELECT CASE WHEN a.x THEN (SELECT d.adbin FROM pg_catalog.pg_attrdef d) END FROM pg_attribute a",
            "SELECT CASE WHEN a.x THEN CAST(NULL AS TEXT) END FROM pg_attribute a",
        );
        check("SELECT a LIKE 'pg/_%' ESCAPE '/'", "SELECT a LIKE 'pg\\_%'");
    }

    #[test]
    fn other_statements_stay_as_they_are() {
        for sql in [
            "SELECT array_to_string(names, ',') FROM t",
            "SELECT ARRAY[1, 2]",
            "SELECT unnest(names) FROM t",
            "SELECT (SELECT max(value) FROM metrics)",
        ] {
            check(sql, sql);
        }
    }
}
