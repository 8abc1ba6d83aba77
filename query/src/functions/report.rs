//! Reports: tables of one row per period and group, as functions of SQL
//! (`NAME(start, end [, by [, width [, time_zone [, last]]]])` and `NAME_as_of(time, ...)`) and as
//! tables for requests in Rust. Both read the same events and make the same rows.

mod arguments;
mod columns;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use slo::recovery::Period;
use telemetry::{Clock, Timestamp};

use super::arguments::Arguments;
use super::cohort::{Dimension, GroupKey};
use super::summary::{Cells, Summary, SummaryTable, schema_of, table};
use super::{TableFunction, TableManual};
use crate::QueryError;
use crate::catalog::ServiceOwners;
use crate::reports::ReportRequest;
use crate::session::started;
use crate::views;

pub(super) use arguments::ReportArguments;
pub(crate) use arguments::Source;
pub(crate) use columns::NamedRow;
pub(super) use columns::{count, head, number, span_cells};

/// What reports need to know beside the lake.
#[derive(Clone)]
pub(crate) struct ReportContext {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owners: ServiceOwners,
    /// Names of the environments that are production, in lower case.
    pub(crate) production: Arc<[String]>,
}

/// One kind of report.
pub(crate) trait Report: Send + Sync {
    /// Of the function over everything, and of the one as of a time.
    fn manuals(&self) -> [TableManual; 2];

    /// What it may be broken down by.
    fn dimensions(&self) -> &'static [Dimension];

    /// Whether there is an argument after the time zone, a length of time.
    fn has_last(&self) -> bool {
        true
    }

    /// What it reads, under the parameters of [`ReportArguments::parameters`].
    fn queries(&self, source: Source) -> Vec<String>;

    /// The rows, from what the queries returned.
    fn rows(&self, inputs: &[Vec<RecordBatch>], scope: &Scope) -> Result<Vec<Cells>>;

    /// A row about nothing: it has the columns.
    fn blank(&self) -> Cells;
}

type SharedReport = &'static dyn Report;

/// One of the kinds.
#[derive(Clone, Copy)]
pub(crate) struct ReportKind(SharedReport);

impl ReportKind {
    pub(super) const fn new(report: SharedReport) -> ReportKind {
        ReportKind(report)
    }
}

/// Which periods and groups rows are made for.
pub(crate) struct Scope {
    pub(super) arguments: ReportArguments,
    now: Timestamp,
    pub(super) context: ReportContext,
}

impl Scope {
    /// A row per period and group, in this order.
    pub(super) fn rows<G>(
        &self,
        groups: &BTreeMap<GroupKey, G>,
        row: impl Fn(Period, &GroupKey, &G) -> Cells,
    ) -> Result<Vec<Cells>> {
        self.arguments.periods.check_rows(groups.len()).map_err(DataFusionError::Execution)?;
        let mut rows = Vec::new();
        for times in self.arguments.periods.iter() {
            let period = self.arguments.period(times, self.now);
            rows.extend(groups.iter().map(|(key, group)| row(period, key, group)));
        }
        Ok(rows)
    }
}

/// The rows that a query returned, none if there is no such query.
pub(super) fn input(inputs: &[Vec<RecordBatch>], position: usize) -> &[RecordBatch] {
    inputs.get(position).map_or(&[], Vec::as_slice)
}

/// The two functions of a report.
pub(super) fn functions(
    ReportKind(report): ReportKind,
    session: &SessionContext,
    context: &ReportContext,
) -> std::result::Result<Vec<TableFunction>, QueryError> {
    let mut functions: Vec<TableFunction> = Vec::new();
    for ((name, manual), source) in report.manuals().into_iter().zip([Source::Everything, Source::AsOf]) {
        let queries = report.queries(source);
        let plans = queries.iter().map(|query| views::plan(session, name, query));
        let queries = plans.collect::<std::result::Result<_, _>>()?;
        let context = context.clone();
        let function = ReportFunction { report, name, syntax: manual.syntax, source, queries, context };
        functions.push(((name, manual), Arc::new(function)));
    }
    Ok(functions)
}

struct ReportFunction {
    report: SharedReport,
    name: &'static str,
    syntax: &'static str,
    source: Source,
    queries: Vec<LogicalPlan>,
    context: ReportContext,
}

impl fmt::Debug for ReportFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl TableFunctionImpl for ReportFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(self.name, self.syntax, args.exprs());
        let arguments = ReportArguments::read(&given, self.source, self.report)?;
        let now = started(args.session()).unwrap_or_else(|| self.context.clock.now());
        report_table(self.report, self.name, &self.queries, arguments, now, &self.context)
    }
}

/// The table of a request in Rust.
///
/// # Errors
/// [`QueryError::Invalid`] for what cannot be asked for.
pub(crate) fn table_of(
    ReportKind(report): ReportKind,
    request: &ReportRequest,
    context: &ReportContext,
    session: &SessionContext,
) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    let arguments = ReportArguments::of(request, report.dimensions()).map_err(QueryError::Invalid)?;
    let [(name, _), _] = report.manuals();
    let queries = report.queries(arguments.source());
    let plans = queries.iter().map(|query| views::plan(session, name, query));
    let queries: Vec<LogicalPlan> = plans.collect::<std::result::Result<_, _>>()?;
    Ok(report_table(report, name, &queries, arguments, context.clock.now(), context)?)
}

fn report_table(
    report: SharedReport,
    name: &'static str,
    queries: &[LogicalPlan],
    arguments: ReportArguments,
    now: Timestamp,
    context: &ReportContext,
) -> Result<Arc<dyn TableProvider>> {
    let told = |query: &LogicalPlan| query.clone().with_param_values(arguments.parameters());
    let queries = queries.iter().map(told).collect::<Result<_>>()?;
    let scope = Scope { arguments, now, context: context.clone() };
    Ok(Arc::new(SummaryTable { queries, summary: Arc::new(ReportRows { report, name, scope }) }))
}

struct ReportRows {
    report: SharedReport,
    name: &'static str,
    scope: Scope,
}

impl fmt::Debug for ReportRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.name).field("arguments", &self.scope.arguments).finish_non_exhaustive()
    }
}

impl Summary for ReportRows {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        schema_of(&self.report.blank())
    }

    fn summarize(&self, inputs: &[Vec<RecordBatch>]) -> Result<RecordBatch> {
        table(self.schema(), &self.report.rows(inputs, &self.scope)?)
    }
}
