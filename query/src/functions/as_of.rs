//! "As reported on that day": `events_as_of(time)`, `incidents_as_of(time)`, `deploys_as_of(time)` and
//! `slo_slices_as_of(time)` show what was recorded up to a time, whatever was corrected later.
//!
//! Events and slices are only ever added, with the time of recording and a sequence or revision: the
//! highest one that was recorded by then is what was known. Versions of files play no part in it.

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::ViewTable;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

use super::arguments::Arguments;
use super::documented::{Argument, Manual, Section};
use super::{TableFunction, TableManual};
use crate::QueryError;
use crate::views;

const TIME: &[Argument] = &[("time", "Up to when something was recorded to count, inclusive.")];

const EVENTS: TableManual = (
    "events_as_of",
    Manual {
        section: Section::Tables,
        syntax: "events_as_of(time)",
        description: "The events that had been recorded by a time; columns of events.",
        arguments: TIME,
        example: "SELECT kind, count(*) FROM events_as_of('2026-11-01') GROUP BY kind",
    },
);
const INCIDENTS: TableManual = (
    "incidents_as_of",
    Manual {
        section: Section::Tables,
        syntax: "incidents_as_of(time)",
        description: "The incidents as they were known at a time; columns of incidents.",
        arguments: TIME,
        example: "SELECT severity, count(*) FROM incidents_as_of('2026-11-01') GROUP BY severity",
    },
);
const DEPLOYS: TableManual = (
    "deploys_as_of",
    Manual {
        section: Section::Tables,
        syntax: "deploys_as_of(time)",
        description: "The deploys as they were known at a time; columns of deploys.",
        arguments: TIME,
        example: "SELECT service, count(*) FROM deploys_as_of('2026-11-01') GROUP BY service",
    },
);
const SLO_SLICES: TableManual = (
    "slo_slices_as_of",
    Manual {
        section: Section::Tables,
        syntax: "slo_slices_as_of(time)",
        description: "Each SLO slice in the newest revision that had been recorded by a time; columns of slo_slices.",
        arguments: TIME,
        example: "SELECT slo_id, sum(good) / sum(total) AS sli FROM slo_slices_as_of('2026-11-01') WHERE slice_start >= '2026-10-01' GROUP BY slo_id",
    },
);

/// `$1` is the time.
const RECORDED_EVENTS: &str = "SELECT * FROM events WHERE recorded_at <= $1";

pub(super) fn functions(context: &SessionContext) -> Result<Vec<TableFunction>, QueryError> {
    let of_events = |definition: &str| views::over_events(definition, &format!("({RECORDED_EVENTS})"));
    let definitions = [
        (EVENTS, RECORDED_EVENTS.to_owned()),
        (INCIDENTS, of_events(views::INCIDENTS)),
        (DEPLOYS, of_events(views::DEPLOYS)),
        (SLO_SLICES, views::slo_slices("WHERE recorded_at <= $1")),
    ];
    let mut functions: Vec<TableFunction> = Vec::new();
    for ((name, manual), definition) in definitions {
        let plan = views::plan(context, name, &definition)?;
        functions.push(((name, manual), Arc::new(AsOf { name, syntax: manual.syntax, plan })));
    }
    Ok(functions)
}

/// A query that still has to be told the time.
#[derive(Debug)]
struct AsOf {
    name: &'static str,
    syntax: &'static str,
    plan: LogicalPlan,
}

impl TableFunctionImpl for AsOf {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(self.name, self.syntax, args.exprs());
        given.check_count(&[1])?;
        let time = ScalarValue::TimestampMicrosecond(Some(given.time(0)?.micros()), Some("UTC".into()));
        let plan = self.plan.clone().with_param_values(vec![time])?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}
