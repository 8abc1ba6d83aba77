//! The golden vectors of histograms (V12) and composites (V15).

use std::collections::BTreeMap;

use serde::Deserialize;
use slo::composite::{Composite, CompositeKind, MemberReading, MissingMember, any_bad};
use slo::indicator::latency::{Bucket, OffBoundary, count_within};
use slo::{Decimal, Fraction, Ratio};

use crate::vectors::{assert_shows, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistogramVector {
    target: String,
    buckets: BTreeMap<String, u32>,
    cases: Vec<HistogramCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistogramCase {
    threshold: String,
    lower: String,
    upper: String,
    interpolated: String,
    meets: bool,
}

#[test]
fn v12_a_threshold_between_buckets_is_decided_on_the_lower_bound() {
    let vector: HistogramVector = read("v12");
    let buckets: Vec<Bucket> = vector
        .buckets
        .iter()
        .map(|(le, count)| Bucket { le: le.parse().unwrap(), count: f64::from(*count) })
        .collect();
    let target = vector.target.parse::<Decimal>().unwrap().to_fraction();
    for case in vector.cases {
        let count = count_within(&buckets, case.threshold.parse().unwrap()).unwrap();
        let share =
            |part: f64| Some(Fraction::new((part * 1000.0).round() as i128, (count.total * 1000.0) as i128));
        assert_shows(share(count.lower), &case.lower, &case.threshold);
        assert_shows(share(count.upper), &case.upper, &case.threshold);
        assert_shows(share(count.good(OffBoundary::Interpolate)), &case.interpolated, &case.threshold);
        let decided = share(count.good(OffBoundary::LowerBound)).unwrap();
        assert_eq!(decided >= target, case.meets, "{}", case.threshold);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompositeVector {
    members: Vec<MemberRow>,
    slices: i64,
    bad_slices: i128,
    cases: Vec<CompositeCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberRow {
    sli: String,
    target: String,
    weight: String,
    bad_slices: Vec<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompositeCase {
    kind: String,
    target: Option<String>,
    /// Of every member, instead of their own.
    weights: Option<String>,
    sli: String,
    remaining: String,
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn v15_composites() {
    let vector: CompositeVector = read("v15");
    for case in &vector.cases {
        let kind = CompositeKind::ALL.into_iter().find(|kind| kind.name() == case.kind).unwrap();
        let composite = Composite {
            name: "composite".into(),
            display_name: None,
            kind,
            target: case.target.as_deref().map(|target| Ratio::new(decimal(target)).unwrap()),
            missing: MissingMember::Null,
            members: Vec::new(),
            tiers: Vec::new(),
        };
        let reading = |member: &MemberRow| {
            let sli = decimal(&member.sli).to_fraction();
            let budget = Ratio::new(decimal(&member.target)).unwrap().budget();
            MemberReading {
                weight: decimal(case.weights.as_deref().unwrap_or(&member.weight)),
                budget,
                sli: Some(sli),
                consumed: Fraction::ONE.checked_sub(sli).unwrap().checked_div(budget),
            }
        };
        let readings: Vec<MemberReading> = vector.members.iter().map(reading).collect();
        let combined = composite.combine(&readings).unwrap();
        assert_shows(combined.sli, &case.sli, &case.kind);
        assert_shows(combined.remaining(), &case.remaining, &case.kind);
    }
    let slices: Vec<Vec<(i64, bool)>> = vector
        .members
        .iter()
        .map(|member| (0..vector.slices).map(|slice| (slice, !member.bad_slices.contains(&slice))).collect())
        .collect();
    let bad: i128 = any_bad(&slices, MissingMember::Null).values().map(|tally| tally.bad()).sum();
    assert_eq!(bad, vector.bad_slices);
}
