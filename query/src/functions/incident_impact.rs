//! `incident_impact(start, end)`: whom each incident hurt, and for how long.

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
use super::{TableFunction, TableManual};
use crate::QueryError;
use crate::views;

const IMPACT: TableManual = (
    "incident_impact",
    Manual {
        section: Section::Tables,
        syntax: "incident_impact(start, end)",
        description: "The incidents that started in a time with the minutes they lasted, the users and user minutes, and the requests that were affected: as reported, or else the bad events of the service's objectives meanwhile (requests_source says which). NULL where it is not known, and minutes while the incident lasts.",
        arguments: &[START, END],
        example: "SELECT time_bucket('1 month', started_at) AS month, sum(user_minutes) AS user_minutes, sum(requests_affected) AS requests, count(*) - count(requests_affected) AS unknown FROM incident_impact('2026-01-01', now()) GROUP BY 1",
    },
);

pub(super) fn functions(context: &SessionContext) -> std::result::Result<Vec<TableFunction>, QueryError> {
    let (name, manual) = IMPACT;
    let plan = views::plan(context, name, &views::impact::incident_impact())?;
    Ok(vec![((name, manual), Arc::new(IncidentImpact { plan }))])
}

#[derive(Debug)]
struct IncidentImpact {
    plan: LogicalPlan,
}

impl TableFunctionImpl for IncidentImpact {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let (name, manual) = IMPACT;
        let given = Arguments::new(name, manual.syntax, args.exprs());
        given.check_count(&[2])?;
        let (start, end) = (given.time(0)?, given.time(1)?);
        let time = |at: Timestamp| ScalarValue::TimestampMicrosecond(Some(at.micros()), Some("UTC".into()));
        let first_slice = start.minus(views::impact::SLICE_MAX);
        let plan = self.plan.clone().with_param_values(vec![time(start), time(end), time(first_slice)])?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}
