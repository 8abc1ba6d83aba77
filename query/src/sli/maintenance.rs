//! Which times do not count: maintenance events, for the SLOs that they concern.
//!
//! An event of the kind `maintenance` concerns the SLOs of its service and of the services in its
//! payload's list `services`, those in the list `slos`, and those that name its subject among their
//! exclusions. Its payload may say `effect`: `remove` or `count_as_good`; otherwise the SLO does. A later
//! event about the same subject corrects it, `status: "cancelled"` takes it back; who said so, when and
//! why stays in the events. One without an end lasts until now. Read at every tick, so that exclusions
//! can be added and changed for times that are long over.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use slo::Slo;
use slo::exclusions::{Exclusion, Exclusions};
use slo::objective::ExclusionEffect;
use telemetry::{Event, EventKind, Timestamp};

use super::SloEvaluator;
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

/// All maintenance, by subject.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Maintenance {
    windows: Vec<Window>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Window {
    id: String,
    title: String,
    services: Vec<String>,
    slos: Vec<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
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
        self.effect = match text("effect") {
            Some("count_as_good") => Some(ExclusionEffect::CountAsGood),
            Some("remove") => Some(ExclusionEffect::Remove),
            _ => self.effect,
        };
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
}

impl Maintenance {
    fn of(mut events: Vec<Event>) -> Maintenance {
        events.sort_by_key(|event| (event.seq, event.recorded_at));
        let mut windows: BTreeMap<String, Window> = BTreeMap::new();
        for event in &events {
            windows.entry(event.subject_id.clone()).or_default().take(event);
        }
        Maintenance { windows: windows.into_values().collect() }
    }

    /// What concerns an SLO, oldest first.
    fn of_slo(&self, slo: &Slo, now: Timestamp) -> Vec<ExcludedTime> {
        let excluded = |window: &Window| {
            Some(ExcludedTime {
                maintenance_id: window.id.clone(),
                title: window.title.clone(),
                from: window.from?,
                to: window.to.unwrap_or(now),
                effect: window.effect.unwrap_or(slo.exclusion_effect),
                actor: window.actor.clone(),
                recorded_at: window.recorded_at?,
            })
        };
        let concerned = self.windows.iter().filter(|window| window.concerns(slo));
        let mut times: Vec<ExcludedTime> = concerned.filter_map(excluded).collect();
        times.retain(|time| time.from < time.to);
        times.sort_by_key(|time| (time.from, time.to));
        times
    }
}

impl SloEvaluator {
    /// Reads the events and counts all slices under what they say.
    pub(super) async fn read_maintenance(&self, now: Timestamp) -> Result<(), QueryError> {
        let most = self.config.maintenance_events_max;
        let (kind, end) = (EventKind::MAINTENANCE, Timestamp::MAX);
        let events = self.engine.events(&kind, None, Timestamp::EPOCH, end, most).await?;
        if events.len() == most {
            tracing::warn!(most, "only the newest maintenance events are read: slo.maintenance_events_max");
        }
        let maintenance = Arc::new(Maintenance::of(events));
        // What goes on is longer at every tick.
        let goes_on = maintenance.windows.iter().any(|window| window.to.is_none() && !window.is_cancelled);
        if !goes_on && *maintenance == **self.maintenance.read() {
            return Ok(());
        }
        *self.maintenance.write() = maintenance.clone();
        let objectives = self.objectives.read().clone();
        for tracked in objectives.iter() {
            let times = maintenance.of_slo(&tracked.slo, now).into_iter();
            let exclusions =
                times.map(|time| Exclusion { from: time.from, to: time.to, effect: time.effect });
            tracked.set_exclusions(&Exclusions::new(exclusions));
        }
        Ok(())
    }

    /// The times that an SLO does not answer for, as of the last tick; `None` for an unknown SLO.
    pub fn excluded_times(&self, slo: &str, now: Timestamp) -> Option<Vec<ExcludedTime>> {
        let slos = self.catalog.read().clone();
        let slo = slos.iter().find(|known| known.name == slo)?;
        Some(self.maintenance.read().of_slo(slo, now))
    }
}
