//! Lines by hand: into exhaustion, to the period's end, and what leaves a rolling window.

use super::*;
use crate::report::tests::{daily_slo, series, slo};

fn project_at(slo: &Slo, counts: &[(i64, i64)], now_secs: i64) -> Vec<ProjectionPoint> {
    let now = Timestamp::from_secs(now_secs);
    project(slo, &slo.objectives[0], &series(counts), now, &Policy::default(), 10).unwrap()
}

/// All good for a day, then a tenth bad for 12 minutes.
fn burning() -> Vec<(i64, i64)> {
    let mut counts = vec![(100, 100); 1440];
    counts.extend(vec![(90, 100); 12]);
    counts
}

#[test]
fn the_line_ends_where_the_status_says_that_the_budget_does() {
    let slo = slo();
    let counts = burning();
    let now = Timestamp::from_secs(1452 * 60 + 30);
    let (row, _) =
        crate::report::status(&slo, &slo.objectives[0], &series(&counts), now, &Policy::default()).unwrap();
    let line = project_at(&slo, &counts, now.secs());
    assert_eq!(line.len(), 11);
    let (first, last) = (line[0], line[10]);
    assert_eq!((Some(first.at), Some(first.error_budget_remaining)), (row.as_of, row.error_budget_remaining));
    assert_eq!((first.low, first.high), (first.error_budget_remaining, first.error_budget_remaining));
    assert!(last.at.since(row.exhausted_at.unwrap()) < Duration::from_millis(1), "{last:?}");
    assert!(last.error_budget_remaining.abs() < 1e-9, "{last:?}");
    // The last hour burns fastest of all windows, the last day slowest: at 1/12.
    assert_eq!(last.low, last.error_budget_remaining);
    let after = last.at.since(first.at).as_secs_f64() / (7.0 * 86_400.0);
    assert!((last.high - (first.high - after / 12.0)).abs() < 1e-9, "{last:?}");
}

#[test]
fn a_calm_hour_gets_back_what_leaves_the_window() {
    let mut counts = vec![(90, 100); 10];
    counts.extend(vec![(100, 100); 1440]);
    let line = project_at(&slo(), &counts, 1450 * 60 + 30);
    let last = line[10];
    assert_eq!(last.at, Timestamp::from_secs(1450 * 60).plus(Duration::from_secs(7 * 86_400)));
    assert!(line[0].error_budget_remaining < 1.0);
    assert_eq!((last.low, last.error_budget_remaining, last.high), (1.0, 1.0, 1.0));
}

#[test]
fn an_overspent_budget_is_followed_on() {
    let line = project_at(&slo(), &[(98, 100); 10], 630);
    assert_eq!(line[0].error_budget_remaining, -1.0);
    assert!(line[1].error_budget_remaining < -1.0, "it goes on burning at 2");
    // In a week, all that was before has left, and a week of burning at 2 has come.
    assert!((line[10].error_budget_remaining - -1.0).abs() < 1e-9, "{line:?}");
}

#[test]
fn a_calendar_window_ends_with_its_period() {
    let mut counts = vec![(1000, 1000); 600];
    counts.extend(vec![(999, 1000); 60]);
    let line = project_at(&daily_slo(), &counts, 660 * 60 + 30);
    assert_eq!(line[10].at, Timestamp::from_secs(86_400));
    let fall = line[0].error_budget_remaining - line[10].error_budget_remaining;
    let share_of_day = f64::from(1440 - 660) / 1440.0;
    assert!((fall - 0.1 * share_of_day).abs() < 1e-9, "a burn rate of 0.1: {fall}");
}

#[test]
fn nothing_follows_from_nothing() {
    assert_eq!(project_at(&slo(), &[], 100), []);
    assert_eq!(project_at(&slo(), &[(0, 0); 10], 630), []);
    // Frozen.
    assert_eq!(project_at(&slo(), &burning(), 1452 * 60 + 301), []);
    // No traffic in the last hour: no burn rate.
    let mut counts = burning();
    counts.extend(vec![(0, 0); 61]);
    assert_eq!(project_at(&slo(), &counts, 1513 * 60 + 30), []);
}
