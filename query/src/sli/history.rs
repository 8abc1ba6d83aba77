//! Budgets over time: the burn-down of an objective, and where it goes.

use slo::projection::{self, ProjectionPoint};
use slo::report::{self, HistoryPoint};
use slo::{SliceSeries, Slo};
use telemetry::Timestamp;

use super::tracked::Tracked;
use super::{ObjectiveHistory, SloEvaluator, SloHistorySource};
use crate::QueryError;

/// Which budget: one group of an objective, over one of its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetOf<'q> {
    pub slo: &'q str,
    /// Of an objective or of the composite.
    pub objective: &'q str,
    /// The key of the group; empty without groups.
    pub group: &'q str,
    /// By its text: one of the SLO's windows; the first one when `None`.
    pub window: Option<&'q str>,
}

impl SloEvaluator {
    /// `points` budgets at even distances over `[from, to]`, nothing beyond what is measured. `None` for one
    /// that does not exist.
    pub fn history(
        &self,
        of: BudgetOf<'_>,
        (from, to): (Timestamp, Timestamp),
        points: u32,
    ) -> Option<Vec<HistoryPoint>> {
        let Some(tracked) = self.find(of.slo, of.objective) else {
            let asked = self.find_composite(of.slo, of.objective, of.window)?;
            return of.group.is_empty().then(|| self.composite_history(&asked, (from, to), points));
        };
        let slo = tracked.over(of.window)?;
        tracked.with_series(of.group, |series| self.points(&slo, &tracked, series, (from, to), points))
    }

    /// The same from what had been recorded by a time: revisions of slices, and times that do not count.
    ///
    /// # Errors
    /// When the slices cannot be read.
    pub async fn history_as_of(
        &self,
        of: BudgetOf<'_>,
        (from, to): (Timestamp, Timestamp),
        points: u32,
        recorded_by: Timestamp,
    ) -> Result<Option<Vec<HistoryPoint>>, QueryError> {
        let Some(tracked) = self.find(of.slo, of.objective) else {
            let Some(asked) = self.find_composite(of.slo, of.objective, of.window) else { return Ok(None) };
            if !of.group.is_empty() {
                return Ok(None);
            }
            return self.composite_history_as_of(&asked, (from, to), points, recorded_by).await.map(Some);
        };
        let Some(slo) = tracked.over(of.window) else { return Ok(None) };
        if !tracked.groups().iter().any(|group| group == of.group) {
            return Ok(None);
        }
        let range = (window_start(&slo, from)?, to);
        let series = self.recorded(&tracked, of.group, range, Some(recorded_by)).await?;
        Ok(Some(self.points(&slo, &tracked, &series, (from, to), points)))
    }

    /// Where the budget goes from its watermark at `now`, in `steps` steps; empty when nothing is known to go
    /// on from. `None` for one that does not exist.
    pub fn projection(&self, of: BudgetOf<'_>, now: Timestamp, steps: u32) -> Option<Vec<ProjectionPoint>> {
        let steps = steps.min(self.config.history_points_max);
        let Some(tracked) = self.find(of.slo, of.objective) else {
            let asked = self.find_composite(of.slo, of.objective, of.window)?;
            return of.group.is_empty().then(|| self.composite_projection(&asked, now, steps));
        };
        let slo = tracked.over(of.window)?;
        let projected = tracked.with_series(of.group, |series| {
            projection::project(&slo, tracked.objective(), series, now, &self.policy(), steps)
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
        slo: &Slo,
        tracked: &Tracked,
        series: &SliceSeries,
        (from, to): (Timestamp, Timestamp),
        points: u32,
    ) -> Vec<HistoryPoint> {
        let (Some(oldest), Some(newest)) = (series.oldest_start(), series.newest_end()) else {
            return Vec::new();
        };
        let times = self.times((from.max(oldest), to.min(newest)), points);
        report::history(slo, tracked.objective(), series, times).unwrap_or_default()
    }

    /// Even distances over `(from, to]`.
    pub(super) fn times(&self, (from, to): (Timestamp, Timestamp), points: u32) -> Vec<Timestamp> {
        if to < from {
            return Vec::new();
        }
        let (count, length) = (points.clamp(1, self.config.history_points_max), to.since(from));
        (1..=count).map(|index| from.plus(length.mul_f64(f64::from(index) / f64::from(count)))).collect()
    }
}

/// Where the window begins that ends at `at`: what the first point of a chart is made of.
pub(super) fn window_start(slo: &Slo, at: Timestamp) -> Result<Timestamp, QueryError> {
    let span = slo.window.span_at(at).map_err(|error| QueryError::Invalid(error.to_string()))?;
    Ok(span.start)
}

impl SloHistorySource for SloEvaluator {
    /// The newest window of every group of every objective, and of every composite.
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
                    points: self.points(
                        &tracked.slo,
                        tracked,
                        series,
                        (start, end),
                        self.config.history_points_max,
                    ),
                });
            });
        }
        for slo in self.slos() {
            let Some(composite) = &slo.composite else { continue };
            let Some(asked) = self.find_composite(&slo.name, &composite.name, None) else { continue };
            let end = self.engine.clock().now();
            let span = (end.minus(slo.window.nominal()), end);
            histories.push(ObjectiveHistory {
                slo: slo.name.clone(),
                objective: composite.name.clone(),
                group: String::new(),
                points: self.composite_history(&asked, span, self.config.history_points_max),
            });
        }
        histories
    }
}
