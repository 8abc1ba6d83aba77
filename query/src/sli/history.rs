//! Budgets over time: the burn-down of an objective, and where it goes.

use slo::SliceSeries;
use slo::projection::{self, ProjectionPoint};
use slo::report::{self, HistoryPoint};
use telemetry::Timestamp;

use super::tracked::Tracked;
use super::{ObjectiveHistory, SloEvaluator, SloHistorySource};

impl SloEvaluator {
    /// `points` budgets of one group of an objective at even distances over `[from, to]`, nothing beyond
    /// what is measured. `None` for an objective or group that does not exist.
    pub fn history(
        &self,
        slo: &str,
        objective: &str,
        group: &str,
        (from, to): (Timestamp, Timestamp),
        points: u32,
    ) -> Option<Vec<HistoryPoint>> {
        let tracked = self.find(slo, objective)?;
        tracked.with_series(group, |series| self.points(&tracked, series, from, to, points))
    }

    /// Where the budget of one group of an objective goes from its watermark at `now`, in `steps` steps;
    /// empty when nothing is known to go on from. `None` for one that does not exist.
    pub fn projection(
        &self,
        slo: &str,
        objective: &str,
        group: &str,
        now: Timestamp,
        steps: u32,
    ) -> Option<Vec<ProjectionPoint>> {
        let tracked = self.find(slo, objective)?;
        let steps = steps.min(self.config.history_points_max);
        let projected = tracked.with_series(group, |series| {
            projection::project(&tracked.slo, tracked.objective(), series, now, &self.policy(), steps)
        })?;
        Some(projected.unwrap_or_default())
    }

    /// Calls `read` with the slices of one group of an objective; `None` when there is none.
    pub fn with_slices<T>(
        &self,
        slo: &str,
        objective: &str,
        group: &str,
        read: impl FnOnce(&SliceSeries) -> T,
    ) -> Option<T> {
        self.find(slo, objective)?.with_series(group, read)
    }

    fn points(
        &self,
        tracked: &Tracked,
        series: &SliceSeries,
        from: Timestamp,
        to: Timestamp,
        points: u32,
    ) -> Vec<HistoryPoint> {
        let (Some(oldest), Some(newest)) = (series.oldest_start(), series.newest_end()) else {
            return Vec::new();
        };
        let (from, to) = (from.max(oldest), to.min(newest));
        let count = points.clamp(1, self.config.history_points_max);
        let length = to.since(from);
        if to < from {
            return Vec::new();
        }
        let times = (1..=count).map(|index| from.plus(length.mul_f64(f64::from(index) / f64::from(count))));
        report::history(&tracked.slo, tracked.objective(), series, times).unwrap_or_default()
    }
}

impl SloHistorySource for SloEvaluator {
    /// The newest window of every group of every objective.
    fn slo_history(&self) -> Vec<ObjectiveHistory> {
        let objectives = self.objectives.read().clone();
        let mut histories = Vec::new();
        for tracked in objectives.iter() {
            tracked.for_each_group(|group, series| {
                let Some(end) = series.newest_end() else { return };
                let start = end.minus(tracked.slo.window.nominal());
                histories.push(ObjectiveHistory {
                    slo: tracked.slo.name.clone(),
                    objective: tracked.objective().name.clone(),
                    group: group.to_owned(),
                    points: self.points(tracked, series, start, end, self.config.history_points_max),
                });
            });
        }
        histories
    }
}
