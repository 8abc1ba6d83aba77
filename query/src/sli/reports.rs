//! One objective at one time: its status, its burn over any windows, what ate its budget, and what does
//! not count. For a time in the past too, and as it was reported on a day: from the revisions of slices
//! that had been recorded by then.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use slo::budget;
use slo::burn::{self, Burn};
use slo::causes::Cause;
use slo::spending::{self, Spent};
use slo::{Fraction, Objective, SliceSeries, Slo, SloStatus, report};
use telemetry::Timestamp;

use super::maintenance::exclusions_of;
use super::tracked::Tracked;
use super::{ExcludedTime, SloEvaluator, stored};
use crate::QueryError;

/// Which objective, and as of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportQuery {
    pub slo: String,
    /// The first one when `None`.
    pub objective: Option<String>,
    /// The key of the group; empty without groups.
    pub group: String,
    /// The end of the window, now at the latest; where the numbers end when `None`.
    pub at: Option<Timestamp>,
    /// Only what had been recorded by then: slices, incidents and deploys; everything when `None`.
    pub recorded_by: Option<Timestamp>,
    /// The windows to tell burn rates of.
    pub windows: Vec<Duration>,
    /// The window of the budget, by its text: one of the SLO's; the first one when `None`.
    pub window: Option<String>,
}

/// Where the SQL function `budget_causes` gets its rows from.
#[async_trait]
pub trait SloReportSource: Send + Sync {
    /// As [`SloEvaluator::report`].
    async fn slo_report(&self, query: &ReportQuery) -> Result<Option<SloReport>, QueryError>;
}

#[async_trait]
impl SloReportSource for SloEvaluator {
    async fn slo_report(&self, query: &ReportQuery) -> Result<Option<SloReport>, QueryError> {
        self.report(query).await
    }
}

/// What a report is made of beside the slices.
struct Asked<'a> {
    query: &'a ReportQuery,
    /// Over the window that is asked for.
    slo: &'a Slo,
    at: Timestamp,
    causes: Vec<Cause>,
    excluded: Vec<ExcludedTime>,
}

/// The burn of one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowBurn {
    pub window: Duration,
    /// `None` without anything valid.
    pub burn_rate: Option<f64>,
    /// Share of the period's budget that the window spent.
    pub budget_used: Option<f64>,
    pub coverage: f64,
}

/// One group's part of what was bad.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSpending {
    pub group: String,
    pub bad: f64,
    /// Of what was bad in all groups; `None` when nothing was.
    pub bad_share: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SloReport {
    pub status: SloStatus,
    pub burn: Vec<WindowBurn>,
    pub spent: Spent,
    /// The worst first; of a composite its members, by id; empty without groups.
    pub groups: Vec<GroupSpending>,
    /// Those that touch the window.
    pub excluded: Vec<ExcludedTime>,
}

impl SloEvaluator {
    /// `None` for an SLO, objective, group or window that does not exist.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for a time outside of the calendar.
    pub async fn report(&self, query: &ReportQuery) -> Result<Option<SloReport>, QueryError> {
        let Some(tracked) = self.find_or_first(&query.slo, query.objective.as_deref()) else {
            return self.report_of_composite(query).await;
        };
        let Some(slo) = tracked.over(query.window.as_deref()) else { return Ok(None) };
        let now = self.engine.clock().now();
        let newest = tracked.with_series(&query.group, |series| (series.oldest_start(), series.newest_end()));
        let Some((oldest, newest)) = newest else { return Ok(None) };
        // Where its numbers end, not where the clock is.
        let at = query.at.or(newest).unwrap_or(now).min(now);
        // What is forgotten in memory, and what was corrected since, is in the lake.
        let span = slo.window.span_at(at).map_err(|error| QueryError::Invalid(error.to_string()))?;
        let causes = self.causes(&tracked.slo.service, at, query.recorded_by).await?;
        let excluded = self.excluded_by(&slo, query.recorded_by).await?;
        let asked = Asked { query, slo: &slo, at, causes, excluded };
        let is_kept = oldest.is_some_and(|oldest| oldest <= span.start);
        let report = if is_kept && query.recorded_by.is_none() {
            tracked.with_series(&query.group, |series| self.report_of(&tracked, series, &asked))
        } else {
            let range = (span.start, at);
            let series = self.recorded(&tracked, &query.group, range, query.recorded_by).await?;
            Some(self.report_of(&tracked, &series, &asked))
        };
        report.transpose()
    }

    /// One group's slices that end in a range, from the lake: as they had been recorded by a time, and under
    /// the exclusions that had been told by then; as they are now when `None`.
    pub(super) async fn recorded(
        &self,
        tracked: &Arc<Tracked>,
        group: &str,
        range: (Timestamp, Timestamp),
        recorded_by: Option<Timestamp>,
    ) -> Result<SliceSeries, QueryError> {
        let exclusions = match recorded_by {
            None => tracked.exclusions(),
            Some(recorded_by) => exclusions_of(&self.excluded_as_of(&tracked.slo, recorded_by).await?),
        };
        let recorded_by = recorded_by.unwrap_or(Timestamp::MAX);
        stored::as_of(&self.engine, tracked, group, range, recorded_by, exclusions).await
    }

    /// The times that do not count, as they are told now or had been by a time.
    pub(super) async fn excluded_by(
        &self,
        slo: &Slo,
        recorded_by: Option<Timestamp>,
    ) -> Result<Vec<ExcludedTime>, QueryError> {
        match recorded_by {
            None => Ok(self.excluded_times(&slo.name).unwrap_or_default()),
            Some(recorded_by) => self.excluded_as_of(slo, recorded_by).await,
        }
    }

    async fn report_of_composite(&self, query: &ReportQuery) -> Result<Option<SloReport>, QueryError> {
        let slos = self.slos();
        let composite = slos.iter().find(|slo| slo.name == query.slo).and_then(|slo| slo.composite.as_ref());
        let Some(name) = query.objective.as_deref().or(composite.map(|composite| composite.name.as_str()))
        else {
            return Ok(None);
        };
        match self.find_composite(&query.slo, name, query.window.as_deref()) {
            Some(asked) if query.group.is_empty() => self.composite_report(&asked, query).await.map(Some),
            _ => Ok(None),
        }
    }

    fn report_of(
        &self,
        tracked: &Tracked,
        series: &SliceSeries,
        asked: &Asked<'_>,
    ) -> Result<SloReport, QueryError> {
        let query = asked.query;
        let failed = |error: slo::SloError| QueryError::Invalid(error.to_string());
        let slo = asked.slo;
        // Alerts are about the first window alone.
        let is_first = slo.window.text() == tracked.slo.window.text();
        let tiers = if is_first { tracked.objective().tiers.clone() } else { Vec::new() };
        let objective = &Objective { tiers, ..tracked.objective().clone() };
        let policy = self.policy();
        let delay = policy.with(&slo.evaluation).evaluation_delay;
        // As if it had just been evaluated for this time.
        let now = asked.at.plus(delay);
        let (mut status, _) = report::status(slo, objective, series, now, &policy).map_err(failed)?;
        status.group.clone_from(&query.group);
        let measured = budget::status(slo, objective, series, now, &policy).map_err(failed)?;
        let span = measured.span;
        let burn = |window: &Duration| {
            let burn = Burn::over(series, span.end, *window);
            let rate = burn.rate(objective.target);
            let used = rate.and_then(|rate| burn::budget_used(rate, *window, span.period()));
            WindowBurn {
                window: *window,
                burn_rate: rate.map(Fraction::to_f64),
                budget_used: used.map(Fraction::to_f64),
                coverage: burn.coverage.fraction(),
            }
        };
        let mut excluded = asked.excluded.clone();
        excluded.retain(|time| time.from < span.end && time.to > span.start);
        Ok(SloReport {
            burn: query.windows.iter().map(burn).collect(),
            spent: spending::spending(slo, objective, series, span.end, &asked.causes).map_err(failed)?,
            groups: groups_of(tracked, span.start, span.end),
            status,
            excluded,
        })
    }
}

fn groups_of(tracked: &Tracked, from: Timestamp, to: Timestamp) -> Vec<GroupSpending> {
    if tracked.slo.grouping.is_none() {
        return Vec::new();
    }
    let mut groups = Vec::new();
    tracked.for_each_group(|group, series| groups.push((series.tally(from, to), group.to_owned())));
    let all: i128 = groups.iter().map(|(tally, _)| tally.bad()).sum();
    groups.sort_by(|a, b| b.0.bad().cmp(&a.0.bad()).then_with(|| a.1.cmp(&b.1)));
    let spending = |(tally, group): (budget::Tally, String)| GroupSpending {
        group,
        bad: tally.in_units(tally.bad()),
        bad_share: (all != 0).then(|| Fraction::new(tally.bad(), all).to_f64()),
    };
    groups.into_iter().map(spending).collect()
}
