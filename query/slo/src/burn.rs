//! Multi-window burn rates: which tiers alert, and whether they do.
//!
//! The burn rate over a window is its error rate over the budget: 1 spends exactly the budget over
//! the period. A tier fires when both its windows burn faster than its factor and clears at the
//! first evaluation where one does not. A factor is k = p * W / long: the share p of the budget of
//! the period W that may be spent in the long window. Comparisons are cross-multiplied and exact.
//! Source: Google SRE Workbook chapter 5 ("Alerting on SLOs"), table 5-8 and its rule listing.

use std::time::Duration;

use serde::Serialize;
use telemetry::Timestamp;
use telemetry::time::format_duration;

use crate::budget::{Policy, Tally};
use crate::decimal::{Fraction, Ratio, compare_products};
use crate::series::{Coverage, Ending, SliceSeries};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// What a tier asks of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody must act now.
    Page,
    /// Somebody must act within days.
    Ticket,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        }
    }
}

/// When a rate counts as too fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Exceeds {
    /// `>`: SRE Workbook, Sloth, Pyrra.
    #[default]
    Above,
    /// `>=`: Datadog.
    AtLeast,
}

impl Exceeds {
    pub fn holds(self, rate: Fraction, threshold: Fraction) -> bool {
        match self {
            Exceeds::Above => rate > threshold,
            Exceeds::AtLeast => rate >= threshold,
        }
    }
}

/// One burn-rate condition: two windows, one factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    pub severity: Severity,
    pub long: Duration,
    /// Clears the alert soon after the burn stops; equal to `long` where one window is all there is.
    pub short: Duration,
    pub threshold: Fraction,
    pub exceeds: Exceeds,
    /// How long it must hold before it alerts.
    pub alert_after: Duration,
    /// The alert policy it comes from; `None` for a default.
    pub policy: Option<String>,
}

impl Tier {
    fn default_of(severity: Severity, long_secs: u64, threshold: Fraction) -> Tier {
        Tier {
            severity,
            long: Duration::from_secs(long_secs),
            short: Duration::from_secs(long_secs / 12),
            threshold,
            exceeds: Exceeds::default(),
            alert_after: Duration::ZERO,
            policy: None,
        }
    }

    /// `1h/5m`, for messages.
    pub fn windows(&self) -> String {
        format!("{}/{}", format_duration(self.long), format_duration(self.short))
    }
}

/// Windows of the default tiers with the share of the budget (in percent) behind each factor.
const DEFAULT_TIERS: [(Severity, u64, i128); 4] = [
    (Severity::Page, HOUR, 2),
    (Severity::Page, 6 * HOUR, 5),
    (Severity::Ticket, DAY, 10),
    (Severity::Ticket, 3 * DAY, 10),
];

/// Factors in hundredths for the usual periods; 0 means no such tier. At 7 and 90 days constant
/// shares would alert on a healthy burn or far too late, so the vendors' tables differ there.
const DEFAULT_FACTORS: [(u64, [i128; 4]); 4] = [
    (7, [1_680, 560, 280, 0]),
    (28, [1_344, 560, 280, 100]),
    (30, [1_440, 600, 300, 100]),
    (90, [2_160, 1_080, 450, 300]),
];

/// The default tiers for a period and a target, with a warning for each one that is left out: below
/// 1 it would alert on a healthy burn, at 1/B and above it could never fire. When no page tier is
/// left, one at 0.8/B over 1h/5m takes their place.
pub fn tiers_for(period: Duration, target: Ratio) -> (Vec<Tier>, Vec<String>) {
    let table = DEFAULT_FACTORS.iter().find(|(days, _)| period == Duration::from_secs(days * DAY));
    let (mut tiers, mut warnings) = (Vec::new(), Vec::new());
    for (index, (severity, long_secs, percent)) in DEFAULT_TIERS.into_iter().enumerate() {
        let threshold = match table {
            Some((_, hundredths)) if hundredths[index] == 0 => continue,
            Some((_, hundredths)) => Fraction::new(hundredths[index], 100),
            None => Fraction::new(percent * i128::from(period.as_secs()), 100 * i128::from(long_secs)),
        };
        let tier = Tier::default_of(severity, long_secs, threshold);
        match unreachable_because(threshold, target) {
            Some(reason) => warnings.push(format!(
                "the default {} tier {} with factor {} is left out: {reason}",
                severity.name(),
                tier.windows(),
                shown(threshold)
            )),
            None => tiers.push(tier),
        }
    }
    if !tiers.iter().any(|tier| tier.severity == Severity::Page) {
        let eighty_percent = Fraction::new(8, 10).checked_div(target.budget());
        // At a target so low that 0.8/B is below 1 too, nothing sensible can page.
        if let Some(threshold) = eighty_percent.filter(|k| unreachable_because(*k, target).is_none()) {
            tiers.insert(0, Tier::default_of(Severity::Page, HOUR, threshold));
        }
    }
    (tiers, warnings)
}

/// Why a factor makes no sense for a target, if so. The burn rate is at most 1/B.
pub fn unreachable_because(threshold: Fraction, target: Ratio) -> Option<String> {
    if threshold < Fraction::ONE {
        return Some("a factor below 1 alerts on a healthy burn".to_owned());
    }
    let fastest = Fraction::ONE.checked_div(target.budget())?;
    (threshold >= fastest)
        .then(|| format!("at target {target} the burn rate never exceeds {}", shown(fastest)))
}

/// Four decimals are enough to recognise a factor in a sentence.
fn shown(factor: Fraction) -> f64 {
    (factor.to_f64() * 10_000.0).round() / 10_000.0
}

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
pub fn evaluate(
    tiers: &[Tier],
    series: &SliceSeries,
    target: Ratio,
    as_of: Timestamp,
    is_stale: bool,
    policy: &Policy,
) -> Vec<BurnReading> {
    let at = |tier: &Tier, ending: &Ending<'_>| {
        let at = ending.end();
        let long = Burn::back(ending, tier.long);
        let short = Burn::back(ending, tier.short);
        let is_covered = |burn: &Burn| !burn.coverage.is_below(policy.coverage_floor);
        let is_frozen = is_stale || series.exclusions().covers_end(at);
        let over = |burn: &Burn| {
            (!is_frozen && is_covered(burn))
                .then(|| burn.exceeds(target, tier.threshold, tier.exceeds))
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
    };
    let newest = series.ending_at(as_of);
    let reading = |tier: &Tier| {
        let (long, short, mut state) = at(tier, &newest);
        let mut since = None;
        if state == BurnState::Firing {
            since = first_bad_slice(tier, series, target, as_of);
            let fires_at = |time: Timestamp| at(tier, &series.ending_at(time)).2 == BurnState::Firing;
            if !has_lasted(tier.alert_after, series, as_of, fires_at) {
                state = BurnState::Pending;
            }
        }
        BurnReading { tier: tier.clone(), long, short, state, since }
    };
    tiers.iter().map(reading).collect()
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

    fn check(days: u64, target_text: &str, expected: expect_test::Expect) {
        let (tiers, warnings) = tiers_for(Duration::from_secs(days * DAY), target(target_text));
        let mut lines: Vec<String> = tiers
            .iter()
            .map(|tier| format!("{} {} {}", tier.severity.name(), tier.windows(), tier.threshold.to_f64()))
            .collect();
        lines.extend(warnings);
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn default_tiers() {
        use expect_test::expect;
        check(
            7,
            "0.999",
            expect![[r#"
            page 1h/5m 16.8
            page 6h/30m 5.6
            ticket 1d/2h 2.8"#]],
        );
        check(
            28,
            "0.999",
            expect![[r#"
            page 1h/5m 13.44
            page 6h/30m 5.6
            ticket 1d/2h 2.8
            ticket 3d/6h 1"#]],
        );
        check(
            30,
            "0.999",
            expect![[r#"
            page 1h/5m 14.4
            page 6h/30m 6
            ticket 1d/2h 3
            ticket 3d/6h 1"#]],
        );
        check(
            90,
            "0.999",
            expect![[r#"
            page 1h/5m 21.6
            page 6h/30m 10.8
            ticket 1d/2h 4.5
            ticket 3d/6h 3"#]],
        );
        check(
            10,
            "0.999",
            expect![[r#"
                page 1h/5m 4.8
                page 6h/30m 2
                ticket 1d/2h 1
                the default ticket tier 3d/6h with factor 0.3333 is left out: a factor below 1 alerts on a healthy burn"#]],
        );
        check(
            30,
            "0.9",
            expect![[r#"
            page 6h/30m 6
            ticket 1d/2h 3
            ticket 3d/6h 1
            the default page tier 1h/5m with factor 14.4 is left out: at target 0.9 the burn rate never exceeds 10"#]],
        );
        check(
            30,
            "0.5",
            expect![[r#"
            page 1h/5m 1.6
            ticket 3d/6h 1
            the default page tier 1h/5m with factor 14.4 is left out: at target 0.5 the burn rate never exceeds 2
            the default page tier 6h/30m with factor 6 is left out: at target 0.5 the burn rate never exceeds 2
            the default ticket tier 1d/2h with factor 3 is left out: at target 0.5 the burn rate never exceeds 2"#]],
        );
        check(
            1,
            "0.99",
            expect![[r#"
                page 1h/5m 80
                the default page tier 1h/5m with factor 0.48 is left out: a factor below 1 alerts on a healthy burn
                the default page tier 6h/30m with factor 0.2 is left out: a factor below 1 alerts on a healthy burn
                the default ticket tier 1d/2h with factor 0.1 is left out: a factor below 1 alerts on a healthy burn
                the default ticket tier 3d/6h with factor 0.0333 is left out: a factor below 1 alerts on a healthy burn"#]],
        );
        check(
            30,
            "0",
            expect![[r#"
            the default page tier 1h/5m with factor 14.4 is left out: at target 0 the burn rate never exceeds 1
            the default page tier 6h/30m with factor 6 is left out: at target 0 the burn rate never exceeds 1
            the default ticket tier 1d/2h with factor 3 is left out: at target 0 the burn rate never exceeds 1
            the default ticket tier 3d/6h with factor 1 is left out: at target 0 the burn rate never exceeds 1"#]],
        );
    }

    /// Minutes of slices with 100 events each, `1` all bad, `0` all good, ` ` a gap.
    fn minutes(text: &str) -> SliceSeries {
        let mut series = SliceSeries::new(crate::objective::Counting::Occurrences);
        for (minute, slice) in text.chars().enumerate().filter(|(_, slice)| *slice != ' ') {
            let slice = telemetry::SloSlice {
                slo_id: "s/1".into(),
                slice_start: Timestamp::from_secs(minute as i64 * 60),
                slice_secs: 60,
                generation: 0,
                group_key: String::new(),
                good_milli: if slice == '1' { 0 } else { 100_000 },
                total_milli: 100_000,
                coverage: 1.0,
                rev: 0,
                recorded_at: Timestamp::EPOCH,
            };
            series.apply(&slice).unwrap();
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
            ..Tier::default_of(Severity::Page, HOUR, Fraction::new(10, 1))
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
    fn huge_counts_do_not_overflow() {
        let tally = Tally { good: 0, total: i128::from(i64::MAX) * 100_000, parts: 1000 };
        let burn = Burn { tally, coverage: Coverage::default() };
        let nines = target("0.999999999999999999");
        assert_eq!(burn.exceeds(nines, Fraction::new(144, 10), Exceeds::Above), Some(true));
    }
}
