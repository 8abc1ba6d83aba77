//! Notices about a budget: how much is spent, that it will be spent soon, and that nothing is known.
//!
//! Nobody is woken by them; what wakes people are burn rates. Decided exactly, like those: a budget of
//! which three quarters are spent has three quarters spent. Numbers that are frozen decide nothing, and
//! time that does not count tells nothing new.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::Timestamp;
use telemetry::time::{duration_text, format_duration};

use crate::budget::{self, NoData, Policy};
use crate::decimal::Fraction;
use crate::error::SloError;
use crate::objective::{Objective, Slo};
use crate::report::SloStatus;
use crate::series::SliceSeries;

/// The section `slo.notices` of the server's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticePolicy {
    /// Shares of the budget that are worth a notice when they are spent.
    pub spent_percent: Vec<u32>,
    /// A budget that will be spent within this time, at the burn rate of the last hour.
    #[serde(with = "duration_text")]
    pub exhausted_within: Duration,
    /// How long a notice is shown, if what it says holds for longer; `0s` is as long as it holds.
    #[serde(with = "duration_text")]
    pub shown_for: Duration,
}

impl Default for NoticePolicy {
    fn default() -> NoticePolicy {
        NoticePolicy {
            spent_percent: vec![50, 75, 100],
            exhausted_within: Duration::from_secs(3 * 86_400),
            shown_for: Duration::from_secs(86_400),
        }
    }
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Spent { percent: u32 },
    ExhaustedSoon,
    NoData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    Holds,
    Quiet,
    /// As it was.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub kind: NoticeKind,
    pub state: NoticeState,
    /// Percent spent, hours left, or the share of the window that was measured.
    pub value: f64,
    /// The numbers behind it, in one sentence.
    pub explains: String,
}

/// The notices of one objective, each with its state. `status` is of the same time.
pub fn notices(
    slo: &Slo,
    objective: &Objective,
    series: &SliceSeries,
    status: &SloStatus,
    now: Timestamp,
    policy: &Policy,
    asked_for: &NoticePolicy,
) -> Result<Vec<Notice>, SloError> {
    let measured = budget::status(slo, objective, series, now, &policy.with(&slo.evaluation))?;
    let is_known = !measured.is_stale && measured.no_data.is_none();
    let state = |holds: bool| match (is_known, holds) {
        (false, _) => NoticeState::Unknown,
        (true, true) => NoticeState::Holds,
        (true, false) => NoticeState::Quiet,
    };
    let window = slo.window.text();
    let mut notices = Vec::new();
    let spent = measured.budget.consumed().map_or(f64::NAN, Fraction::to_f64) * 100.0;
    for percent in &asked_for.spent_percent {
        let threshold = Fraction::new(i128::from(*percent), 100);
        let holds = measured.budget.has_spent(threshold) == Some(true);
        notices.push(Notice {
            kind: NoticeKind::Spent { percent: *percent },
            state: state(holds),
            value: spent,
            explains: format!(
                "{} % of the {window} budget is spent (notice at {percent} %): {} bad of {} allowed",
                rounded(spent),
                rounded(status.bad.unwrap_or_default()),
                rounded(status.allowed_bad.unwrap_or_default())
            ),
        });
    }
    let left = status.exhausted_in_secs.map(Duration::from_secs);
    // What is spent is told already.
    let is_left = measured.budget.is_spent() == Some(false);
    let soon = is_left && left.is_some_and(|left| left <= asked_for.exhausted_within);
    if !asked_for.exhausted_within.is_zero() {
        let hours = left.map_or(f64::NAN, |left| left.as_secs_f64() / 3_600.0);
        notices.push(Notice {
            kind: NoticeKind::ExhaustedSoon,
            state: state(soon),
            value: hours,
            explains: format!(
                "At the burn rate of the last hour, {}x, the {window} budget is spent in {} h (notice within {})",
                rounded(status.burn_rate_1h.unwrap_or_default()),
                rounded(hours),
                format_duration(asked_for.exhausted_within)
            ),
        });
    }
    if slo.alert_policies.iter().any(|policy| policy.when_no_data) {
        let holds = measured.is_stale || measured.no_data.is_some();
        let why = match measured.no_data {
            Some(NoData::NoTraffic) => "nothing happened in the whole window",
            Some(NoData::Gap) => "nothing was measured in the whole window",
            None => "the newest slice is too old",
        };
        notices.push(Notice {
            kind: NoticeKind::NoData,
            state: if holds { NoticeState::Holds } else { NoticeState::Quiet },
            value: status.coverage,
            explains: format!(
                "Nothing is known of the {window} budget: {why}; as of {}",
                status.as_of.map_or("never".to_owned(), |as_of| as_of.to_string())
            ),
        });
    }
    Ok(notices)
}

/// Three digits are enough to read.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{self, tests};

    /// The states at the end of an hour of minutes with 1 000 events each; 1 % may be bad.
    fn states(bad_per_minute: &[i64], later_secs: i64) -> Vec<(NoticeKind, NoticeState)> {
        let slo = tests::slo();
        let counts: Vec<(i64, i64)> = bad_per_minute.iter().map(|bad| (1_000 - bad, 1_000)).collect();
        let series = tests::series(&counts);
        let now = Timestamp::from_secs(counts.len() as i64 * 60 + 30 + later_secs);
        let policy = Policy::default();
        let (status, _) = report::status(&slo, &slo.objectives[0], &series, now, &policy).unwrap();
        let asked_for = NoticePolicy::default();
        let found = notices(&slo, &slo.objectives[0], &series, &status, now, &policy, &asked_for).unwrap();
        found.into_iter().map(|notice| (notice.kind, notice.state)).collect()
    }

    #[test]
    fn a_share_is_spent_when_it_is_and_not_before() {
        use NoticeKind::{ExhaustedSoon, Spent};
        use NoticeState::{Holds, Quiet, Unknown};
        let expect = |fifty, seventy_five, hundred, soon| {
            vec![
                (Spent { percent: 50 }, fifty),
                (Spent { percent: 75 }, seventy_five),
                (Spent { percent: 100 }, hundred),
                (ExhaustedSoon, soon),
            ]
        };
        // Of 600 that may be: 449, then exactly 450.
        let mut bad = [7; 60];
        bad[..30].fill(8);
        bad[0] -= 1;
        // What is left lasts two days at this rate.
        assert_eq!(states(&bad, 0), expect(Holds, Quiet, Quiet, Holds));
        bad[0] += 1;
        assert_eq!(states(&bad, 0), expect(Holds, Holds, Quiet, Holds));
        assert_eq!(states(&[10; 60], 0), expect(Holds, Holds, Holds, Quiet));
        // Frozen numbers decide nothing.
        assert_eq!(states(&[10; 60], 600), expect(Unknown, Unknown, Unknown, Unknown));
        // Burnt long ago, quiet for the last hour.
        let mut over = vec![0; 180];
        over[..60].fill(20);
        assert_eq!(states(&over, 0), expect(Holds, Quiet, Quiet, Quiet));
    }
}
