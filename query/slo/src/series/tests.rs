//! Windows over slices, checked against sums made naively.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::budget::Tally;
use crate::decimal::{Decimal, Fraction};
use crate::objective::EmptyPolicy;

const SLICE_SECS: i64 = 30;

fn slice(start_secs: i64, good: i64, total: i64, rev: i32) -> SloSlice {
    SloSlice {
        slo_id: "checkout/1".into(),
        generation: 1,
        group_key: String::new(),
        slice_start: Timestamp::from_secs(start_secs),
        slice_secs: SLICE_SECS as i32,
        good_milli: good * 1000,
        total_milli: total * 1000,
        coverage: 1.0,
        rev,
        recorded_at: Timestamp::EPOCH,
    }
}

fn secs(at: i64) -> Timestamp {
    Timestamp::from_secs(at)
}

#[test]
fn a_slice_belongs_to_the_window_of_its_end() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    for start in [0, 30, 60] {
        assert_eq!(series.apply(&slice(start, 1, 1, 0)), Ok(Applied::Appended));
    }
    let total = |from, to| series.events(secs(from), secs(to)).total / EVENT_PARTS;
    assert_eq!((total(0, 90), total(0, 30), total(30, 60), total(29, 30), total(0, 29)), (3, 1, 1, 1, 0));
    assert_eq!((total(-1000, 1000), total(90, 0)), (3, -3));
}

#[test]
fn newer_revisions_replace_older_ones_only() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    assert_eq!(series.apply(&slice(0, 90, 100, 1)), Ok(Applied::Appended));
    assert_eq!(series.apply(&slice(60, 5, 5, 1)), Ok(Applied::Appended));
    assert_eq!(series.apply(&slice(30, 7, 7, 1)), Ok(Applied::Inserted));
    assert_eq!(series.apply(&slice(0, 110, 150, 2)), Ok(Applied::Revised));
    assert_eq!(series.apply(&slice(0, 0, 150, 2)), Ok(Applied::Ignored));
    assert_eq!(series.apply(&slice(0, 0, 1, 1)), Ok(Applied::Ignored));
    let tally = series.events(secs(0), secs(90));
    assert_eq!((tally.good, tally.total), (122_000, 162_000));
}

#[test]
fn slices_that_cannot_be_are_refused() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    series.apply(&slice(0, 1, 1, 0)).unwrap();
    let overlap = |start| Err(SloError::Overlap { start: secs(start) });
    assert_eq!(series.apply(&slice(10, 1, 1, 0)), overlap(10));
    assert_eq!(series.apply(&slice(-10, 1, 1, 0)), overlap(-10));
    assert_eq!(series.apply(&SloSlice { slice_secs: 60, ..slice(0, 1, 1, 9) }), overlap(0));
    let bad = |start| Err(SloError::BadSlice { start: secs(start) });
    assert_eq!(series.apply(&slice(30, -1, 1, 0)), bad(30));
    assert_eq!(series.apply(&SloSlice { slice_secs: 0, ..slice(30, 1, 1, 0) }), bad(30));
    assert_eq!(
        series.apply(&SloSlice { slice_start: Timestamp::MAX, ..slice(0, 1, 1, 0) }),
        Err(SloError::BadSlice { start: Timestamp::MAX })
    );
    assert_eq!(series.len(), 1);
}

#[test]
fn more_good_than_total_is_clamped_and_counted() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    series.apply(&slice(0, 1008, 1000, 0)).unwrap();
    assert_eq!(series.events(secs(0), secs(30)).bad(), 0);
    assert_eq!(series.coverage(secs(0), secs(30)).clamped, 1);
}

#[test]
fn counts_are_rounded_to_thousandths_once() {
    assert_eq!(thousandths(1_000_000.0), Some(1_000_000_000));
    assert_eq!((thousandths(0.0004), thousandths(0.0005), thousandths(-0.0)), (Some(0), Some(1), Some(0)));
    assert_eq!((thousandths(f64::NAN), thousandths(-1.0), thousandths(1e300)), (None, None, None));
}

#[test]
fn gaps_lower_coverage_and_nothing_else() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    series.apply(&slice(0, 10, 10, 0)).unwrap();
    series.apply(&slice(90, 0, 0, 0)).unwrap();
    let coverage = series.coverage(secs(0), secs(120));
    assert_eq!((coverage.fraction(), coverage.slices, coverage.empty), (0.5, 2, 1));
    assert!(coverage.is_below(Fraction::ONE) && !coverage.is_below(Fraction::new(1, 2)));
}

#[test]
fn old_slices_fold_and_sums_stay() {
    let width = wide_slice(Duration::from_secs(30), Counting::Occurrences).unwrap();
    let mut series = SliceSeries::new(Counting::Occurrences);
    // Two hours, every seventh slice missing.
    for index in (0..240).filter(|index| index % 7 != 3) {
        series.apply(&slice(index * SLICE_SECS, index, index + 1, 0)).unwrap();
    }
    let before = |at| (series.events(secs(0), secs(at)), series.coverage(secs(0), secs(at)));
    let wanted: Vec<_> = [300, 3_600, 4_200, 7_200].map(before).into();
    let mut folded = series.clone();
    folded.fold_before(secs(3_700), width);
    assert_eq!(folded.len(), 12 + series.slices_in(secs(3_600), secs(7_200)).count());
    for (at, (events, coverage)) in [300, 3_600, 4_200, 7_200].into_iter().zip(wanted) {
        assert_eq!(folded.events(secs(0), secs(at)), events);
        assert_eq!(folded.coverage(secs(0), secs(at)).measured, coverage.measured);
    }
    // A slice that comes after the folding has no place any more; the newest go on.
    assert!(folded.apply(&slice(90, 1, 1, 0)).is_err());
    assert_eq!(folded.apply(&slice(7_200, 1, 1, 0)), Ok(Applied::Appended));
    assert_eq!(folded.events(secs(0), secs(7_230)).total, series.events(secs(0), secs(7_230)).total + 1_000);
}

#[test]
fn slices_fold_no_wider_than_time_slices() {
    let timeslices =
        |secs| Counting::RatioTimeslices { width: Duration::from_secs(secs), empty: EmptyPolicy::Exclude };
    let wide = |counting| wide_slice(Duration::from_secs(30), counting).map(|width| width.as_secs());
    assert_eq!(wide(timeslices(60)), Some(60));
    assert_eq!(wide(timeslices(3_600)), Some(300));
    assert_eq!(wide(timeslices(450)), Some(150));
    assert_eq!(wide(timeslices(30)), None);
    assert_eq!(wide_slice(Duration::from_secs(45), Counting::Occurrences), None);
}

#[test]
fn windows_walk_back_as_they_are_asked_for() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    for index in (0..200).filter(|index| index % 5 != 2) {
        series.apply(&slice(index * SLICE_SECS, index, index + index % 3, 0)).unwrap();
    }
    let length = Duration::from_secs(600);
    for (end, tally) in series.tallies_back(secs(0), secs(5_000), Some(length)) {
        assert_eq!(tally, series.tally_back(end, length), "{end}");
    }
    for (end, tally) in
        series.tallies_back(secs(900), secs(5_000), None).take_while(|(end, _)| *end > secs(900))
    {
        assert_eq!(tally, series.tally(secs(900), end), "{end}");
    }
}

#[test]
fn the_watermark_waits_for_slices_to_settle() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    assert_eq!(series.watermark(secs(1000), Duration::from_secs(30)), None);
    series.apply(&slice(0, 1, 1, 0)).unwrap();
    series.apply(&slice(30, 1, 1, 0)).unwrap();
    let mark = |now| series.watermark(secs(now), Duration::from_secs(30));
    assert_eq!(
        (mark(59), mark(60), mark(89), mark(90)),
        (None, Some(secs(30)), Some(secs(30)), Some(secs(60)))
    );
    assert_eq!(series.newest_end(), Some(secs(60)));
}

#[test]
fn an_unfinished_time_slice_has_no_verdict() {
    let counting = Counting::Timeslices {
        width: Duration::from_secs(60),
        target: Decimal::of(95, 2),
        empty: EmptyPolicy::Exclude,
    };
    let mut series = SliceSeries::new(counting);
    for start in [0, 30, 60] {
        series.apply(&slice(start, i64::from(start != 60), 1, 0)).unwrap();
    }
    let verdicts = |end, length| {
        let tally = series.tally_back(secs(end), Duration::from_secs(length));
        (tally.good, tally.total)
    };
    assert_eq!(verdicts(90, 60), (1, 1));
    assert_eq!(verdicts(120, 120), (1, 2));
    // A window shorter than a time slice asks for the newest whole one.
    assert_eq!(verdicts(120, 30), (0, 1));
}

#[test]
fn empty_time_slices_follow_their_policy() {
    for (empty, expected) in
        [(EmptyPolicy::Exclude, (1, 1)), (EmptyPolicy::Good, (2, 2)), (EmptyPolicy::Bad, (1, 2))]
    {
        let counting = Counting::Timeslices { width: Duration::from_secs(30), target: Decimal::ONE, empty };
        let mut series = SliceSeries::new(counting);
        series.apply(&slice(0, 5, 5, 0)).unwrap();
        series.apply(&slice(30, 0, 0, 0)).unwrap();
        // The slice that was not measured at all counts as nothing under every policy.
        let tally = series.tally(secs(0), secs(90));
        assert_eq!((tally.good, tally.total), expected, "{empty:?}");
    }
}

/// Everything recomputed from the newest revisions.
fn naive(newest: &BTreeMap<i64, SloSlice>, counting: Counting, start: i64, end: i64) -> Tally {
    let within = |slice_end: i64| start < slice_end && slice_end <= end;
    if counting == Counting::Occurrences {
        let seen = newest.iter().filter(|(at, _)| within(*at + SLICE_SECS));
        let (good, total) = seen.fold((0, 0), |(good, total), (_, slice)| {
            (good + i128::from(slice.good_milli), total + i128::from(slice.total_milli))
        });
        return Tally { good, total, parts: EVENT_PARTS };
    }
    let mut cells: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (at, slice) in newest {
        let cell = cells.entry((at + SLICE_SECS - 1).div_euclid(120) * 120).or_default();
        cell.0 += slice.good_milli;
        cell.1 += slice.total_milli;
    }
    let seen = cells.iter().filter(|(at, (_, total))| within(*at + 120) && *total > 0);
    let (good, total) = seen
        .fold((0, 0), |(good, count), (_, cell)| (good + i128::from(cell.0 * 10 >= cell.1 * 9), count + 1));
    Tally { good, total, parts: 1 }
}

proptest! {
    #[test]
    fn prefix_sums_equal_naive_sums(
        arrivals in prop::collection::vec((0_i64..60, 0_i64..20, 0_i64..20, 0_i32..3), 1..120),
        windows in prop::collection::vec((-5_i64..2000, 0_i64..2000), 1..8),
        is_timeslices in any::<bool>(),
        dropped_secs in 0_i64..900,
    ) {
        let counting = if is_timeslices {
            let width = Duration::from_secs(120);
            Counting::Timeslices { width, target: Decimal::of(9, 1), empty: EmptyPolicy::Exclude }
        } else {
            Counting::Occurrences
        };
        let mut series = SliceSeries::new(counting);
        let mut newest: BTreeMap<i64, SloSlice> = BTreeMap::new();
        for (index, good, bad, rev) in arrivals {
            let slice = slice(index * SLICE_SECS, good, good + bad, rev);
            series.apply(&slice).unwrap();
            let start = slice.slice_start.secs();
            if newest.get(&start).is_none_or(|before| before.rev < rev) {
                newest.insert(start, slice);
            }
        }
        let mut bulk = SliceSeries::new(counting);
        prop_assert_eq!(bulk.extend(newest.values().rev().cloned().collect()), vec![]);
        for (start, length) in &windows {
            let expected = naive(&newest, counting, *start, start + length);
            prop_assert_eq!(series.tally(secs(*start), secs(start + length)), expected);
            prop_assert_eq!(bulk.tally(secs(*start), secs(start + length)), expected);
        }
        // What is forgotten changes no window that begins later.
        series.drop_before(secs(dropped_secs));
        for (start, length) in windows.into_iter().filter(|(start, _)| *start >= dropped_secs) {
            let expected = naive(&newest, counting, start, start + length);
            prop_assert_eq!(series.tally(secs(start), secs(start + length)), expected);
        }
    }
}
