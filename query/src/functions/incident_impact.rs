//! `incident_impact(start, end)` and `incident_impact_as_of(time, start, end)`: whom each incident hurt,
//! and for how long.

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::ViewTable;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use telemetry::Timestamp;

use super::arguments::Arguments;
use super::cohort::{END, START};
use super::documented::{Manual, Section};
use super::report::Source;
use super::{TableFunction, TableManual};
use crate::QueryError;
use crate::views;

const NOW: TableManual = (
    "incident_impact",
    Manual {
        section: Section::Tables,
        syntax: "incident_impact(start, end)",
        description: "The incidents that started in a time with the minutes they lasted, the users and user minutes, and the requests that were affected: as reported, or else the bad events of the service's objectives meanwhile (requests_source says which). NULL where it is not known, and minutes while the incident lasts. What else the incident concerns than its service is in services, as JSON text.",
        arguments: &[START, END],
        example: "SELECT time_bucket('1 month', started_at) AS month, sum(user_minutes) AS user_minutes, sum(requests_affected) AS requests, count(*) - count(requests_affected) AS unknown FROM incident_impact('2026-01-01', now()) GROUP BY 1",
    },
);
const AS_OF: TableManual = (
    "incident_impact_as_of",
    Manual {
        section: Section::Tables,
        syntax: "incident_impact_as_of(time, start, end)",
        description: "incident_impact from what had been recorded by a time.",
        arguments: &[("time", "Up to when something was recorded to count, inclusive."), START, END],
        example: "SELECT incident_id, users_affected FROM incident_impact_as_of('2026-11-01', '2026-10-01', '2026-11-01')",
    },
);

pub(super) fn functions(context: &SessionContext) -> std::result::Result<Vec<TableFunction>, QueryError> {
    let mut functions: Vec<TableFunction> = Vec::new();
    for ((name, manual), source) in [(NOW, Source::Everything), (AS_OF, Source::AsOf)] {
        let plan = planned(context, source)?;
        functions.push(((name, manual), Arc::new(IncidentImpact { name, manual, source, plan })));
    }
    Ok(functions)
}

fn planned(context: &SessionContext, source: Source) -> std::result::Result<LogicalPlan, QueryError> {
    views::plan(context, NOW.0, &views::impact::incident_impact(source.events(), source.slices()))
}

#[derive(Debug)]
struct IncidentImpact {
    name: &'static str,
    manual: Manual,
    source: Source,
    plan: LogicalPlan,
}

impl TableFunctionImpl for IncidentImpact {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(self.name, self.manual.syntax, args.exprs());
        let first = usize::from(self.source == Source::AsOf);
        given.check_count(&[first + 2])?;
        let as_of = if first == 1 { Some(given.time(0)?) } else { None };
        told(self.plan.clone(), (given.time(first)?, given.time(first + 1)?), as_of)
    }
}

/// The table of a request in Rust.
pub(crate) fn table_of(
    context: &SessionContext,
    range: (Timestamp, Timestamp),
    as_of: Option<Timestamp>,
) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    let source = if as_of.is_some() { Source::AsOf } else { Source::Everything };
    Ok(told(planned(context, source)?, range, as_of)?)
}

fn told(
    plan: LogicalPlan,
    (start, end): (Timestamp, Timestamp),
    as_of: Option<Timestamp>,
) -> Result<Arc<dyn TableProvider>> {
    let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
    let first_slice = start.minus(views::impact::SLICE_MAX);
    let times = [as_of.unwrap_or(end), end, start, first_slice].map(time);
    Ok(Arc::new(ViewTable::new(plan.with_param_values(times.to_vec())?, None)))
}
