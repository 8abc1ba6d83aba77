//! Multi-window burn rates: how fast the budget burns, and whether a tier alerts.
//!
//! The burn rate over a window is its error rate over the budget: 1 spends exactly the budget over
//! the period. A tier fires when both its windows burn faster than its factor and clears at the
//! first evaluation where one does not. Comparisons are cross-multiplied and exact.

mod tiers;

use std::time::Duration;

use serde::Serialize;
use telemetry::Timestamp;

use crate::budget::{Policy, Tally};
use crate::decimal::{Fraction, Ratio, compare_products};
use crate::series::{Coverage, Ending, SliceSeries};
pub use tiers::{Exceeds, Severity, Tier, tiers_for, unreachable_because};

/// One window, measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burn {
    pub tally: Tally,
    pub coverage: Coverage,
}

impl Burn {
    /// Over the newest `length` up to `as_of`.
    pub fn over(series: &SliceSeries, as_of: Timestamp, length: Duration) -> Burn {
        Burn::back(&series.ending_at(as_of), length)
    }

    /// The same, of several windows that end there.
    pub fn back(ending: &Ending<'_>, length: Duration) -> Burn {
        let (tally, coverage) = ending.back(length);
        Burn { tally, coverage }
    }

    /// Error rate over budget; `None` without anything valid.
    pub fn rate(&self, target: Ratio) -> Option<Fraction> {
        self.tally.error_rate()?.checked_div(target.budget())
    }

    /// Whether the rate exceeds `threshold`; `None` without anything valid.
    pub fn exceeds(&self, target: Ratio, threshold: Fraction, exceeds: Exceeds) -> Option<bool> {
        if self.tally.total == 0 {
            return None;
        }
        // bad/total / B > k, both sides multiplied with total * B: no division, no rounding.
        let budget = target.budget();
        let scale = threshold.denominator().unsigned_abs().checked_mul(budget.denominator().unsigned_abs());
        let allowed = threshold.numerator().unsigned_abs().checked_mul(budget.numerator().unsigned_abs());
        let order = compare_products(
            [self.tally.bad().unsigned_abs(), scale?],
            [self.tally.total.unsigned_abs(), allowed?],
        );
        Some(match exceeds {
            Exceeds::Above => order.is_gt(),
            Exceeds::AtLeast => order.is_ge(),
        })
    }
}

/// State of a tier at one evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BurnState {
    /// Neither window burns too fast.
    Quiet,
    /// Only the long window does: it is over, or nearly.
    #[serde(rename = "one_window_over")]
    LongOnly,
    /// Only the short window does: a blip so far.
    #[serde(rename = "one_window_over")]
    ShortOnly,
    /// Both do, but not for as long as the condition's `alertAfter` asks.
    Pending,
    /// Both do.
    Firing,
    /// Both do, but the long window holds fewer events than the SLO asks for: one failure of a few
    /// requests says little.
    HeldLowVolume,
    /// Both do, but did not by what was known in time: late data starts no alert.
    HeldLateData,
    /// Too little was measured, or nothing happened: an alert keeps the state it had.
    Unknown,
}

/// A tier with what its windows say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnReading {
    pub tier: Tier,
    pub long: Burn,
    pub short: Burn,
    pub state: BurnState,
    /// Of a firing or pending tier: the start of the first base slice in its long window that burns faster than
    /// the threshold by itself. When the trouble began.
    pub since: Option<Timestamp>,
}

/// Evaluates every tier as of the watermark `as_of`. `is_stale` freezes them all, and so does an
/// exclusion that `as_of` lies in: nothing alerts during maintenance.
///
/// A tier with `alert_after` is evaluated over its past as well: it fires when it would have at every
/// slice for that long. Nothing has to be remembered for that, so a restart forgets nothing; a gap in
/// the data starts the wait anew.
///
/// Late data may clear an alert and never starts one: a tier fires when it does by what is known now, and
/// did by what was known in time ([`SliceSeries::in_time`]).
pub fn evaluate(
    tiers: &[Tier],
    series: &SliceSeries,
    target: Ratio,
    as_of: Timestamp,
    is_stale: bool,
    policy: &Policy,
) -> Vec<BurnReading> {
    let reading = |tier: &Tier| {
        let judge = Judge { tier, target, is_stale, policy: *policy };
        let (long, short, mut state) = judge.windows(&series.ending_at(as_of));
        let mut since = None;
        if state == BurnState::Firing {
            since = first_bad_slice(tier, series, target, as_of);
            state = judge.state(series, as_of);
            if let Some(in_time) = series.in_time(as_of.minus(tier.long.saturating_add(tier.alert_after))) {
                // Of gaps that were filled late nothing was known: they decide nothing.
                let policy = Policy { coverage_floor: Fraction::new(0, 1), ..*policy };
                state = match (state, Judge { policy, ..judge }.state(&in_time, as_of)) {
                    (BurnState::Firing, BurnState::Firing) => BurnState::Firing,
                    (_, BurnState::Firing | BurnState::Pending) => BurnState::Pending,
                    _ => BurnState::HeldLateData,
                };
            }
        }
        BurnReading { tier: tier.clone(), long, short, state, since }
    };
    tiers.iter().map(reading).collect()
}

/// What decides about a tier.
struct Judge<'t> {
    tier: &'t Tier,
    target: Ratio,
    is_stale: bool,
    policy: Policy,
}

impl Judge<'_> {
    /// Whether the tier fires, and has for as long as it has to.
    fn state(&self, series: &SliceSeries, as_of: Timestamp) -> BurnState {
        let at = |time: Timestamp| self.windows(&series.ending_at(time)).2;
        let fires_at = |time: Timestamp| at(time) == BurnState::Firing;
        match at(as_of) {
            BurnState::Firing if !has_lasted(self.tier.alert_after, series, as_of, fires_at) => {
                BurnState::Pending
            }
            state => state,
        }
    }

    /// Both windows, and what they say by themselves.
    fn windows(&self, ending: &Ending<'_>) -> (Burn, Burn, BurnState) {
        let (tier, policy, series, at) = (self.tier, &self.policy, ending.series(), ending.end());
        let long = Burn::back(ending, tier.long);
        let short = Burn::back(ending, tier.short);
        let is_covered = |burn: &Burn| !burn.coverage.is_below(policy.coverage_floor);
        let is_frozen = self.is_stale || series.exclusions().covers_end(at);
        let over = |burn: &Burn| {
            (!is_frozen && is_covered(burn))
                .then(|| burn.exceeds(self.target, tier.threshold, tier.exceeds))
                .flatten()
        };
        let state = match (over(&long), over(&short)) {
            (Some(true), Some(true)) if is_low_volume(series, at, tier.long, policy) => {
                BurnState::HeldLowVolume
            }
            (Some(true), Some(true)) => BurnState::Firing,
            (Some(true), Some(false)) => BurnState::LongOnly,
            (Some(false), Some(true)) => BurnState::ShortOnly,
            (Some(false), Some(false)) => BurnState::Quiet,
            // One window that is known to be slow is enough to know that the tier does not fire, but
            // an alert must not clear on a gap: unknown keeps what was.
            (None, _) | (_, None) => BurnState::Unknown,
        };
        (long, short, state)
    }
}

fn is_low_volume(series: &SliceSeries, as_of: Timestamp, long: Duration, policy: &Policy) -> bool {
    if policy.min_total == 0 && policy.min_bad == 0 {
        return false;
    }
    let events = series.events(as_of.minus(long), as_of);
    let least = |count: u64| i128::from(count) * events.parts;
    events.total < least(policy.min_total) || events.bad() < least(policy.min_bad)
}

/// Whether a condition that holds at `as_of` has held since `wait` ago: then, at the end of every slice
/// since, and where slices begin again after a hole.
fn has_lasted(
    wait: Duration,
    series: &SliceSeries,
    as_of: Timestamp,
    holds_at: impl Fn(Timestamp) -> bool,
) -> bool {
    if wait.is_zero() {
        return true;
    }
    let began = as_of.minus(wait);
    let mut seen_until = began;
    holds_at(began)
        && series.slices_in(began, as_of).take_while(|(_, end)| *end <= as_of).all(|(start, end)| {
            let is_after_hole = start > seen_until;
            seen_until = end;
            (!is_after_hole || holds_at(start)) && holds_at(end)
        })
}

fn first_bad_slice(tier: &Tier, series: &SliceSeries, target: Ratio, as_of: Timestamp) -> Option<Timestamp> {
    let burns = |tally: Tally| {
        Burn { tally, coverage: Coverage::default() }.exceeds(target, tier.threshold, tier.exceeds)
            == Some(true)
    };
    series.events_in(as_of.minus(tier.long), as_of).find(|(_, tally)| burns(*tally)).map(|(start, _)| start)
}

/// The share of the period's budget that a burn over `length` at `rate` spends: exact for time, for
/// events under even traffic.
pub fn budget_used(rate: Fraction, length: Duration, period: Duration) -> Option<Fraction> {
    if period.is_zero() {
        return None;
    }
    rate.checked_mul(Fraction::new(length.as_micros() as i128, period.as_micros() as i128))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;

    fn target(text: &str) -> Ratio {
        Ratio::new(text.parse::<Decimal>().unwrap()).unwrap()
    }

    /// A minute of 100 events.
    fn slice(minute: usize, good_milli: i64) -> telemetry::SloSlice {
        telemetry::SloSlice {
            slo_id: "s/1".into(),
            slice_start: Timestamp::from_secs(minute as i64 * 60),
            slice_secs: 60,
            generation: 0,
            group_key: String::new(),
            good_milli,
            total_milli: 100_000,
            coverage: 1.0,
            rev: 0,
            recorded_at: Timestamp::EPOCH,
        }
    }

    /// Minutes of slices with 100 events each, `1` all bad, `0` all good, ` ` a gap.
    fn minutes(text: &str) -> SliceSeries {
        let mut series = SliceSeries::new(crate::objective::Counting::Occurrences);
        for (minute, slice) in text.chars().enumerate().filter(|(_, slice)| *slice != ' ') {
            let good_milli = if slice == '1' { 0 } else { 100_000 };
            series.apply(&self::slice(minute, good_milli)).unwrap();
        }
        series
    }

    /// The states of a tier over five minutes and one, minute by minute from the sixth on.
    fn states(alert_after_mins: u64, text: &str) -> String {
        states_under(Policy::default(), alert_after_mins, text)
    }

    fn states_under(policy: Policy, alert_after_mins: u64, text: &str) -> String {
        let tier = Tier {
            long: Duration::from_secs(300),
            short: Duration::from_secs(60),
            alert_after: Duration::from_secs(60 * alert_after_mins),
            ..Tier::default_of(Severity::Page, 3_600, Fraction::new(10, 1))
        };
        let series = minutes(text);
        let at = |minute: usize| {
            let as_of = Timestamp::from_secs(minute as i64 * 60);
            let readings =
                evaluate(std::slice::from_ref(&tier), &series, target("0.99"), as_of, false, &policy);
            match readings[0].state {
                BurnState::Firing => 'F',
                BurnState::Pending => 'p',
                BurnState::Unknown => '?',
                BurnState::HeldLowVolume => 'v',
                BurnState::HeldLateData => 'l',
                BurnState::Quiet | BurnState::LongOnly | BurnState::ShortOnly => '.',
            }
        };
        (6..=text.len()).map(at).collect()
    }

    #[test]
    fn a_condition_waits_for_alert_after() {
        assert_eq!(states(0, "000001111110"), "FFFFFF.");
        assert_eq!(states(3, "000001111110"), "pppFFF.");
        // Not long enough: it never fires, and starts over.
        assert_eq!(states(3, "00000110111110"), "pp.pppFF.");
        // A gap is not known to have been bad.
        assert_eq!(states(3, "0000011    111111"), "pp????pppFFF");
        // There has to be something to look back at.
        assert_eq!(states(60, "00000111111"), "pppppp");
    }

    #[test]
    fn few_events_hold_an_alert_back() {
        // Five minutes of 100 events each.
        let policy = |min_total, min_bad| Policy { min_total, min_bad, ..Policy::default() };
        assert_eq!(states_under(policy(500, 0), 0, "0000001"), ".F");
        assert_eq!(states_under(policy(501, 0), 0, "0000001"), ".v");
        assert_eq!(states_under(policy(0, 101), 0, "00000011"), ".vF");
    }

    #[test]
    fn late_data_may_clear_an_alert_and_never_starts_one() {
        let tier = Tier {
            long: Duration::from_secs(300),
            short: Duration::from_secs(60),
            ..Tier::default_of(Severity::Page, 3_600, Fraction::new(10, 1))
        };
        // What was measured in time, and what of it an hour later.
        let state = |in_time: &str, late: &str| {
            let mut series = minutes(in_time).allowing(Duration::from_secs(120));
            for (minute, known) in late.chars().enumerate().filter(|(_, known)| *known != ' ') {
                let good_milli = if known == '1' { 0 } else { 100_000 };
                let recorded_at = Timestamp::from_secs(3_600);
                series
                    .apply(&telemetry::SloSlice { rev: 1, recorded_at, ..slice(minute, good_milli) })
                    .unwrap();
            }
            let as_of = Timestamp::from_secs(60 * in_time.len() as i64);
            let tiers = std::slice::from_ref(&tier);
            evaluate(tiers, &series, target("0.99"), as_of, false, &Policy::default())[0].state
        };
        assert_eq!(state("000001", ""), BurnState::Firing);
        assert_eq!(state("000000", "     1"), BurnState::HeldLateData);
        assert_eq!(state("00000 0", "     11"), BurnState::HeldLateData);
        // Late data that changes nothing about it.
        assert_eq!(state("000001", "  1"), BurnState::Firing);
        assert_eq!(state("000001", "     0"), BurnState::Quiet);
        assert_eq!(state("111111", "11111"), BurnState::Firing);
    }

    #[test]
    fn huge_counts_do_not_overflow() {
        let tally = Tally { good: 0, total: i128::from(i64::MAX) * 100_000, parts: 1000 };
        let burn = Burn { tally, coverage: Coverage::default() };
        let nines = target("0.999999999999999999");
        assert_eq!(burn.exceeds(nines, Fraction::new(144, 10), Exceeds::Above), Some(true));
    }
}
