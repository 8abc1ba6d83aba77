//! One verdict over several objectives, from the slices that its members have anyway.
//!
//! The window ends where the member that is measured least far ends. Of a member with groups, and of one
//! that does not exist, nothing is known; what that means is the composite's policy. Budgets and burn
//! rates are combined exactly ([`slo::composite`]). When a spent budget was spent is not told.

mod merged;
mod parts;
mod reports;

use std::sync::Arc;
use std::time::Duration;

use slo::budget::{self, NoData, Policy};
use slo::burn::{self, Burn, BurnState, Tier};
use slo::composite::{Combined, Composite, CompositeKind, Member, MemberReading};
use slo::report::{BURN_1H, BURN_6H, BurnWindow, state_of};
use slo::{Fraction, SliceSeries, Slo, SloStatus, forecast};
use telemetry::Timestamp;
use telemetry::time::format_duration;

use super::ObjectiveReading;
use super::tracked::Tracked;
use merged::Merged;
use parts::Parts;

/// A member as far as it is known.
struct Known<'a> {
    member: &'a Member,
    tracked: Option<Arc<Tracked>>,
    /// Its slices as they had been recorded by some time; those in memory when `None`.
    recorded: Option<SliceSeries>,
}

impl Known<'_> {
    fn read<T>(&self, read: impl FnOnce(&SliceSeries) -> T) -> Option<T> {
        let tracked = self.tracked.as_ref()?;
        match &self.recorded {
            Some(series) => Some(read(series)),
            None => tracked.with_series("", read),
        }
    }
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
    let status = View::of(slo, composite, find, policy).status(now);
    ObjectiveReading { slo: slo.clone(), status, burn: Vec::new(), notices: Vec::new() }
}

/// The same over the further windows of the SLO: nothing alerts on these.
pub(super) fn further(
    slo: &Slo,
    composite: &Composite,
    find: impl Fn(&str, &str) -> Option<Arc<Tracked>>,
    now: Timestamp,
    policy: &Policy,
) -> Vec<SloStatus> {
    let quiet = Composite { tiers: Vec::new(), ..composite.clone() };
    let over = |slo: Slo| View::of(&slo, &quiet, &find, policy).status(now);
    slo.further_windows.iter().filter_map(|window| slo.over(window.text())).map(over).collect()
}

/// How fast the composite burns over the window that ends where its members are measured at `now`.
pub(super) fn burn_rate(
    slo: &Slo,
    composite: &Composite,
    find: impl Fn(&str, &str) -> Option<Arc<Tracked>>,
    window: Duration,
    now: Timestamp,
    policy: &Policy,
) -> Option<Fraction> {
    let view = View::of(slo, composite, find, policy);
    Some(view.over(view.watermark(now)?, Some(window))?.consumed)
}

impl<'a> View<'a> {
    fn of(
        slo: &'a Slo,
        composite: &'a Composite,
        find: impl Fn(&str, &str) -> Option<Arc<Tracked>>,
        policy: &Policy,
    ) -> View<'a> {
        let known = |member: &'a Member| Known {
            member,
            tracked: find(&member.slo, &member.objective),
            recorded: None,
        };
        let members = composite.members.iter().map(known).collect();
        View { slo, composite, members, policy: policy.with(&slo.evaluation) }
    }

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
        let left = remaining.map(Fraction::to_f64);
        let fixed = rate.zip(left).and_then(|(rate, left)| forecast::fixed_window(left, rate, period));
        let (rolling, answer) = self.exhaustion(at, left, rate, fixed);
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
            exhausted_in_secs: answer.map(|time| time.as_secs()),
            exhausted_at: answer
                .filter(|time| !time.is_zero())
                .map(|time| at.plus(time))
                .filter(|time| time.to_jiff().is_some()),
            exhausted_in_pace_secs: pace.map(|time| time.as_secs()),
            exhausted_in_fixed_window_secs: fixed.map(|time| time.as_secs()),
            exhausted_in_rolling_secs: rolling.map(|time| time.as_secs()),
            burn_windows: windows,
        }
    }

    /// The rolling time, and the one to answer with.
    fn exhaustion(
        &self,
        at: Timestamp,
        remaining: Option<f64>,
        rate: Option<f64>,
        fixed: Option<Duration>,
    ) -> (Option<Duration>, Option<Duration>) {
        if !self.slo.window.is_rolling() {
            let period_end = self.slo.window.span_at(at).ok().map(|span| span.period_end);
            return (None, fixed.filter(|time| period_end.is_some_and(|end| at.plus(*time) <= end)));
        }
        let rolling = remaining.zip(rate).and_then(|(left, rate)| match left > 0.0 && rate > 0.0 {
            true => Parts::of(self, at)?.rolling(left, rate),
            // Spent, or burning at nothing: no need to look at what comes back.
            false => fixed.filter(|_| left <= 0.0),
        });
        (rolling, rolling)
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
        self.members.iter().filter_map(|known| known.read(|series| series.watermark(now, delay))?).min()
    }

    fn coverage(&self, at: Timestamp) -> f64 {
        self.coverage_since(at.minus(self.slo.window.nominal()), at)
    }

    /// That of the member of which the least was measured.
    fn coverage_since(&self, start: Timestamp, at: Timestamp) -> f64 {
        let of = |known: &Known<'_>| known.read(|series| series.coverage(start, at).fraction());
        self.members.iter().filter_map(of).reduce(f64::min).unwrap_or_default()
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
        let numbers = known.read(read).flatten();
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
        let tally = Merged::over(self, start, at, None).tally(start, at);
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
