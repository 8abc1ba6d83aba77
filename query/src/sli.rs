//! Service level indicators: from telemetry to slices, and from slices to statuses.
//!
//! The evaluator holds the catalogue of SLOs. Every tick it measures the base slices since each
//! objective's last one, up to the evaluation delay; measures the newest ones again, because data
//! comes late; appends what is new or changed to the lake; and refreshes statuses and burn rates.
//! A slice is durable before it counts. What was not measured has no slice and never counts as
//! anything.
//!
//! One measurement at a time per objective: a backfill and a tick do not meet.

mod backfill;
mod increases;
mod measure;
mod rewrite;
mod stored;
mod tracked;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use slo::budget::Policy;
use slo::burn::BurnReading;
use slo::projection::{self, ProjectionPoint};
use slo::report::{self, HistoryPoint};
use slo::{Slo, SloStatus};
use telemetry::time::duration_text;
use telemetry::{Batch, Timestamp};

use crate::{Engine, QueryError};
use measure::{SliceRun, measure};
use tracked::Tracked;

pub use backfill::{BackfillProgress, BackfillReport};

/// The section `slo` of the server's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SliConfig {
    /// A slice is measured when it is this old.
    #[serde(with = "duration_text")]
    pub evaluation_delay: Duration,
    /// Slices as old as this are measured again, for samples that came late.
    #[serde(with = "duration_text")]
    pub lateness: Duration,
    /// How far back an SLO that was never measured begins; more is a backfill.
    #[serde(with = "duration_text")]
    pub first_reach: Duration,
    /// How long base slices are kept as they are; older history is measured in wide slices.
    #[serde(with = "duration_text")]
    pub base_slices_kept: Duration,
    /// Slices measured in one evaluation; bounds the samples in memory.
    pub slices_per_run_max: u64,
    /// Points of one objective in `slo_history`.
    pub history_points_max: u32,
}

impl Default for SliConfig {
    fn default() -> Self {
        SliConfig {
            evaluation_delay: Duration::from_secs(30),
            lateness: Duration::from_secs(120),
            first_reach: Duration::from_secs(3_600),
            base_slices_kept: Duration::from_secs(8 * 86_400),
            // One day and a bit of half minutes; below the 11 000 points of an evaluation.
            slices_per_run_max: 3_000,
            history_points_max: 720,
        }
    }
}

/// An objective's numbers, with the exact readings that alerts decide by.
#[derive(Clone, Debug)]
pub struct ObjectiveReading {
    pub slo: Arc<Slo>,
    pub status: SloStatus,
    pub burn: Vec<BurnReading>,
}

/// The burn-down of one objective.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveHistory {
    pub slo: String,
    pub objective: String,
    pub points: Vec<HistoryPoint>,
}

/// Where the view `slo_history` gets its rows from.
pub trait SloHistorySource: Send + Sync {
    fn slo_history(&self) -> Vec<ObjectiveHistory>;
}

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    pub objectives: usize,
    /// Slices that are new or have new numbers.
    pub slices: usize,
    /// Objectives whose indicator could not be measured; see [`SloEvaluator::problems`].
    pub failed: usize,
}

/// Measures indicators and keeps the numbers.
pub struct SloEvaluator {
    engine: Engine,
    config: SliConfig,
    objectives: RwLock<Arc<Vec<Arc<Tracked>>>>,
    readings: RwLock<Arc<Vec<ObjectiveReading>>>,
}

impl SloEvaluator {
    /// Knows no SLO yet; becomes the source of `slo_history`.
    pub fn new(engine: Engine, config: SliConfig) -> Arc<SloEvaluator> {
        let evaluator = Arc::new(SloEvaluator {
            engine: engine.clone(),
            config,
            objectives: RwLock::default(),
            readings: RwLock::default(),
        });
        engine.publish_slo_history(evaluator.clone());
        evaluator
    }

    /// Takes a new catalogue. Objectives whose definition did not change keep their history in
    /// memory; the others load theirs from the lake. Statuses are as of `now` when it returns.
    pub async fn set_catalog(&self, slos: Vec<Slo>, now: Timestamp) -> Result<(), QueryError> {
        let known = self.objectives.read().clone();
        let mut objectives = Vec::new();
        let mut unknown = Vec::new();
        for slo in slos.into_iter().map(Arc::new) {
            for index in 0..slo.objectives.len() {
                let tracked = Tracked::new(slo.clone(), index);
                match known.iter().find(|before| before.has_history_of(&tracked)) {
                    Some(before) => tracked.take_over(before),
                    None => unknown.push(objectives.len()),
                }
                objectives.push(Arc::new(tracked));
            }
        }
        let wanted: Vec<&Arc<Tracked>> = unknown.iter().map(|index| &objectives[*index]).collect();
        stored::load(&self.engine, &wanted, now, &self.config).await?;
        *self.objectives.write() = Arc::new(objectives);
        self.refresh(now);
        Ok(())
    }

    /// Measures what is due at `now`, stores it and refreshes the statuses. An indicator that fails
    /// does not keep the others from being measured.
    pub async fn tick(&self, now: Timestamp) -> Result<TickReport, QueryError> {
        let objectives = self.objectives.read().clone();
        let mut report = TickReport { objectives: objectives.len(), ..TickReport::default() };
        for tracked in objectives.iter() {
            // A backfill is running: it ends with fresh numbers, and the next tick goes on from there.
            let Ok(_busy) = tracked.busy.try_lock() else { continue };
            while let Some(run) = tracked.next_run(now, &self.config) {
                match self.measure_run(tracked, run, now).await? {
                    Some(slices) => report.slices += slices,
                    None => {
                        report.failed += 1;
                        break;
                    }
                }
            }
        }
        self.refresh(now);
        Ok(report)
    }

    /// How many slices changed, or `None` when the indicator could not be measured.
    async fn measure_run(
        &self,
        tracked: &Tracked,
        run: SliceRun,
        now: Timestamp,
    ) -> Result<Option<usize>, QueryError> {
        let source = self.engine.series_source();
        let options = self.engine.promql_options().eval;
        let measured = match measure(&tracked.objective().indicator, run, &source, &options).await {
            Ok(measured) => measured,
            Err(error) => {
                tracked.fail(&error);
                return Ok(None);
            }
        };
        let slices = tracked.changed(&measured, run, now);
        let count = slices.len();
        if count > 0 {
            self.engine.lake().append(Batch { slices: slices.clone(), ..Batch::default() }).await?;
        }
        tracked.apply(&slices, run, &self.config);
        Ok(Some(count))
    }

    /// Computes statuses and burn rates as of `now` and publishes them.
    fn refresh(&self, now: Timestamp) {
        let policy = self.policy();
        let objectives = self.objectives.read().clone();
        let mut readings = Vec::with_capacity(objectives.len());
        for tracked in objectives.iter() {
            let computed = tracked.with_series(|series| {
                report::status(&tracked.slo, tracked.objective(), series, now, &policy)
            });
            match computed {
                Ok((status, burn)) => {
                    readings.push(ObjectiveReading { slo: tracked.slo.clone(), status, burn })
                }
                Err(error) => tracked.fail(&error),
            }
        }
        let statuses = readings.iter().map(|reading| reading.status.clone()).collect();
        self.engine.publish_slo_status(statuses);
        *self.readings.write() = Arc::new(readings);
    }

    fn policy(&self) -> Policy {
        Policy { evaluation_delay: self.config.evaluation_delay, ..Policy::default() }
    }

    fn find(&self, slo: &str, objective: &str) -> Option<Arc<Tracked>> {
        let objectives = self.objectives.read();
        let is_it =
            |tracked: &&Arc<Tracked>| tracked.slo.name == slo && tracked.objective().name == objective;
        objectives.iter().find(is_it).cloned()
    }

    /// The status of every objective as of the last tick, in catalogue order.
    pub fn statuses(&self) -> Arc<Vec<SloStatus>> {
        Arc::new(self.readings.read().iter().map(|reading| reading.status.clone()).collect())
    }

    /// Statuses with their burn readings, for alerts.
    pub fn readings(&self) -> Arc<Vec<ObjectiveReading>> {
        self.readings.read().clone()
    }

    /// The catalogue in use.
    pub fn slos(&self) -> Vec<Arc<Slo>> {
        let objectives = self.objectives.read().clone();
        let mut slos: Vec<Arc<Slo>> = objectives.iter().map(|tracked| tracked.slo.clone()).collect();
        slos.dedup_by(|a, b| Arc::ptr_eq(a, b));
        slos
    }

    /// `NAME/OBJECTIVE` and why it could not be measured the last time.
    pub fn problems(&self) -> Vec<(String, String)> {
        let objectives = self.objectives.read().clone();
        objectives.iter().filter_map(|tracked| Some((tracked.slo_id.clone(), tracked.problem()?))).collect()
    }

    /// `points` budgets of one objective at even distances over `[from, to]`, nothing beyond what is
    /// measured. `None` for an objective that does not exist.
    pub fn history(
        &self,
        slo: &str,
        objective: &str,
        from: Timestamp,
        to: Timestamp,
        points: u32,
    ) -> Option<Vec<HistoryPoint>> {
        Some(self.points(&*self.find(slo, objective)?, from, to, points))
    }

    /// Where the budget of one objective goes from its watermark at `now`, in `steps` steps; empty
    /// when nothing is known to go on from. `None` for an objective that does not exist.
    pub fn projection(
        &self,
        slo: &str,
        objective: &str,
        now: Timestamp,
        steps: u32,
    ) -> Option<Vec<ProjectionPoint>> {
        let tracked = self.find(slo, objective)?;
        let steps = steps.min(self.config.history_points_max);
        let projected = tracked.with_series(|series| {
            projection::project(&tracked.slo, tracked.objective(), series, now, &self.policy(), steps)
        });
        Some(projected.unwrap_or_default())
    }

    fn points(&self, tracked: &Tracked, from: Timestamp, to: Timestamp, points: u32) -> Vec<HistoryPoint> {
        tracked.with_series(|series| {
            let (Some(oldest), Some(newest)) = (series.oldest_start(), series.newest_end()) else {
                return Vec::new();
            };
            let (from, to) = (from.max(oldest), to.min(newest));
            let count = points.clamp(1, self.config.history_points_max);
            let length = to.since(from);
            if to < from {
                return Vec::new();
            }
            let times =
                (1..=count).map(|index| from.plus(length.mul_f64(f64::from(index) / f64::from(count))));
            report::history(&tracked.slo, tracked.objective(), series, times).unwrap_or_default()
        })
    }
}

impl SloHistorySource for SloEvaluator {
    /// The newest window of every objective.
    fn slo_history(&self) -> Vec<ObjectiveHistory> {
        let objectives = self.objectives.read().clone();
        let newest_window = |tracked: &Arc<Tracked>| {
            let end = tracked.with_series(|series| series.newest_end())?;
            let start = end.minus(tracked.slo.window.nominal());
            Some(ObjectiveHistory {
                slo: tracked.slo.name.clone(),
                objective: tracked.objective().name.clone(),
                points: self.points(tracked, start, end, self.config.history_points_max),
            })
        };
        objectives.iter().filter_map(newest_window).collect()
    }
}

#[cfg(test)]
mod tests;
