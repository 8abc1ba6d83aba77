//! Statuses and burn rates of all objectives, computed on as many threads as there are cores.

use std::sync::Arc;

use futures::future::join_all;
use slo::budget::Policy;
use slo::notices::{self, NoticePolicy};
use slo::objective::Objective;
use slo::{SliceSeries, Slo, SloError, SloStatus, report};
use telemetry::Timestamp;

use super::tracked::Tracked;
use super::{ObjectiveReading, SloEvaluator, composites};

/// Fewer objectives are not worth another thread.
const OBJECTIVES_PER_PART: usize = 64;

impl SloEvaluator {
    /// Computes statuses and burn rates as of `now` and publishes them.
    pub(super) async fn refresh(&self, now: Timestamp) {
        let policy = self.policy();
        let notices = Arc::new(self.config.notices.clone());
        let objectives = self.objectives.read().clone();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let per_part = objectives.len().div_ceil(threads).max(OBJECTIVES_PER_PART);
        let parts = (0..objectives.len()).step_by(per_part).map(|first| {
            let (objectives, notices) = (objectives.clone(), notices.clone());
            tokio::task::spawn_blocking(move || {
                let part = &objectives[first..objectives.len().min(first + per_part)];
                part.iter()
                    .flat_map(|tracked| readings_of(tracked, now, &policy, &notices))
                    .collect::<Vec<_>>()
            })
        });
        let mut readings = Vec::with_capacity(objectives.len());
        for part in join_all(parts).await {
            match part {
                Ok(part) => readings.extend(part),
                // Old statuses stay: half of the objectives would be gone.
                Err(error) => {
                    tracing::error!(%error, "statuses were not refreshed");
                    return;
                }
            }
        }
        let mut further = further(&objectives, now, &policy);
        for slo in self.slos() {
            if let Some(composite) = &slo.composite {
                let find = |slo: &str, objective: &str| self.find(slo, objective);
                readings.push(composites::reading_of(&slo, composite, find, now, &policy));
                further.extend(composites::further(&slo, composite, find, now, &policy));
            }
        }
        let mut statuses: Vec<SloStatus> = readings.iter().map(|reading| reading.status.clone()).collect();
        statuses.extend_from_slice(&further);
        self.engine.publish_slo_status(statuses);
        *self.further.write() = Arc::new(further);
        *self.readings.write() = Arc::new(readings);
    }

    pub(super) fn policy(&self) -> Policy {
        Policy { evaluation_delay: self.config.evaluation_delay, ..Policy::default() }
    }
}

/// The same objectives over the further windows of their SLOs, for reports: nothing alerts on these.
fn further(objectives: &[Arc<Tracked>], now: Timestamp, policy: &Policy) -> Vec<SloStatus> {
    let mut statuses = Vec::new();
    for tracked in objectives.iter() {
        for window in &tracked.slo.further_windows {
            let slo = Slo { window: window.clone(), ..(*tracked.slo).clone() };
            let objective = Objective { tiers: Vec::new(), ..tracked.objective().clone() };
            tracked.for_each_group(|group, series| {
                let computed = report::status(&slo, &objective, series, now, policy);
                statuses.extend(computed.map(|(status, _)| SloStatus { group: group.to_owned(), ..status }));
            });
        }
    }
    statuses
}

fn readings_of(
    tracked: &Tracked,
    now: Timestamp,
    policy: &Policy,
    asked_for: &NoticePolicy,
) -> Vec<ObjectiveReading> {
    let mut readings = Vec::new();
    tracked.for_each_group(|group, series| {
        match reading_of(tracked, group, series, now, policy, asked_for) {
            Ok(reading) => readings.push(reading),
            Err(error) => tracing::warn!(slo_id = tracked.slo_id, group, %error, "no status"),
        }
    });
    readings
}

fn reading_of(
    tracked: &Tracked,
    group: &str,
    series: &SliceSeries,
    now: Timestamp,
    policy: &Policy,
    asked_for: &NoticePolicy,
) -> Result<ObjectiveReading, SloError> {
    let (slo, objective) = (&tracked.slo, tracked.objective());
    let (mut status, burn) = report::status(slo, objective, series, now, policy)?;
    status.group = group.to_owned();
    let notices = match slo.alerts_on {
        true => notices::notices(slo, objective, series, &status, now, policy, asked_for)?,
        false => Vec::new(),
    };
    Ok(ObjectiveReading { slo: slo.clone(), status, burn, notices })
}
