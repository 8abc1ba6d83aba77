//! Which times do not count: maintenance events, for the SLOs that they concern.
//!
//! An event of the kind `maintenance` concerns the SLOs of its service and of the services in its
//! payload's list `services`, those in the list `slos`, and those that name its subject among their
//! exclusions. Its payload may say `effect`: `remove` or `count_as_good`; otherwise the SLO does; and by an
//! `rrule` in a `timezone` its period comes again and again. A later event about the same subject corrects
//! it, `status: "cancelled"` takes it back; who said so, when and why stays in the events. One without an
//! end lasts until now. Read at every tick, so that exclusions can be added and changed for times that are
//! long over. Recurring ones are expanded as far as numbers reach, back and ahead, anew once a day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use slo::Slo;
use slo::exclusions::{Exclusion, Exclusions};
use slo::maintenance::Repeats;
use slo::objective::ExclusionEffect;
use telemetry::{Event, EventKind, Timestamp};

use super::tracked::Tracked;
use super::{SloEvaluator, stored};
use crate::QueryError;

/// A stretch of time that an SLO does not answer for, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcludedTime {
    /// The subject of the maintenance events.
    pub maintenance_id: String,
    pub title: String,
    pub from: Timestamp,
    /// Not included; now for one that goes on.
    pub to: Timestamp,
    pub effect: ExclusionEffect,
    /// Who told the newest event about it, and when Evenkeel learnt of it.
    pub actor: Option<String>,
    pub recorded_at: Timestamp,
}

const DAY: Duration = Duration::from_secs(86_400);

/// All maintenance, by subject.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Maintenance {
    /// In order of their ids.
    windows: Vec<Window>,
    /// The times of each.
    times: Vec<Vec<(Timestamp, Timestamp)>>,
    /// What recurring ones are expanded over.
    span: Option<(Timestamp, Timestamp)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Window {
    id: String,
    title: String,
    services: Vec<String>,
    slos: Vec<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    repeats: Option<Repeats>,
    effect: Option<ExclusionEffect>,
    is_cancelled: bool,
    actor: Option<String>,
    recorded_at: Option<Timestamp>,
}

impl Window {
    /// Takes what a newer event says; what it does not say is as before.
    fn take(&mut self, event: &Event) {
        let text = |name: &str| event.payload[name].as_str();
        let time = |name: &str| text(name).and_then(|text| Timestamp::parse_rfc3339(text).ok());
        let list = |name: &str| -> Option<Vec<String>> {
            let values = event.payload[name].as_array()?.iter();
            Some(values.filter_map(Value::as_str).map(str::to_owned).collect())
        };
        self.id.clone_from(&event.subject_id);
        if let Some(title) = text("title") {
            title.clone_into(&mut self.title);
        }
        if let Some(mut services) = list("services").or(event.service.as_ref().map(|_| Vec::new())) {
            services.extend(event.service.clone());
            self.services = services;
        }
        self.slos = list("slos").unwrap_or(std::mem::take(&mut self.slos));
        self.from = time("started_at").or(self.from);
        self.to = time("finished_at").or(self.to);
        self.effect = match &event.payload["effect"] {
            Value::String(effect) if effect == "count_as_good" => Some(ExclusionEffect::CountAsGood),
            Value::String(effect) if effect == "remove" => Some(ExclusionEffect::Remove),
            Value::Null if event.payload.get("effect").is_some() => None,
            _ => self.effect,
        };
        match event.payload.get("rrule") {
            Some(Value::String(rule)) => {
                let timezone = text("timezone").unwrap_or("UTC").to_owned();
                self.repeats = Some(Repeats { rule: rule.clone(), timezone });
            }
            Some(Value::Null) => self.repeats = None,
            _ => {}
        }
        self.is_cancelled = matches!(text("status"), Some("cancelled" | "canceled"));
        self.actor = event.actor.clone();
        self.recorded_at = Some(event.recorded_at);
    }

    fn concerns(&self, slo: &Slo) -> bool {
        !self.is_cancelled
            && (self.services.contains(&slo.service)
                || self.slos.contains(&slo.name)
                || slo.exclusions.contains(&self.id))
    }

    fn goes_on(&self) -> bool {
        self.to.is_none() && !self.is_cancelled
    }

    /// Its times, as far as they overlap `span` where it recurs.
    fn times(
        &self,
        span: (Timestamp, Timestamp),
        now: Timestamp,
        most: usize,
    ) -> Vec<(Timestamp, Timestamp)> {
        let Some(from) = self.from.filter(|_| !self.is_cancelled) else { return Vec::new() };
        let (Some(to), Some(repeats)) = (self.to, &self.repeats) else {
            return vec![(from, self.to.unwrap_or(now))];
        };
        let times = repeats.times(from, to.since(from), span, most).unwrap_or_else(|error| {
            tracing::warn!(maintenance = self.id, %error, "maintenance is left out");
            Vec::new()
        });
        if times.len() == most {
            tracing::warn!(
                maintenance = self.id,
                most,
                "later times are left out: slo.maintenance_times_max"
            );
        }
        times
    }
}

impl Maintenance {
    fn of(mut events: Vec<Event>) -> Maintenance {
        events.sort_by_key(|event| (event.seq, event.recorded_at));
        let mut windows: BTreeMap<String, Window> = BTreeMap::new();
        for event in &events {
            windows.entry(event.subject_id.clone()).or_default().take(event);
        }
        Maintenance { windows: windows.into_values().collect(), ..Maintenance::default() }
    }

    /// Finds the times of all windows; what was found `before` and is still so is taken from there.
    fn expand(&mut self, before: &Maintenance, span: (Timestamp, Timestamp), now: Timestamp, most: usize) {
        let found_before = |window: &Window| {
            let index = before.windows.binary_search_by(|known| known.id.cmp(&window.id)).ok()?;
            let is_same = before.span == Some(span) && before.windows[index] == *window && !window.goes_on();
            is_same.then(|| before.times[index].clone())
        };
        let times = |window: &Window| found_before(window).unwrap_or_else(|| window.times(span, now, most));
        self.times = self.windows.iter().map(times).collect();
        self.span = Some(span);
    }

    /// What concerns an SLO, oldest first.
    fn of_slo(&self, slo: &Slo) -> Vec<ExcludedTime> {
        let excluded = |window: &Window, (from, to): (Timestamp, Timestamp)| {
            Some(ExcludedTime {
                maintenance_id: window.id.clone(),
                title: window.title.clone(),
                from,
                to,
                effect: window.effect.unwrap_or(slo.exclusion_effect),
                actor: window.actor.clone(),
                recorded_at: window.recorded_at?,
            })
        };
        let concerned = self.windows.iter().zip(&self.times).filter(|(window, _)| window.concerns(slo));
        let mut times: Vec<ExcludedTime> = concerned
            .flat_map(|(window, times)| times.iter().filter_map(move |time| excluded(window, *time)))
            .collect();
        times.retain(|time| time.from < time.to);
        times.sort_by_key(|time| (time.from, time.to));
        times
    }
}

impl SloEvaluator {
    /// Reads the events and counts the slices of these objectives under what they say. Those that are cut
    /// where they are folded already are read anew.
    pub(super) async fn read_maintenance(
        &self,
        objectives: &[Arc<Tracked>],
        now: Timestamp,
    ) -> Result<(), QueryError> {
        let back = objectives.iter().map(|tracked| tracked.reach()).max().unwrap_or_default();
        let windows = objectives.iter().flat_map(|tracked| tracked.slo.windows());
        // A calendar period is a day longer than its nominal length at most.
        let ahead = windows.map(slo::Window::nominal).max().unwrap_or_default() + 2 * DAY;
        let today = now.floor_to(DAY);
        let before = self.maintenance.read().clone();
        let mut maintenance = Maintenance::of(self.maintenance_events().await?);
        let most = self.config.maintenance_times_max;
        maintenance.expand(&before, (today.minus(back), today.plus(ahead)), now, most);
        if maintenance == *before {
            return Ok(());
        }
        let maintenance = Arc::new(maintenance);
        *self.maintenance.write() = maintenance.clone();
        for tracked in objectives {
            let exclusions = exclusions_of(&maintenance.of_slo(&tracked.slo));
            let is_cut = tracked.is_cut_by(&exclusions);
            tracked.set_exclusions(&exclusions);
            // A backfill that runs reads its history anew when it ends.
            if let (true, Ok(_busy)) = (is_cut, tracked.busy.try_lock()) {
                stored::load(&self.engine, &[tracked], now, &self.config).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn maintenance_events(&self) -> Result<Vec<Event>, QueryError> {
        let most = self.config.maintenance_events_max;
        let (kind, end) = (EventKind::MAINTENANCE, Timestamp::MAX);
        let events = self.engine.events(&kind, None, Timestamp::EPOCH, end, most).await?;
        if events.len() == most {
            tracing::warn!(most, "only the newest maintenance events are read: slo.maintenance_events_max");
        }
        Ok(events)
    }

    /// The times that an SLO did not answer for by what had been said by a time; one without an end lasted
    /// until then.
    pub(super) async fn excluded_as_of(
        &self,
        slo: &Slo,
        recorded_by: Timestamp,
    ) -> Result<Vec<ExcludedTime>, QueryError> {
        let Some(span) = self.maintenance.read().span else { return Ok(Vec::new()) };
        let mut events = self.maintenance_events().await?;
        events.retain(|event| event.recorded_at <= recorded_by);
        let mut maintenance = Maintenance::of(events);
        let then = recorded_by.min(self.engine.clock().now());
        maintenance.expand(&Maintenance::default(), span, then, self.config.maintenance_times_max);
        Ok(maintenance.of_slo(slo))
    }

    /// The times that an SLO does not answer for, past and to come, as of the last tick; `None` for an
    /// unknown SLO.
    pub fn excluded_times(&self, slo: &str) -> Option<Vec<ExcludedTime>> {
        let slos = self.catalog.read().clone();
        let slo = slos.iter().find(|known| known.name == slo)?;
        Some(self.maintenance.read().of_slo(slo))
    }
}

/// What slices are counted under.
pub(super) fn exclusions_of(times: &[ExcludedTime]) -> Exclusions {
    let exclusion = |time: &ExcludedTime| Exclusion { from: time.from, to: time.to, effect: time.effect };
    Exclusions::new(times.iter().map(exclusion))
}
