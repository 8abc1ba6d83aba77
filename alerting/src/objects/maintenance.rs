//! `Maintenance`: planned time that does not count for objectives, once or by a recurrence rule.

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_saphyr::Spanned;
use slo::Maintenance;
use slo::maintenance::Repeats;
use slo::objective::ExclusionEffect;
use telemetry::Recurrence;

use super::gate::instant;
use super::schedule::zone;
use super::{DurationText, Manifest, Reader, Spec};

/// A single stretch of maintenance is shorter than the shortest windows that are in use.
const DURATION_MAX: std::time::Duration = std::time::Duration::from_secs(31 * 86_400);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaintenanceSpec {
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    slos: Vec<String>,
    reason: Option<String>,
    effect: Option<Effect>,
    start: Spanned<String>,
    duration: DurationText,
    timezone: Option<Spanned<String>>,
    rrule: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Effect {
    Remove,
    CountAsGood,
}

pub(super) fn maintenance(reader: &mut Reader<'_>, manifest: Manifest<MaintenanceSpec>) -> Option<Spec> {
    let (metadata, spec) = (manifest.metadata, manifest.spec);
    let timezone = match &spec.timezone {
        Some(name) => zone(reader, name)?,
        None => TimeZone::UTC,
    };
    let from = match instant(&spec.start.value, &timezone) {
        Ok(from) => from,
        Err(message) => {
            reader.error(spec.start.referenced.line(), message);
            return None;
        }
    };
    let length = spec.duration.read(reader)?;
    if length.is_zero() || length > DURATION_MAX {
        let most = telemetry::time::format_duration(DURATION_MAX);
        reader.error(
            spec.duration.0.referenced.line(),
            format!("duration has to be longer than 0 and at most {most}"),
        );
        return None;
    }
    let repeats = spec.rrule.as_ref().map(|rule| Repeats {
        rule: rule.value.clone(),
        timezone: spec.timezone.as_ref().map_or("UTC", |name| &name.value).to_owned(),
    });
    if let Some((rule, repeats)) = spec.rrule.as_ref().zip(repeats.as_ref())
        && let Err(error) = Recurrence::parse(&repeats.rule, from, &repeats.timezone)
    {
        reader.error(rule.referenced.line(), format!("rrule: {error}"));
        return None;
    }
    Some(Spec::Maintenance(Maintenance {
        title: metadata.display_name(),
        name: metadata.name.value,
        reason: spec.reason,
        services: spec.services,
        slos: spec.slos,
        effect: spec.effect.map(|effect| match effect {
            Effect::Remove => ExclusionEffect::Remove,
            Effect::CountAsGood => ExclusionEffect::CountAsGood,
        }),
        from,
        length,
        repeats,
        origin: reader.file.to_owned(),
    }))
}
