//! Incident metrics: how fast failures are detected, acknowledged and ended, and how much time they
//! cost.
//!
//! The cohort is the incidents that *started* in the period. Open ones are counted and never
//! averaged. Lengths are per incident; downtime is the union over incidents, clipped to the period,
//! and failures are its separate stretches. Terms follow ITIL; "MTTR" without a qualifier is
//! restore. The caller groups by service, team or severity before calling.

mod course;
mod history;

use std::time::Duration;

use serde::Serialize;
use telemetry::Timestamp;

use crate::decimal::Fraction;
use crate::statistics::{Length, Spans, mean};

use course::{Course, courses, downtime};
pub use history::{History, Standing, history};

/// A reopening within this time continues the same incident.
pub const REOPEN_GRACE_DEFAULT: Duration = Duration::from_secs(3_600);

/// An incident as recorded; `None` is not (yet) known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentRecord {
    /// First impact.
    pub started_at: Timestamp,
    /// First alert.
    pub detected_at: Option<Timestamp>,
    /// By a person.
    pub acknowledged_at: Option<Timestamp>,
    /// The component works again; recovery may go on.
    pub repaired_at: Option<Timestamp>,
    /// The service is normal again.
    pub restored_at: Option<Timestamp>,
    /// The cause is fixed.
    pub resolved_at: Option<Timestamp>,
    /// A duplicate or a false alarm: in the alerts' precision, not in the recovery times.
    pub is_false_alarm: bool,
    /// Oldest first.
    pub reopened: Vec<Reopening>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reopening {
    pub at: Timestamp,
    pub restored_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
}

/// The period `[from, to)` seen at `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
    pub now: Timestamp,
}

impl Period {
    /// What has happened of it yet.
    pub(crate) fn seen_until(&self) -> Timestamp {
        self.to.min(self.now)
    }

    /// Whether something at a time belongs to it and has happened.
    pub(crate) fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to && at <= self.now
    }
}

/// Recovery metrics of one group of incidents over one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recovery {
    /// Incidents in the cohort, false alarms left out.
    pub incidents: u64,
    pub open: u64,
    /// How long the oldest open one has been running.
    pub oldest_open_secs: Option<u64>,
    pub false_alarms: u64,
    /// Incidents that were real; NULL without any.
    pub precision: Option<f64>,
    /// MTTD: started to detected.
    pub detect: Spans,
    /// MTTA: detected to acknowledged by a person.
    pub acknowledge: Spans,
    /// Detected to restored.
    pub respond: Spans,
    /// Started to repaired.
    pub repair: Spans,
    /// MTTR (ITIL's MTRS): started to restored.
    pub restore: Spans,
    /// Started to resolved, with the pauses between resolving and reopening.
    pub resolve: Spans,
    /// The same without the pauses.
    pub resolve_active: Spans,
    /// Union of the incidents' downtime within the period.
    pub downtime_secs: f64,
    /// Uptime over elapsed time; NULL when nothing has elapsed.
    pub availability: Option<f64>,
    /// Separate stretches of downtime.
    pub failures: u64,
    /// Mean of restored to the next failure; NULL with fewer than two such gaps.
    pub mtbf_secs: Option<f64>,
    /// Mean of failure start to failure start; NULL with fewer than two.
    pub mtbsi_secs: Option<f64>,
    /// The other school's MTBF: uptime over failures; NULL without failures.
    pub uptime_per_failure_secs: Option<f64>,
}

/// Computes everything; `grace` is the longest pause after which a reopening is the same incident.
pub fn recovery(records: &[IncidentRecord], period: Period, grace: Duration) -> Recovery {
    let (real, false_alarms): (Vec<_>, Vec<_>) = records.iter().partition(|record| !record.is_false_alarm);
    let all: Vec<Course> = real.iter().flat_map(|record| courses(record, grace)).collect();
    let cohort: Vec<&Course> = all.iter().filter(|course| period.holds(course.started_at)).collect();
    let false_alarms = false_alarms.iter().filter(|record| period.holds(record.started_at)).count() as u64;
    let incidents = cohort.len() as u64;
    let open = cohort.iter().filter(|course| course.is_open());

    let spans = |from: fn(&Course) -> Option<Timestamp>, to: fn(&Course) -> Option<Timestamp>| {
        Spans::of(cohort.iter().map(|course| match (from(course), to(course)) {
            (Some(from), Some(to)) => Length::Micros(to.micros().saturating_sub(from.micros())),
            (Some(_), None) if course.is_open() => Length::Open,
            _ => Length::Missing,
        }))
    };
    let started = |course: &Course| Some(course.started_at);
    let failures = downtime(&all, period);
    let down_micros: i64 = failures.iter().map(|(from, to)| to.micros() - from.micros()).sum();
    let elapsed_micros = period.seen_until().since(period.from).as_micros() as i64;
    let up_micros = elapsed_micros - down_micros;
    let between = |length: fn(&[(Timestamp, Timestamp)]) -> i64| {
        let gaps: Vec<i64> = failures.windows(2).map(length).collect();
        (gaps.len() >= 2).then(|| mean(&gaps)).flatten()
    };
    Recovery {
        incidents,
        open: open.clone().count() as u64,
        oldest_open_secs: open.map(|course| period.now.since(course.started_at).as_secs()).max(),
        false_alarms,
        precision: (incidents + false_alarms > 0)
            .then(|| Fraction::new(incidents.into(), (incidents + false_alarms).into()).to_f64()),
        detect: spans(started, |course| course.detected_at),
        acknowledge: spans(|course| course.detected_at, |course| course.acknowledged_at),
        respond: spans(|course| course.detected_at, |course| course.restored_at),
        repair: spans(started, |course| course.repaired_at),
        restore: spans(started, |course| course.restored_at),
        resolve: spans(started, |course| course.resolved_at),
        resolve_active: Spans::of(cohort.iter().map(|course| match course.resolved_at {
            Some(_) => Length::Micros(course.active_micros),
            None if course.is_open() => Length::Open,
            None => Length::Missing,
        })),
        downtime_secs: down_micros as f64 / 1e6,
        availability: (elapsed_micros > 0)
            .then(|| Fraction::new(up_micros.into(), elapsed_micros.into()).to_f64()),
        failures: failures.len() as u64,
        mtbf_secs: between(|pair| pair[1].0.micros() - pair[0].1.micros()),
        mtbsi_secs: between(|pair| pair[1].0.micros() - pair[0].0.micros()),
        uptime_per_failure_secs: (!failures.is_empty())
            .then(|| up_micros as f64 / 1e6 / failures.len() as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(at: i64) -> Timestamp {
        Timestamp::from_secs(at)
    }

    fn period() -> Period {
        Period { from: secs(0), to: secs(1000), now: secs(1000) }
    }

    #[test]
    fn no_incidents_is_full_availability_and_no_means() {
        let metrics = recovery(&[], period(), REOPEN_GRACE_DEFAULT);
        assert_eq!(metrics.availability, Some(1.0));
        assert_eq!((metrics.restore.mean_secs, metrics.mtbf_secs, metrics.precision), (None, None, None));
        let unborn = Period { now: secs(-5), ..period() };
        assert_eq!(recovery(&[], unborn, REOPEN_GRACE_DEFAULT).availability, None);
    }

    #[test]
    fn downtime_is_clipped_and_lengths_are_not() {
        let record =
            IncidentRecord { started_at: secs(900), restored_at: Some(secs(1100)), ..Default::default() };
        let seen = Period { now: secs(2000), ..period() };
        let metrics = recovery(std::slice::from_ref(&record), seen, REOPEN_GRACE_DEFAULT);
        assert_eq!((metrics.downtime_secs, metrics.restore.mean_secs), (100.0, Some(200.0)));
        let before =
            IncidentRecord { started_at: secs(-50), restored_at: Some(secs(50)), ..Default::default() };
        let metrics = recovery(&[before], seen, REOPEN_GRACE_DEFAULT);
        assert_eq!((metrics.incidents, metrics.downtime_secs), (0, 50.0));
    }

    #[test]
    fn what_fails_again_within_the_grace_is_one_failure() {
        let again = Reopening { at: secs(300), restored_at: Some(secs(500)), resolved_at: Some(secs(600)) };
        let record = IncidentRecord {
            started_at: secs(100),
            restored_at: Some(secs(200)),
            reopened: vec![again],
            ..Default::default()
        };
        let metrics = recovery(std::slice::from_ref(&record), period(), Duration::from_secs(100));
        assert_eq!((metrics.restore.n, metrics.restore.mean_secs), (1, Some(400.0)));
        assert_eq!((metrics.resolve.mean_secs, metrics.resolve_active.mean_secs), (Some(500.0), Some(400.0)));
        assert_eq!((metrics.failures, metrics.downtime_secs), (1, 400.0));
        let apart = recovery(&[record], period(), Duration::from_secs(99));
        assert_eq!((apart.restore.n, apart.restore.mean_secs), (2, Some(150.0)));
        assert_eq!((apart.failures, apart.downtime_secs), (2, 300.0));
    }

    #[test]
    fn false_alarms_count_against_precision_only() {
        let real = IncidentRecord { started_at: secs(1), restored_at: Some(secs(2)), ..Default::default() };
        let alarm = IncidentRecord { is_false_alarm: true, restored_at: Some(secs(900)), ..real.clone() };
        let metrics = recovery(&[real, alarm], period(), REOPEN_GRACE_DEFAULT);
        assert_eq!((metrics.precision, metrics.restore.n, metrics.downtime_secs), (Some(0.5), 1, 1.0));
    }

    #[test]
    fn spans_that_end_before_they_begin_are_counted_apart() {
        let record = IncidentRecord {
            started_at: secs(10),
            detected_at: Some(secs(5)),
            restored_at: Some(secs(20)),
            ..Default::default()
        };
        let metrics = recovery(&[record], period(), REOPEN_GRACE_DEFAULT);
        assert_eq!((metrics.detect.n, metrics.detect.negative, metrics.detect.mean_secs), (0, 1, None));
    }
}
