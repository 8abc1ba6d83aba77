//! A filter as a predicate, and plans over the table `logs` under the limits of a role.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{max, min};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::ScalarValue;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF, lit};
use datafusion::prelude::ident;
use futures::StreamExt;
use lake::{Table, TableSnapshot};
use telemetry::Timestamp;

use super::LogFilter;
use super::functions::{LogField, LogMatch};
use super::language::{FieldTest, LogQuery, Test};
use super::matcher::{Field, column_name};
use crate::guard::Deadline;
use crate::provider::{LakeTable, QuerySnapshots};
use crate::{Engine, QueryError, QueryRole, SqlRows};

/// Everything that one request reads, from one snapshot and until one deadline.
pub(super) struct LogReader<'e> {
    engine: &'e Engine,
    state: SessionState,
    role: QueryRole,
    deadline: Deadline,
}

impl<'e> LogReader<'e> {
    pub(super) fn new(engine: &'e Engine, role: QueryRole) -> Result<LogReader<'e>, QueryError> {
        let deadline = Deadline::of(engine.config(), role);
        Ok(LogReader { engine, state: engine.query_state(), role, deadline })
    }

    /// The first and the last time that any row has; `None` when there is no row.
    pub(super) async fn extent(&self) -> Result<Option<(Timestamp, Timestamp)>, QueryError> {
        let snapshots = self.state.config().get_extension::<QuerySnapshots>().unwrap_or_default();
        let snapshot = self.deadline.within(snapshots.get(self.engine.lake(), Table::Logs)).await??;
        Ok(extent_of(&snapshot))
    }

    /// All rows of the table, to be narrowed.
    pub(super) fn table(&self) -> Result<LogicalPlanBuilder, QueryError> {
        let table = LakeTable::new(self.engine.lake().clone(), Table::Logs);
        Ok(LogicalPlanBuilder::scan("logs", provider_as_source(Arc::new(table)), None)?)
    }

    /// Runs a plan.
    pub(super) async fn rows(&self, plan: LogicalPlan) -> Result<SqlRows, QueryError> {
        self.engine.run_plan(plan, self.state.clone(), self.role, self.deadline.clone()).await
    }

    /// Runs a plan and hands over its batches.
    pub(super) async fn for_each(
        &self,
        plan: LogicalPlan,
        mut each: impl FnMut(RecordBatch) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut rows = self.rows(plan).await?;
        while let Some(batch) = rows.stream.next().await {
            each(batch?)?;
        }
        Ok(())
    }
}

fn extent_of(snapshot: &TableSnapshot) -> Option<(Timestamp, Timestamp)> {
    let everything = (Timestamp::MIN, Timestamp::MAX);
    let of_files = snapshot.files.iter().map(|file| file.time_range(Table::Logs).unwrap_or(everything));
    let of_buffer = snapshot.buffered.iter().filter_map(extent_of_batch);
    of_files.chain(of_buffer).reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
}

fn extent_of_batch(batch: &RecordBatch) -> Option<(Timestamp, Timestamp)> {
    let times = batch.column_by_name(Table::Logs.time_column())?;
    let times = times.as_primitive_opt::<TimestampMicrosecondType>()?;
    Some((Timestamp::from_micros(min(times)?), Timestamp::from_micros(max(times)?)))
}

impl LogFilter {
    /// For lines between two times, the second one excluded.
    pub(super) fn predicate(&self, from: Timestamp, to: Timestamp) -> Expr {
        let mut all = vec![ident("ts").gt_eq(time(from)), ident("ts").lt(time(to))];
        if !self.services.is_empty() {
            all.push(one_of("service", self.services.iter().map(String::as_str)));
        }
        if let Some(level) = self.severity_min {
            all.push(one_of("severity", level.names_from()));
        }
        if let Some(trace_id) = &self.trace_id {
            all.push(ident("trace_id").eq(lit(trace_id.as_str())));
        }
        if let Some(stream) = &self.stream {
            for (column, value) in [("service", &stream.service), ("host", &stream.host)] {
                all.push(match value {
                    Some(value) => ident(column).eq(lit(value.as_str())),
                    None => ident(column).is_null(),
                });
            }
        }
        all.extend(terms(&self.query));
        all.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true))
    }
}

pub(super) fn time(time: Timestamp) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(time.micros()), Some("UTC".into())))
}

fn one_of<'v>(column: &str, values: impl Iterator<Item = &'v str>) -> Expr {
    let values: Vec<Expr> = values.map(lit).collect();
    Expr::InList(InList::new(Box::new(ident(column)), values, false))
}

/// Fields each for itself, all about the body as one: it is folded once.
fn terms(query: &LogQuery) -> Vec<Expr> {
    let mut all = Vec::new();
    let mut texts = Vec::new();
    for term in &query.terms {
        let holds = match &term.test {
            Test::Text(test) => {
                texts.push(format!("{}{test}", if term.negated { "-" } else { "" }));
                continue;
            }
            Test::Field { name, test } => field(name, test),
        };
        all.push(if term.negated { holds.is_not_true() } else { holds });
    }
    if !texts.is_empty() {
        all.push(ScalarUDF::from(LogMatch::new()).call(vec![ident("body"), lit(texts.join(" "))]));
    }
    all
}

fn field(name: &str, test: &FieldTest) -> Expr {
    match (Field::named(name), test) {
        (Field::Column(column), FieldTest::OneOf(values)) => {
            one_of(column_name(column), values.iter().map(String::as_str))
        }
        (Field::Column(column), FieldTest::Present) => ident(column_name(column)).is_not_null(),
        (Field::Column(column), FieldTest::Regex(_)) => {
            ScalarUDF::from(LogField::new(None, test.clone())).call(vec![ident(column_name(column))])
        }
        (Field::Attribute(name), _) => {
            ScalarUDF::from(LogField::new(Some(name), test.clone())).call(vec![ident("attrs")])
        }
    }
}
