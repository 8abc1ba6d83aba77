//! What the columns of catalogue tables look like: those of the library with their types mended, those
//! that it leaves out, and tables of nothing.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionContext;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::oid_field::{kind, oid_field};

/// A field with this key is of the PostgreSQL type that it names, whatever Arrow type holds it.
pub(in crate::pgwire) const PG_TYPE_KEY: &str = "evenkeel.pg_type";

/// By this key the library knows a text that is a `"char"`.
const PG_CHAR_KEY: &str = "pg.char";

pub(in crate::pgwire::compat) const INFORMATION_SCHEMA: &str = "information_schema";

/// The tables of `information_schema` that are kept here, under this prefix and their own names.
pub(in crate::pgwire::compat) const INFORMATION_TABLES: [&str; 12] = [
    "applicable_roles",
    "character_sets",
    "check_constraints",
    "column_privileges",
    "columns",
    "constraint_column_usage",
    "enabled_roles",
    "key_column_usage",
    "referential_constraints",
    "table_constraints",
    "table_privileges",
    "triggers",
];

type Columns = &'static [(&'static str, DataType)];
const CONSTRAINT: [(&str, DataType); 9] = [
    ("constraint_catalog", DataType::Utf8),
    ("constraint_schema", DataType::Utf8),
    ("constraint_name", DataType::Utf8),
    ("table_catalog", DataType::Utf8),
    ("table_schema", DataType::Utf8),
    ("table_name", DataType::Utf8),
    ("column_name", DataType::Utf8),
    ("ordinal_position", DataType::Int32),
    ("constraint_type", DataType::Utf8),
];
const PRIVILEGE: [(&str, DataType); 8] = [
    ("grantor", DataType::Utf8),
    ("grantee", DataType::Utf8),
    ("table_catalog", DataType::Utf8),
    ("table_schema", DataType::Utf8),
    ("table_name", DataType::Utf8),
    ("column_name", DataType::Utf8),
    ("privilege_type", DataType::Utf8),
    ("is_grantable", DataType::Utf8),
];

/// Tables about what a PostgreSQL server does beside queries, of which nothing happens here.
pub(super) const EMPTY: &[(&str, Columns)] = &[
    (
        "pg_stat_activity",
        &[
            ("datname", DataType::Utf8),
            ("pid", DataType::Int32),
            ("usename", DataType::Utf8),
            ("application_name", DataType::Utf8),
            ("state", DataType::Utf8),
            ("query", DataType::Utf8),
        ],
    ),
    (
        "pg_locks",
        &[
            ("locktype", DataType::Utf8),
            ("relation", DataType::Int32),
            ("pid", DataType::Int32),
            ("mode", DataType::Utf8),
            ("granted", DataType::Boolean),
        ],
    ),
    (
        "pg_timezone_names",
        &[
            ("name", DataType::Utf8),
            ("abbrev", DataType::Utf8),
            ("utc_offset", DataType::Utf8),
            ("is_dst", DataType::Boolean),
        ],
    ),
    (
        "pg_prepared_xacts",
        &[("gid", DataType::Utf8), ("owner", DataType::Utf8), ("database", DataType::Utf8)],
    ),
    (
        "information_schema_referential_constraints",
        &[
            ("constraint_catalog", DataType::Utf8),
            ("constraint_schema", DataType::Utf8),
            ("constraint_name", DataType::Utf8),
            ("unique_constraint_catalog", DataType::Utf8),
            ("unique_constraint_schema", DataType::Utf8),
            ("unique_constraint_name", DataType::Utf8),
            ("match_option", DataType::Utf8),
            ("update_rule", DataType::Utf8),
            ("delete_rule", DataType::Utf8),
        ],
    ),
    (
        "information_schema_check_constraints",
        &[
            ("constraint_catalog", DataType::Utf8),
            ("constraint_schema", DataType::Utf8),
            ("constraint_name", DataType::Utf8),
            ("check_clause", DataType::Utf8),
        ],
    ),
    (
        "information_schema_triggers",
        &[
            ("trigger_catalog", DataType::Utf8),
            ("trigger_schema", DataType::Utf8),
            ("trigger_name", DataType::Utf8),
            ("event_manipulation", DataType::Utf8),
            ("event_object_schema", DataType::Utf8),
            ("event_object_table", DataType::Utf8),
            ("action_statement", DataType::Utf8),
        ],
    ),
    ("information_schema_applicable_roles", &[("grantee", DataType::Utf8), ("role_name", DataType::Utf8)]),
    ("information_schema_enabled_roles", &[("role_name", DataType::Utf8)]),
    ("information_schema_character_sets", &[("character_set_name", DataType::Utf8)]),
    ("information_schema_table_constraints", &CONSTRAINT),
    ("information_schema_key_column_usage", &CONSTRAINT),
    ("information_schema_constraint_column_usage", &CONSTRAINT),
    ("information_schema_table_privileges", &PRIVILEGE),
    ("information_schema_column_privileges", &PRIVILEGE),
];

/// Columns that the library leaves out.
const MISSING: [(&str, &str); 2] = [("pg_class", "relacl"), ("pg_class", "reloptions")];

/// Columns that are lists, which the library has as text.
const SHORT_LISTS: [&str; 6] = ["indkey", "indoption", "conkey", "confkey", "confdelsetcols", "prattrs"];
const OID_LISTS: [&str; 7] =
    ["indclass", "indcollation", "conpfeqop", "conppeqop", "conffeqop", "conexclop", "proallargtypes"];
const TEXT_LISTS: [&str; 8] =
    ["relacl", "reloptions", "attacl", "attoptions", "proargmodes", "proargnames", "proconfig", "proacl"];
/// Columns with names of functions, which are numbers in PostgreSQL.
const OF_FUNCTIONS: [&str; 7] =
    ["typsubscript", "typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout"];

/// The library's tables, as far as their columns are concerned.
pub(super) struct Shape<'a> {
    context: &'a SessionContext,
    library: Arc<dyn SchemaProvider>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(context: &'a SessionContext, library: Arc<dyn SchemaProvider>) -> Shape<'a> {
        Shape { context, library }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.library.table_names()
    }

    async fn library_table(&self, name: &str) -> Result<Arc<dyn TableProvider>> {
        let found = self.library.table(name).await?;
        found.ok_or_else(|| DataFusionError::Configuration(format!("the library has no table {name}")))
    }

    /// The columns of a table, of the types that PostgreSQL has for them.
    pub(super) async fn schema_of(&self, name: &str) -> Result<SchemaRef> {
        let library = self.library_table(name).await?.schema();
        let mut fields: Vec<Field> = library.fields().iter().map(|field| mended(field)).collect();
        let missing = MISSING.iter().filter(|(table, _)| *table == name).map(|(_, column)| *column);
        for column in missing.chain(["tableoid"]) {
            if library.index_of(column).is_err() {
                fields.push(mended(&Field::new(column, DataType::Int32, true)));
            }
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The library's rows, with as many columns as they have.
    pub(super) async fn rows_of(&self, name: &str) -> Result<Vec<RecordBatch>> {
        self.context.read_table(self.library_table(name).await?)?.collect().await
    }

    pub(super) async fn without_rows(&self, name: &str) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(MemTable::try_new(self.schema_of(name).await?, vec![vec![]])?))
    }

    pub(super) async fn with_its_rows(&self, name: &str) -> Result<Arc<dyn TableProvider>> {
        Rows::of(self.schema_of(name).await?).table(&self.rows_of(name).await?)
    }

    /// `pg_type`, whose functions are numbers of `pg_proc`.
    pub(super) async fn types(&self) -> Result<Arc<dyn TableProvider>> {
        let mut known = HashMap::new();
        for batch in self.rows_of("pg_proc").await? {
            let (oids, names) = (numbers(&batch, "oid")?, texts(&batch, "proname")?);
            known.extend((0..batch.num_rows()).map(|row| (names.value(row).to_owned(), oids.value(row))));
        }
        let mut fields = Vec::new();
        let mut batches = Vec::new();
        for batch in self.rows_of("pg_type").await? {
            let mut columns: Vec<ArrayRef> = Vec::new();
            fields.clear();
            for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
                let name = field.name().as_str();
                if OF_FUNCTIONS.contains(&name) {
                    let names = values.as_string::<i32>();
                    let number = |row| *known.get(names.value(row)).unwrap_or(&0);
                    let all = (0..names.len()).map(|row| ScalarValue::Int32(Some(number(row))));
                    columns.push(ScalarValue::iter_to_array(all)?);
                    fields.push(oid_field(name, kind::REGPROC, true));
                } else {
                    columns.push(values.clone());
                    fields.push(mended(field));
                }
            }
            columns.push(ScalarValue::Int32(Some(1247)).to_array_of_size(batch.num_rows())?);
            fields.push(Field::new("tableoid", DataType::Int32, true));
            batches.push(RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), columns)?);
        }
        Ok(Arc::new(MemTable::try_new(Arc::new(Schema::new(fields)), vec![batches])?))
    }
}

fn mended(field: &Field) -> Field {
    let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
    let name = field.name().as_str();
    if SHORT_LISTS.contains(&name) {
        return Field::new(name, list(DataType::Int16), true);
    }
    if OID_LISTS.contains(&name) {
        return Field::new(name, list(DataType::Int32), true);
    }
    if TEXT_LISTS.contains(&name) {
        return Field::new(name, list(DataType::Utf8), true);
    }
    if matches!(name, "typtype" | "typdelim") {
        let is_char = HashMap::from([(PG_CHAR_KEY.to_owned(), "true".to_owned())]);
        return field.clone().with_metadata(is_char);
    }
    field.clone()
}

fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b StringArray> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt());
    column.ok_or_else(|| DataFusionError::Configuration(format!("the library has no texts {name}")))
}

fn numbers<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b Int32Array> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int32Type>());
    column.ok_or_else(|| DataFusionError::Configuration(format!("the library has no numbers {name}")))
}

pub(super) fn empty(columns: &[(&str, DataType)]) -> Result<Arc<dyn TableProvider>> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect();
    Ok(Arc::new(MemTable::try_new(Arc::new(Schema::new(fields)), vec![vec![]])?))
}

/// Rows of a table, of which each names the columns that it says something about.
pub(super) struct Rows {
    schema: SchemaRef,
    columns: Vec<Vec<ScalarValue>>,
}

impl Rows {
    pub(super) fn of(schema: SchemaRef) -> Rows {
        let columns = vec![Vec::new(); schema.fields().len()];
        Rows { schema, columns }
    }

    /// Columns that are not named are NULL, or nothing where they may not be.
    pub(super) fn push(&mut self, named: &[(&str, ScalarValue)]) -> Result<()> {
        for (field, column) in self.schema.fields().iter().zip(&mut self.columns) {
            let given = named.iter().find(|(name, _)| name == field.name());
            column.push(match given {
                Some((_, value)) => value.cast_to(field.data_type())?,
                None if field.is_nullable() => ScalarValue::try_new_null(field.data_type())?,
                None => ScalarValue::new_default(field.data_type())?,
            });
        }
        Ok(())
    }

    /// With the library's rows in front, as far as they have the same columns.
    pub(super) fn table(self, before: &[RecordBatch]) -> Result<Arc<dyn TableProvider>> {
        let mut batches = Vec::new();
        for batch in before {
            let columns = self.schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
                Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
                _ => ScalarValue::try_new_null(field.data_type())?.to_array_of_size(batch.num_rows()),
            });
            batches.push(RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_>>()?)?);
        }
        if self.columns.first().is_some_and(|column| !column.is_empty()) {
            let columns = self.columns.into_iter().map(ScalarValue::iter_to_array);
            batches.push(RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_>>()?)?);
        }
        Ok(Arc::new(MemTable::try_new(self.schema, vec![batches])?))
    }
}
