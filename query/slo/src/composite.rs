//! Composite objectives: one verdict over several members.
//!
//! Six ways to combine, by name in the annotation `evenkeel.dev/composite`; without it the budgeting
//! method decides as OpenSLO says. All members have the same budgeting method. A member without a
//! number makes the composite NULL unless the policy says otherwise. SLIs of members are rounded to
//! 10^-18 once, sums and comparisons are exact from there on.
//!
//! This module knows no slices: the caller reads members over the same window (the compliance window
//! for budgets, a burn window for burn rates, where a member's burn rate takes the place of what it
//! consumed).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::budget::Tally;
use crate::burn::Tier;
use crate::decimal::{Decimal, Fraction, Ratio};

/// Fewer are no composite.
pub const MEMBERS_MIN: usize = 2;
/// More hide what is wrong (and the bound is Elastic's).
pub const MEMBERS_MAX: usize = 25;
/// Weights have at most this many digits behind the point and are at most a million, so that sums of
/// [`MEMBERS_MAX`] weighted SLIs fit 128 bits.
pub const WEIGHT_SCALE_MAX: u32 = 6;
pub const WEIGHT_MAX: u32 = 1_000_000;

const SLI_PARTS: i128 = 1_000_000_000_000_000_000;

/// How members become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompositeKind {
    /// A time slice is bad if it is bad for any member. OpenSLO's rule for Timeslices.
    AnyBad,
    /// The budget is spent at the weighted sum of the members' burn. OpenSLO's rule for Occurrences.
    WeightedBurn,
    /// 1 - sum of weight * (1 - SLI). OpenSLO's rule for RatioTimeslices.
    SumOfMissing,
    /// The weighted mean of the SLIs.
    WeightedAverage,
    /// The member with the least of its own budget left.
    LeastHealthy,
    /// The product of the SLIs: the ceiling of a chain in which each part is needed.
    Product,
}

impl CompositeKind {
    pub const ALL: [CompositeKind; 6] = [
        CompositeKind::AnyBad,
        CompositeKind::WeightedBurn,
        CompositeKind::SumOfMissing,
        CompositeKind::WeightedAverage,
        CompositeKind::LeastHealthy,
        CompositeKind::Product,
    ];

    /// As annotations write it.
    pub fn name(self) -> &'static str {
        match self {
            CompositeKind::AnyBad => "any-bad",
            CompositeKind::WeightedBurn => "weighted-burn",
            CompositeKind::SumOfMissing => "sum-of-missing",
            CompositeKind::WeightedAverage => "weighted-average",
            CompositeKind::LeastHealthy => "least-healthy",
            CompositeKind::Product => "product",
        }
    }

    /// Whether the composite has a budget of its own; the others are made of their members' budgets.
    pub fn needs_target(self) -> bool {
        !matches!(self, CompositeKind::WeightedBurn | CompositeKind::LeastHealthy)
    }
}

/// What a member counts as that has no number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingMember {
    /// The composite has none either.
    #[default]
    Null,
    /// As if it were no member.
    Ignore,
    /// As if everything had failed.
    Bad,
    /// As if nothing had failed.
    Good,
}

/// An objective that takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    pub slo: String,
    pub objective: String,
    pub weight: Decimal,
}

/// One verdict over several objectives: those of its own SLO, or of others.
#[derive(Clone, Debug)]
pub struct Composite {
    /// The objective's name in statuses; with the SLO's name it is the `slo_id`.
    pub name: String,
    pub display_name: Option<String>,
    pub kind: CompositeKind,
    /// `Some` where [`CompositeKind::needs_target`].
    pub target: Option<Ratio>,
    pub missing: MissingMember,
    /// [`MEMBERS_MIN`] to [`MEMBERS_MAX`].
    pub members: Vec<Member>,
    pub tiers: Vec<Tier>,
}

/// What one member says over one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberReading {
    pub weight: Decimal,
    /// Of the member's own target.
    pub budget: Fraction,
    pub sli: Option<Fraction>,
    /// Share of the member's own budget that is spent, or its burn rate.
    pub consumed: Option<Fraction>,
}

/// What the composite says over the same window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combined {
    /// `None` for [`CompositeKind::WeightedBurn`], which has only a burn.
    pub sli: Option<Fraction>,
    /// Share of the budget that is spent, or the burn rate.
    pub consumed: Fraction,
}

impl Combined {
    /// Share of the budget that is left, signed.
    pub fn remaining(&self) -> Option<Fraction> {
        Fraction::ONE.checked_sub(self.consumed)
    }
}

impl Composite {
    /// The members' readings, in the order of [`Composite::members`], as one. `None` when a member
    /// has no number and the policy asks for NULL, when no member has one, when a number does not fit,
    /// and for [`CompositeKind::AnyBad`], which [`any_bad`] reads from time slices.
    pub fn combine(&self, readings: &[MemberReading]) -> Option<Combined> {
        let mut members = Vec::new();
        for reading in readings {
            match (reading.sli.zip(reading.consumed), self.missing) {
                (Some((sli, consumed)), _) => members.push((reading.weight, sli, consumed)),
                (None, MissingMember::Null) => return None,
                (None, MissingMember::Ignore) => {}
                (None, MissingMember::Good) => members.push((reading.weight, Fraction::ONE, Fraction::ZERO)),
                (None, MissingMember::Bad) => {
                    let all = Fraction::ONE.checked_div(reading.budget)?;
                    members.push((reading.weight, Fraction::ZERO, all));
                }
            }
        }
        let parts: Vec<(i128, i128)> = members
            .iter()
            .map(|(weight, sli, _)| Some((in_millionths(*weight)?, in_parts(*sli)?)))
            .collect::<Option<_>>()?;
        let sli = match self.kind {
            CompositeKind::AnyBad => return None,
            CompositeKind::LeastHealthy => {
                let (_, sli, consumed) = members.into_iter().max_by(|a, b| a.2.cmp(&b.2))?;
                return Some(Combined { sli: Some(sli), consumed });
            }
            CompositeKind::WeightedBurn => {
                let mut sum = members.first().map(|_| Fraction::ZERO)?;
                for (weight, _, consumed) in members {
                    sum = sum.checked_add(weight.to_fraction().checked_mul(consumed)?)?;
                }
                return Some(Combined { sli: None, consumed: sum });
            }
            CompositeKind::SumOfMissing => {
                parts.first()?;
                let missing: i128 = parts.iter().map(|(weight, sli)| weight * (SLI_PARTS - sli)).sum();
                Fraction::ONE.checked_sub(Fraction::new(missing, MILLION * SLI_PARTS))?
            }
            CompositeKind::WeightedAverage => {
                let weights: i128 = parts.iter().map(|(weight, _)| weight).sum();
                let weighted: i128 = parts.iter().map(|(weight, sli)| weight * sli).sum();
                (weights != 0).then(|| Fraction::new(weighted, weights * SLI_PARTS))?
            }
            CompositeKind::Product => {
                parts.first()?;
                let multiply = |left: i128, right: i128| (left * right + SLI_PARTS / 2) / SLI_PARTS;
                let product = parts.iter().fold(SLI_PARTS, |product, (_, sli)| multiply(product, *sli));
                Fraction::new(product, SLI_PARTS)
            }
        };
        self.against_target(sli)
    }

    /// An SLI of the composite against its own target; `None` without a target.
    pub fn against_target(&self, sli: Fraction) -> Option<Combined> {
        let missing = Fraction::ONE.checked_sub(sli)?;
        Some(Combined { sli: Some(sli), consumed: missing.checked_div(self.target?.budget())? })
    }
}

/// Time slices of several members as one: bad if bad for any. A member's slices are its start and
/// whether it was good; slices that were not measured are left out. A slice counts when every member
/// has it, or, by `missing`, when any member has it. The result is one unit per slice, by start.
pub fn any_bad(members: &[Vec<(i64, bool)>], missing: MissingMember) -> BTreeMap<i64, Tally> {
    let mut slices: BTreeMap<i64, (usize, bool)> = BTreeMap::new();
    for (start, is_good) in members.iter().flatten() {
        let (seen, all_good) = slices.entry(*start).or_insert((0, true));
        *seen += 1;
        *all_good &= is_good;
    }
    let verdict = |(seen, all_good): (usize, bool)| {
        let is_whole = seen == members.len();
        match missing {
            // One member that was bad says enough.
            _ if !all_good => Some(false),
            MissingMember::Null => is_whole.then_some(true),
            MissingMember::Ignore | MissingMember::Good => Some(true),
            MissingMember::Bad => Some(is_whole),
        }
    };
    slices
        .into_iter()
        .filter_map(|(start, slice)| Some((start, Tally::units(i128::from(verdict(slice)?), 1))))
        .collect()
}

const MILLION: i128 = 1_000_000;

/// `None` for weights beyond the bounds, which the catalogue refuses.
fn in_millionths(weight: Decimal) -> Option<i128> {
    let fraction = weight.to_fraction();
    let is_bounded = weight <= Decimal::whole(WEIGHT_MAX) && MILLION % fraction.denominator() == 0;
    is_bounded.then(|| fraction.numerator() * (MILLION / fraction.denominator()))
}

fn in_parts(sli: Fraction) -> Option<i128> {
    let (numerator, denominator) = (sli.numerator(), sli.denominator());
    // Counts beyond 10^20 per window do not occur; they would be NULL instead of wrong.
    Some((numerator.checked_mul(SLI_PARTS)?.checked_add(denominator / 2)?) / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composite(kind: CompositeKind, missing: MissingMember) -> Composite {
        let target = Ratio::new("0.99".parse().unwrap());
        Composite {
            name: "composite".into(),
            display_name: None,
            kind,
            target,
            missing,
            members: Vec::new(),
            tiers: Vec::new(),
        }
    }

    fn reading(sli: Option<(i128, i128)>) -> MemberReading {
        let budget = Fraction::new(1, 100);
        let sli = sli.map(|(good, total)| Fraction::new(good, total));
        let consumed = sli.and_then(|sli| Fraction::ONE.checked_sub(sli)?.checked_div(budget));
        MemberReading { weight: Decimal::ONE, budget, sli, consumed }
    }

    #[test]
    fn a_member_without_a_number_is_what_the_policy_says() {
        let readings = [reading(Some((99, 100))), reading(None)];
        let consumed = |missing| {
            composite(CompositeKind::WeightedAverage, missing).combine(&readings).map(|c| c.consumed)
        };
        assert_eq!(consumed(MissingMember::Null), None);
        assert_eq!(consumed(MissingMember::Ignore), Some(Fraction::ONE));
        assert_eq!(consumed(MissingMember::Good), Some(Fraction::new(1, 2)));
        assert_eq!(consumed(MissingMember::Bad), Some(Fraction::new(101, 2)));
    }

    #[test]
    fn no_member_with_a_number_is_null_in_every_way() {
        for kind in CompositeKind::ALL {
            assert_eq!(composite(kind, MissingMember::Ignore).combine(&[reading(None)]), None, "{kind:?}");
            assert_eq!(composite(kind, MissingMember::Null).combine(&[]), None, "{kind:?}");
        }
    }

    #[test]
    fn a_chain_of_many_members_fits() {
        let members = vec![reading(Some((999_999_999_937, 1_000_000_000_039))); MEMBERS_MAX];
        let product = composite(CompositeKind::Product, MissingMember::Null).combine(&members).unwrap();
        let expected = (999_999_999_937_f64 / 1_000_000_000_039_f64).powi(MEMBERS_MAX as i32);
        assert!((product.sli.unwrap().to_f64() - expected).abs() < 1e-15);
    }

    #[test]
    fn weighted_burn_spends_at_the_sum_of_the_burns() {
        let members = [reading(Some((995, 1000))), reading(Some((999, 1000)))];
        let combined = composite(CompositeKind::WeightedBurn, MissingMember::Null).combine(&members).unwrap();
        assert_eq!((combined.sli, combined.consumed), (None, Fraction::new(6, 10)));
    }

    #[test]
    fn a_slice_that_a_member_lacks_is_unknown_unless_another_was_bad() {
        let members = [vec![(0, true), (1, true), (2, false)], vec![(0, true)]];
        let goods = |missing| -> Vec<(i64, i128)> {
            any_bad(&members, missing).into_iter().map(|(start, tally)| (start, tally.good)).collect()
        };
        assert_eq!(goods(MissingMember::Null), [(0, 1), (2, 0)]);
        assert_eq!(goods(MissingMember::Ignore), [(0, 1), (1, 1), (2, 0)]);
        assert_eq!(goods(MissingMember::Bad), [(0, 1), (1, 0), (2, 0)]);
    }
}
