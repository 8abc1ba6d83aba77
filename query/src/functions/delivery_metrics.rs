//! `delivery_metrics(start, end [, by [, width [, time_zone [, within]]]])` and
//! `delivery_metrics_as_of(time, ...)`: DORA's five metrics.
//!
//! The numbers are `slo::dora`'s; which deploys and incidents there are is read from the events.

mod deploys;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use slo::dora::{ATTRIBUTION_WITHIN_DEFAULT, Delivery, DeployIncident, Group, attribute};
use slo::recovery::Period;
use telemetry::Timestamp;

pub(crate) use self::deploys::deploys;

use self::deploys::attributions;
use super::TableManual;
use super::cohort::{Dimension, END, GroupKey, PERIOD, START, ZONE};
use super::documented::{Argument, Manual, Section};
use super::incident_records::incidents;
use super::report::{NamedRow, Report, Scope, Source, count, head, input, number, span_cells};
use super::summary::Cells;
use crate::views;

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

pub(super) struct Deliveries;

impl Report for Deliveries {
    fn manuals(&self) -> [TableManual; 2] {
        [NOW, AS_OF]
    }

    fn dimensions(&self) -> &'static [Dimension] {
        &[Dimension::Service, Dimension::Team]
    }

    /// Deploys, incidents, and what somebody put down to what.
    fn queries(&self, source: Source) -> Vec<String> {
        let events = source.events();
        vec![
            views::delivery::deploy_events(events),
            views::recovery::incident_events(events),
            views::delivery::attributions(events),
        ]
    }

    fn rows(&self, inputs: &[Vec<RecordBatch>], scope: &Scope) -> Result<Vec<Cells>> {
        let deploys = deploys(input(inputs, 0), &scope.context.production)?;
        let mut named = attributions(input(inputs, 2))?;
        let incidents: Vec<DeployIncident> = incidents(input(inputs, 1))?
            .into_iter()
            .filter(|incident| !incident.record.is_false_alarm)
            .map(|incident| DeployIncident {
                started_at: incident.record.started_at,
                restored_at: incident.ended_at(),
                deploy_id: named.remove(&incident.id).unwrap_or(incident.deploy_id),
                services: incident.services,
            })
            .collect();
        let within = scope.arguments.last.unwrap_or(ATTRIBUTION_WITHIN_DEFAULT);
        let causes = attribute(&deploys, &incidents, within);

        let services: BTreeSet<String> = deploys
            .iter()
            .map(|deploy| deploy.service.clone())
            .chain(incidents.iter().flat_map(|incident| incident.services.iter().cloned()))
            .chain(incidents.iter().filter(|incident| incident.services.is_empty()).map(|_| String::new()))
            .collect();
        let groups: BTreeMap<GroupKey, Group<'_>> = members(services, scope)
            .into_iter()
            .map(|(key, members)| {
                let group = Group::select(&deploys, &incidents, &causes, |service| members.contains(service));
                (key, group)
            })
            .collect();
        scope.rows(&groups, |period, key, group| row(period, key, &group.delivery(period)))
    }

    fn blank(&self) -> Cells {
        let nothing = Period { from: Timestamp::EPOCH, to: Timestamp::EPOCH, now: Timestamp::EPOCH };
        row(nothing, &GroupKey::default(), &Group::default().delivery(nothing))
    }
}

/// The services of each group; the empty name is what names no service.
fn members(services: BTreeSet<String>, scope: &Scope) -> BTreeMap<GroupKey, BTreeSet<String>> {
    let (by, owners) = (&scope.arguments.by, &scope.context.owners);
    let mut members: BTreeMap<GroupKey, BTreeSet<String>> =
        by.standing_groups(owners).into_iter().map(|key| (key, BTreeSet::new())).collect();
    for service in services {
        let named: Vec<String> = Some(service.clone()).filter(|name| !name.is_empty()).into_iter().collect();
        for key in by.groups_of(&named, None, owners) {
            members.entry(key).or_default().insert(service.clone());
        }
    }
    members
}

fn row(period: Period, group: &GroupKey, metrics: &Delivery) -> Cells {
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

/// What [`row`] has written.
pub(crate) fn read(row: &NamedRow<'_>) -> Delivery {
    Delivery {
        deployments: row.count("deployments"),
        deployments_per_day: row.number("deployments_per_day").unwrap_or_default(),
        failed_deployments: row.count("failed_deployments"),
        rework_deployments: row.count("rework_deployments"),
        change_fail_rate: row.number("change_fail_rate"),
        rework_rate: row.number("rework_rate"),
        lead_time: row.spans("lead_time"),
        failed_deployment_recovery: row.spans("recovery"),
        attributed_incidents: row.count("attributed_incidents"),
        unattributed_incidents: row.count("unattributed_incidents"),
    }
}
