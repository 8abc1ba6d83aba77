//! V13: time that does not count, under each budgeting method that reads minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use slo::exclusions::{Exclusion, Exclusions};
use slo::objective::{Counting, EmptyPolicy, ExclusionEffect};
use slo::{Decimal, SliceSeries, Window, budget};
use telemetry::Timestamp;

use super::vectors::{assert_shows, read, slice_at, slo_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    target: String,
    minutes: i64,
    bad: Minutes,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Minutes {
    from: i64,
    to: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    exclusions: Vec<ExcludedMinutes>,
    expect: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExcludedMinutes {
    from: i64,
    to: i64,
    effect: String,
}

#[test]
fn v13_excluded_time() {
    let vector: Vector = read("v13");
    let minute = Duration::from_secs(60);
    let timeslices =
        Counting::Timeslices { width: minute, target: Decimal::of(9, 1), empty: EmptyPolicy::Exclude };
    for (counting, method) in [(Counting::Occurrences, "Occurrences"), (timeslices, "Timeslices")] {
        let mut series = SliceSeries::new(counting);
        for at in 0..vector.minutes {
            let is_bad = (vector.bad.from..vector.bad.to).contains(&at);
            series.apply(&slice_at(at * 60, 60, i64::from(!is_bad), 1, 0)).unwrap();
        }
        let length = minute * vector.minutes as u32;
        let slo = slo_of(&vector.target, Window::rolling(length), method);
        let end = Timestamp::from_secs(vector.minutes * 60);
        // One series lives through all cases: exclusions come and go afterwards.
        for case in &vector.cases {
            let exclusions = case.exclusions.iter().map(|excluded| Exclusion {
                from: Timestamp::from_secs(excluded.from * 60),
                to: Timestamp::from_secs(excluded.to * 60),
                effect: match excluded.effect.as_str() {
                    "remove" => ExclusionEffect::Remove,
                    _ => ExclusionEffect::CountAsGood,
                },
            });
            series.set_exclusions(Exclusions::new(exclusions));
            let status = budget::status_at(&slo, &slo.objectives[0], &series, end).unwrap();
            for (name, expected) in &case.expect {
                let tally = status.budget.tally;
                let what = format!("v13 {method} {name}");
                match name.as_str() {
                    "total" => assert_eq!((tally.total / tally.parts).to_string(), *expected, "{what}"),
                    "sli" => assert_shows(tally.sli(), expected, &what),
                    "remaining" => assert_shows(status.budget.remaining(), expected, &what),
                    other => panic!("v13 asks for {other}"),
                }
            }
            assert_eq!(status.coverage.fraction(), 1.0, "excluded time was not due");
        }
    }
}

#[test]
fn a_slice_that_is_excluded_in_part_gives_up_that_part() {
    let mut series = SliceSeries::new(Counting::Occurrences);
    series.apply(&slice_at(0, 60, 30, 60, 0)).unwrap();
    let at = Timestamp::from_secs;
    series.set_exclusions(Exclusions::new([Exclusion {
        from: at(45),
        to: at(300),
        effect: ExclusionEffect::Remove,
    }]));
    let tally = series.events(at(0), at(60));
    assert_eq!((tally.good, tally.total), (22_500, 45_000));
    // A revision of the slice is excluded like the one before it, and kept as it was measured.
    series.apply(&slice_at(0, 60, 60, 60, 1)).unwrap();
    assert_eq!(series.events(at(0), at(60)).good, 45_000);
    assert_eq!(series.measured_at(at(0)).unwrap().total_milli, 60_000);
    series.set_exclusions(Exclusions::default());
    assert_eq!(series.events(at(0), at(60)).good, 60_000);
}
