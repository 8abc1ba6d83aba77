//! DORA's delivery metrics over deploys and the incidents attributed to them (dora.dev, 2024 names).
//!
//! The change fail rate counts failed *deployments*, never incidents, so it cannot exceed 1. Without
//! deployments rates are NULL and the frequency is 0. A deploy that never reached production is in
//! neither count.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use telemetry::Timestamp;

use crate::decimal::Fraction;
use crate::statistics::{Length, Spans};

/// A deployment to production.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deploy {
    pub id: String,
    pub service: String,
    /// When it was running in production; `None` when it never got there.
    pub finished_at: Option<Timestamp>,
    /// Made because of an incident, not planned.
    pub is_rework: bool,
    /// Failed by itself (rolled back, say), without an incident.
    pub has_failed: bool,
    /// The commits it carried.
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub id: String,
    /// The first commit of a squashed change.
    pub committed_at: Timestamp,
}

/// An incident, as far as deployments are concerned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeployIncident {
    pub service: String,
    pub started_at: Timestamp,
    pub restored_at: Option<Timestamp>,
    /// The deployment that somebody named as the cause.
    pub deploy_id: Option<String>,
}

/// Delivery metrics of one group of deploys over `[from, to)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    pub deployments: u64,
    pub deployments_per_day: f64,
    pub failed_deployments: u64,
    /// Failed over all deployments.
    pub change_fail_rate: Option<f64>,
    /// Unplanned over all deployments.
    pub rework_rate: Option<f64>,
    /// Commit to running in production, once per change: its first deployment counts.
    pub lead_time: Spans,
    /// A failed deployment's finish to the service being normal again.
    pub failed_deployment_recovery: Spans,
    /// Incidents that no deployment explains.
    pub unattributed_incidents: u64,
}

/// The deploy each incident is put down to: the one named, else the latest of the same service that
/// finished at most `within` before the incident started, else none.
pub fn attribute<'a>(
    deploys: &'a [Deploy],
    incident: &DeployIncident,
    within: Duration,
) -> Option<&'a Deploy> {
    if let Some(named) = &incident.deploy_id {
        return deploys.iter().find(|deploy| deploy.id == *named && deploy.finished_at.is_some());
    }
    let is_recent = |finished: Timestamp| {
        finished <= incident.started_at && incident.started_at.since(finished) <= within
    };
    deploys
        .iter()
        .filter(|deploy| deploy.service == incident.service && deploy.finished_at.is_some_and(is_recent))
        .max_by_key(|deploy| deploy.finished_at)
}

/// Computes everything for the deploys that finished in `[from, to)`.
pub fn delivery(
    deploys: &[Deploy],
    incidents: &[DeployIncident],
    from: Timestamp,
    to: Timestamp,
    within: Duration,
) -> Delivery {
    let cohort: Vec<(&Deploy, Timestamp)> = deploys
        .iter()
        .filter_map(|deploy| Some((deploy, deploy.finished_at?)))
        .filter(|(_, finished)| from <= *finished && *finished < to)
        .collect();
    let mut incidents_of: BTreeMap<&str, Vec<&DeployIncident>> = BTreeMap::new();
    let mut unattributed_incidents = 0;
    for incident in incidents {
        match attribute(deploys, incident, within) {
            Some(deploy) => incidents_of.entry(&deploy.id).or_default().push(incident),
            None => {
                unattributed_incidents += u64::from(from <= incident.started_at && incident.started_at < to)
            }
        }
    }
    let is_failed = |deploy: &Deploy| deploy.has_failed || incidents_of.contains_key(deploy.id.as_str());
    let deployments = cohort.len() as u64;
    let failed_deployments = cohort.iter().filter(|(deploy, _)| is_failed(deploy)).count() as u64;
    let reworks = cohort.iter().filter(|(deploy, _)| deploy.is_rework).count() as u64;
    let rate =
        |count: u64| (deployments > 0).then(|| Fraction::new(count.into(), deployments.into()).to_f64());
    let recovery = cohort.iter().filter(|(deploy, _)| is_failed(deploy)).map(|(deploy, finished)| {
        let Some(incidents) = incidents_of.get(deploy.id.as_str()) else { return Length::Missing };
        // Recovered when its last incident is over.
        let restored: Option<Vec<Timestamp>> =
            incidents.iter().map(|incident| incident.restored_at).collect();
        match restored.and_then(|times| times.into_iter().max()) {
            Some(restored) => Length::Micros(restored.micros().saturating_sub(finished.micros())),
            None => Length::Open,
        }
    });
    let days = to.since(from).as_secs_f64() / 86_400.0;
    Delivery {
        deployments,
        deployments_per_day: if days > 0.0 { deployments as f64 / days } else { 0.0 },
        failed_deployments,
        change_fail_rate: rate(failed_deployments),
        rework_rate: rate(reworks),
        lead_time: lead_times(&cohort, deploys),
        failed_deployment_recovery: Spans::of(recovery),
        unattributed_incidents,
    }
}

fn lead_times(cohort: &[(&Deploy, Timestamp)], deploys: &[Deploy]) -> Spans {
    let mut first_finish: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for deploy in deploys {
        let Some(finished) = deploy.finished_at else { continue };
        for change in &deploy.changes {
            let first = first_finish.entry(&change.id).or_insert(finished);
            *first = (*first).min(finished);
        }
    }
    let mut counted: BTreeSet<&str> = BTreeSet::new();
    let mut lengths = Vec::new();
    for (deploy, finished) in cohort {
        for change in &deploy.changes {
            if first_finish.get(change.id.as_str()) == Some(finished) && counted.insert(&change.id) {
                lengths.push(Length::Micros(finished.micros().saturating_sub(change.committed_at.micros())));
            }
        }
    }
    Spans::of(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn deploy(id: &str, service: &str, finished_secs: i64) -> Deploy {
        Deploy {
            id: id.into(),
            service: service.into(),
            finished_at: Some(Timestamp::from_secs(finished_secs)),
            ..Default::default()
        }
    }

    fn incident(service: &str, started_secs: i64) -> DeployIncident {
        let started_at = Timestamp::from_secs(started_secs);
        DeployIncident { service: service.into(), started_at, ..Default::default() }
    }

    #[test]
    fn attribution_prefers_the_link_then_the_service_then_nothing() {
        let deploys = [deploy("a", "shop", 0), deploy("b", "shop", 3_600), deploy("c", "chat", 3_700)];
        let within = Duration::from_secs(2 * 3_600);
        let id = |incident: &DeployIncident| {
            attribute(&deploys, incident, within).map(|deploy| deploy.id.as_str())
        };
        assert_eq!(id(&incident("shop", 4_000)), Some("b"));
        assert_eq!(id(&incident("shop", 3_600 + 7_201)), None);
        assert_eq!(id(&incident("mail", 4_000)), None);
        assert_eq!(id(&DeployIncident { deploy_id: Some("c".into()), ..incident("shop", 4_000) }), Some("c"));
    }

    #[test]
    fn a_change_counts_with_its_first_deployment() {
        let change = Change { id: "c1".into(), committed_at: Timestamp::from_secs(0) };
        let mut deploys = [deploy("a", "shop", 100), deploy("b", "shop", 900)];
        deploys[0].changes.push(change.clone());
        deploys[1].changes.push(change);
        let metrics =
            delivery(&deploys, &[], Timestamp::EPOCH, Timestamp::from_secs(DAY), Duration::from_secs(3_600));
        assert_eq!((metrics.lead_time.n, metrics.lead_time.mean_secs), (1, Some(100.0)));
    }

    #[test]
    fn what_never_reached_production_is_in_neither_count() {
        let pipeline = Deploy { finished_at: None, has_failed: true, ..deploy("a", "shop", 0) };
        let metrics = delivery(
            &[pipeline],
            &[],
            Timestamp::EPOCH,
            Timestamp::from_secs(DAY),
            Duration::from_secs(3_600),
        );
        assert_eq!((metrics.deployments, metrics.change_fail_rate, metrics.rework_rate), (0, None, None));
    }
}
