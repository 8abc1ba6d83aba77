//! `Schedule`.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Manifest, Reader, Spec, reference};
use crate::schedule::restriction::parse_weekday;
use crate::schedule::{Layer, Restriction, Rotation, Schedule, Turn};

/// A turn of more than this many units is a mistake in the file.
const SHIFT_LENGTH_MAX: i32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleSpec {
    timezone: Spanned<String>,
    layers: Vec<Spanned<LayerSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct LayerSpec {
    name: Option<String>,
    start: String,
    rotation: Turn,
    #[serde(default = "one")]
    shift_length: i32,
    users: Vec<Spanned<String>>,
    #[serde(default)]
    restrictions: Vec<RestrictionSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestrictionSpec {
    #[serde(default)]
    days: Vec<String>,
    from: String,
    to: String,
}

fn one() -> i32 {
    1
}

pub(super) fn schedule(reader: &mut Reader<'_>, manifest: Manifest<ScheduleSpec>) -> Option<Spec> {
    let (metadata, spec) = (manifest.metadata, manifest.spec);
    let timezone = zone(reader, &spec.timezone)?;
    if spec.layers.is_empty() {
        reader.error(metadata.name.referenced.line(), "a schedule needs at least one layer");
        return None;
    }
    let mut layers = Vec::new();
    for layer in spec.layers {
        let line = layer.referenced.line();
        match layer.value.into_layer() {
            Ok(layer) => layers.push(layer),
            Err(message) => {
                reader.error(line, message);
                return None;
            }
        }
    }
    Some(Spec::Schedule(Schedule {
        display_name: metadata.display_name(),
        name: metadata.name.value,
        timezone,
        layers,
    }))
}

impl LayerSpec {
    pub fn into_layer(self) -> Result<Layer, String> {
        let anchor: DateTime = self
            .start
            .parse()
            .map_err(|_| format!("start {:?} is not a local time such as 2026-01-05T09:00", self.start))?;
        if !(1..=SHIFT_LENGTH_MAX).contains(&self.shift_length) {
            return Err(format!("shiftLength {} is not between 1 and {SHIFT_LENGTH_MAX}", self.shift_length));
        }
        if self.users.is_empty() {
            return Err("a layer needs at least one user".to_owned());
        }
        let restrictions = self.restrictions.into_iter().map(RestrictionSpec::into_restriction);
        Ok(Layer {
            name: self.name,
            rotation: Rotation { anchor, turn: self.rotation, length: self.shift_length },
            users: self.users.iter().map(reference).collect(),
            restrictions: restrictions.collect::<Result<_, _>>()?,
        })
    }
}

impl RestrictionSpec {
    pub(super) fn into_restriction(self) -> Result<Restriction, String> {
        let time_of_day = |text: &str| -> Result<Time, String> {
            let padded = format!("{text}:00");
            let whole = if text.len() == 5 { padded.as_str() } else { text };
            whole.parse().map_err(|_| format!("{text:?} is not a time of day such as 08:30"))
        };
        let mut days = Vec::new();
        for day in &self.days {
            days.push(parse_weekday(day).ok_or_else(|| format!("{day:?} is not a day such as mon"))?);
        }
        Ok(Restriction { days, from: time_of_day(&self.from)?, to: time_of_day(&self.to)? })
    }
}

/// Reads an IANA time zone.
pub(crate) fn zone(reader: &mut Reader<'_>, name: &Spanned<String>) -> Option<TimeZone> {
    match TimeZone::get(&name.value) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let message = format!("{:?} is not a time zone such as Europe/Berlin", name.value);
            reader.error(name.referenced.line(), message);
            None
        }
    }
}
