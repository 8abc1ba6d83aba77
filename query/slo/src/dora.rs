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
use crate::recovery::Period;
use crate::statistics::{Length, Spans};

/// An incident is put down to a deploy of its service that finished at most this long before.
pub const ATTRIBUTION_WITHIN_DEFAULT: Duration = Duration::from_secs(24 * 3_600);

/// A deployment to production.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deploy {
    pub id: String,
    /// Empty when it is not known.
    pub service: String,
    /// Empty when it is not known.
    pub version: String,
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
    pub committed_at: Option<Timestamp>,
}

/// An incident, as far as deployments are concerned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeployIncident {
    /// All that suffered.
    pub services: Vec<String>,
    pub started_at: Timestamp,
    pub restored_at: Option<Timestamp>,
    /// The deployment that somebody named as the cause.
    pub deploy_id: Option<String>,
}

/// Delivery metrics of one group of deploys over one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    pub deployments: u64,
    /// Over the part of the period that has passed.
    pub deployments_per_day: f64,
    pub failed_deployments: u64,
    pub rework_deployments: u64,
    /// Failed over all deployments.
    pub change_fail_rate: Option<f64>,
    /// Unplanned over all deployments.
    pub rework_rate: Option<f64>,
    /// Commit to running in production, once per change: its first deployment counts.
    pub lead_time: Spans,
    /// A failed deployment's finish to the service being normal again.
    pub failed_deployment_recovery: Spans,
    /// Incidents that a deployment explains.
    pub attributed_incidents: u64,
    /// Incidents that no deployment explains.
    pub unattributed_incidents: u64,
}

/// The deploy each incident is put down to, as a position in `deploys`: the one named, else the
/// latest of a service that suffers that finished at most `within` before the incident started, else
/// none. A named deploy that never reached production explains nothing.
pub fn attribute(deploys: &[Deploy], incidents: &[DeployIncident], within: Duration) -> Vec<Option<usize>> {
    let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_service: BTreeMap<&str, Vec<(Timestamp, usize)>> = BTreeMap::new();
    for (index, deploy) in deploys.iter().enumerate() {
        let Some(finished) = deploy.finished_at else { continue };
        by_id.insert(&deploy.id, index);
        by_service.entry(&deploy.service).or_default().push((finished, index));
    }
    by_service.values_mut().for_each(|finished| finished.sort_unstable());
    let latest_before = |service: &String, at: Timestamp| {
        let finished = by_service.get(service.as_str())?;
        let before = finished.partition_point(|(finished, _)| *finished <= at);
        finished[..before].last().copied().filter(|(finished, _)| at.since(*finished) <= within)
    };
    let cause = |incident: &DeployIncident| match &incident.deploy_id {
        Some(named) => by_id.get(named.as_str()).copied(),
        None => {
            let candidates =
                incident.services.iter().filter_map(|service| latest_before(service, incident.started_at));
            candidates.max().map(|(_, index)| index)
        }
    };
    incidents.iter().map(cause).collect()
}

/// The deploys of some services with the incidents put down to them.
#[derive(Clone, Debug, Default)]
pub struct Group<'a> {
    deploys: Vec<(&'a Deploy, Timestamp, Vec<&'a DeployIncident>)>,
    /// Of those services, and what they are put down to is found in any group.
    incidents: Vec<(&'a DeployIncident, bool)>,
}

impl<'a> Group<'a> {
    /// `causes` as [`attribute`] gives them; the group has the services that `is_member` takes, the
    /// empty name standing for none.
    pub fn select(
        deploys: &'a [Deploy],
        incidents: &'a [DeployIncident],
        causes: &[Option<usize>],
        is_member: impl Fn(&str) -> bool,
    ) -> Group<'a> {
        let mut blamed: BTreeMap<usize, Vec<&DeployIncident>> = BTreeMap::new();
        let mut own = Vec::new();
        for (incident, cause) in incidents.iter().zip(causes) {
            if let Some(index) = cause {
                blamed.entry(*index).or_default().push(incident);
            }
            let is_nobodys = incident.services.is_empty() && is_member("");
            if is_nobodys || incident.services.iter().any(|service| is_member(service)) {
                own.push((incident, cause.is_some()));
            }
        }
        let of_group = deploys.iter().enumerate().filter(|(_, deploy)| is_member(&deploy.service));
        let deploys = of_group
            .filter_map(|(index, deploy)| {
                Some((deploy, deploy.finished_at?, blamed.remove(&index).unwrap_or_default()))
            })
            .collect();
        Group { deploys, incidents: own }
    }

    /// Computes everything for the deploys that finished in the period.
    pub fn delivery(&self, period: Period) -> Delivery {
        let cohort = || self.deploys.iter().filter(|(_, finished, _)| period.holds(*finished));
        let failed = || cohort().filter(|(deploy, _, incidents)| deploy.has_failed || !incidents.is_empty());
        let deployments = cohort().count() as u64;
        let failed_deployments = failed().count() as u64;
        let rework_deployments = cohort().filter(|(deploy, _, _)| deploy.is_rework).count() as u64;
        let rate =
            |count: u64| (deployments > 0).then(|| Fraction::new(count.into(), deployments.into()).to_f64());
        let recovery = failed().map(|(_, finished, incidents)| {
            if incidents.is_empty() {
                return Length::Missing;
            }
            // Recovered when its last incident is over.
            let restored: Option<Vec<Timestamp>> =
                incidents.iter().map(|incident| incident.restored_at).collect();
            match restored.and_then(|times| times.into_iter().max()) {
                Some(restored) => Length::Micros(restored.micros().saturating_sub(finished.micros())),
                None => Length::Open,
            }
        });
        let days = period.seen_until().since(period.from).as_secs_f64() / 86_400.0;
        let incidents = self.incidents.iter().filter(|(incident, _)| period.holds(incident.started_at));
        let causes: Vec<bool> = incidents.map(|(_, has_cause)| *has_cause).collect();
        let attributed_incidents = causes.iter().filter(|has_cause| **has_cause).count() as u64;
        Delivery {
            deployments,
            deployments_per_day: if days > 0.0 { deployments as f64 / days } else { 0.0 },
            failed_deployments,
            rework_deployments,
            change_fail_rate: rate(failed_deployments),
            rework_rate: rate(rework_deployments),
            lead_time: self.lead_times(period),
            failed_deployment_recovery: Spans::of(recovery),
            attributed_incidents,
            unattributed_incidents: causes.len() as u64 - attributed_incidents,
        }
    }

    fn lead_times(&self, period: Period) -> Spans {
        let mut first_finish: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for (deploy, finished, _) in &self.deploys {
            for change in &deploy.changes {
                let first = first_finish.entry(&change.id).or_insert(*finished);
                *first = (*first).min(*finished);
            }
        }
        let mut counted: BTreeSet<&str> = BTreeSet::new();
        let mut lengths = Vec::new();
        for (deploy, finished, _) in self.deploys.iter().filter(|(_, finished, _)| period.holds(*finished)) {
            for change in &deploy.changes {
                if first_finish.get(change.id.as_str()) != Some(finished) || !counted.insert(&change.id) {
                    continue;
                }
                lengths.push(match change.committed_at {
                    Some(committed) => Length::Micros(finished.micros().saturating_sub(committed.micros())),
                    None => Length::Missing,
                });
            }
        }
        Spans::of(lengths)
    }
}

/// Delivery metrics of all services together.
pub fn delivery(
    deploys: &[Deploy],
    incidents: &[DeployIncident],
    period: Period,
    within: Duration,
) -> Delivery {
    let causes = attribute(deploys, incidents, within);
    Group::select(deploys, incidents, &causes, |_| true).delivery(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(at: i64) -> Timestamp {
        Timestamp::from_secs(at)
    }

    fn first_day() -> Period {
        Period { from: secs(0), to: secs(86_400), now: secs(86_400) }
    }

    fn deploy(id: &str, service: &str, finished_secs: i64) -> Deploy {
        Deploy {
            id: id.into(),
            service: service.into(),
            finished_at: Some(secs(finished_secs)),
            ..Default::default()
        }
    }

    fn incident(services: &[&str], started_secs: i64) -> DeployIncident {
        let services = services.iter().map(|service| (*service).to_owned()).collect();
        DeployIncident { services, started_at: secs(started_secs), ..Default::default() }
    }

    #[test]
    fn attribution_prefers_the_link_then_the_service_then_nothing() {
        let deploys = [deploy("a", "shop", 0), deploy("b", "shop", 3_600), deploy("c", "chat", 3_700)];
        let within = Duration::from_secs(2 * 3_600);
        let id = |incident: DeployIncident| {
            attribute(&deploys, &[incident], within)[0].map(|index| deploys[index].id.as_str())
        };
        assert_eq!(id(incident(&["shop"], 4_000)), Some("b"));
        assert_eq!(id(incident(&["shop", "chat"], 4_000)), Some("c"));
        assert_eq!(id(incident(&["shop"], 3_600 + 7_201)), None);
        assert_eq!(id(incident(&["mail"], 4_000)), None);
        assert_eq!(
            id(DeployIncident { deploy_id: Some("c".into()), ..incident(&["shop"], 4_000) }),
            Some("c")
        );
        assert_eq!(id(DeployIncident { deploy_id: Some("z".into()), ..incident(&["shop"], 4_000) }), None);
    }

    #[test]
    fn a_group_has_its_own_deploys_and_incidents() {
        let deploys = [deploy("a", "shop", 100), deploy("b", "chat", 200)];
        // The shop suffers from the chat's deploy, as somebody found out.
        let named = DeployIncident {
            deploy_id: Some("b".into()),
            restored_at: Some(secs(260)),
            ..incident(&["shop"], 250)
        };
        let incidents = [named, incident(&["chat"], 80_000)];
        let causes = attribute(&deploys, &incidents, Duration::from_secs(60));
        let of = |service: &str| {
            Group::select(&deploys, &incidents, &causes, |name| name == service).delivery(first_day())
        };
        let (shop, chat) = (of("shop"), of("chat"));
        assert_eq!((shop.failed_deployments, shop.attributed_incidents), (0, 1));
        assert_eq!((chat.failed_deployments, chat.unattributed_incidents), (1, 1));
        assert_eq!(chat.failed_deployment_recovery.median_secs, Some(60.0));
    }

    #[test]
    fn a_change_counts_with_its_first_deployment() {
        let change =
            |id: &str, committed: Option<i64>| Change { id: id.into(), committed_at: committed.map(secs) };
        let mut deploys = [deploy("a", "shop", 100), deploy("b", "shop", 900)];
        deploys[0].changes.push(change("c1", Some(0)));
        deploys[1].changes.extend([change("c1", Some(0)), change("c2", None), change("c3", Some(901))]);
        let metrics = delivery(&deploys, &[], first_day(), ATTRIBUTION_WITHIN_DEFAULT);
        let lead = metrics.lead_time;
        assert_eq!((lead.n, lead.missing, lead.negative, lead.mean_secs), (1, 1, 1, Some(100.0)));
    }

    #[test]
    fn what_never_reached_production_is_in_neither_count() {
        let pipeline = Deploy { finished_at: None, has_failed: true, ..deploy("a", "shop", 0) };
        let metrics = delivery(&[pipeline], &[], first_day(), ATTRIBUTION_WITHIN_DEFAULT);
        assert_eq!((metrics.deployments, metrics.change_fail_rate, metrics.rework_rate), (0, None, None));
    }

    #[test]
    fn the_frequency_is_over_the_days_that_have_passed() {
        let deploys = [deploy("a", "shop", 10), deploy("b", "shop", 20)];
        let half = Period { now: secs(43_200), ..first_day() };
        assert_eq!(delivery(&deploys, &[], half, Duration::ZERO).deployments_per_day, 4.0);
    }
}
