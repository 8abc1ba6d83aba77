//! Which groups and periods a report has: the arguments `by`, `width` and `time_zone` that reports
//! share.

use std::collections::BTreeSet;

use telemetry::Timestamp;

use super::buckets::{Buckets, Width};
use super::documented::Argument;
use super::summary::{Cell, ROWS_MAX};
use crate::catalog::ServiceOwners;

pub(super) const START: Argument = ("start", "Where the time begins; inclusive.");
pub(super) const END: Argument = ("end", "Where it ends; exclusive.");
pub(super) const PERIOD: Argument =
    ("width", "The length of the periods, such as '1 month'; one period for all of the time without.");
pub(super) const ZONE: Argument =
    ("time_zone", "IANA name of the zone whose days and months are meant; UTC without.");

/// What rows are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Service,
    Team,
    Severity,
}

impl Dimension {
    fn name(self) -> &'static str {
        match self {
            Dimension::Service => "service",
            Dimension::Team => "team",
            Dimension::Severity => "severity",
        }
    }
}

/// The dimensions that a report is broken down by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct By(Vec<Dimension>);

impl By {
    pub(super) const ALL: By = By(Vec::new());

    /// `all`, or names with commas between them.
    pub(super) fn parse(text: &str, allowed: &[Dimension]) -> Result<By, String> {
        let text = text.trim();
        if text.is_empty() || text == "all" {
            return Ok(By::ALL);
        }
        let mut dimensions = Vec::new();
        for name in text.split(',').map(str::trim) {
            let Some(dimension) = allowed.iter().find(|dimension| dimension.name() == name) else {
                let names: Vec<&str> = allowed.iter().map(|dimension| dimension.name()).collect();
                return Err(format!("{name:?} is nothing to group by: all or {} are", names.join(", ")));
            };
            if !dimensions.contains(dimension) {
                dimensions.push(*dimension);
            }
        }
        Ok(By(dimensions))
    }

    fn has(&self, dimension: Dimension) -> bool {
        self.0.contains(&dimension)
    }

    /// The groups of something that concerns these services: each of them once.
    pub(super) fn groups_of(
        &self,
        services: &[String],
        severity: Option<&str>,
        owners: &ServiceOwners,
    ) -> BTreeSet<GroupKey> {
        let group = |service: Option<&String>| GroupKey {
            service: service.filter(|_| self.has(Dimension::Service)).cloned(),
            team: service.filter(|_| self.has(Dimension::Team)).and_then(|service| owners.team_of(service)),
            severity: severity.filter(|_| self.has(Dimension::Severity)).map(str::to_owned),
        };
        if services.is_empty() {
            [group(None)].into()
        } else {
            services.iter().map(|it| group(Some(it))).collect()
        }
    }

    /// The groups that have a row although nothing may have happened in them: of everything, and of
    /// every service that is configured.
    pub(super) fn standing_groups(&self, owners: &ServiceOwners) -> BTreeSet<GroupKey> {
        if self.0.is_empty() {
            return [GroupKey::default()].into();
        }
        if self.has(Dimension::Severity) {
            return BTreeSet::new();
        }
        let configured = owners.services();
        configured
            .iter()
            .flat_map(|service| self.groups_of(std::slice::from_ref(service), None, owners))
            .collect()
    }
}

/// What a row is about; a dimension that is not asked for or not known is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    pub(super) service: Option<String>,
    pub(super) team: Option<String>,
    pub(super) severity: Option<String>,
}

impl GroupKey {
    pub(super) fn cells(&self) -> [(String, Cell); 3] {
        [("service", &self.service), ("team", &self.team), ("severity", &self.severity)]
            .map(|(name, text)| (name.to_owned(), Cell::Text(text.clone())))
    }
}

/// The periods of a report, clipped to its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Periods(Vec<(Timestamp, Timestamp)>);

impl Periods {
    pub(super) fn new(
        start: Timestamp,
        end: Timestamp,
        width: Option<Width>,
        zone: Option<&str>,
    ) -> Result<Periods, String> {
        if end <= start {
            return Err(format!("the time ends at {end}, not after its beginning at {start}"));
        }
        let Some(width) = width else { return Ok(Periods(vec![(start, end)])) };
        let buckets = Buckets::new(width, zone, None)?;
        let mut periods = Vec::new();
        let mut at = buckets.start_of(start.micros())?;
        while at < end.micros() {
            if periods.len() == ROWS_MAX {
                return Err(format!("more than {ROWS_MAX} periods: make them wider or the time shorter"));
            }
            let next = buckets.after(at)?;
            periods.push((Timestamp::from_micros(at).max(start), Timestamp::from_micros(next).min(end)));
            at = next;
        }
        Ok(Periods(periods))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        self.0.iter().copied()
    }

    /// # Errors
    /// When a row per period and group is more than [`ROWS_MAX`].
    pub(super) fn check_rows(&self, groups: usize) -> Result<(), String> {
        if self.0.len().saturating_mul(groups) > ROWS_MAX {
            return Err(format!(
                "{} periods of {groups} groups are more than {ROWS_MAX} rows: make the periods wider or the time shorter",
                self.0.len()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn periods_follow_the_calendar_and_are_clipped() {
        let (start, end) = (at("2026-01-15T00:00:00Z"), at("2026-03-02T00:00:00Z"));
        let months = Periods::new(start, end, Some(Width::Months(1)), Some("Europe/Berlin")).unwrap();
        let starts: Vec<String> = months.iter().map(|(from, _)| from.to_string()).collect();
        assert_eq!(starts, ["2026-01-15T00:00:00Z", "2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z"]);
        assert_eq!(months.iter().last().unwrap().1, end);
        assert_eq!(Periods::new(start, end, None, None).unwrap().iter().count(), 1);
        assert!(Periods::new(end, start, None, None).is_err());
        assert!(months.check_rows(ROWS_MAX).is_err());
    }

    #[test]
    fn what_concerns_two_services_of_a_team_is_in_the_team_once() {
        let owners = ServiceOwners::default();
        owners.publish(
            [("checkout", Some("shop")), ("cart", Some("shop"))]
                .map(|(service, team)| (service.to_owned(), team.map(str::to_owned)))
                .into(),
        );
        let services = ["checkout".to_owned(), "cart".to_owned()];
        let groups = |by: &str| {
            let by = By::parse(by, &[Dimension::Service, Dimension::Team, Dimension::Severity]).unwrap();
            by.groups_of(&services, Some("SEV1"), &owners).len()
        };
        assert_eq!(
            (groups("all"), groups("team"), groups("service"), groups("team, severity")),
            (1, 1, 2, 1)
        );
        assert_eq!(By::parse("service", &[Dimension::Service]).unwrap().standing_groups(&owners).len(), 2);
        assert!(By::parse("region", &[Dimension::Service]).is_err());
    }
}
