//! Tables of the catalogue that the library does not know, and its settings.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionContext;

use crate::pgwire::settings::Settings;
use crate::session::CATALOG;

pub(super) const PG_CATALOG: &str = "pg_catalog";

/// Tables about what a PostgreSQL server does beside queries, of which nothing happens here.
const EMPTY: [(&str, &[(&str, DataType)]); 4] = [
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
];

/// Whether a table is one of these.
pub(super) fn is_added(name: &str) -> bool {
    EMPTY.iter().any(|(empty, _)| empty.eq_ignore_ascii_case(name))
}

/// Puts the schema that knows them in front of the library's.
pub(super) fn register(context: &SessionContext) -> Result<()> {
    let missing = || DataFusionError::Configuration(format!("the session has no schema {PG_CATALOG}"));
    let catalog = context.catalog(CATALOG).ok_or_else(missing)?;
    let library = catalog.schema(PG_CATALOG).ok_or_else(missing)?;
    catalog.register_schema(PG_CATALOG, Arc::new(PgCatalog { library }))?;
    Ok(())
}

#[derive(Debug)]
struct PgCatalog {
    library: Arc<dyn SchemaProvider>,
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.library.table_names();
        names.extend(EMPTY.iter().map(|(name, _)| (*name).to_owned()));
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name == SETTINGS {
            return Ok(Some(settings_table()?));
        }
        let Some((_, columns)) = EMPTY.iter().find(|(empty, _)| *empty == name) else {
            return self.library.table(name).await;
        };
        let fields: Vec<Field> =
            columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect();
        Ok(Some(Arc::new(MemTable::try_new(Arc::new(Schema::new(fields)), vec![vec![]])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        is_added(name) || self.library.table_exist(name)
    }
}

const SETTINGS: &str = "pg_settings";

/// The settings as they are at the beginning of a connection.
fn settings_table() -> Result<Arc<dyn TableProvider>> {
    let (names, values): (Vec<&str>, Vec<String>) = Settings::default().all().into_iter().unzip();
    let count = names.len();
    let text = |value: &str| Arc::new(StringArray::from(vec![value; count])) as ArrayRef;
    let values: ArrayRef = Arc::new(StringArray::from(values));
    let nothing: ArrayRef = Arc::new(StringArray::new_null(count));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("name", Arc::new(StringArray::from(names)) as ArrayRef, false),
        ("setting", values.clone(), true),
        ("unit", nothing.clone(), true),
        ("category", text("Client Connection Defaults"), true),
        ("short_desc", text(""), true),
        ("extra_desc", nothing.clone(), true),
        ("context", text("user"), true),
        ("vartype", text("string"), true),
        ("source", text("default"), true),
        ("min_val", nothing.clone(), true),
        ("max_val", nothing.clone(), true),
        ("enumvals", nothing.clone(), true),
        ("boot_val", values.clone(), true),
        ("reset_val", values, true),
        ("sourcefile", nothing, true),
        ("pending_restart", Arc::new(BooleanArray::from(vec![false; count])) as ArrayRef, true),
    ])?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}
