//! Whom incidents hurt, added up: time, users, user minutes and requests.
//!
//! Pure. What nobody knows of an incident is left out of a sum and counted beside it; a sum of nothing
//! known is `None`, never zero. Users of several incidents may be the same people: their sum is how many
//! times somebody was hurt.

/// What one incident cost; what is not known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct IncidentCost {
    /// `None` while it goes on.
    pub minutes: Option<f64>,
    pub users: Option<f64>,
    pub user_minutes: Option<f64>,
    pub requests: Option<f64>,
    /// The requests are what an objective saw, the least it can have been; nobody reported them.
    pub is_measured: bool,
}

/// A sum over the incidents of which something is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known {
    /// `None` when nothing is known of any.
    pub total: Option<f64>,
    /// Incidents of which it is not known.
    pub unknown: u64,
}

impl Known {
    fn of(values: impl Iterator<Item = Option<f64>>) -> Known {
        values.fold(Known::default(), |sum, value| match value {
            Some(value) => Known { total: Some(sum.total.unwrap_or_default() + value), ..sum },
            None => Known { unknown: sum.unknown + 1, ..sum },
        })
    }
}

/// What the incidents of one group cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impact {
    pub incidents: u64,
    /// Unknown of those that go on.
    pub minutes: Known,
    pub users: Known,
    pub user_minutes: Known,
    pub requests: Known,
    /// Incidents whose requests an objective counted.
    pub requests_measured: u64,
}

/// Adds up what incidents cost.
pub fn impact(incidents: &[IncidentCost]) -> Impact {
    let sum = |read: fn(&IncidentCost) -> Option<f64>| Known::of(incidents.iter().map(read));
    Impact {
        incidents: incidents.len() as u64,
        minutes: sum(|cost| cost.minutes),
        users: sum(|cost| cost.users),
        user_minutes: sum(|cost| cost.user_minutes),
        requests: sum(|cost| cost.requests),
        requests_measured: incidents.iter().filter(|cost| cost.is_measured).count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_counted_and_not_zero() {
        assert_eq!(impact(&[]), Impact::default());
        let open = IncidentCost { users: Some(3.0), ..IncidentCost::default() };
        let over = IncidentCost {
            minutes: Some(2.0),
            requests: Some(7.0),
            is_measured: true,
            ..IncidentCost::default()
        };
        let both = impact(&[open, over]);
        let known = |total, unknown| Known { total, unknown };
        assert_eq!((both.incidents, both.requests_measured), (2, 1));
        assert_eq!((both.minutes, both.users), (known(Some(2.0), 1), known(Some(3.0), 1)));
        assert_eq!((both.user_minutes, both.requests), (known(None, 2), known(Some(7.0), 1)));
    }
}
