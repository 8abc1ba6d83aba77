//! Recovery metrics and delivery metrics, as the SQL functions of these names have them.

use serde::{Deserialize, Serialize};
use slo::dora::Delivery;
use slo::recovery::Recovery;
use slo::statistics::Spans;
use utoipa::{IntoParams, ToSchema};

use super::Time;

/// Which time, by what, and as of when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MetricsQuery {
    /// RFC 3339; 30 days before `to` when absent.
    pub from: Option<String>,
    /// RFC 3339, exclusive; now when absent.
    pub to: Option<String>,
    /// `all`, or some of `service`, `team`, `severity` with commas between them; deploys have no
    /// severity.
    pub by: Option<String>,
    /// Length of the periods, such as `1 day`, `1 week` or `1 month`; one period when absent.
    pub width: Option<String>,
    /// IANA name of the zone whose days and months are meant; UTC when absent.
    pub time_zone: Option<String>,
    /// RFC 3339: only what had been recorded by then counts.
    pub as_of: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecoveryReport {
    pub from: Time,
    pub to: Time,
    /// By period, then by group.
    pub rows: Vec<RecoveryRow>,
}

/// The incidents that started in one period, of one group.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecoveryRow {
    pub from: Time,
    pub to: Time,
    #[schema(required)]
    pub service: Option<String>,
    #[schema(required)]
    pub team: Option<String>,
    #[schema(required)]
    pub severity: Option<String>,
    /// False alarms left out.
    pub incidents: u64,
    /// Those that go on.
    pub open: u64,
    #[schema(required)]
    pub oldest_open_secs: Option<u64>,
    pub false_alarms: u64,
    /// Share of the incidents that were real.
    #[schema(required)]
    pub precision: Option<f64>,
    /// Union of the incidents' times within the period.
    pub downtime_secs: f64,
    #[schema(required)]
    pub availability: Option<f64>,
    /// Separate stretches of downtime.
    pub failures: u64,
    /// Mean of restored to the next failure; null with fewer than two such gaps.
    #[schema(required)]
    pub mtbf_secs: Option<f64>,
    /// Mean of failure start to failure start.
    #[schema(required)]
    pub mtbsi_secs: Option<f64>,
    /// The other school's MTBF: uptime over failures.
    #[schema(required)]
    pub uptime_per_failure_secs: Option<f64>,
    /// Started to detected; the mean is the MTTD.
    pub detect: Lengths,
    /// Detected to acknowledged by a person; the mean is the MTTA.
    pub acknowledge: Lengths,
    /// Detected to restored.
    pub respond: Lengths,
    /// Started to repaired.
    pub repair: Lengths,
    /// Started to restored; the mean is the MTTR.
    pub restore: Lengths,
    /// Started to resolved.
    pub resolve: Lengths,
    /// The same without the pauses before reopenings.
    pub resolve_active: Lengths,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeliveryReport {
    pub from: Time,
    pub to: Time,
    /// By period, then by group.
    pub rows: Vec<DeliveryRow>,
}

/// The deployments to production that finished in one period, of one group.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeliveryRow {
    pub from: Time,
    pub to: Time,
    #[schema(required)]
    pub service: Option<String>,
    #[schema(required)]
    pub team: Option<String>,
    pub deployments: u64,
    /// Over the part of the period that has passed.
    pub deployments_per_day: f64,
    pub failed_deployments: u64,
    /// Failed over all deployments; null without deployments.
    #[schema(required)]
    pub change_fail_rate: Option<f64>,
    pub rework_deployments: u64,
    #[schema(required)]
    pub rework_rate: Option<f64>,
    /// Incidents that a deployment explains, and those that none does.
    pub attributed_incidents: u64,
    pub unattributed_incidents: u64,
    /// Commit to the first deployment that has it.
    pub lead_time: Lengths,
    /// A failed deployment's finish to the end of its last incident.
    pub recovery: Lengths,
}

/// A summary of lengths of time; no mean without the number that it is over.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Lengths {
    /// How many are in the summary.
    pub n: u64,
    /// Still running: counted, never averaged.
    pub open: u64,
    /// Over, but a time was not recorded.
    pub missing: u64,
    /// Ended before they began: bad data.
    pub negative: u64,
    #[schema(required)]
    pub mean_secs: Option<f64>,
    #[schema(required)]
    pub median_secs: Option<f64>,
    #[schema(required)]
    pub p90_secs: Option<f64>,
}

impl From<query::reports::ReportRow<Recovery>> for RecoveryRow {
    fn from(row: query::reports::ReportRow<Recovery>) -> RecoveryRow {
        let metrics = row.metrics;
        RecoveryRow {
            from: row.from.into(),
            to: row.to.into(),
            service: row.service,
            team: row.team,
            severity: row.severity,
            incidents: metrics.incidents,
            open: metrics.open,
            oldest_open_secs: metrics.oldest_open_secs,
            false_alarms: metrics.false_alarms,
            precision: metrics.precision,
            downtime_secs: metrics.downtime_secs,
            availability: metrics.availability,
            failures: metrics.failures,
            mtbf_secs: metrics.mtbf_secs,
            mtbsi_secs: metrics.mtbsi_secs,
            uptime_per_failure_secs: metrics.uptime_per_failure_secs,
            detect: metrics.detect.into(),
            acknowledge: metrics.acknowledge.into(),
            respond: metrics.respond.into(),
            repair: metrics.repair.into(),
            restore: metrics.restore.into(),
            resolve: metrics.resolve.into(),
            resolve_active: metrics.resolve_active.into(),
        }
    }
}

impl From<query::reports::ReportRow<Delivery>> for DeliveryRow {
    fn from(row: query::reports::ReportRow<Delivery>) -> DeliveryRow {
        let metrics = row.metrics;
        DeliveryRow {
            from: row.from.into(),
            to: row.to.into(),
            service: row.service,
            team: row.team,
            deployments: metrics.deployments,
            deployments_per_day: metrics.deployments_per_day,
            failed_deployments: metrics.failed_deployments,
            change_fail_rate: metrics.change_fail_rate,
            rework_deployments: metrics.rework_deployments,
            rework_rate: metrics.rework_rate,
            attributed_incidents: metrics.attributed_incidents,
            unattributed_incidents: metrics.unattributed_incidents,
            lead_time: metrics.lead_time.into(),
            recovery: metrics.failed_deployment_recovery.into(),
        }
    }
}

impl From<Spans> for Lengths {
    fn from(spans: Spans) -> Lengths {
        Lengths {
            n: spans.n,
            open: spans.open,
            missing: spans.missing,
            negative: spans.negative,
            mean_secs: spans.mean_secs,
            median_secs: spans.median_secs,
            p90_secs: spans.p90_secs,
        }
    }
}
