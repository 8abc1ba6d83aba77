//! Gate policies: what a service has to meet before it may be changed, and when it is frozen.
//!
//! The terms and the decision are `slo::gate`'s; here is which policy a service has, and which of its
//! freezes hold at a time.

use std::time::Duration;

use jiff::tz::TimeZone;
use slo::gate::{ComingFreeze, Freeze, GateTerms};
use telemetry::Timestamp;

use crate::catalog::Catalog;
use crate::people::Reference;
use crate::schedule::Restriction;

/// The name of the policy of services that no policy names.
pub const DEFAULT_POLICY: &str = "default";
/// The longest override, unless a policy says otherwise.
pub const OVERRIDE_MAX_DEFAULT: Duration = Duration::from_secs(24 * 3_600);

#[derive(Clone, Debug, PartialEq)]
pub struct GatePolicy {
    pub name: String,
    /// Empty: every service that no other policy names.
    pub services: Vec<Reference>,
    pub terms: GateTerms,
    pub freezes: Vec<FreezeRule>,
    /// How far ahead an override may expire.
    pub override_max: Duration,
}

impl Default for GatePolicy {
    fn default() -> GatePolicy {
        GatePolicy {
            name: DEFAULT_POLICY.to_owned(),
            services: Vec::new(),
            terms: GateTerms::default(),
            freezes: Vec::new(),
            override_max: OVERRIDE_MAX_DEFAULT,
        }
    }
}

/// When nothing is to be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct FreezeRule {
    pub name: String,
    pub reason: Option<String>,
    pub when: FreezeTime,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FreezeTime {
    /// `[from, to)`.
    Once { from: Timestamp, to: Timestamp },
    /// Every week.
    Weekly { hours: Restriction, timezone: TimeZone },
}

impl FreezeTime {
    /// Until when it holds, if it holds at that time.
    fn until(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            FreezeTime::Once { from, to } => (*from <= at && at < *to).then_some(*to),
            FreezeTime::Weekly { hours, timezone } => {
                let mut until = at;
                // Windows that meet are one freeze; a week of them has no end to name.
                for _ in 0..8 {
                    if !hours.covers(until, timezone) {
                        break;
                    }
                    until = hours.edge_after(until, timezone)?;
                }
                (until > at).then_some(until)
            }
        }
    }

    /// The next time that it begins to hold, and until when it does.
    fn next(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match self {
            FreezeTime::Once { from, to } => (at < *from).then_some((*from, *to)),
            FreezeTime::Weekly { hours, timezone } => {
                let mut edge = at;
                // A week has at most seven windows; one that only goes on does not begin.
                for _ in 0..2 * 8 {
                    let held = hours.covers(edge, timezone);
                    edge = hours.edge_after(edge, timezone)?;
                    if !held && hours.covers(edge, timezone) {
                        return Some((edge, self.until(edge)?));
                    }
                }
                None
            }
        }
    }
}

impl GatePolicy {
    /// The freezes that hold at a time.
    pub fn freezes_at(&self, at: Timestamp) -> Vec<Freeze> {
        let holding = |rule: &FreezeRule| {
            let until = rule.when.until(at)?;
            Some(Freeze { name: rule.name.clone(), reason: rule.reason.clone(), until })
        };
        self.freezes.iter().filter_map(holding).collect()
    }

    /// The freeze that begins next after a time, whatever holds at that time.
    pub fn next_freeze(&self, at: Timestamp) -> Option<ComingFreeze> {
        let coming = |rule: &FreezeRule| {
            let (from, until) = rule.when.next(at)?;
            Some(ComingFreeze { name: rule.name.clone(), reason: rule.reason.clone(), from, until })
        };
        self.freezes.iter().filter_map(coming).min_by_key(|freeze| freeze.from)
    }
}

impl Catalog {
    /// The policy that names the service, else the one that names none, else the one that ships.
    pub fn gate_policy(&self, service: &str) -> GatePolicy {
        let names_it =
            |policy: &&GatePolicy| policy.services.iter().any(|reference| reference.name == service);
        let named = self.gate_policies.values().find(names_it);
        let found = named.or_else(|| self.gate_policies.values().find(|policy| policy.services.is_empty()));
        found.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, time};

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_weekly_freeze_holds_until_its_last_window_ends() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let weekend = |days: Vec<Weekday>| FreezeTime::Weekly {
            hours: Restriction { days, from: time(16, 0, 0, 0), to: time(16, 0, 0, 0) },
            timezone: berlin.clone(),
        };
        let friday_to_sunday = weekend(vec![Weekday::Friday, Weekday::Saturday]);
        // Friday 2026-11-27, 16:00 in Berlin.
        assert_eq!(friday_to_sunday.until(at("2026-11-27T14:59:59Z")), None);
        let sunday = Some(at("2026-11-29T15:00:00Z"));
        assert_eq!(friday_to_sunday.until(at("2026-11-27T15:00:00Z")), sunday);
        assert_eq!(friday_to_sunday.until(at("2026-11-29T15:00:00Z")), None);
        assert!(weekend(Vec::new()).until(at("2026-11-27T14:00:00Z")).is_some());
    }

    #[test]
    fn the_next_freeze_is_the_one_that_begins_first() {
        let weekly = |days: Vec<Weekday>| FreezeTime::Weekly {
            hours: Restriction { days, from: time(16, 0, 0, 0), to: time(16, 0, 0, 0) },
            timezone: TimeZone::get("Europe/Berlin").unwrap(),
        };
        let once = FreezeTime::Once { from: at("2026-11-30T00:00:00Z"), to: at("2026-12-01T00:00:00Z") };
        let rule = |name: &str, when: FreezeTime| FreezeRule { name: name.to_owned(), reason: None, when };
        let weekend = weekly(vec![Weekday::Friday, Weekday::Saturday]);
        let policy = GatePolicy {
            freezes: vec![rule("sale", once), rule("weekend", weekend)],
            ..GatePolicy::default()
        };
        let next = |time: &str| {
            let freeze = policy.next_freeze(at(time)).unwrap();
            (freeze.name, freeze.from.to_string(), freeze.until.to_string())
        };
        let told = |name: &str, from: &str, until: &str| {
            (name.to_owned(), format!("2026-{from}:00:00Z"), format!("2026-{until}:00:00Z"))
        };
        // The windows of Friday and Saturday meet and are one.
        assert_eq!(next("2026-11-25T00:00:00Z"), told("weekend", "11-27T15", "11-29T15"));
        // While it holds, and between its two windows, the next one is another.
        assert_eq!(next("2026-11-27T15:00:00Z"), told("sale", "11-30T00", "12-01T00"));
        assert_eq!(next("2026-11-28T15:00:00Z"), told("sale", "11-30T00", "12-01T00"));
        assert_eq!(next("2026-11-30T00:00:00Z"), told("weekend", "12-04T15", "12-06T15"));
        // What always holds never begins.
        assert_eq!(weekly(Vec::new()).next(at("2026-11-25T00:00:00Z")), None);
        assert_eq!(GatePolicy::default().next_freeze(at("2026-11-25T00:00:00Z")), None);
    }

    #[test]
    fn a_service_has_the_policy_that_names_it() {
        let policy = |name: &str, services: &[&str]| GatePolicy {
            name: name.to_owned(),
            services: services.iter().map(|name| Reference { name: (*name).to_owned(), line: 1 }).collect(),
            ..GatePolicy::default()
        };
        let mut catalog = Catalog::default();
        assert_eq!(catalog.gate_policy("chat"), GatePolicy::default());
        for policy in [policy("all", &[]), policy("shop", &["checkout"])] {
            catalog.gate_policies.insert(policy.name.clone(), policy);
        }
        assert_eq!(catalog.gate_policy("chat").name, "all");
        assert_eq!(catalog.gate_policy("checkout").name, "shop");
    }
}
