//! The `timeWindow` of an SLO document.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use telemetry::time::format_duration;

use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, Calendar, SloSpec, TimeWindow};
use crate::openslo::shorthand::{Shorthand, Unit};
use crate::window::{PeriodUnit, Window};

/// What a document without `timeWindow` gets in lenient mode.
const WINDOW_DEFAULT: Duration = Duration::from_secs(28 * 86_400);
/// Shorter rolling windows are taken for a mistaken unit.
const WINDOW_USUAL_MIN: Duration = Duration::from_secs(3_600);

/// The window that alerts, and the ones that are only reported: further entries of `timeWindow`, then
/// `annotated`. `None` after the defects are put down.
pub(super) fn windows(
    spec: &SloSpec,
    document_line: u64,
    slice: Duration,
    annotated: &[At<Shorthand>],
    findings: &mut Findings<'_>,
) -> Option<(Window, Vec<Window>)> {
    let mut windows = Vec::new();
    let mut is_sound = true;
    match &spec.time_window {
        None => {
            findings.unofficial(document_line, "`timeWindow` is missing; read as 28d rolling");
            windows.push(Window::Rolling { text: "28d".to_owned(), length: WINDOW_DEFAULT });
        }
        Some(written) => {
            match written.value.len() {
                0 => {
                    findings.error(written.line, "an SLO needs a timeWindow, this list is empty");
                    return None;
                }
                1 => {}
                count => {
                    let message = format!(
                        "an SLO has one timeWindow in OpenSLO v1, not {count}; the first one alerts, the others are reported"
                    );
                    findings.unofficial(written.line, message);
                }
            }
            for entry in &written.value {
                let read = window(entry, slice, findings);
                is_sound &= read.is_some();
                windows.extend(read);
            }
        }
    }
    for duration in annotated {
        let read = rolling(duration, slice, findings);
        is_sound &= read.is_some();
        windows.extend(read);
    }
    let is_same = |a: &Window, b: &Window| a.text() == b.text() && a.is_rolling() == b.is_rolling();
    let again = windows.iter().enumerate().find(|(index, a)| windows[..*index].iter().any(|b| is_same(a, b)));
    if let Some((_, window)) = again {
        let line = annotated.first().map_or(document_line, |at| at.line);
        findings.error(line, format!("the window {} is there twice", window.text()));
        return None;
    }
    let mut windows = windows.into_iter();
    let first = windows.next().filter(|_| is_sound)?;
    Some((first, windows.collect()))
}

fn rolling(duration: &At<Shorthand>, slice: Duration, findings: &mut Findings<'_>) -> Option<Window> {
    let length = duration.value.duration();
    is_long_enough(duration, slice, findings)
        .then(|| Window::Rolling { text: duration.value.to_string(), length })
}

fn is_long_enough(duration: &At<Shorthand>, slice: Duration, findings: &mut Findings<'_>) -> bool {
    let is_enough = duration.value.duration() >= 2 * slice;
    if !is_enough {
        let message = format!(
            "the window {} is shorter than two base slices of {}",
            duration.value,
            format_duration(slice)
        );
        findings.error(duration.line, message);
    }
    is_enough
}

fn window(written: &At<TimeWindow>, slice: Duration, findings: &mut Findings<'_>) -> Option<Window> {
    let TimeWindow { duration, is_rolling, calendar } = &written.value;
    let length = duration.value.duration();
    if !is_long_enough(duration, slice, findings) {
        return None;
    }
    match (is_rolling.as_ref().map(|at| at.value), calendar) {
        (Some(true), Some(calendar)) => {
            findings.error(
                calendar.line,
                "a rolling window has no calendar: leave `calendar` out, or set `isRolling: false` for periods of the calendar",
            );
            None
        }
        (Some(false), None) => {
            findings.error(
                written.line,
                "a window that is not rolling needs `calendar` with startTime and timeZone",
            );
            None
        }
        (Some(false) | None, Some(calendar)) => {
            let unit = match duration.value.unit {
                Unit::Day => PeriodUnit::Day,
                Unit::Week => PeriodUnit::Week,
                Unit::Month => PeriodUnit::Month,
                Unit::Quarter => PeriodUnit::Quarter,
                Unit::Year => PeriodUnit::Year,
                Unit::Minute | Unit::Hour => {
                    let message = format!(
                        "a calendar window of {} is not possible; calendars count d, w, M, Q and Y (m is minutes, M is months)",
                        duration.value
                    );
                    findings.error(duration.line, message);
                    return None;
                }
            };
            let Calendar { start_time, time_zone } = &calendar.value;
            let anchor = required("startTime", start_time, calendar.line, findings)
                .and_then(|written| anchor(written, findings));
            let zone = required("timeZone", time_zone, calendar.line, findings)
                .and_then(|written| zone(written, findings));
            Some(Window::Calendar {
                text: duration.value.to_string(),
                count: duration.value.count,
                unit,
                anchor: anchor?,
                zone: zone?,
            })
        }
        (rolling, None) => {
            if rolling.is_none() {
                findings.unofficial(written.line, "`isRolling` is missing; read as true");
            }
            if length < WINDOW_USUAL_MIN {
                let message = format!(
                    "a rolling window of {} is {} long: m is minutes, M is months",
                    duration.value,
                    format_duration(length)
                );
                findings.warning(duration.line, message);
            }
            Some(Window::Rolling { text: duration.value.to_string(), length })
        }
    }
}

fn required<'t>(
    key: &str,
    written: &'t Option<At<String>>,
    line: u64,
    findings: &mut Findings<'_>,
) -> Option<&'t At<String>> {
    if written.is_none() {
        let message = format!(
            "`{key}` is missing: a calendar has `startTime` (2026-01-31 00:00:00) and `timeZone` (Europe/Berlin)"
        );
        findings.error(line, message);
    }
    written.as_ref()
}

fn anchor(written: &At<String>, findings: &mut Findings<'_>) -> Option<DateTime> {
    let parsed = DateTime::strptime("%Y-%m-%d %H:%M:%S", &written.value);
    if parsed.is_err() {
        findings.error(
            written.line,
            format!("startTime `{}` is not a date such as 2026-01-31 00:00:00", written.value),
        );
    }
    parsed.ok()
}

fn zone(written: &At<String>, findings: &mut Findings<'_>) -> Option<TimeZone> {
    let zone = TimeZone::get(&written.value);
    if zone.is_err() {
        findings.error(
            written.line,
            format!("timeZone `{}` is not an IANA zone such as Europe/Berlin", written.value),
        );
    }
    zone.ok()
}
