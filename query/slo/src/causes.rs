//! Who answers for a stretch of time: which incidents and deploys may have spent budget, and when each
//! begins and ends. [`crate::spending`] tells what was spent meanwhile.
//!
//! An incident answers from its start until its service worked again, or until now. A deployment to
//! production answers from when it runs until the next one of its service does, at the most for a
//! configured time: what goes wrong long after it has another cause.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::Timestamp;
use telemetry::time::duration_text;

/// How far responsibility reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CausePolicy {
    /// How long a deployment answers for what goes wrong, unless another one follows.
    #[serde(with = "duration_text")]
    pub deploy_reach: Duration,
}

impl Default for CausePolicy {
    fn default() -> CausePolicy {
        CausePolicy { deploy_reach: Duration::from_secs(3_600) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CauseKind {
    Incident,
    Deploy,
}

impl CauseKind {
    pub fn name(self) -> &'static str {
        match self {
            CauseKind::Incident => "incident",
            CauseKind::Deploy => "deploy",
        }
    }
}

/// Something that may have spent budget, over `(from, to]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseKind,
    /// That of the incident or of the deploy.
    pub id: String,
    /// The incident's title or the deploy's version; may be empty.
    pub title: String,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// An incident of the service; false alarms are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceIncident {
    pub id: String,
    pub title: String,
    pub started_at: Timestamp,
    /// When the service worked again for good; `None` while it does not.
    pub ended_at: Option<Timestamp>,
}

/// A deployment of the service that reached production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDeploy {
    pub id: String,
    pub version: String,
    /// Since when it was running.
    pub finished_at: Timestamp,
}

/// The causes as they are known at `at`, in no order; what begins later is none yet.
pub fn causes(
    incidents: impl IntoIterator<Item = ServiceIncident>,
    deploys: impl IntoIterator<Item = ServiceDeploy>,
    at: Timestamp,
    policy: &CausePolicy,
) -> Vec<Cause> {
    let incidents = incidents.into_iter().map(|incident| Cause {
        kind: CauseKind::Incident,
        id: incident.id,
        title: incident.title,
        from: incident.started_at,
        to: incident.ended_at.unwrap_or(at).min(at),
    });
    let mut causes: Vec<Cause> = incidents.filter(|cause| cause.from < at).collect();
    let mut deploys: Vec<ServiceDeploy> =
        deploys.into_iter().filter(|deploy| deploy.finished_at < at).collect();
    deploys.sort_by(|a, b| a.finished_at.cmp(&b.finished_at).then_with(|| a.id.cmp(&b.id)));
    let mut next = at;
    for deploy in deploys.into_iter().rev() {
        let from = deploy.finished_at;
        let to = from.plus(policy.deploy_reach).min(next);
        causes.push(Cause { kind: CauseKind::Deploy, id: deploy.id, title: deploy.version, from, to });
        next = from;
    }
    causes
}
