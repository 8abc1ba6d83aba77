//! `recovery_metrics(start, end [, by [, width [, time_zone [, grace]]]])` and
//! `recovery_metrics_as_of(time, ...)`: how fast failures are found and ended, and what they cost.
//!
//! The numbers are `slo::recovery`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use slo::recovery::{IncidentRecord, Period, REOPEN_GRACE_DEFAULT, Recovery, recovery};
use telemetry::Timestamp;

use super::arguments::Arguments;
use super::cohort::{Dimension, END, GroupKey, PERIOD, START, ZONE};
use super::documented::{Argument, Manual, Section};
use super::incident_records::{Incident, incidents};
use super::report::{ReportArguments, ReportContext, Source, count, head, number, span_cells};
use super::summary::{Cell, Summary, SummaryTable, schema_of, table};
use super::{TableFunction, TableManual};
use crate::QueryError;
use crate::views;

const DIMENSIONS: [Dimension; 3] = [Dimension::Service, Dimension::Team, Dimension::Severity];
const BY: Argument =
    ("by", "'all' (one row a period, as without), or some of service, team, severity: 'service,severity'.");
const GRACE: Argument =
    ("grace", "A reopening within this time is the same incident, such as '30 minutes'; an hour without.");

const NOW: TableManual = (
    "recovery_metrics",
    Manual {
        section: Section::Tables,
        syntax: "recovery_metrics(start, end [, by [, width [, time_zone [, grace]]]])",
        description: "Recovery metrics of the incidents that started in each period: MTTD (detect), MTTA (acknowledge), the four Rs (repair, restore = MTTR, resolve, respond) with n, open, missing, negative, mean, median and p90 in seconds, downtime, availability, failures, MTBF and MTBSI. NULL where there is nothing to say.",
        arguments: &[START, END, BY, PERIOD, ZONE, GRACE],
        example: "SELECT service, incidents, mttr_secs, restore_p90_secs, availability FROM recovery_metrics(now() - INTERVAL '30 days', now(), 'service') ORDER BY downtime_secs DESC",
    },
);
const AS_OF: TableManual = (
    "recovery_metrics_as_of",
    Manual {
        section: Section::Tables,
        syntax: "recovery_metrics_as_of(time, start, end [, by [, width [, time_zone [, grace]]]])",
        description: "recovery_metrics from what had been recorded by a time.",
        arguments: &[
            ("time", "Up to when something was recorded to count, inclusive."),
            START,
            END,
            BY,
            PERIOD,
            ZONE,
            GRACE,
        ],
        example: "SELECT incidents, mttr_secs FROM recovery_metrics_as_of('2026-11-01', '2026-10-01', '2026-11-01')",
    },
);

pub(super) fn functions(
    context: &SessionContext,
    report: &ReportContext,
) -> std::result::Result<Vec<TableFunction>, QueryError> {
    let mut functions: Vec<TableFunction> = Vec::new();
    for ((name, manual), source) in [(NOW, Source::Everything), (AS_OF, Source::AsOf)] {
        let query = views::plan(context, name, &views::recovery::incident_events(source.events()))?;
        let function = RecoveryMetrics { name, syntax: manual.syntax, source, query, report: report.clone() };
        functions.push(((name, manual), Arc::new(function)));
    }
    Ok(functions)
}

struct RecoveryMetrics {
    name: &'static str,
    syntax: &'static str,
    source: Source,
    query: LogicalPlan,
    report: ReportContext,
}

impl std::fmt::Debug for RecoveryMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl TableFunctionImpl for RecoveryMetrics {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(self.name, self.syntax, args.exprs());
        let arguments = ReportArguments::read(&given, self.source, &DIMENSIONS)?;
        let query = self.query.clone().with_param_values(arguments.parameters())?;
        let now = self.report.clock.now();
        let summary = Recoveries { name: self.name, arguments, now, report: self.report.clone() };
        Ok(Arc::new(SummaryTable { queries: vec![query], summary: Arc::new(summary) }))
    }
}

struct Recoveries {
    name: &'static str,
    arguments: ReportArguments,
    now: Timestamp,
    report: ReportContext,
}

impl std::fmt::Debug for Recoveries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(self.name).field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

impl Summary for Recoveries {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        let nothing = Period { from: Timestamp::EPOCH, to: Timestamp::EPOCH, now: Timestamp::EPOCH };
        let metrics = recovery(&[], nothing, REOPEN_GRACE_DEFAULT);
        schema_of(&row(nothing, &GroupKey::default(), &metrics))
    }

    fn summarize(&self, inputs: &[Vec<RecordBatch>]) -> Result<RecordBatch> {
        let incidents = incidents(inputs.first().map_or(&[][..], Vec::as_slice))?;
        let grace = self.arguments.last.unwrap_or(REOPEN_GRACE_DEFAULT);
        let groups = self.groups(incidents);
        self.arguments.periods.check_rows(groups.len()).map_err(DataFusionError::Execution)?;
        let mut rows = Vec::new();
        for times in self.arguments.periods.iter() {
            let period = self.arguments.period(times, self.now);
            for (group, records) in &groups {
                rows.push(row(period, group, &recovery(records, period, grace)));
            }
        }
        table(self.schema(), &rows)
    }
}

impl Recoveries {
    /// Each incident in every group that it concerns, once.
    fn groups(&self, incidents: Vec<Incident>) -> BTreeMap<GroupKey, Vec<IncidentRecord>> {
        let (by, owners) = (&self.arguments.by, &self.report.owners);
        let mut groups: BTreeMap<GroupKey, Vec<IncidentRecord>> =
            by.standing_groups(owners).into_iter().map(|group| (group, Vec::new())).collect();
        for incident in incidents {
            let keys: BTreeSet<GroupKey> =
                by.groups_of(&incident.services, incident.severity.as_deref(), owners);
            for key in keys {
                groups.entry(key).or_default().push(incident.record.clone());
            }
        }
        groups
    }
}

fn row(period: Period, group: &GroupKey, metrics: &Recovery) -> Vec<(String, Cell)> {
    let mut row = head(period, group);
    row.extend([
        count("incidents", metrics.incidents),
        count("open", metrics.open),
        ("oldest_open_secs".to_owned(), Cell::Count(metrics.oldest_open_secs)),
        count("false_alarms", metrics.false_alarms),
        number("precision", metrics.precision),
        number("mttd_secs", metrics.detect.mean_secs),
        number("mtta_secs", metrics.acknowledge.mean_secs),
        number("mttr_secs", metrics.restore.mean_secs),
        number("mtbf_secs", metrics.mtbf_secs),
        number("mtbsi_secs", metrics.mtbsi_secs),
        number("uptime_per_failure_secs", metrics.uptime_per_failure_secs),
        number("downtime_secs", Some(metrics.downtime_secs)),
        number("availability", metrics.availability),
        count("failures", metrics.failures),
    ]);
    let spans = [
        ("detect", &metrics.detect),
        ("acknowledge", &metrics.acknowledge),
        ("respond", &metrics.respond),
        ("repair", &metrics.repair),
        ("restore", &metrics.restore),
        ("resolve", &metrics.resolve),
        ("resolve_active", &metrics.resolve_active),
    ];
    row.extend(spans.into_iter().flat_map(|(name, spans)| span_cells(name, spans)));
    row
}
