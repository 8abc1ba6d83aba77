//! `pg_proc`: the functions that are not DataFusion's own, with their manuals.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::execution::SessionStateDefaults;
use datafusion_postgres::arrow_pg::datatypes::field_into_pg_type;
use datafusion_postgres::pgwire::api::Type;

use super::facts::{FUNCTION, Facts, look_up};
use super::relations::{OWNER, PUBLIC, number, text};
use super::shape::{Rows, Shape};
use crate::formats::type_name;
use crate::{Engine, QueryError};

/// Beyond what relations can have.
const FIRST_OID: i32 = 20_000;
/// The language that PostgreSQL calls `internal`.
const INTERNAL: i32 = 12;

pub(super) async fn tables(
    engine: &Engine,
    shape: &Shape<'_>,
    facts: &mut Facts,
) -> Result<BTreeMap<String, Arc<dyn TableProvider>>, QueryError> {
    let theirs = names_of_datafusion();
    let results =
        "SELECT routine_name, min(data_type) FROM information_schema.routines GROUP BY routine_name";
    let results: HashMap<Option<String>, Option<String>> =
        look_up(engine, results).await?.into_iter().map(|[name, result]| (name, result)).collect();
    let functions = "SELECT name, kind, syntax, description FROM catalog_functions ORDER BY name, kind";
    let mut rows = Rows::of(shape.schema_of("pg_proc").await?);
    for (at, [name, kind, syntax, description]) in look_up(engine, functions).await?.into_iter().enumerate() {
        let (Some(name), Some(kind)) = (&name, kind.as_deref()) else { continue };
        // What has no manual is another name of something that has one.
        let (Some(syntax), false) = (syntax, theirs.contains(name)) else { continue };
        let oid = FIRST_OID + at as i32;
        let returned = results.get(&Some(name.clone())).cloned().flatten();
        let returned: Option<DataType> = returned.and_then(|name| name.parse().ok());
        let (result, of) = match (kind, returned) {
            ("table", _) => ("SETOF record".to_owned(), Type::RECORD),
            (_, Some(returned)) => (type_name(&returned), pg_type(returned)),
            _ => ("text".to_owned(), Type::TEXT),
        };
        let arguments = arguments(&syntax);
        facts.function(oid, arguments, result);
        facts.comment(FUNCTION, oid, 0, description.unwrap_or_default());
        rows.push(&[
            ("oid", number(oid)),
            ("proname", text(name)),
            ("pronamespace", number(PUBLIC)),
            ("proowner", number(OWNER)),
            ("prolang", number(INTERNAL)),
            ("prokind", text(prokind(kind))),
            ("proretset", ScalarValue::Boolean(Some(kind == "table"))),
            ("provolatile", text(if kind == "table" { "s" } else { "i" })),
            ("proparallel", text("s")),
            ("pronargs", number(arguments.split(',').count() as i32)),
            ("prorettype", number(of.oid() as i32)),
            ("prosrc", text(name)),
            ("tableoid", number(FUNCTION)),
        ])?;
    }
    let library = shape.rows_of("pg_proc").await?;
    Ok(BTreeMap::from([("pg_proc".to_owned(), rows.table(&library)?)]))
}

fn prokind(kind: &str) -> &'static str {
    match kind {
        "aggregate" => "a",
        "window" => "w",
        _ => "f",
    }
}

fn pg_type(of: DataType) -> Type {
    field_into_pg_type(&Arc::new(Field::new("", of, true))).unwrap_or(Type::TEXT)
}

/// What stands between the parentheses of a call: `ts, value [, start, end]`.
fn arguments(syntax: &str) -> &str {
    let Some((_, rest)) = syntax.split_once('(') else { return "" };
    let mut open = 1;
    for (at, letter) in rest.char_indices() {
        open += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if open == 0 {
            return &rest[..at];
        }
    }
    rest
}

fn names_of_datafusion() -> HashSet<String> {
    let scalars = SessionStateDefaults::default_scalar_functions();
    let aggregates = SessionStateDefaults::default_aggregate_functions();
    let windows = SessionStateDefaults::default_window_functions();
    let tables = SessionStateDefaults::default_table_functions();
    let mut names = HashSet::new();
    for function in scalars {
        names.insert(function.name().to_owned());
        names.extend(function.aliases().iter().cloned());
    }
    for function in aggregates {
        names.insert(function.name().to_owned());
        names.extend(function.aliases().iter().cloned());
    }
    for function in windows {
        names.insert(function.name().to_owned());
        names.extend(function.aliases().iter().cloned());
    }
    names.extend(tables.iter().map(|function| function.name().to_owned()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_what_is_between_the_parentheses() {
        assert_eq!(arguments("rate(ts, value [, start, end])"), "ts, value [, start, end]");
        assert_eq!(arguments("locf(value) OVER (ORDER BY ...)"), "value");
        assert_eq!(arguments("f(g(x), y)"), "g(x), y");
        assert_eq!(arguments("f"), "");
    }
}
