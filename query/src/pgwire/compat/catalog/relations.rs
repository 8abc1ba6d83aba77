//! `pg_namespace`, `pg_class`, `pg_attribute`, `pg_views` and `information_schema.columns`: every table,
//! view and column that a query can name, with its comment.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::TableType;
use datafusion_postgres::arrow_pg::datatypes::field_into_pg_type;
use datafusion_postgres::pgwire::api::Type;

use super::PG_CATALOG;
use super::facts::{CLASS, Facts, NAMESPACE, look_up};
use super::shape::{EMPTY, INFORMATION_SCHEMA, Rows, Shape};
use crate::session::{CATALOG, SCHEMA};
use crate::{Engine, QueryError};

/// What people define has numbers from here on; what PostgreSQL brings along, below.
const FIRST_OID: i32 = 16_384;
const FIRST_OF_CATALOG: i32 = 13_000;
/// Schemas have fixed numbers.
pub(super) const PUBLIC: i32 = 2_200;
const LAKE: i32 = FIRST_OID;
/// The role that everything belongs to: `postgres`.
pub(super) const OWNER: i32 = 10;

/// Catalogue tables by whose number clients know them.
const KNOWN: [(&str, i32); 20] = [
    ("pg_attrdef", 2604),
    ("pg_attribute", 1249),
    ("pg_authid", 1260),
    ("pg_cast", 2605),
    ("pg_class", CLASS),
    ("pg_collation", 3456),
    ("pg_constraint", 2606),
    ("pg_database", 1262),
    ("pg_description", 2609),
    ("pg_enum", 3501),
    ("pg_extension", 3079),
    ("pg_index", 2610),
    ("pg_language", 2612),
    ("pg_namespace", NAMESPACE),
    ("pg_operator", 2617),
    ("pg_proc", 1255),
    ("pg_rewrite", 2618),
    ("pg_tablespace", 1213),
    ("pg_trigger", 2620),
    ("pg_type", 1247),
];

/// A table or view.
struct Relation {
    oid: i32,
    schema: &'static str,
    name: String,
    is_view: bool,
    columns: SchemaRef,
}

pub(super) async fn tables(
    engine: &Engine,
    shape: &Shape<'_>,
    facts: &mut Facts,
) -> Result<BTreeMap<String, Arc<dyn TableProvider>>, QueryError> {
    let relations = relations(engine, shape).await?;
    let find = |name: &str| relations.iter().find(|known| known.schema == SCHEMA && known.name == name);
    for [table, column, comment] in
        look_up(engine, "SELECT table_name, column_name, comment FROM catalog_comments").await?
    {
        let Some(relation) = table.as_deref().and_then(find) else { continue };
        let column =
            column.and_then(|name| relation.columns.index_of(&name).ok()).map_or(0, |at| at as i32 + 1);
        facts.comment(CLASS, relation.oid, column, comment.unwrap_or_default());
    }
    let mut views = Rows::of(texts(["schemaname", "viewname", "viewowner", "definition"]));
    let definitions = "SELECT table_name, table_schema, definition FROM information_schema.views";
    for [name, schema, definition] in look_up(engine, definitions).await? {
        let (name, schema) = (name.unwrap_or_default(), schema.unwrap_or_default());
        // `CREATE VIEW name AS SELECT ...`
        let definition = definition.unwrap_or_default();
        let query = definition.split_once(" AS ").map_or(definition.as_str(), |(_, query)| query);
        views.push(&[
            ("schemaname", text(&schema)),
            ("viewname", text(&name)),
            ("viewowner", text("postgres")),
            ("definition", text(query)),
        ])?;
        if let Some(view) = relations.iter().find(|known| known.schema == schema && known.name == name) {
            facts.view(view.oid, query);
        }
    }
    let mut namespaces = Rows::of(shape.schema_of("pg_namespace").await?);
    for schema in SCHEMAS {
        namespaces.push(&[
            ("oid", number(namespace(schema))),
            ("nspname", text(schema)),
            ("nspowner", number(OWNER)),
            ("tableoid", number(NAMESPACE)),
        ])?;
    }
    let mut classes = Rows::of(shape.schema_of("pg_class").await?);
    let mut attributes = Rows::of(shape.schema_of("pg_attribute").await?);
    let mut columns = Rows::of(information_columns());
    for relation in &relations {
        facts.relation(relation.schema, &relation.name, relation.oid, relation.schema != "lake");
        classes.push(&class(relation))?;
        for (at, field) in relation.columns.fields().iter().enumerate() {
            let of = pg_type(field);
            attributes.push(&attribute(relation, at, field, &of))?;
            columns.push(&information(relation, at, field, &of))?;
        }
    }
    Ok(BTreeMap::from([
        ("pg_namespace".to_owned(), namespaces.table(&[])?),
        ("pg_class".to_owned(), classes.table(&[])?),
        ("pg_attribute".to_owned(), attributes.table(&[])?),
        ("pg_views".to_owned(), views.table(&[])?),
        (format!("{INFORMATION_SCHEMA}_columns"), columns.table(&[])?),
    ]))
}

const SCHEMAS: [&str; 4] = [SCHEMA, "lake", PG_CATALOG, INFORMATION_SCHEMA];

fn namespace(schema: &str) -> i32 {
    match schema {
        SCHEMA => PUBLIC,
        PG_CATALOG => 11,
        INFORMATION_SCHEMA => FIRST_OF_CATALOG,
        _ => LAKE,
    }
}

async fn relations(engine: &Engine, shape: &Shape<'_>) -> Result<Vec<Relation>> {
    let mut found = Vec::new();
    let (mut next, mut next_of_catalog) = (LAKE + 1, FIRST_OF_CATALOG + 1);
    for schema in [SCHEMA, "lake"] {
        let Some(known) = engine.context().catalog(CATALOG).and_then(|catalog| catalog.schema(schema)) else {
            continue;
        };
        let mut names = known.table_names();
        names.sort();
        for name in names {
            let Some(table) = known.table(&name).await? else { continue };
            let is_view = table.table_type() != TableType::Base;
            found.push(Relation { oid: next, schema, name, is_view, columns: table.schema() });
            next += 1;
        }
    }
    let mut names = shape.names();
    names.sort();
    for name in names {
        let known = KNOWN.iter().find(|(table, _)| *table == name).map(|(_, oid)| *oid);
        let oid = known.unwrap_or(next_of_catalog);
        next_of_catalog += i32::from(known.is_none());
        let columns = shape.schema_of(&name).await?;
        found.push(Relation { oid, schema: PG_CATALOG, name, is_view: false, columns });
    }
    for (name, columns) in EMPTY.iter().filter(|(name, _)| !name.starts_with(INFORMATION_SCHEMA)) {
        let fields: Vec<Field> =
            columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect();
        let columns = Arc::new(Schema::new(fields));
        found.push(Relation {
            oid: next_of_catalog,
            schema: PG_CATALOG,
            name: (*name).to_owned(),
            is_view: true,
            columns,
        });
        next_of_catalog += 1;
    }
    Ok(found)
}

fn class(relation: &Relation) -> Vec<(&'static str, ScalarValue)> {
    vec![
        ("oid", number(relation.oid)),
        ("relname", text(&relation.name)),
        ("relnamespace", number(namespace(relation.schema))),
        ("relowner", number(OWNER)),
        ("relfilenode", number(relation.oid)),
        ("reltuples", ScalarValue::Float64(Some(-1.0))),
        ("relpersistence", text("p")),
        ("relkind", text(if relation.is_view { "v" } else { "r" })),
        ("relnatts", number(relation.columns.fields().len() as i32)),
        ("relispopulated", ScalarValue::Boolean(Some(true))),
        ("relreplident", text("d")),
        ("tableoid", number(CLASS)),
    ]
}

fn attribute(relation: &Relation, at: usize, field: &Field, of: &Type) -> Vec<(&'static str, ScalarValue)> {
    let (length, alignment) = match *of {
        Type::BOOL | Type::CHAR => (1, "c"),
        Type::INT2 => (2, "s"),
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => (4, "i"),
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => (8, "d"),
        Type::INTERVAL => (16, "d"),
        _ => (-1, "i"),
    };
    vec![
        ("attrelid", number(relation.oid)),
        ("attname", text(field.name())),
        ("atttypid", number(of.oid() as i32)),
        ("attstattarget", number(-1)),
        ("attlen", number(length)),
        ("attnum", number(at as i32 + 1)),
        ("attndims", number(i32::from(matches!(field.data_type(), DataType::List(_))))),
        ("attcacheoff", number(-1)),
        ("atttypmod", number(-1)),
        ("attbyval", ScalarValue::Boolean(Some((1..=8).contains(&length)))),
        ("attalign", text(alignment)),
        ("attstorage", text(if length < 0 { "x" } else { "p" })),
        ("attnotnull", ScalarValue::Boolean(Some(!field.is_nullable()))),
        ("attislocal", ScalarValue::Boolean(Some(true))),
        ("tableoid", number(1249)),
    ]
}

fn information_columns() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Int32, true);
    Arc::new(Schema::new(vec![
        text("table_catalog"),
        text("table_schema"),
        text("table_name"),
        text("column_name"),
        number("ordinal_position"),
        text("column_default"),
        text("is_nullable"),
        text("data_type"),
        number("character_maximum_length"),
        number("character_octet_length"),
        number("numeric_precision"),
        number("numeric_precision_radix"),
        number("numeric_scale"),
        number("datetime_precision"),
        text("interval_type"),
        text("character_set_name"),
        text("collation_name"),
        text("domain_name"),
        text("udt_catalog"),
        text("udt_schema"),
        text("udt_name"),
        text("is_identity"),
        text("identity_generation"),
        text("is_generated"),
        text("generation_expression"),
        text("is_updatable"),
    ]))
}

fn information(relation: &Relation, at: usize, field: &Field, of: &Type) -> Vec<(&'static str, ScalarValue)> {
    let is_time = matches!(*of, Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME | Type::INTERVAL);
    vec![
        ("table_catalog", text(CATALOG)),
        ("table_schema", text(relation.schema)),
        ("table_name", text(&relation.name)),
        ("column_name", text(field.name())),
        ("ordinal_position", number(at as i32 + 1)),
        ("is_nullable", text(if field.is_nullable() { "YES" } else { "NO" })),
        ("data_type", text(spelled_out(of))),
        ("datetime_precision", if is_time { number(6) } else { ScalarValue::Int32(None) }),
        ("udt_catalog", text(CATALOG)),
        ("udt_schema", text(PG_CATALOG)),
        ("udt_name", text(of.name())),
        ("is_identity", text("NO")),
        ("is_generated", text("NEVER")),
        ("is_updatable", text("NO")),
    ]
}

/// What a column is for clients of the protocol; maps and lists of lists are the text of their JSON.
fn pg_type(field: &FieldRef) -> Type {
    if matches!(field.data_type(), DataType::List(item) if item.data_type().is_nested()) {
        return Type::TEXT;
    }
    field_into_pg_type(field).unwrap_or(Type::TEXT)
}

/// The name of a type in the standard, which `information_schema` shows.
fn spelled_out(of: &Type) -> &str {
    match *of {
        Type::BOOL => "boolean",
        Type::CHAR => "\"char\"",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::TIMESTAMP => "timestamp without time zone",
        Type::TIMESTAMPTZ => "timestamp with time zone",
        Type::TIME => "time without time zone",
        _ if of.name().starts_with('_') => "ARRAY",
        _ => of.name(),
    }
}

fn texts<const N: usize>(names: [&str; N]) -> SchemaRef {
    Arc::new(Schema::new(names.map(|name| Field::new(name, DataType::Utf8, true)).to_vec()))
}

pub(super) fn text(value: &str) -> ScalarValue {
    ScalarValue::from(value)
}

pub(super) fn number(value: i32) -> ScalarValue {
    ScalarValue::Int32(Some(value))
}
