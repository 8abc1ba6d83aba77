//! One entry of `objectives`: target, counting, threshold and alert tiers.

use std::borrow::Cow;

use telemetry::time::format_duration;

use super::Parts;
use super::alerting::{self, ReadPolicy};
use super::sli::Shape;
use super::slo::{Settings, indicator};
use crate::burn::{Tier, tiers_for};
use crate::decimal::{Decimal, Ratio};
use crate::indicator::{Comparison, Indicator, generation};
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
        let indicator = shape.and_then(|shape| with_threshold(shape, spec, line, findings));
        if let Some(weight) = spec.composite_weight.as_ref().filter(|weight| weight.value.is_zero()) {
            findings.error(weight.line, "compositeWeight must be above 0");
            return None;
        }
        let (target, counting, indicator) = (target?, counting?, indicator?);
        let tiers = self.tiers(target, counting, line, findings)?;
        // A bare number would be taken for the index of another objective.
        let is_id = |name: &&str| is_name(name) && !name.bytes().all(|b| b.is_ascii_digit());
        let as_name = spec.display_name.as_deref().filter(is_id);
        Some(Objective {
            name: as_name.map_or_else(|| (index + 1).to_string(), str::to_owned),
            display_name: spec.display_name.clone(),
            target,
            generation: generation(&indicator, self.settings.slice),
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
            (None, Some(own)) => {
                if self.spec.objectives.value.len() > 1 {
                    findings.warning(
                        line,
                        "objectives with indicators of their own are evaluated one by one; a composite verdict is not computed",
                    );
                }
                Some(own)
            }
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
            findings.unofficial(unused.line, format!("`timeSliceTarget` means nothing under {method}"));
        }
        if self.method == BudgetingMethod::Occurrences {
            if let Some(unused) = &spec.time_slice_window {
                findings.unofficial(unused.line, "`timeSliceWindow` means nothing under Occurrences");
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

    fn tiers(
        &self,
        target: Ratio,
        counting: Counting,
        line: u64,
        findings: &mut Findings<'_>,
    ) -> Option<Vec<Tier>> {
        if !self.settings.alerts_on {
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
            }
            return Some(tiers);
        }
        let policies: Vec<At<&ReadPolicy>> =
            self.policies.iter().map(|at| At { value: at.value.as_ref(), line: at.line }).collect();
        let tiers = alerting::tiers(&policies, target, findings)?;
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

fn target(spec: &ObjectiveSpec, line: u64, findings: &mut Findings<'_>) -> Option<Ratio> {
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
        let message = if share == Decimal::ONE {
            "a target of 100 % leaves no error budget; choose one below 1 (such as 0.999)".to_owned()
        } else {
            format!("target {share} is not below 1; 99.9 % is `target: 0.999` or `targetPercent: 99.9`")
        };
        findings.error(at, message);
    }
    target
}

fn with_threshold(
    shape: Shape,
    spec: &ObjectiveSpec,
    line: u64,
    findings: &mut Findings<'_>,
) -> Option<Indicator> {
    let query = match shape {
        Shape::Threshold(query) => query,
        Shape::Ratio { counter, numerator, total } => {
            threshold_means_nothing(spec, findings);
            return Some(Indicator::Ratio { counter, numerator, total });
        }
        Shape::Raw { query, reads } => {
            threshold_means_nothing(spec, findings);
            return Some(Indicator::Raw { query, reads });
        }
    };
    let (Some(op), Some(value)) = (&spec.op, &spec.value) else {
        findings.error(line, "a threshold SLI needs `op` and `value` in the objective");
        return None;
    };
    let Some(comparison) = Comparison::parse(&op.value) else {
        findings.error(op.line, format!("op `{}` is none of lte, gte, lt and gt", op.value));
        return None;
    };
    Some(Indicator::Threshold { query, op: comparison, threshold: value.value })
}

fn threshold_means_nothing(spec: &ObjectiveSpec, findings: &mut Findings<'_>) {
    if let Some(op) = &spec.op {
        findings.unofficial(op.line, "`op` means nothing beside a ratio");
    }
    if let Some(value) = &spec.value {
        findings.unofficial(value.line, "`value` means nothing beside a ratio");
    }
}
