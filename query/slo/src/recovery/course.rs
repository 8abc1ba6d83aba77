//! The course of one incident once its reopenings are sorted out, and the downtime of several.

use std::time::Duration;

use telemetry::Timestamp;

use super::{IncidentRecord, Period};

/// An incident once reopenings are sorted out.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) started_at: Timestamp,
    pub(super) detected_at: Option<Timestamp>,
    pub(super) acknowledged_at: Option<Timestamp>,
    pub(super) repaired_at: Option<Timestamp>,
    pub(super) restored_at: Option<Timestamp>,
    pub(super) resolved_at: Option<Timestamp>,
    pub(super) active_micros: i64,
}

impl Course {
    /// Neither the service nor the incident came to an end.
    pub(super) fn is_open(&self) -> bool {
        self.restored_at.is_none() && self.resolved_at.is_none()
    }

    /// Until when the service was down.
    fn down_until(&self) -> Option<Timestamp> {
        self.restored_at.or(self.resolved_at)
    }
}

pub(super) fn courses(record: &IncidentRecord, grace: Duration) -> Vec<Course> {
    let length =
        |from: Timestamp, to: Option<Timestamp>| to.map_or(0, |to| to.micros().saturating_sub(from.micros()));
    let mut courses = vec![Course {
        started_at: record.started_at,
        detected_at: record.detected_at,
        acknowledged_at: record.acknowledged_at,
        repaired_at: record.repaired_at,
        restored_at: record.restored_at,
        resolved_at: record.resolved_at,
        active_micros: length(record.started_at, record.resolved_at.or(record.restored_at)),
    }];
    for reopening in &record.reopened {
        let end = reopening.resolved_at.or(reopening.restored_at);
        let active_micros = length(reopening.at, end);
        let last = courses.len() - 1;
        let current = &mut courses[last];
        let over = current.resolved_at.or(current.restored_at);
        let pause = over.map(|over| reopening.at.since(over));
        if pause.is_none_or(|pause| pause <= grace) {
            let restored_at = reopening.restored_at.or(reopening.resolved_at);
            current.restored_at = current.restored_at.and(restored_at);
            current.resolved_at = reopening.resolved_at;
            current.active_micros = current.active_micros.saturating_add(active_micros);
        } else {
            courses.push(Course {
                started_at: reopening.at,
                detected_at: None,
                acknowledged_at: None,
                repaired_at: None,
                restored_at: reopening.restored_at,
                resolved_at: reopening.resolved_at,
                active_micros,
            });
        }
    }
    courses
}

/// The union of the downtimes within the period, oldest first.
pub(super) fn downtime(courses: &[Course], period: Period) -> Vec<(Timestamp, Timestamp)> {
    let end = period.seen_until();
    let mut stretches: Vec<(Timestamp, Timestamp)> = courses
        .iter()
        .map(|course| (course.started_at.max(period.from), course.down_until().unwrap_or(end).min(end)))
        .filter(|(from, to)| from < to)
        .collect();
    stretches.sort_unstable();
    let mut union: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, to) in stretches {
        match union.last_mut().filter(|last| from <= last.1) {
            Some(last) => last.1 = last.1.max(to),
            None => union.push((from, to)),
        }
    }
    union
}
