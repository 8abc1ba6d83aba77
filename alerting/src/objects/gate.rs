//! `GatePolicy`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_saphyr::Spanned;
use slo::gate::{ChangeFailRate, GateTerms, OnUnknown};
use telemetry::Timestamp;
use telemetry::time::{format_duration, parse_duration};

use super::schedule::{RestrictionSpec, zone};
use super::{DurationText, Manifest, Reader, Spec, reference};
use crate::gate::{FreezeRule, FreezeTime, GatePolicy, OVERRIDE_MAX_DEFAULT};
use crate::incident::Severity;

/// Freezes of one policy; more of them are better told by the week.
const FREEZES_MAX: usize = 200;
/// How far back a policy may look at deployments.
const CHANGES_OVER_MAX: Duration = Duration::from_secs(366 * 86_400);
/// The longest window of a burn rate: the longest period of an objective that is common.
const BURN_WINDOW_MAX: Duration = Duration::from_secs(90 * 86_400);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct GatePolicySpec {
    #[serde(default)]
    services: Vec<Spanned<String>>,
    conditions: Option<Spanned<ConditionsSpec>>,
    unknown: Option<Unknown>,
    #[serde(default)]
    freezes: Vec<Spanned<FreezeSpec>>,
    override_max: Option<DurationText>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unknown {
    Allow,
    Block,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConditionsSpec {
    budget_remaining_above: Option<f64>,
    #[serde(default)]
    burn_rate_below: BTreeMap<String, f64>,
    #[serde(default)]
    open_incidents_max: BTreeMap<String, u64>,
    firing_pages_max: Option<u64>,
    change_fail_rate_below: Option<ChangeFailRateSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ChangeFailRateSpec {
    rate: f64,
    over: DurationText,
    #[serde(default = "few")]
    deployments_min: u64,
}

/// One failure in fewer deployments is more than any sensible limit.
fn few() -> u64 {
    5
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FreezeSpec {
    name: String,
    reason: Option<String>,
    from: Option<String>,
    to: Option<String>,
    weekly: Option<RestrictionSpec>,
    timezone: Option<Spanned<String>>,
}

pub(super) fn policy(reader: &mut Reader<'_>, manifest: Manifest<GatePolicySpec>) -> Option<Spec> {
    let (metadata, spec) = (manifest.metadata, manifest.spec);
    let line = metadata.name.referenced.line();
    let mut terms = match spec.conditions {
        None => GateTerms::default(),
        Some(conditions) => {
            let line = conditions.referenced.line();
            terms(reader, line, conditions.value)?
        }
    };
    if let Some(unknown) = spec.unknown {
        terms.on_unknown = match unknown {
            Unknown::Allow => OnUnknown::Allow,
            Unknown::Block => OnUnknown::Block,
        };
    }
    let override_max = match &spec.override_max {
        Some(text) => text.read(reader)?,
        None => OVERRIDE_MAX_DEFAULT,
    };
    if spec.freezes.len() > FREEZES_MAX {
        let message = format!("{} freezes are more than the {FREEZES_MAX} allowed", spec.freezes.len());
        reader.error(line, message);
        return None;
    }
    let mut freezes = Vec::new();
    for freeze in spec.freezes {
        let line = freeze.referenced.line();
        freezes.push(read_freeze(reader, line, freeze.value)?);
    }
    Some(Spec::GatePolicy(GatePolicy {
        name: metadata.name.value,
        services: spec.services.iter().map(reference).collect(),
        terms,
        freezes,
        override_max,
    }))
}

fn terms(reader: &mut Reader<'_>, line: u64, spec: ConditionsSpec) -> Option<GateTerms> {
    let mut refuse = |message: String| -> Option<GateTerms> {
        reader.error(line, message);
        None
    };
    if let Some(share) = spec.budget_remaining_above.filter(|share| share.is_nan() || *share >= 1.0) {
        return refuse(format!("budgetRemainingAbove is {share}; it is a share below 1, such as 0.1"));
    }
    let mut burn_rate_below = BTreeMap::new();
    for (window, rate) in spec.burn_rate_below {
        let length = parse_duration(&window).ok();
        let Some(length) = length.filter(|length| !length.is_zero() && *length <= BURN_WINDOW_MAX) else {
            let most = format_duration(BURN_WINDOW_MAX);
            return refuse(format!(
                "burnRateBelow: {window:?} is no window such as 1h or 3d, of at most {most}"
            ));
        };
        if !(rate > 0.0 && rate.is_finite()) {
            return refuse(format!("burnRateBelow of {window} is {rate}; it has to be positive"));
        }
        if burn_rate_below.insert(length, rate).is_some() {
            return refuse(format!("burnRateBelow names the window {window} twice"));
        }
    }
    if let Some(unknown) = spec.open_incidents_max.keys().find(|name| Severity::parse(name).is_none()) {
        return refuse(format!("openIncidentsMax: {unknown:?} is no severity, SEV1 to SEV5 are"));
    }
    let change_fail_rate_below = match spec.change_fail_rate_below {
        None => None,
        Some(limit) if !(limit.rate > 0.0 && limit.rate <= 1.0) => {
            return refuse(format!("changeFailRateBelow.rate is {}; it is a share up to 1", limit.rate));
        }
        Some(limit) => {
            let over = limit.over.read(reader)?;
            if over.is_zero() || over > CHANGES_OVER_MAX {
                let most = format_duration(CHANGES_OVER_MAX);
                reader.error(
                    line,
                    format!("changeFailRateBelow.over has to be longer than 0 and at most {most}"),
                );
                return None;
            }
            Some(ChangeFailRate { below: limit.rate, over, deployments_min: limit.deployments_min })
        }
    };
    Some(GateTerms {
        budget_remaining_above: spec.budget_remaining_above,
        burn_rate_below,
        open_incidents_max: spec.open_incidents_max,
        firing_pages_max: spec.firing_pages_max,
        change_fail_rate_below,
        on_unknown: OnUnknown::default(),
    })
}

fn read_freeze(reader: &mut Reader<'_>, line: u64, spec: FreezeSpec) -> Option<FreezeRule> {
    let timezone = match &spec.timezone {
        Some(name) => zone(reader, name)?,
        None => TimeZone::UTC,
    };
    let when = match (spec.weekly, spec.from, spec.to) {
        (Some(weekly), None, None) => {
            weekly.into_restriction().map(|hours| FreezeTime::Weekly { hours, timezone })
        }
        (None, Some(from), Some(to)) => once(&from, &to, &timezone),
        _ => Err("a freeze has either from and to, or weekly".to_owned()),
    };
    match when {
        Ok(when) => Some(FreezeRule { name: spec.name, reason: spec.reason, when }),
        Err(message) => {
            reader.error(line, message);
            None
        }
    }
}

fn once(from: &str, to: &str, timezone: &TimeZone) -> Result<FreezeTime, String> {
    let (from, to) = (instant(from, timezone)?, instant(to, timezone)?);
    if to <= from {
        return Err(format!("the freeze ends at {to}, before it begins at {from}"));
    }
    Ok(FreezeTime::Once { from, to })
}

/// A time with its offset, or a local time of the zone. One that the clock skips is the next
/// that exists, one that it shows twice the earlier.
pub(super) fn instant(text: &str, timezone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(time) = Timestamp::parse_rfc3339(text) {
        return Ok(time);
    }
    let local: Option<DateTime> = text.parse().ok();
    let found = local.and_then(|local| timezone.to_ambiguous_timestamp(local).compatible().ok());
    found
        .map(Timestamp::from_jiff)
        .ok_or_else(|| format!("{text:?} is not a time such as 2026-12-20T18:00 or 2026-12-20T18:00:00Z"))
}
