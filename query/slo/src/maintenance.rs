//! Maintenance as it is written in configuration: once, or again and again.

use std::time::Duration;

use telemetry::{Recurrence, RecurrenceError, Timestamp};

use crate::objective::ExclusionEffect;

/// Time that is planned for work, and does not count for what it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    pub name: String,
    pub title: String,
    /// Why.
    pub reason: Option<String>,
    /// Its objectives are concerned.
    pub services: Vec<String>,
    /// SLOs by name that are concerned, beside those of the services.
    pub slos: Vec<String>,
    /// The SLO's own when it is not said.
    pub effect: Option<ExclusionEffect>,
    /// The first time, or the only one.
    pub from: Timestamp,
    pub length: Duration,
    pub repeats: Option<Repeats>,
    /// The file.
    pub origin: String,
}

/// When it comes again: see [`Recurrence::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    pub rule: String,
    pub timezone: String,
}

impl Repeats {
    /// The times of `length` that overlap `[from, to)`, at most `most` of them, oldest first.
    ///
    /// # Errors
    /// As [`Recurrence::parse`].
    pub fn times(
        &self,
        first: Timestamp,
        length: Duration,
        (from, to): (Timestamp, Timestamp),
        most: usize,
    ) -> Result<Vec<(Timestamp, Timestamp)>, RecurrenceError> {
        let recurrence = Recurrence::parse(&self.rule, first, &self.timezone)?;
        let starts = recurrence.starts(from.minus(length), to);
        Ok(starts.map(|start| (start, start.plus(length))).take(most).collect())
    }
}
