//! Service level indicators: from telemetry to slices, and from slices to statuses.
//!
//! The evaluator holds the catalogue of SLOs. Every tick it measures the base slices since each
//! objective's last one, up to the evaluation delay; measures the newest ones again, because data
//! comes late, once an hour those of the hour before, and once a day those of the day; appends what is new or changed to the lake;
//! reads which times are excluded; and refreshes statuses and burn rates. A slice is durable before it
//! counts. What was not measured has no slice and never counts as anything.
//!
//! One measurement at a time per objective: a backfill and a tick do not meet.

mod backfill;
mod backfills;
mod burn_rates;
mod causes;
mod composites;
mod config;
mod history;
mod increases;
mod maintenance;
mod measure;
mod planned;
mod refresh;
mod reports;
mod rewrite;
mod stored;
mod tracked;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use slo::burn::BurnReading;
use slo::notices::Notice;
use slo::report::HistoryPoint;
use slo::{Slo, SloStatus};
use telemetry::{Batch, Timestamp};

use crate::{Engine, QueryError};
use maintenance::Maintenance;
use measure::{ByGroup, SliceRun, measure};
use tracked::Tracked;

pub use backfill::{BackfillProgress, BackfillReport, BackfillSpan};
pub use backfills::{BackfillState, BackfillStatus};
pub use config::SliConfig;
pub use history::BudgetOf;
pub use maintenance::ExcludedTime;
pub use reports::{GroupSpending, ReportQuery, SloReport, SloReportSource, WindowBurn};

/// An objective's numbers, with the exact readings that alerts decide by; one for each group.
#[derive(Clone, Debug)]
pub struct ObjectiveReading {
    pub slo: Arc<Slo>,
    pub status: SloStatus,
    pub burn: Vec<BurnReading>,
    /// What else there is to say; nothing where alerts are off.
    pub notices: Vec<Notice>,
}

/// The burn-down of one objective.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveHistory {
    pub slo: String,
    pub objective: String,
    /// The key of the group; empty without groups.
    pub group: String,
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
    catalog: RwLock<Arc<Vec<Arc<Slo>>>>,
    objectives: RwLock<Arc<Vec<Arc<Tracked>>>>,
    readings: RwLock<Arc<Vec<ObjectiveReading>>>,
    further: RwLock<Arc<Vec<SloStatus>>>,
    maintenance: RwLock<Arc<Maintenance>>,
    backfills: backfills::Backfills,
}

impl SloEvaluator {
    /// Knows no SLO yet; becomes the source of `slo_history`.
    pub fn new(engine: Engine, config: SliConfig) -> Arc<SloEvaluator> {
        let evaluator = Arc::new(SloEvaluator {
            engine: engine.clone(),
            config,
            catalog: RwLock::default(),
            objectives: RwLock::default(),
            readings: RwLock::default(),
            further: RwLock::default(),
            maintenance: RwLock::default(),
            backfills: backfills::Backfills::default(),
        });
        engine.publish_slo_history(evaluator.clone());
        engine.publish_slo_reports(evaluator.clone());
        evaluator
    }

    /// Takes a new catalogue. Objectives whose definition did not change keep their history in
    /// memory; the others load theirs from the lake. Statuses are as of `now` when it returns.
    pub async fn set_catalog(&self, slos: Vec<Slo>, now: Timestamp) -> Result<(), QueryError> {
        let before = self.objectives.read().clone();
        let known: HashMap<&str, &Arc<Tracked>> =
            before.iter().map(|tracked| (tracked.slo_id.as_str(), tracked)).collect();
        let slos: Vec<Arc<Slo>> = slos.into_iter().map(Arc::new).collect();
        let mut objectives = Vec::new();
        let mut unknown = Vec::new();
        for slo in &slos {
            for index in 0..slo.objectives.len() {
                let tracked = Tracked::new(slo.clone(), index, &self.config);
                match known.get(tracked.slo_id.as_str()).filter(|before| before.has_history_of(&tracked)) {
                    Some(before) => tracked.take_over(before),
                    None => unknown.push(objectives.len()),
                }
                objectives.push(Arc::new(tracked));
            }
        }
        let wanted: Vec<&Arc<Tracked>> = unknown.iter().map(|index| &objectives[*index]).collect();
        *self.maintenance.write() = Arc::default();
        self.read_maintenance(&objectives, now).await?;
        stored::load(&self.engine, &wanted, now, &self.config).await?;
        *self.catalog.write() = Arc::new(slos);
        *self.objectives.write() = Arc::new(objectives);
        self.refresh(now).await;
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
        self.read_maintenance(&objectives, now).await?;
        self.refresh(now).await;
        Ok(report)
    }

    /// How many slices changed, or `None` when the indicator could not be measured.
    async fn measure_run(
        &self,
        tracked: &Tracked,
        run: SliceRun,
        now: Timestamp,
    ) -> Result<Option<usize>, QueryError> {
        let known = tracked.groups();
        let measured = measure(&self.engine, &tracked.slo, tracked.objective(), run, &known).await;
        let mut measured = match measured {
            Ok(measured) => measured,
            Err(error) => {
                tracked.fail(&error);
                return Ok(None);
            }
        };
        let left_out = without_surplus(&mut measured, &known, tracked);
        let slices = tracked.changed(&measured, run, now);
        let count = slices.len();
        if count > 0 {
            self.engine.lake().append(Batch { slices: slices.clone(), ..Batch::default() }).await?;
        }
        tracked.apply(&slices, run, &self.config);
        if left_out > 0 {
            tracked.report(too_many_groups(tracked, left_out));
        }
        Ok(Some(count))
    }

    fn find(&self, slo: &str, objective: &str) -> Option<Arc<Tracked>> {
        let objectives = self.objectives.read();
        let is_it =
            |tracked: &&Arc<Tracked>| tracked.slo.name == slo && tracked.objective().name == objective;
        objectives.iter().find(is_it).cloned()
    }

    fn find_or_first(&self, slo: &str, objective: Option<&str>) -> Option<Arc<Tracked>> {
        match objective {
            Some(objective) => self.find(slo, objective),
            None => self.objectives.read().iter().find(|tracked| tracked.slo.name == slo).cloned(),
        }
    }

    /// The status of every objective as of the last tick, in catalogue order.
    pub fn statuses(&self) -> Arc<Vec<SloStatus>> {
        Arc::new(self.readings.read().iter().map(|reading| reading.status.clone()).collect())
    }

    /// The same over the further windows of their SLOs, as of the last tick.
    pub fn further_statuses(&self) -> Arc<Vec<SloStatus>> {
        self.further.read().clone()
    }

    /// Statuses with their burn readings, for alerts.
    pub fn readings(&self) -> Arc<Vec<ObjectiveReading>> {
        self.readings.read().clone()
    }

    /// The catalogue in use.
    pub fn slos(&self) -> Vec<Arc<Slo>> {
        self.catalog.read().to_vec()
    }

    pub fn config(&self) -> &SliConfig {
        &self.config
    }

    /// `NAME/OBJECTIVE` and why it could not be measured the last time.
    pub fn problems(&self) -> Vec<(String, String)> {
        let objectives = self.objectives.read().clone();
        objectives.iter().filter_map(|tracked| Some((tracked.slo_id.clone(), tracked.problem()?))).collect()
    }
}

/// Leaves out new groups beyond the most there may be; how many. Groups that are known stay.
fn without_surplus(measured: &mut ByGroup, known: &[String], tracked: &Tracked) -> usize {
    let Some(grouping) = &tracked.slo.grouping else { return 0 };
    let before = measured.len();
    let mut places = (grouping.groups_max as usize).saturating_sub(known.len());
    measured.retain(|group, _| {
        if known.contains(group) {
            return true;
        }
        let has_place = places > 0;
        places = places.saturating_sub(1);
        has_place
    });
    before - measured.len()
}

fn too_many_groups(tracked: &Tracked, left_out: usize) -> String {
    let most = tracked.slo.grouping.as_ref().map_or(0, |grouping| grouping.groups_max);
    format!(
        "{left_out} groups are left out: {most} is the most; raise the annotation evenkeel.dev/groups-max"
    )
}

#[cfg(test)]
mod tests;
