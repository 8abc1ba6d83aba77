//! History, projection and reports of composites.

use std::sync::Arc;
use std::time::Duration;

use slo::projection::{self, ProjectionPoint, Rates};
use slo::report::{BURN_1H, BURN_6H, HistoryPoint};
use slo::{Fraction, Slo, SloStatus, burn};
use telemetry::Timestamp;

use super::parts::Parts;
use super::{Composite, View};
use crate::QueryError;
use crate::sli::SloEvaluator;
use crate::sli::history::window_start;
use crate::sli::reports::{ReportQuery, SloReport, WindowBurn};

/// A composite and the SLO that it belongs to, over the window that is asked for.
pub(in crate::sli) struct Asked {
    slo: Arc<Slo>,
    composite: Composite,
}

impl Asked {
    fn view<'a>(&'a self, evaluator: &SloEvaluator) -> View<'a> {
        let find = |slo: &str, objective: &str| evaluator.find(slo, objective);
        View::of(&self.slo, &self.composite, find, &evaluator.policy())
    }
}

impl SloEvaluator {
    /// The composite of this name, over the SLO's own window unless another of its windows is named. That
    /// one has no tiers.
    pub(in crate::sli) fn find_composite(
        &self,
        slo: &str,
        objective: &str,
        window: Option<&str>,
    ) -> Option<Asked> {
        let slo = self.slos().into_iter().find(|known| known.name == slo)?;
        let composite = slo.composite.clone().filter(|composite| composite.name == objective)?;
        match window.filter(|window| *window != slo.window.text()) {
            None => Some(Asked { slo, composite }),
            Some(window) => {
                let slo = Arc::new(slo.over(window)?);
                Some(Asked { slo, composite: Composite { tiers: Vec::new(), ..composite } })
            }
        }
    }

    pub(in crate::sli) fn composite_history(
        &self,
        asked: &Asked,
        range: (Timestamp, Timestamp),
        points: u32,
    ) -> Vec<HistoryPoint> {
        self.points_of(&asked.view(self), range, points)
    }

    /// The same from what had been recorded by a time.
    pub(in crate::sli) async fn composite_history_as_of(
        &self,
        asked: &Asked,
        (from, to): (Timestamp, Timestamp),
        points: u32,
        recorded_by: Timestamp,
    ) -> Result<Vec<HistoryPoint>, QueryError> {
        let mut view = asked.view(self);
        let range = (window_start(view.slo, from)?, to);
        for known in &mut view.members {
            if let Some(tracked) = known.tracked.clone() {
                known.recorded = Some(self.recorded(&tracked, "", range, Some(recorded_by)).await?);
            }
        }
        Ok(self.points_of(&view, (from, to), points))
    }

    fn points_of(
        &self,
        view: &View<'_>,
        (from, to): (Timestamp, Timestamp),
        points: u32,
    ) -> Vec<HistoryPoint> {
        let spans = view
            .members
            .iter()
            .filter_map(|known| known.read(|series| Some((series.oldest_start()?, series.newest_end()?)))?);
        let Some((oldest, newest)) = spans.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1))) else {
            return Vec::new();
        };
        view.history(&self.times((from.max(oldest), to.min(newest)), points))
    }

    pub(in crate::sli) fn composite_projection(
        &self,
        asked: &Asked,
        now: Timestamp,
        steps: u32,
    ) -> Vec<ProjectionPoint> {
        let view = asked.view(self);
        let Some(at) = view.watermark(now) else { return Vec::new() };
        let remaining = view.over(at, None).and_then(|budget| budget.remaining()).map(Fraction::to_f64);
        let over = |length: Duration| view.over(at, Some(length)).map(|burn| burn.consumed.to_f64());
        let is_stale = now.since(at) > view.policy.stale_after;
        let (Some(remaining), Some(expected), false) = (remaining, over(BURN_1H), is_stale) else {
            return Vec::new();
        };
        let lengths = [BURN_1H, BURN_6H].into_iter().chain(view.composite.tiers.iter().map(|tier| tier.long));
        let (mut slowest, mut fastest) = (expected, expected);
        for rate in lengths.filter_map(over) {
            slowest = slowest.min(rate);
            fastest = fastest.max(rate);
        }
        let rates = Rates { expected, slowest, fastest };
        let (Ok(span), Some(parts)) = (view.slo.window.span_at(at), Parts::of(&view, at)) else {
            return Vec::new();
        };
        if !view.slo.window.is_rolling() {
            let until = span.period_end.since(at);
            return projection::line(remaining, rates, span.period(), at, until, |_| 0.0, steps);
        }
        let period = span.period();
        projection::line(remaining, rates, period, at, period, |after| parts.expired(after), steps)
    }

    /// As of `query.at`, from what had been recorded by then where that is asked for.
    pub(in crate::sli) async fn composite_report(
        &self,
        asked: &Asked,
        query: &ReportQuery,
    ) -> Result<SloReport, QueryError> {
        let failed = |error: slo::SloError| QueryError::Invalid(error.to_string());
        let mut view = asked.view(self);
        let clock_now = self.engine.clock().now();
        let at = query.at.or_else(|| view.watermark(clock_now)).unwrap_or(clock_now).min(clock_now);
        let start = view.slo.window.span_at(at).map_err(failed)?.start;
        let causes = self.causes(&view.slo.service, at, query.recorded_by).await?;
        let mut excluded = self.excluded_by(view.slo, query.recorded_by).await?;
        for known in &mut view.members {
            let is_kept = known
                .read(|series| series.oldest_start().is_some_and(|oldest| oldest <= start))
                .unwrap_or(true);
            if let Some(tracked) = known.tracked.clone().filter(|_| !is_kept || query.recorded_by.is_some()) {
                known.recorded = Some(self.recorded(&tracked, "", (start, at), query.recorded_by).await?);
            }
        }
        let status: SloStatus = view.status(at.plus(view.policy.evaluation_delay));
        let at = status.as_of.unwrap_or(at);
        let period = view.slo.window.nominal();
        let burn = |window: &Duration| {
            let rate = view.over(at, Some(*window)).map(|burn| burn.consumed);
            WindowBurn {
                window: *window,
                burn_rate: rate.map(Fraction::to_f64),
                budget_used: rate
                    .and_then(|rate| burn::budget_used(rate, *window, period))
                    .map(Fraction::to_f64),
                coverage: view.coverage_since(at.minus(*window), at),
            }
        };
        let parts = Parts::of(&view, at)
            .ok_or_else(|| QueryError::Invalid(format!("{at} is outside of the calendar")))?;
        excluded.retain(|time| time.from < parts.end && time.to > parts.start);
        Ok(SloReport {
            burn: query.windows.iter().map(burn).collect(),
            spent: parts.spent(&causes),
            groups: parts.by_member(),
            status,
            excluded,
        })
    }
}
