//! One verdict over several objectives, from the slices that its members have anyway.
//!
//! The window ends where the member that is measured least far ends. Of a member with groups, and of one
//! that does not exist, nothing is known; what that means is the composite's policy. Budgets and burn
//! rates are combined exactly ([`slo::composite`]); for how long the budget lasts, only the numbers that
//! need no replay of old slices are told.

use std::sync::Arc;
use std::time::Duration;

use slo::budget::{self, NoData, Policy, Tally};
use slo::burn::{self, Burn, BurnState, Tier};
use slo::composite::{Combined, Composite, CompositeKind, Member, MemberReading, any_bad};
use slo::report::{BURN_1H, BURN_6H, BurnWindow, state_of};
use slo::{Fraction, Slo, SloStatus, forecast};
use telemetry::Timestamp;
use telemetry::time::format_duration;

use super::ObjectiveReading;
use super::tracked::Tracked;

/// A member as far as it is known.
struct Known<'a> {
    member: &'a Member,
    tracked: Option<Arc<Tracked>>,
}

struct View<'a> {
    slo: &'a Slo,
    composite: &'a Composite,
    members: Vec<Known<'a>>,
    policy: Policy,
}

/// The composite of an SLO at `now`; `find` looks a member up.
pub(super) fn reading_of(
    slo: &Arc<Slo>,
    composite: &Composite,
    find: impl Fn(&str, &str) -> Option<Arc<Tracked>>,
    now: Timestamp,
    policy: &Policy,
) -> ObjectiveReading {
    let members = composite
        .members
        .iter()
        .map(|member| Known { member, tracked: find(&member.slo, &member.objective) })
        .collect();
    let view = View { slo, composite, members, policy: policy.with(&slo.evaluation) };
    ObjectiveReading { slo: slo.clone(), status: view.status(now), burn: Vec::new(), notices: Vec::new() }
}

impl View<'_> {
    fn status(&self, now: Timestamp) -> SloStatus {
        let mark = self.watermark(now);
        let is_stale = mark.is_none_or(|mark| now.since(mark) > self.policy.stale_after);
        let at = mark.unwrap_or_else(|| now.minus(self.policy.evaluation_delay));
        let budget = mark.and_then(|at| self.over(at, None));
        let burn = |length| mark.and_then(|at| self.over(at, Some(length))).map(|combined| combined.consumed);
        let (burn_1h, remaining) = (burn(BURN_1H), budget.and_then(|budget| budget.remaining()));
        let shown = |fraction: Option<Fraction>| fraction.map(Fraction::to_f64);
        let period = self.slo.window.nominal();
        let windows: Vec<BurnWindow> =
            self.composite.tiers.iter().map(|tier| self.burn_window(tier, at, is_stale)).collect();
        let is_firing = windows.iter().any(|window| window.state == BurnState::Firing);
        let rate = burn_1h.map(Fraction::to_f64);
        let pace = rate.and_then(|rate| forecast::pace(rate, period));
        let fixed =
            rate.zip(remaining).and_then(|(rate, left)| forecast::fixed_window(left.to_f64(), rate, period));
        SloStatus {
            slo: self.slo.name.clone(),
            objective: self.composite.name.clone(),
            display_name: self.display_name(),
            service: self.slo.service.clone(),
            window: self.slo.window.text().to_owned(),
            group: String::new(),
            method: self.slo.method.name(),
            target: self.target(),
            good: None,
            total: None,
            bad: None,
            allowed_bad: None,
            sli: shown(budget.and_then(|budget| budget.sli)),
            consumed: shown(budget.map(|budget| budget.consumed)),
            error_budget_remaining: shown(remaining),
            error_budget_remaining_units: None,
            error_budget_remaining_secs: None,
            error_budget_remaining_to_date: shown(remaining),
            burn_rate_1h: rate,
            burn_rate_6h: shown(burn(BURN_6H)),
            coverage: self.coverage(at),
            clamped_slices: 0,
            state: state_of(remaining, is_stale, is_firing),
            no_data: remaining.is_none().then_some(NoData::Gap),
            as_of: mark,
            exhausted_in_secs: None,
            exhausted_at: None,
            exhausted_in_pace_secs: pace.map(|time| time.as_secs()),
            exhausted_in_fixed_window_secs: fixed.map(|time| time.as_secs()),
            exhausted_in_rolling_secs: None,
            burn_windows: windows,
        }
    }

    fn display_name(&self) -> String {
        let of_slo = self.slo.display_name.clone().unwrap_or_else(|| self.slo.name.clone());
        match &self.composite.display_name {
            Some(own) if !self.slo.objectives.is_empty() => format!("{of_slo}: {own}"),
            _ => of_slo,
        }
    }

    /// Its own, or the lowest of its members'.
    fn target(&self) -> f64 {
        let own = self.composite.target;
        let of_members = || self.tracked().map(|tracked| tracked.objective().target).min();
        own.or_else(of_members).map_or(0.0, slo::Ratio::to_f64)
    }

    fn tracked(&self) -> impl Iterator<Item = &Arc<Tracked>> {
        self.members.iter().filter_map(|known| known.tracked.as_ref())
    }

    fn watermark(&self, now: Timestamp) -> Option<Timestamp> {
        let delay = self.policy.evaluation_delay;
        self.tracked()
            .filter_map(|tracked| tracked.with_series("", |series| series.watermark(now, delay))?)
            .min()
    }

    fn coverage(&self, at: Timestamp) -> f64 {
        let start = at.minus(self.slo.window.nominal());
        let of =
            |tracked: &Arc<Tracked>| tracked.with_series("", |series| series.coverage(start, at).fraction());
        self.tracked().filter_map(of).reduce(f64::min).unwrap_or_default()
    }

    /// The budget at `at`, or the burn over the newest `length`.
    fn over(&self, at: Timestamp, length: Option<Duration>) -> Option<Combined> {
        if self.composite.kind == CompositeKind::AnyBad {
            return self.any_bad_over(at, length);
        }
        let readings: Vec<MemberReading> =
            self.members.iter().filter_map(|known| self.member(known, at, length)).collect();
        // A member that does not exist has no budget to be bad by: nothing is known.
        (readings.len() == self.members.len()).then(|| self.composite.combine(&readings))?
    }

    fn member(&self, known: &Known<'_>, at: Timestamp, length: Option<Duration>) -> Option<MemberReading> {
        let tracked = known.tracked.as_ref()?;
        let objective = tracked.objective();
        let read = |series: &slo::SliceSeries| match length {
            None => {
                let measured = budget::status_at(self.slo, objective, series, at).ok()?;
                Some((measured.budget.tally.sli()?, measured.budget.consumed()?))
            }
            Some(length) => {
                let burn = Burn::over(series, at, length);
                let is_covered = !burn.coverage.is_below(self.policy.coverage_floor);
                is_covered.then(|| Some((burn.tally.sli()?, burn.rate(objective.target)?)))?
            }
        };
        let numbers = tracked.with_series("", read).flatten();
        Some(MemberReading {
            weight: known.member.weight,
            budget: objective.target.budget(),
            sli: numbers.map(|(sli, _)| sli),
            consumed: numbers.map(|(_, consumed)| consumed),
        })
    }

    fn any_bad_over(&self, at: Timestamp, length: Option<Duration>) -> Option<Combined> {
        let start = match length {
            Some(length) => at.minus(length),
            None => self.slo.window.span_at(at).ok()?.start,
        };
        let verdicts = |known: &Known<'_>| {
            let tracked = known.tracked.as_ref()?;
            tracked.with_series("", |series| series.verdicts(start, at))
        };
        let members: Vec<Vec<(i64, bool)>> =
            self.members.iter().map(|known| verdicts(known).unwrap_or_default()).collect();
        let slices = any_bad(&members, self.composite.missing);
        let good: i128 = slices.values().map(|slice| slice.good).sum();
        let tally = Tally::units(good, slices.len() as i128);
        self.composite.against_target(tally.sli()?)
    }

    fn burn_window(&self, tier: &Tier, at: Timestamp, is_stale: bool) -> BurnWindow {
        let over = |at: Timestamp, length: Duration| self.over(at, Some(length)).map(|burn| burn.consumed);
        let (long, short) = (over(at, tier.long), over(at, tier.short));
        let exceeds = |rate: Option<Fraction>| rate.map(|rate| tier.exceeds.holds(rate, tier.threshold));
        let state_at = |long, short| match (exceeds(long), exceeds(short)) {
            _ if is_stale => BurnState::Unknown,
            (Some(true), Some(true)) => BurnState::Firing,
            (Some(true), Some(false)) => BurnState::LongOnly,
            (Some(false), Some(true)) => BurnState::ShortOnly,
            (Some(false), Some(false)) => BurnState::Quiet,
            (None, _) | (_, None) => BurnState::Unknown,
        };
        let mut state = state_at(long, short);
        let mut back = self.slo.slice;
        while state == BurnState::Firing && back <= tier.alert_after {
            let then = at.minus(back);
            if state_at(over(then, tier.long), over(then, tier.short)) != BurnState::Firing {
                state = BurnState::Pending;
            }
            back += self.slo.slice;
        }
        let used = long.and_then(|rate| burn::budget_used(rate, tier.long, self.slo.window.nominal()));
        BurnWindow {
            severity: tier.severity,
            long: format_duration(tier.long),
            short: format_duration(tier.short),
            burn_long: long.map(Fraction::to_f64),
            burn_short: short.map(Fraction::to_f64),
            threshold: tier.threshold.to_f64(),
            state,
            budget_used: used.map(Fraction::to_f64),
        }
    }
}
