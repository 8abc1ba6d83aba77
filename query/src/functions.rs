//! SQL functions of the field. One file per group; scalar functions, aggregates and window functions
//! are pure and immutable, table functions read the lake like tables do.
//!
//! Each carries a manual ([`documented`]), which SQL shows; `docs/sql.md` lists them all.

mod arguments;
mod as_of;
mod buckets;
mod budget_causes;
mod change;
mod cohort;
mod column;
mod computed;
mod date_trunc;
mod delivery_metrics;
mod documented;
mod extract;
mod fill;
mod human;
mod impact_metrics;
mod incident_impact;
mod incident_records;
mod json;
mod logfmt;
mod max_by;
mod promql_table;
mod quantile;
mod recovery_metrics;
mod report;
mod summary;
mod table_at;
mod template;
mod time_bucket;
mod time_buckets;
mod types;

use std::sync::Arc;

use datafusion::catalog::TableFunctionImpl;
use datafusion::execution::FunctionRegistry;
use datafusion::prelude::SessionContext;
use lake::Lake;

use crate::QueryError;
use crate::catalog::SloTables;

pub(crate) use delivery_metrics::{deploys, read as read_delivery};
pub(crate) use documented::{Manual, Section};
pub(crate) use impact_metrics::read as read_impact;
pub(crate) use incident_impact::table_of as impact_table;
pub(crate) use incident_records::incidents;
pub(crate) use json::JSON_OF;
pub(crate) use promql_table::PromqlFunction;
pub(crate) use recovery_metrics::read as read_recovery;
pub(crate) use report::{NamedRow, ReportContext, ReportKind, Source, table_of as report_table_of};
pub(crate) use summary::each_row;
pub(crate) use types::{map_builder, map_type, timestamp_type};

pub(crate) const RECOVERIES: ReportKind = ReportKind::new(&recovery_metrics::Recoveries);
pub(crate) const IMPACTS: ReportKind = ReportKind::new(&impact_metrics::Impacts);
pub(crate) const DELIVERIES: ReportKind = ReportKind::new(&delivery_metrics::Deliveries);

/// Registers everything but the table functions. Views use what is registered here.
pub(crate) fn register(context: &SessionContext) -> Result<(), QueryError> {
    let scalars = [
        date_trunc::functions(),
        extract::functions(),
        human::functions(),
        json::functions(),
        logfmt::functions(),
        crate::logs::functions(),
        template::functions(),
        time_bucket::functions(),
    ];
    scalars.into_iter().flatten().for_each(|function| context.register_udf(function));
    if let Some(operators) = json::operators(&json::functions()) {
        context.state_ref().write().register_expr_planner(operators)?;
    }
    let aggregates = [change::functions(), max_by::functions(), quantile::functions()];
    aggregates.into_iter().flatten().for_each(|function| context.register_udaf(function));
    fill::functions().into_iter().for_each(|function| context.register_udwf(function));
    Ok(())
}

/// A table function has no place for a manual in DataFusion: here it is, by name.
pub(crate) type TableManual = (&'static str, Manual);
type TableFunction = (TableManual, Arc<dyn TableFunctionImpl>);

/// Registers the table functions, when the tables that they read are there.
pub(crate) fn register_tables(
    context: &SessionContext,
    promql: &PromqlFunction,
    report: &ReportContext,
    slo: &SloTables,
    lake: &Lake,
) -> Result<Vec<TableManual>, QueryError> {
    let mut functions: Vec<TableFunction> = vec![
        ((promql_table::NAME, promql_table::MANUAL), Arc::new(promql.clone())),
        ((time_buckets::NAME, time_buckets::MANUAL), Arc::new(time_buckets::TimeBuckets)),
    ];
    functions.extend(as_of::functions(context)?);
    functions.extend(table_at::functions(lake));
    for kind in [RECOVERIES, DELIVERIES, IMPACTS] {
        functions.extend(report::functions(kind, context, report)?);
    }
    functions.extend(incident_impact::functions(context)?);
    functions.extend(budget_causes::functions(slo));
    let manuals = functions.into_iter().map(|(manual, function)| {
        context.register_udtf(manual.0, function);
        manual
    });
    Ok(manuals.collect())
}
