//! `impact_metrics(start, end [, by [, width [, time_zone]]])` and `impact_metrics_as_of(time, ...)`: what
//! the incidents of each period cost, by service, team and severity.
//!
//! The rows are those of `incident_impact`; the sums are `slo::impact`'s.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use slo::impact::{Impact, IncidentCost, Known, impact};
use slo::recovery::Period;
use telemetry::Timestamp;

use super::TableManual;
use super::cohort::{Dimension, END, GroupKey, PERIOD, START, ZONE};
use super::documented::{Argument, Manual, Section};
use super::incident_records::services_of;
use super::report::{NamedRow, Report, Scope, Source, count, head, input, number};
use super::summary::{Cells, InputRow, each_row};
use crate::views;
use crate::views::impact::column;

const BY: Argument =
    ("by", "'all' (one row a period, as without), or some of service, team, severity: 'team,severity'.");

const NOW: TableManual = (
    "impact_metrics",
    Manual {
        section: Section::Tables,
        syntax: "impact_metrics(start, end [, by [, width [, time_zone]]])",
        description: "What the incidents that started in each period cost: minutes, users, user minutes and requests, added up over the incidents of which they are known, each with the number of incidents of which they are not (*_unknown). requests_measured counts the incidents whose requests an objective saw. NULL where nothing is known.",
        arguments: &[START, END, BY, PERIOD, ZONE],
        example: "SELECT team, incidents, minutes, user_minutes, requests_affected FROM impact_metrics(now() - INTERVAL '90 days', now(), 'team') ORDER BY user_minutes DESC NULLS LAST",
    },
);
const AS_OF: TableManual = (
    "impact_metrics_as_of",
    Manual {
        section: Section::Tables,
        syntax: "impact_metrics_as_of(time, start, end [, by [, width [, time_zone]]])",
        description: "impact_metrics from what had been recorded by a time.",
        arguments: &[
            ("time", "Up to when something was recorded to count, inclusive."),
            START,
            END,
            BY,
            PERIOD,
            ZONE,
        ],
        example: "SELECT incidents, user_minutes FROM impact_metrics_as_of('2026-11-01', '2026-10-01', '2026-11-01')",
    },
);

/// What an incident of a group cost, and when it began.
type Costs = Vec<(Timestamp, IncidentCost)>;

pub(super) struct Impacts;

impl Report for Impacts {
    fn manuals(&self) -> [TableManual; 2] {
        [NOW, AS_OF]
    }

    fn dimensions(&self) -> &'static [Dimension] {
        &[Dimension::Service, Dimension::Team, Dimension::Severity]
    }

    fn has_last(&self) -> bool {
        false
    }

    fn queries(&self, source: Source) -> Vec<String> {
        vec![views::impact::incident_impact(source.events(), source.slices())]
    }

    fn rows(&self, inputs: &[Vec<RecordBatch>], scope: &Scope) -> Result<Vec<Cells>> {
        let (by, owners) = (&scope.arguments.by, &scope.context.owners);
        let mut groups: BTreeMap<GroupKey, Costs> =
            by.standing_groups(owners).into_iter().map(|group| (group, Vec::new())).collect();
        each_row(input(inputs, 0), |row| {
            let Some(started_at) = row.time(column::STARTED) else { return };
            let services = services_of(row.text(column::SERVICE), row.text(column::SERVICES));
            let cost = cost(row);
            for key in by.groups_of(&services, row.text(column::SEVERITY).as_deref(), owners) {
                groups.entry(key).or_default().push((started_at, cost));
            }
        })?;
        scope.rows(&groups, |period, key, costs| {
            let started = costs.iter().filter(|(at, _)| period.from <= *at && *at < period.to);
            let costs: Vec<IncidentCost> = started.map(|(_, cost)| *cost).collect();
            row(period, key, &impact(&costs))
        })
    }

    fn blank(&self) -> Cells {
        let nothing = Period { from: Timestamp::EPOCH, to: Timestamp::EPOCH, now: Timestamp::EPOCH };
        row(nothing, &GroupKey::default(), &Impact::default())
    }
}

fn cost(row: &InputRow<'_>) -> IncidentCost {
    IncidentCost {
        minutes: row.number(column::MINUTES),
        users: row.number(column::USERS),
        user_minutes: row.number(column::USER_MINUTES),
        requests: row.number(column::REQUESTS),
        is_measured: row.text(column::SOURCE).as_deref() == Some("slo"),
    }
}

fn row(period: Period, group: &GroupKey, impact: &Impact) -> Cells {
    let mut row = head(period, group);
    row.push(count("incidents", impact.incidents));
    let sums = [
        ("minutes", impact.minutes),
        ("users_affected", impact.users),
        ("user_minutes", impact.user_minutes),
        ("requests_affected", impact.requests),
    ];
    for (name, sum) in sums {
        row.push(number(name, sum.total));
        row.push(count(&format!("{name}_unknown"), sum.unknown));
    }
    row.push(count("requests_measured", impact.requests_measured));
    row
}

/// What [`row`] has written.
pub(crate) fn read(row: &NamedRow<'_>) -> Impact {
    let sum = |name: &str| Known { total: row.number(name), unknown: row.count(&format!("{name}_unknown")) };
    Impact {
        incidents: row.count("incidents"),
        minutes: sum("minutes"),
        users: sum("users_affected"),
        user_minutes: sum("user_minutes"),
        requests: sum("requests_affected"),
        requests_measured: row.count("requests_measured"),
    }
}
