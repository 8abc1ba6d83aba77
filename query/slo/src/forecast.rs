//! Three named times to exhaustion of a budget, at the present burn rate.
//!
//! *Pace* ignores what is spent already; *fixed-window* suits calendar windows, where nothing comes
//! back before the end; *rolling* replays the spending that leaves the window meanwhile. `None` when
//! it never happens, zero when it has happened. For display and forecasts, hence in `f64`.

use std::time::Duration;

use telemetry::Timestamp;

use crate::budget::Budget;
use crate::decimal::Ratio;
use crate::series::SliceSeries;

/// Steps in which the rolling forecast replays one window; within a step spending is taken as even.
const REPLAY_STEPS: u32 = 256;

/// W / br: how long a whole budget would last.
pub fn pace(burn_rate: f64, period: Duration) -> Option<Duration> {
    (burn_rate > 0.0).then(|| saturating_secs(period.as_secs_f64() / burn_rate))
}

/// remaining * W / br: how long the rest lasts when nothing comes back.
pub fn fixed_window(remaining: f64, burn_rate: f64, period: Duration) -> Option<Duration> {
    if remaining <= 0.0 {
        return Some(Duration::ZERO);
    }
    (burn_rate > 0.0).then(|| saturating_secs(remaining * period.as_secs_f64() / burn_rate))
}

/// The first time at which `consumed + br*t/W - expired(t)` reaches 1, where `expired(t)` is the
/// share of the budget whose slices have left the window by then. It never falls, so stretches in which
/// even their least is enough are not replayed: most budgets are known to last after one look.
pub fn rolling(
    remaining: f64,
    burn_rate: f64,
    period: Duration,
    expired: impl Fn(Duration) -> f64,
) -> Option<Duration> {
    if remaining <= 0.0 {
        return Some(Duration::ZERO);
    }
    if burn_rate <= 0.0 {
        return None;
    }
    let step = period / REPLAY_STEPS;
    // What is surely left throughout the steps from `first` to `last`; exact where they are one.
    let least =
        |first: u32, last: u32| left_after(remaining, burn_rate, period, step * last) + expired(step * first);
    // After one whole period everything old has left: what is spent then stays.
    let spent = first_spent(1, REPLAY_STEPS, &least)?;
    let left = least(spent, spent);
    let left_before = if spent == 1 { remaining } else { least(spent - 1, spent - 1) };
    let share = left_before / (left_before - left);
    Some((step * (spent - 1)).saturating_add(step.mul_f64(share)))
}

/// The first of the steps from `first` to `last` after which nothing is left.
fn first_spent(first: u32, last: u32, least: &impl Fn(u32, u32) -> f64) -> Option<u32> {
    if least(first, last) > 0.0 {
        return None;
    }
    if first == last {
        return Some(first);
    }
    let middle = first + (last - first) / 2;
    first_spent(first, middle, least).or_else(|| first_spent(middle + 1, last, least))
}

/// What is left when `burn_rate` goes on for `after` and nothing comes back.
pub fn left_after(remaining: f64, burn_rate: f64, period: Duration, after: Duration) -> f64 {
    remaining - burn_rate * after.as_secs_f64() / period.as_secs_f64()
}

/// [`rolling`] over the slices of an objective whose window ends at `as_of`.
pub fn rolling_over(
    series: &SliceSeries,
    budget: &Budget,
    target: Ratio,
    burn_rate: f64,
    as_of: Timestamp,
    period: Duration,
) -> Option<Duration> {
    let remaining = budget.remaining()?.to_f64();
    rolling(remaining, burn_rate, period, |after| expired(series, budget, target, as_of.minus(period), after))
}

/// The share of the budget whose slices leave a window that began at `start` within `after`.
pub(crate) fn expired(
    series: &SliceSeries,
    budget: &Budget,
    target: Ratio,
    start: Timestamp,
    after: Duration,
) -> f64 {
    let leaving = series.tally(start, start.plus(after));
    let allowed = budget.budget_total as f64 * target.budget().to_f64();
    if allowed > 0.0 { leaving.bad() as f64 / allowed } else { 0.0 }
}

/// Rates near zero give times beyond any calendar.
fn saturating_secs(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(30 * 86_400);

    #[test]
    fn nothing_burning_never_exhausts() {
        assert_eq!(pace(0.0, PERIOD), None);
        assert_eq!(fixed_window(0.5, 0.0, PERIOD), None);
        assert_eq!(rolling(0.5, 0.0, PERIOD, |_| 0.0), None);
    }

    #[test]
    fn a_spent_budget_is_exhausted_now() {
        assert_eq!(fixed_window(-0.1, 0.0, PERIOD), Some(Duration::ZERO));
        assert_eq!(rolling(0.0, 6.0, PERIOD, |_| 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn what_comes_back_faster_than_it_burns_never_exhausts() {
        // Spent 0.9 evenly over the period, burning at 0.8 now.
        let expired = |after: Duration| 0.9 * after.as_secs_f64() / PERIOD.as_secs_f64();
        assert_eq!(rolling(0.1, 0.8, PERIOD, expired), None);
    }

    /// What came back all at once, or in the middle of a stretch that looked bad from afar.
    #[test]
    fn stretches_are_skipped_only_when_nothing_ends_in_them() {
        let after = |steps: u32| PERIOD / REPLAY_STEPS * steps;
        for comes_back in 1..=REPLAY_STEPS {
            let expired = |time: Duration| if time >= after(comes_back) { 0.5 } else { 0.0 };
            let one_by_one = (1..=REPLAY_STEPS)
                .find(|step| left_after(0.25, 1.0, PERIOD, after(*step)) + expired(after(*step)) <= 0.0);
            let found = rolling(0.25, 1.0, PERIOD, expired)
                .map(|time| time.as_secs().div_ceil(after(1).as_secs()) as u32);
            assert_eq!(found, one_by_one, "half of it back after {comes_back} steps");
        }
    }

    #[test]
    fn tiny_rates_saturate() {
        assert_eq!(pace(f64::MIN_POSITIVE, PERIOD), Some(Duration::MAX));
    }
}
