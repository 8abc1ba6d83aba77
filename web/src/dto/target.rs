//! What is scraped, and how that goes.

use std::collections::BTreeMap;

use ingest::scrape::{Health, TargetStatus};
use serde::Serialize;
use telemetry::time::format_duration;
use utoipa::ToSchema;

use super::Time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TargetList {
    /// Those that are down first.
    pub targets: Vec<Target>,
    /// What discovery or relabelling made no target of, and limits that are reached.
    pub faults: Vec<TargetFault>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Target {
    pub job: String,
    pub instance: String,
    pub labels: BTreeMap<String, String>,
    pub url: String,
    pub health: TargetHealth,
    /// Such as `15s`.
    pub interval: String,
    #[schema(required)]
    pub last_scrape: Option<Time>,
    #[schema(required)]
    pub duration_secs: Option<f64>,
    /// After relabelling.
    pub samples: u64,
    #[schema(required)]
    pub error: Option<String>,
    /// What was refused while the rest was stored.
    #[schema(required)]
    pub complaint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TargetFault {
    pub job: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetHealth {
    Down,
    /// Not scraped yet.
    Unknown,
    Up,
}

impl From<TargetStatus> for Target {
    fn from(TargetStatus { target, last, metadata: _ }: TargetStatus) -> Target {
        let labels = target.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Target {
            job: target.job.name.clone(),
            instance: target.labels.get("instance").unwrap_or_default().to_owned(),
            labels: labels.collect(),
            url: target.url.to_string(),
            health: match last.health {
                Health::Up => TargetHealth::Up,
                Health::Down => TargetHealth::Down,
                Health::Unknown => TargetHealth::Unknown,
            },
            interval: format_duration(target.interval),
            last_scrape: last.at.map(Time),
            duration_secs: last.at.map(|_| last.duration.as_secs_f64()),
            samples: last.samples,
            error: last.error.as_deref().map(str::to_owned),
            complaint: last.complaint.as_deref().map(str::to_owned),
        }
    }
}
