//! `recovery_metrics(start, end [, by [, width [, time_zone [, grace]]]])` and
//! `recovery_metrics_as_of(time, ...)`: how fast failures are found and ended, and what they cost.
//!
//! The numbers are `slo::recovery`'s.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use slo::recovery::{IncidentRecord, Period, REOPEN_GRACE_DEFAULT, Recovery, recovery};
use telemetry::Timestamp;

use super::TableManual;
use super::cohort::{Dimension, END, GroupKey, PERIOD, START, ZONE};
use super::documented::{Argument, Manual, Section};
use super::incident_records::{Incident, incidents};
use super::report::{NamedRow, Report, Scope, Source, count, head, input, number, span_cells};
use super::summary::{Cell, Cells};
use crate::views;

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

pub(super) struct Recoveries;

impl Report for Recoveries {
    fn manuals(&self) -> [TableManual; 2] {
        [NOW, AS_OF]
    }

    fn dimensions(&self) -> &'static [Dimension] {
        &[Dimension::Service, Dimension::Team, Dimension::Severity]
    }

    fn queries(&self, source: Source) -> Vec<String> {
        vec![views::recovery::incident_events(source.events())]
    }

    fn rows(&self, inputs: &[Vec<RecordBatch>], scope: &Scope) -> Result<Vec<Cells>> {
        let groups = groups(incidents(input(inputs, 0))?, scope);
        let grace = scope.arguments.last.unwrap_or(REOPEN_GRACE_DEFAULT);
        scope.rows(&groups, |period, key, records| row(period, key, &recovery(records, period, grace)))
    }

    fn blank(&self) -> Cells {
        let nothing = Period { from: Timestamp::EPOCH, to: Timestamp::EPOCH, now: Timestamp::EPOCH };
        row(nothing, &GroupKey::default(), &recovery(&[], nothing, REOPEN_GRACE_DEFAULT))
    }
}

/// Each incident in every group that it concerns, once.
fn groups(incidents: Vec<Incident>, scope: &Scope) -> BTreeMap<GroupKey, Vec<IncidentRecord>> {
    let (by, owners) = (&scope.arguments.by, &scope.context.owners);
    let mut groups: BTreeMap<GroupKey, Vec<IncidentRecord>> =
        by.standing_groups(owners).into_iter().map(|group| (group, Vec::new())).collect();
    for incident in incidents {
        let keys: BTreeSet<GroupKey> = by.groups_of(&incident.services, incident.severity.as_deref(), owners);
        for key in keys {
            groups.entry(key).or_default().push(incident.record.clone());
        }
    }
    groups
}

fn row(period: Period, group: &GroupKey, metrics: &Recovery) -> Cells {
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

/// What [`row`] has written.
pub(crate) fn read(row: &NamedRow<'_>) -> Recovery {
    Recovery {
        incidents: row.count("incidents"),
        open: row.count("open"),
        oldest_open_secs: row.count_or_null("oldest_open_secs"),
        false_alarms: row.count("false_alarms"),
        precision: row.number("precision"),
        detect: row.spans("detect"),
        acknowledge: row.spans("acknowledge"),
        respond: row.spans("respond"),
        repair: row.spans("repair"),
        restore: row.spans("restore"),
        resolve: row.spans("resolve"),
        resolve_active: row.spans("resolve_active"),
        downtime_secs: row.number("downtime_secs").unwrap_or_default(),
        availability: row.number("availability"),
        failures: row.count("failures"),
        mtbf_secs: row.number("mtbf_secs"),
        mtbsi_secs: row.number("mtbsi_secs"),
        uptime_per_failure_secs: row.number("uptime_per_failure_secs"),
    }
}
