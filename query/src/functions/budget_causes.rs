//! `budget_causes(slo [, at [, group [, recorded_by]]])`: what ate the budget of an objective.
//!
//! The rows are those of the evaluator's report, which the API and the CLI show too.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use slo::spending::{Amount, Spending, Spent};
use telemetry::Timestamp;

use super::arguments::Arguments;
use super::computed::{Computation, ComputedTable};
use super::documented::{Manual, Section};
use super::report::number;
use super::summary::{Cell, Cells, schema_of, table};
use super::{TableFunction, TableManual};
use crate::catalog::SloTables;
use crate::sli::ReportQuery;

const CAUSES: TableManual = (
    "budget_causes",
    Manual {
        section: Section::Tables,
        syntax: "budget_causes(slo [, at [, group [, recorded_by]]])",
        description: "What ate the error budget of an objective in the window that ends at a time: a row per incident and deploy of the service with the bad events while it lasted, as shares of the budget and of all that was bad, the largest first, and a row unexplained for what happened during none of them. Causes may overlap. No rows for an objective that does not exist.",
        arguments: &[
            ("slo", "The SLO's name (its first objective), or NAME/OBJECTIVE."),
            ("at", "Where the window ends; where the numbers end without."),
            ("group", "The key of the group, such as '{region=\"eu\"}'; empty without groups."),
            ("recorded_by", "Up to when something was recorded to count, inclusive."),
        ],
        example: "SELECT kind, id, title, bad, budget_share FROM budget_causes('checkout-availability')",
    },
);

pub(super) fn functions(slo: &SloTables) -> Vec<TableFunction> {
    vec![(CAUSES, Arc::new(BudgetCauses { slo: slo.clone() }))]
}

struct BudgetCauses {
    slo: SloTables,
}

impl fmt::Debug for BudgetCauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CAUSES.0)
    }
}

impl TableFunctionImpl for BudgetCauses {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(CAUSES.0, CAUSES.1.syntax, args.exprs());
        given.check_count(&[1, 2, 3, 4])?;
        let name = given.text(0)?;
        let (slo, objective) = match name.split_once('/') {
            Some((slo, objective)) => (slo.to_owned(), Some(objective.to_owned())),
            None => (name, None),
        };
        let query = ReportQuery {
            slo,
            objective,
            group: if given.count() > 2 { given.text(2)? } else { String::new() },
            at: if given.count() > 1 { Some(given.time(1)?) } else { None },
            recorded_by: if given.count() > 3 { Some(given.time(3)?) } else { None },
            windows: Vec::new(),
            window: None,
        };
        Ok(Arc::new(ComputedTable::new(Attribution { query, slo: self.slo.clone() })))
    }
}

/// One call.
struct Attribution {
    query: ReportQuery,
    slo: SloTables,
}

impl fmt::Debug for Attribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(CAUSES.0).field(&self.query).finish()
    }
}

#[async_trait]
impl Computation for Attribution {
    fn name(&self) -> &'static str {
        "BudgetCausesExec"
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slo={}", self.query.slo)
    }

    fn schema(&self) -> SchemaRef {
        schema()
    }

    async fn batches(
        &self,
        _context: Arc<TaskContext>,
        _memory: &MemoryReservation,
    ) -> Result<Vec<RecordBatch>> {
        let Some(source) = self.slo.reports() else { return Ok(Vec::new()) };
        let report = source.slo_report(&self.query).await;
        let report = report.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let Some(report) = report else { return Ok(Vec::new()) };
        let spent = &report.spent;
        let causes = spent.causes.iter().map(|spending| row(spent, Some(spending), &spending.amount));
        let rows: Vec<Cells> = causes.chain([row(spent, None, &spent.unexplained)]).collect();
        Ok(vec![table(schema(), &rows)?])
    }
}

fn row(spent: &Spent, cause: Option<&Spending>, amount: &Amount) -> Cells {
    let text = |name: &str, text: Option<String>| (name.to_owned(), Cell::Text(text));
    let time = |name: &str, time: Timestamp| (name.to_owned(), Cell::Time(Some(time)));
    vec![
        text("kind", Some(cause.map_or("unexplained", |cause| cause.kind.name()).to_owned())),
        text("id", cause.map(|cause| cause.id.clone())),
        text("title", cause.map(|cause| cause.title.clone())),
        time("started_at", cause.map_or(spent.from, |cause| cause.from)),
        time("ended_at", cause.map_or(spent.to, |cause| cause.to)),
        number("bad", Some(amount.bad)),
        number("budget_share", amount.budget_share),
        number("bad_share", amount.bad_share),
    ]
}

fn schema() -> SchemaRef {
    let amount = Amount { bad: 0.0, budget_share: None, bad_share: None };
    let nothing = Spent {
        from: Timestamp::EPOCH,
        to: Timestamp::EPOCH,
        bad: 0.0,
        allowed_bad: None,
        causes: Vec::new(),
        unexplained: amount.clone(),
    };
    schema_of(&row(&nothing, None, &amount))
}
