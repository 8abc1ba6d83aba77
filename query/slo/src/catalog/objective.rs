//! One entry of `objectives`: target, counting, threshold and alert tiers.

use std::borrow::Cow;

use telemetry::time::format_duration;

use super::Parts;
use super::alerting::{self, ReadPolicy};
use super::settings::{Settings, is_weight, weight_rule};
use super::sli::Shape;
use super::slo::indicator;
use crate::burn::{Tier, tiers_for};
use crate::decimal::{Decimal, Ratio};
use crate::grouping::Grouping;
use crate::indicator::{Indicator, QueryLanguage, generation};
use crate::objective::{BudgetingMethod, Counting, Objective};
use crate::openslo::check::is_name;
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, ObjectiveSpec, SloSpec};
use crate::window::Window;

/// What all objectives of one SLO share.
pub(super) struct Context<'a> {
    pub spec: &'a SloSpec,
    pub parts: &'a Parts,
    pub settings: &'a Settings,
    pub method: BudgetingMethod,
    pub window: &'a Window,
    pub shared: Option<Shape>,
    pub policies: &'a [At<Cow<'a, ReadPolicy>>],
}

impl Context<'_> {
    /// The objective at `index`; `None` after the defects are put down.
    pub fn objective(
        &self,
        index: usize,
        written: &At<ObjectiveSpec>,
        findings: &mut Findings<'_>,
    ) -> Option<Objective> {
        let (spec, line) = (&written.value, written.line);
        let target = target(spec, line, findings);
        let counting = self.counting(spec, line, findings);
        let shape = self.shape(spec, line, findings);
        let grouping = self.settings.grouping.as_ref();
        let indicator = shape.and_then(|shape| {
            shape.with_threshold(spec, line, self.spec.indicator.is_some(), grouping, findings)
        });
        if let Some(weight) = spec.composite_weight.as_ref().filter(|weight| !is_weight(weight.value)) {
            findings.error(weight.line, format!("compositeWeight {} {}", weight.value, weight_rule()));
            return None;
        }
        let (target, counting, indicator) = (target?, counting?, indicator?);
        if let Some(label) = grouping.and_then(|grouping| lost_label(grouping, &indicator)) {
            let message = format!(
                "the SLO is grouped by `{label}`, which a query loses: write `sum by ({label}) (...)`"
            );
            findings.warning(line, message);
        }
        let tiers = self.tiers(target, counting, line, findings)?;
        Some(Objective {
            name: name_of(spec, index),
            display_name: spec.display_name.clone(),
            target,
            generation: generation(
                &indicator,
                self.settings.slice,
                self.settings.evaluation.is_extrapolated,
                grouping,
            ),
            indicator,
            counting,
            composite_weight: spec.composite_weight.as_ref().map_or(Decimal::ONE, |weight| weight.value),
            tiers,
        })
    }

    fn shape(&self, spec: &ObjectiveSpec, line: u64, findings: &mut Findings<'_>) -> Option<Shape> {
        let own = indicator(spec.indicator.as_ref(), spec.indicator_ref.as_ref(), self.parts, findings)?;
        match (&self.shared, own) {
            (Some(shared), None) => Some(shared.clone()),
            (None, Some(own)) => Some(own),
            (Some(_), Some(_)) => {
                findings.error(line, "the SLO has an indicator already; an objective brings its own only in a composite SLO without one");
                None
            }
            (None, None) => {
                findings.error(
                    line,
                    "no indicator: the SLO or each objective needs `indicator` or `indicatorRef`",
                );
                None
            }
        }
    }

    fn counting(&self, spec: &ObjectiveSpec, line: u64, findings: &mut Findings<'_>) -> Option<Counting> {
        let method = self.method.name();
        if let Some(unused) = &spec.time_slice_target
            && self.method != BudgetingMethod::Timeslices
        {
            findings.warning(unused.line, format!("`timeSliceTarget` means nothing under {method}"));
        }
        if self.method == BudgetingMethod::Occurrences {
            if let Some(unused) = &spec.time_slice_window {
                findings.warning(unused.line, "`timeSliceWindow` means nothing under Occurrences");
            }
            return Some(Counting::Occurrences);
        }
        let Some(written) = &spec.time_slice_window else {
            findings.error(line, format!("`timeSliceWindow` is missing; {method} needs it"));
            return None;
        };
        let (width, slice) = (written.value.duration(), self.settings.slice);
        let is_multiple = !width.is_zero() && width.as_secs() % slice.as_secs() == 0;
        if !is_multiple || width > self.window.nominal() {
            let message = format!(
                "timeSliceWindow {} is not a multiple of the base slice {} within the window {}",
                written.value,
                format_duration(slice),
                self.window.text()
            );
            findings.error(written.line, message);
            return None;
        }
        let empty = self.settings.empty;
        if self.method == BudgetingMethod::RatioTimeslices {
            return Some(Counting::RatioTimeslices { width, empty });
        }
        let Some(share) = &spec.time_slice_target else {
            findings.error(line, "`timeSliceTarget` is missing; Timeslices needs it");
            return None;
        };
        if share.value.is_zero() || share.value > Decimal::ONE {
            findings
                .error(share.line, format!("timeSliceTarget {} is not above 0 and at most 1", share.value));
            return None;
        }
        Some(Counting::Timeslices { width, target: share.value, empty })
    }

    pub fn tiers(
        &self,
        target: Ratio,
        counting: Counting,
        line: u64,
        findings: &mut Findings<'_>,
    ) -> Option<Vec<Tier>> {
        if self.settings.alerts.is_empty() {
            return Some(Vec::new());
        }
        let least = match counting {
            Counting::Occurrences => 2 * self.settings.slice,
            Counting::Timeslices { width, .. } | Counting::RatioTimeslices { width, .. } => width,
        };
        if self.policies.is_empty() {
            let (mut tiers, warnings) = tiers_for(self.window.nominal(), target);
            for warning in warnings {
                findings.warning(line, warning);
            }
            for tier in &mut tiers {
                // What is shorter than a time slice cannot be judged.
                tier.short = tier.short.max(least);
                tier.long = tier.long.max(least);
                tier.exceeds = self.settings.exceeds;
            }
            tiers.retain(|tier| self.settings.alerts.contains(&tier.severity));
            return Some(tiers);
        }
        let policies: Vec<At<&ReadPolicy>> =
            self.policies.iter().map(|at| At { value: at.value.as_ref(), line: at.line }).collect();
        let mut tiers = alerting::tiers(&policies, target, findings)?;
        tiers.retain(|tier| self.settings.alerts.contains(&tier.severity));
        let too_short = tiers.iter().find(|tier| tier.short < least);
        if let Some(tier) = too_short {
            let message = format!(
                "the alert window {} is shorter than {}, the least that can be judged here (two base slices, or one time slice)",
                format_duration(tier.short),
                format_duration(least)
            );
            findings.error(line, message);
            return None;
        }
        Some(tiers)
    }
}

fn lost_label<'g>(grouping: &'g Grouping, indicator: &Indicator) -> Option<&'g str> {
    // Buckets are summed up by the groups where they are read.
    if matches!(indicator, Indicator::Latency { .. }) {
        return None;
    }
    let queries = indicator.queries().into_iter();
    queries
        .filter(|query| query.language == QueryLanguage::PromQl)
        .find_map(|query| grouping.lost_in(&query.text))
}

/// The display name where it can be part of an id, else the index from 1: a bare number would be taken
/// for the index of another objective.
pub(super) fn name_of(spec: &ObjectiveSpec, index: usize) -> String {
    let is_id = |name: &&str| is_name(name) && !name.bytes().all(|b| b.is_ascii_digit());
    spec.display_name.as_deref().filter(is_id).map_or_else(|| (index + 1).to_string(), str::to_owned)
}

pub(super) fn target(spec: &ObjectiveSpec, line: u64, findings: &mut Findings<'_>) -> Option<Ratio> {
    let (share, at) = match (&spec.target, &spec.target_percent) {
        (Some(target), None) => (Some(target.value), target.line),
        (None, Some(percent)) => (percent.value.percent(), percent.line),
        (Some(_), Some(percent)) => {
            findings.error(percent.line, "`target` and `targetPercent` exclude each other");
            return None;
        }
        (None, None) => {
            findings.error(line, "`target` is missing (or `targetPercent`)");
            return None;
        }
    };
    let Some(share) = share else {
        findings.error(at, "targetPercent has too many digits");
        return None;
    };
    let target = Ratio::new(share);
    if target.is_none() {
        let message = match &spec.target_percent {
            _ if share == Decimal::ONE => {
                "a target of 100 % leaves no error budget; choose one below 1 (such as 0.999)".to_owned()
            }
            Some(percent) => format!("a target of {} % is not below 100 %", percent.value),
            None => {
                format!("target {share} is not below 1; 99.9 % is `target: 0.999` or `targetPercent: 99.9`")
            }
        };
        findings.error(at, message);
    }
    target
}
