//! `delivery_metrics(start, end [, by [, width [, time_zone [, within]]]])` and
//! `delivery_metrics_as_of(time, ...)`: DORA's five metrics.
//!
//! The numbers are `slo::dora`'s; which deploys and incidents there are is read from the events.

mod deploys;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use slo::dora::{ATTRIBUTION_WITHIN_DEFAULT, Delivery, DeployIncident, Group, attribute};
use slo::recovery::Period;
use telemetry::Timestamp;

use self::deploys::{attributions, deploys};
use super::arguments::Arguments;
use super::cohort::{Dimension, END, GroupKey, PERIOD, START, ZONE};
use super::documented::{Argument, Manual, Section};
use super::incident_records::incidents;
use super::report::{ReportArguments, ReportContext, Source, count, head, number, span_cells};
use super::summary::{Cell, Summary, SummaryTable, schema_of, table};
use super::{TableFunction, TableManual};
use crate::QueryError;
use crate::views;

const DIMENSIONS: [Dimension; 2] = [Dimension::Service, Dimension::Team];
const BY: Argument = ("by", "'all' (one row a period, as without), service or team.");
const WITHIN: Argument = (
    "within",
    "An incident that names no deploy is put down to the latest one of its service that finished this long before, such as '4 hours'; a day without.",
);

const NOW: TableManual = (
    "delivery_metrics",
    Manual {
        section: Section::Tables,
        syntax: "delivery_metrics(start, end [, by [, width [, time_zone [, within]]]])",
        description: "DORA's metrics of the deployments to production that finished in each period: deployment frequency, change lead time, change fail rate, failed deployment recovery time, rework rate, and how many incidents no deployment explains. Rates are NULL without deployments.",
        arguments: &[START, END, BY, PERIOD, ZONE, WITHIN],
        example: "SELECT period_start, deployments, lead_time_median_secs, change_fail_rate FROM delivery_metrics(now() - INTERVAL '90 days', now(), 'all', INTERVAL '7 days') ORDER BY 1",
    },
);
const AS_OF: TableManual = (
    "delivery_metrics_as_of",
    Manual {
        section: Section::Tables,
        syntax: "delivery_metrics_as_of(time, start, end [, by [, width [, time_zone [, within]]]])",
        description: "delivery_metrics from what had been recorded by a time.",
        arguments: &[
            ("time", "Up to when something was recorded to count, inclusive."),
            START,
            END,
            BY,
            PERIOD,
            ZONE,
            WITHIN,
        ],
        example: "SELECT deployments, change_fail_rate FROM delivery_metrics_as_of('2026-11-01', '2026-10-01', '2026-11-01')",
    },
);

pub(super) fn functions(
    context: &SessionContext,
    report: &ReportContext,
) -> std::result::Result<Vec<TableFunction>, QueryError> {
    let mut functions: Vec<TableFunction> = Vec::new();
    for ((name, manual), source) in [(NOW, Source::Everything), (AS_OF, Source::AsOf)] {
        let events = source.events();
        let queries = [
            views::plan(context, name, &views::delivery::deploy_events(events))?,
            views::plan(context, name, &views::recovery::incident_events(events))?,
            views::plan(context, name, &views::delivery::attributions(events))?,
        ];
        let function =
            DeliveryMetrics { name, syntax: manual.syntax, source, queries, report: report.clone() };
        functions.push(((name, manual), Arc::new(function)));
    }
    Ok(functions)
}

struct DeliveryMetrics {
    name: &'static str,
    syntax: &'static str,
    source: Source,
    /// Deploys, incidents, and what somebody put down to what.
    queries: [LogicalPlan; 3],
    report: ReportContext,
}

impl std::fmt::Debug for DeliveryMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl TableFunctionImpl for DeliveryMetrics {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let given = Arguments::new(self.name, self.syntax, args.exprs());
        let arguments = ReportArguments::read(&given, self.source, &DIMENSIONS)?;
        let mut queries = Vec::new();
        for query in &self.queries {
            queries.push(query.clone().with_param_values(arguments.parameters())?);
        }
        let now = self.report.clock.now();
        let summary = Deliveries { name: self.name, arguments, now, report: self.report.clone() };
        Ok(Arc::new(SummaryTable { queries, summary: Arc::new(summary) }))
    }
}

struct Deliveries {
    name: &'static str,
    arguments: ReportArguments,
    now: Timestamp,
    report: ReportContext,
}

impl std::fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(self.name).field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

impl Summary for Deliveries {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        let nothing = Period { from: Timestamp::EPOCH, to: Timestamp::EPOCH, now: Timestamp::EPOCH };
        schema_of(&row(nothing, &GroupKey::default(), &Group::default().delivery(nothing)))
    }

    fn summarize(&self, inputs: &[Vec<RecordBatch>]) -> Result<RecordBatch> {
        let input = |position: usize| inputs.get(position).map_or(&[][..], Vec::as_slice);
        let deploys = deploys(input(0))?;
        let mut named = attributions(input(2))?;
        let incidents: Vec<DeployIncident> = incidents(input(1))?
            .into_iter()
            .filter(|incident| !incident.record.is_false_alarm)
            .map(|incident| DeployIncident {
                started_at: incident.record.started_at,
                restored_at: incident.ended_at(),
                deploy_id: named.remove(&incident.id).unwrap_or(incident.deploy_id),
                services: incident.services,
            })
            .collect();
        let within = self.arguments.last.unwrap_or(ATTRIBUTION_WITHIN_DEFAULT);
        let causes = attribute(&deploys, &incidents, within);

        let services: BTreeSet<String> = deploys
            .iter()
            .map(|deploy| deploy.service.clone())
            .chain(incidents.iter().flat_map(|incident| incident.services.iter().cloned()))
            .chain(incidents.iter().filter(|incident| incident.services.is_empty()).map(|_| String::new()))
            .collect();
        let groups: BTreeMap<GroupKey, Group<'_>> = self
            .members(services)
            .into_iter()
            .map(|(key, members)| {
                let group = Group::select(&deploys, &incidents, &causes, |service| members.contains(service));
                (key, group)
            })
            .collect();
        self.arguments.periods.check_rows(groups.len()).map_err(DataFusionError::Execution)?;
        let mut rows = Vec::new();
        for times in self.arguments.periods.iter() {
            let period = self.arguments.period(times, self.now);
            for (key, group) in &groups {
                rows.push(row(period, key, &group.delivery(period)));
            }
        }
        table(self.schema(), &rows)
    }
}

impl Deliveries {
    /// The services of each group; the empty name is what names no service.
    fn members(&self, services: BTreeSet<String>) -> BTreeMap<GroupKey, BTreeSet<String>> {
        let (by, owners) = (&self.arguments.by, &self.report.owners);
        let mut members: BTreeMap<GroupKey, BTreeSet<String>> =
            by.standing_groups(owners).into_iter().map(|key| (key, BTreeSet::new())).collect();
        for service in services {
            let named: Vec<String> =
                Some(service.clone()).filter(|name| !name.is_empty()).into_iter().collect();
            for key in by.groups_of(&named, None, owners) {
                members.entry(key).or_default().insert(service.clone());
            }
        }
        members
    }
}

fn row(period: Period, group: &GroupKey, metrics: &Delivery) -> Vec<(String, Cell)> {
    let mut row = head(period, group);
    // Deployments have no severity.
    row.retain(|(name, _)| name != "severity");
    row.extend([
        count("deployments", metrics.deployments),
        number("deployments_per_day", Some(metrics.deployments_per_day)),
        count("failed_deployments", metrics.failed_deployments),
        number("change_fail_rate", metrics.change_fail_rate),
        count("rework_deployments", metrics.rework_deployments),
        number("rework_rate", metrics.rework_rate),
        count("attributed_incidents", metrics.attributed_incidents),
        count("unattributed_incidents", metrics.unattributed_incidents),
    ]);
    row.extend(span_cells("lead_time", &metrics.lead_time));
    row.extend(span_cells("recovery", &metrics.failed_deployment_recovery));
    row
}
