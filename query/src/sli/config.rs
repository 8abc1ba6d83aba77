//! What can be configured of measuring objectives.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slo::causes::CausePolicy;
use slo::notices::NoticePolicy;
use telemetry::time::duration_text;

/// The section `slo` of the server's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SliConfig {
    /// A slice is measured when it is this old, unless the SLO says otherwise.
    #[serde(with = "duration_text")]
    pub evaluation_delay: Duration,
    /// Slices as old as this are measured again at every tick, for samples that came late.
    #[serde(with = "duration_text")]
    pub lateness: Duration,
    /// The same once an hour, for samples that came later still.
    #[serde(with = "duration_text")]
    pub lateness_hourly: Duration,
    /// The same once a day; what comes even later is a backfill's.
    #[serde(with = "duration_text")]
    pub lateness_daily: Duration,
    /// How far back an SLO that was never measured begins; more is a backfill.
    #[serde(with = "duration_text")]
    pub first_reach: Duration,
    /// How long base slices are kept as they are; older history is in wide slices.
    #[serde(with = "duration_text")]
    pub base_slices_kept: Duration,
    /// Slices measured in one evaluation; bounds the samples in memory.
    pub slices_per_run_max: u64,
    /// Points of one objective in `slo_history`.
    pub history_points_max: u32,
    /// Maintenance events that are read for exclusions, the newest.
    pub maintenance_events_max: usize,
    /// Times of one recurring maintenance as far as numbers reach.
    pub maintenance_times_max: usize,
    /// Backfills that wait or run, and those that have ended and are still shown.
    pub backfills_max: usize,
    /// Notices about budgets that are spent, or soon will be.
    pub notices: NoticePolicy,
    /// How far incidents and deploys answer for what was spent.
    pub causes: CausePolicy,
}

impl Default for SliConfig {
    fn default() -> Self {
        SliConfig {
            evaluation_delay: Duration::from_secs(30),
            lateness: Duration::from_secs(120),
            lateness_hourly: Duration::from_secs(3_600),
            lateness_daily: Duration::from_secs(86_400),
            first_reach: Duration::from_secs(3_600),
            base_slices_kept: Duration::from_secs(8 * 86_400),
            // One day and a bit of half minutes; below the 11 000 points of an evaluation.
            slices_per_run_max: 3_000,
            history_points_max: 720,
            maintenance_events_max: 10_000,
            maintenance_times_max: 10_000,
            backfills_max: 100,
            notices: NoticePolicy::default(),
            causes: CausePolicy::default(),
        }
    }
}
