//! What a session finds by name: the tables of the lake, the current SLO numbers, the views.
//!
//! `public` holds what people use. `lake` holds what the views are made of: `lake.series`, the
//! series as the index knows them, `lake.slo_slices` with its exact thousandths, and `lake.event_log`,
//! the events as they were written.

mod cost;
mod described;
mod in_memory;
mod manuals;
mod series;
mod services;
mod slo;

use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::prelude::SessionContext;
use lake::{Lake, Table};

use crate::QueryError;
use crate::functions::{self, PromqlFunction, ReportContext};
use crate::provider::LakeTable;
use crate::session::{CATALOG, SCHEMA};

pub(crate) use in_memory::InMemoryTable;
pub(crate) use services::ServiceOwners;
pub(crate) use slo::SloTables;

const INNER_SCHEMA: &str = "lake";

/// Registers everything in a new session.
pub(crate) fn register(
    context: &SessionContext,
    lake: &Lake,
    slo: &SloTables,
    promql: &PromqlFunction,
    report: &ReportContext,
) -> Result<(), QueryError> {
    functions::register(context)?;
    let catalog = context
        .catalog(CATALOG)
        .ok_or_else(|| QueryError::Invalid(format!("the session has no catalog {CATALOG}")))?;
    let public = schema(catalog.as_ref(), SCHEMA)?;
    let inner: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
    catalog.register_schema(INNER_SCHEMA, inner.clone())?;

    let table = |table| Arc::new(LakeTable::new(lake.clone(), table)) as Arc<dyn TableProvider>;
    for name in [
        Table::MetricSamples,
        Table::MetricHistograms,
        Table::MetricExemplars,
        Table::MetricSeries,
        Table::Logs,
        Table::Events,
        Table::IngestRejections,
    ] {
        public.register_table(name.name().to_owned(), table(name))?;
    }
    inner.register_table(Table::SloSlices.name().to_owned(), table(Table::SloSlices))?;
    inner.register_table("series".to_owned(), series::table(lake.clone()))?;
    let event_log = Arc::new(LakeTable::as_written(lake.clone(), Table::Events));
    inner.register_table("event_log".to_owned(), event_log)?;
    for of in cost::CostOf::ALL {
        public.register_table(of.name().to_owned(), of.table(lake.clone()))?;
    }
    public.register_table("slo_status".to_owned(), slo.status_table())?;
    public.register_table("slo_history".to_owned(), slo.history_table())?;
    public.register_table("services".to_owned(), report.owners.table())?;
    let views = crate::views::create(context)?;
    let manuals = functions::register_tables(context, promql, report, slo, lake)?;
    public.register_table("catalog_comments".to_owned(), manuals::comments(&views))?;
    public.register_table("catalog_functions".to_owned(), manuals::functions(context, &manuals))?;
    Ok(())
}

fn schema(catalog: &dyn CatalogProvider, name: &str) -> Result<Arc<dyn SchemaProvider>, QueryError> {
    catalog.schema(name).ok_or_else(|| QueryError::Invalid(format!("the catalog has no schema {name}")))
}
