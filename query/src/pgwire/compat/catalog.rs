//! The tables of `pg_catalog`, and those of `information_schema` that DataFusion does not have.
//!
//! What there is never changes while a server runs: relations, their columns and comments, and functions
//! are written down once ([`relations`], [`functions`]). Types, languages, settings and everything else
//! that PostgreSQL ships come from the library, with the types of columns mended ([`shape`]). There are
//! no keys, indexes, triggers or locks: their tables are empty.

mod facts;
mod functions;
mod regclass;
mod relations;
mod roles;
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

use crate::pgwire::settings::Settings;
use crate::session::CATALOG;
use crate::{Engine, QueryError};
use shape::{EMPTY, Shape};

pub(super) use facts::NO_OIDS;
pub(super) use regclass::TO_REGCLASS;
pub(super) use roles::ConnectedUser;
pub(in crate::pgwire) use shape::PG_TYPE_KEY;
pub(super) use shape::{INFORMATION_SCHEMA, INFORMATION_TABLES};

pub(super) const PG_CATALOG: &str = "pg_catalog";

/// Whether a table is one of those that the library does not know.
pub(super) fn is_added(name: &str) -> bool {
    EMPTY.iter().any(|(empty, _)| empty.eq_ignore_ascii_case(name))
}

/// Puts the schema that knows them in front of the library's. Returns the functions that answer about
/// what is in it.
pub(super) async fn register(
    context: &SessionContext,
    engine: &Engine,
) -> Result<Vec<ScalarUDF>, QueryError> {
    let missing = || DataFusionError::Configuration(format!("the session has no schema {PG_CATALOG}"));
    let catalog = context.catalog(CATALOG).ok_or_else(missing)?;
    let library = catalog.schema(PG_CATALOG).ok_or_else(missing)?;
    let shape = Shape::of(context, library.clone());

    let mut facts = facts::Facts::default();
    let mut tables = relations::tables(engine, &shape, &mut facts).await?;
    tables.extend(functions::tables(engine, &shape, &mut facts).await?);
    tables.insert("pg_description".to_owned(), facts.descriptions(&shape).await?);
    tables.insert("pg_type".to_owned(), shape.types().await?);
    for (name, columns) in EMPTY {
        tables.insert((*name).to_owned(), shape::empty(columns)?);
    }
    for name in ["pg_constraint", "pg_index", "pg_opclass", "pg_opfamily", "pg_rewrite", "pg_trigger"] {
        tables.insert(name.to_owned(), shape.without_rows(name).await?);
    }
    tables.insert("pg_language".to_owned(), shape.with_its_rows("pg_language").await?);
    tables.insert("pg_settings".to_owned(), settings_table()?);
    tables.insert("pg_roles".to_owned(), Arc::new(roles::Roles::new(shape.schema_of("pg_roles").await?)));
    catalog.register_schema(PG_CATALOG, Arc::new(PgCatalog { library, tables }))?;
    Ok(facts.functions())
}

#[derive(Debug)]
struct PgCatalog {
    library: Arc<dyn SchemaProvider>,
    tables: BTreeMap<String, Arc<dyn TableProvider>>,
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.library.table_names();
        names.extend(self.tables.keys().cloned());
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.tables.get(name) {
            Some(table) => Ok(Some(table.clone())),
            None => self.library.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.library.table_exist(name)
    }
}

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
