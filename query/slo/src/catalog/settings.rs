//! The `evenkeel.dev/` annotations of an SLO: everything OpenSLO has no field for.
//!
//! A value that cannot be read is an error at its line; an annotation that is not known is a warning,
//! since it may be one of a newer version.

use std::time::Duration;

use telemetry::time::parse_duration;

use super::ANNOTATION_PREFIX;
use crate::burn::{Exceeds, Severity};
use crate::composite::{CompositeKind, MissingMember, WEIGHT_MAX, WEIGHT_SCALE_MAX};
use crate::decimal::{Decimal, Ratio};
use crate::grouping::{GROUP_LABELS_MAX, GROUPS_MAX, GROUPS_MAX_DEFAULT, Grouping};
use crate::objective::{EmptyPolicy, Evaluation, ExclusionEffect, SLICE_DEFAULT, SLICE_MAX, SLICE_MIN};
use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, Metadata};
use crate::openslo::shorthand::Shorthand;
use crate::openslo::wording::did_you_mean;

/// Every annotation that is read, without the prefix.
const KNOWN: [&str; 18] = [
    "alerts",
    "burn-comparison",
    "composite",
    "composite-missing",
    "composite-target",
    "coverage-floor",
    "empty",
    "evaluation-delay",
    "exclusion-effect",
    "exclusions",
    "group-by",
    "groups-max",
    "increase",
    "members",
    "min-bad",
    "min-total",
    "slice",
    "windows",
];
/// A later evaluation would page late, which an annotation should not do unnoticed.
const DELAY_MAX: Duration = Duration::from_secs(3_600);
/// More windows make no clearer report.
const WINDOWS_MAX: usize = 6;

/// What the annotations of an SLO say.
pub(super) struct Settings {
    /// Severities of the tiers that alert.
    pub alerts: Vec<Severity>,
    /// How default tiers compare.
    pub exceeds: Exceeds,
    pub empty: EmptyPolicy,
    pub slice: Duration,
    pub windows: Vec<At<Shorthand>>,
    pub grouping: Option<Grouping>,
    pub evaluation: Evaluation,
    pub exclusions: Vec<String>,
    pub exclusion_effect: ExclusionEffect,
    pub composite: CompositeSettings,
}

#[derive(Default)]
pub(super) struct CompositeSettings {
    pub kind: Option<At<CompositeKind>>,
    pub target: Option<Ratio>,
    pub missing: MissingMember,
    pub members: Option<At<Vec<MemberName>>>,
}

/// `SLO/OBJECTIVE: WEIGHT` as written.
#[derive(Clone, Debug)]
pub(super) struct MemberName {
    pub slo: String,
    /// Left out where the SLO has one objective.
    pub objective: Option<String>,
    pub weight: Decimal,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            alerts: vec![Severity::Page, Severity::Ticket],
            exceeds: Exceeds::default(),
            empty: EmptyPolicy::default(),
            slice: SLICE_DEFAULT,
            windows: Vec::new(),
            grouping: None,
            evaluation: Evaluation::default(),
            exclusions: Vec::new(),
            exclusion_effect: ExclusionEffect::default(),
            composite: CompositeSettings::default(),
        }
    }
}

/// Why a value cannot be read: `is not ...`.
type Reason = String;

/// `None` after the defects are put down.
pub(super) fn settings(metadata: &Metadata, findings: &mut Findings<'_>) -> Option<Settings> {
    let mut settings = Settings::default();
    let mut is_sound = true;
    let mut groups_max = None;
    for (key, written) in &metadata.annotations {
        let Some(own) = key.strip_prefix(ANNOTATION_PREFIX) else { continue };
        let read = match own {
            "groups-max" => {
                whole(&written.value, GROUPS_MAX).map(|count| groups_max = Some((count, written.line)))
            }
            _ => settings.take(own, written, findings),
        };
        if let Err(reason) = read {
            findings.error(written.line, format!("annotation `{key}`: `{}` {reason}", written.value));
            is_sound = false;
        }
    }
    match (&mut settings.grouping, groups_max) {
        (Some(grouping), Some((count, _))) => grouping.groups_max = count,
        (None, Some((_, line))) => {
            findings.warning(line, "`evenkeel.dev/groups-max` means nothing without `evenkeel.dev/group-by`");
        }
        (_, None) => {}
    }
    is_sound.then_some(settings)
}

impl Settings {
    fn take(&mut self, own: &str, written: &At<String>, findings: &mut Findings<'_>) -> Result<(), Reason> {
        let (text, line) = (written.value.trim(), written.line);
        match own {
            "alerts" => self.alerts = alerts(text)?,
            "burn-comparison" => {
                self.exceeds = one_of(text, &[("gt", Exceeds::Above), ("gte", Exceeds::AtLeast)])?;
            }
            "empty" => {
                let policies = [
                    ("exclude", EmptyPolicy::Exclude),
                    ("good", EmptyPolicy::Good),
                    ("bad", EmptyPolicy::Bad),
                ];
                self.empty = one_of(text, &policies)?;
            }
            "slice" => self.slice = slice(text)?,
            "windows" => self.windows = windows(written)?,
            "group-by" => {
                self.grouping =
                    Some(Grouping { labels: group_labels(text)?, groups_max: GROUPS_MAX_DEFAULT });
            }
            "evaluation-delay" => self.evaluation.delay = Some(delay(text)?),
            "coverage-floor" => self.evaluation.coverage_floor = Some(share(text)?),
            "min-total" => self.evaluation.min_total = Some(whole(text, u32::MAX)?.into()),
            "min-bad" => self.evaluation.min_bad = Some(whole(text, u32::MAX)?.into()),
            "increase" => {
                self.evaluation.is_extrapolated = one_of(text, &[("exact", false), ("extrapolated", true)])?;
            }
            "exclusions" => self.exclusions = list(text)?.into_iter().map(str::to_owned).collect(),
            "exclusion-effect" => {
                let effects =
                    [("remove", ExclusionEffect::Remove), ("count-as-good", ExclusionEffect::CountAsGood)];
                self.exclusion_effect = one_of(text, &effects)?;
            }
            "composite" => {
                let kinds = CompositeKind::ALL.map(|kind| (kind.name(), kind));
                self.composite.kind = Some(At { value: one_of(text, &kinds)?, line });
            }
            "composite-target" => self.composite.target = Some(target(text)?),
            "composite-missing" => {
                let policies = [
                    ("null", MissingMember::Null),
                    ("ignore", MissingMember::Ignore),
                    ("bad", MissingMember::Bad),
                    ("good", MissingMember::Good),
                ];
                self.composite.missing = one_of(text, &policies)?;
            }
            "members" => {
                let members = list(text)?.into_iter().map(member).collect::<Result<_, _>>()?;
                self.composite.members = Some(At { value: members, line });
            }
            _ => {
                let hint = did_you_mean(own, &KNOWN);
                let message = format!(
                    "unknown annotation `{ANNOTATION_PREFIX}{own}`{hint}; known: {}",
                    KNOWN.join(", ")
                );
                findings.warning(line, message);
            }
        }
        Ok(())
    }
}

fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Reason> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        match names.as_slice() {
            [first, second] => format!("is neither {first} nor {second}"),
            [others @ .., last] => format!("is none of {} and {last}", others.join(", ")),
            [] => "is not known".to_owned(),
        }
    })
}

fn alerts(text: &str) -> Result<Vec<Severity>, Reason> {
    match text {
        "on" | "true" => Ok(vec![Severity::Page, Severity::Ticket]),
        "off" | "false" => Ok(Vec::new()),
        "page" => Ok(vec![Severity::Page]),
        "ticket" => Ok(vec![Severity::Ticket]),
        _ => Err("is none of \"on\", \"off\", page and ticket".to_owned()),
    }
}

fn slice(text: &str) -> Result<Duration, Reason> {
    let slice = parse_duration(text)
        .ok()
        .filter(|slice| (SLICE_MIN..=SLICE_MAX).contains(slice) && slice.subsec_nanos() == 0);
    slice.ok_or_else(|| "is not a duration between 10s and 5m in whole seconds".to_owned())
}

fn delay(text: &str) -> Result<Duration, Reason> {
    let delay = parse_duration(text).ok().filter(|delay| *delay <= DELAY_MAX);
    delay.ok_or_else(|| "is not a duration of at most 1h".to_owned())
}

fn whole(text: &str, max: u32) -> Result<u32, Reason> {
    let count = text.trim().parse().ok().filter(|count| (1..=max).contains(count));
    count.ok_or_else(|| format!("is not a whole number from 1 to {max}"))
}

/// Above 0, at most 1.
fn share(text: &str) -> Result<Decimal, Reason> {
    let share = text.parse::<Decimal>().ok().filter(|share| !share.is_zero() && *share <= Decimal::ONE);
    share.ok_or_else(|| "is not a share above 0 and at most 1, such as 0.05".to_owned())
}

fn target(text: &str) -> Result<Ratio, Reason> {
    let target = text.parse().ok().and_then(Ratio::new);
    target.ok_or_else(|| "is not a target from 0 to below 1, such as 0.999".to_owned())
}

/// Parts between commas, none of them empty.
fn list(text: &str) -> Result<Vec<&str>, Reason> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err("is not a list of names with commas between them".to_owned());
    }
    Ok(parts)
}

fn windows(written: &At<String>) -> Result<Vec<At<Shorthand>>, Reason> {
    let parts = list(&written.value)?;
    if parts.len() > WINDOWS_MAX {
        return Err(format!("has more than {WINDOWS_MAX} windows"));
    }
    let mut windows = Vec::new();
    for part in parts {
        let value = part.parse().map_err(|reason| format!("is not a list of durations: {reason}"))?;
        windows.push(At { value, line: written.line });
    }
    Ok(windows)
}

fn group_labels(text: &str) -> Result<Vec<String>, Reason> {
    let labels = list(text)?;
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
    let is_label = |label: &&str| {
        label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && label.chars().all(is_inner)
    };
    if let Some(wrong) = labels.iter().find(|label| !is_label(label)) {
        return Err(format!("holds `{wrong}`, which is not the name of a label"));
    }
    if labels.len() > GROUP_LABELS_MAX {
        return Err(format!("has more than {GROUP_LABELS_MAX} labels"));
    }
    Ok(labels.into_iter().map(str::to_owned).collect())
}

fn member(text: &str) -> Result<MemberName, Reason> {
    let (name, weight) = match text.split_once(':') {
        Some((name, weight)) => (name.trim(), composite_weight(weight.trim())?),
        None => (text, Decimal::ONE),
    };
    let (slo, objective) = match name.split_once('/') {
        Some((slo, objective)) => (slo, Some(objective.to_owned())),
        None => (name, None),
    };
    Ok(MemberName { slo: slo.to_owned(), objective, weight })
}

fn composite_weight(text: &str) -> Result<Decimal, Reason> {
    let weight = text.parse::<Decimal>().ok().filter(|weight| is_weight(*weight));
    weight.ok_or_else(|| format!("has the weight `{text}`, which {}", weight_rule()))
}

pub(super) fn is_weight(weight: Decimal) -> bool {
    let smallest_part = 10_i128.pow(WEIGHT_SCALE_MAX);
    !weight.is_zero()
        && weight <= Decimal::whole(WEIGHT_MAX)
        && smallest_part % weight.to_fraction().denominator() == 0
}

pub(super) fn weight_rule() -> String {
    format!("is not above 0 and at most {WEIGHT_MAX} with at most {WEIGHT_SCALE_MAX} digits behind the point")
}
