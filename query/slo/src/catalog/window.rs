//! The `timeWindow` of an SLO document.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use telemetry::time::format_duration;

use crate::openslo::findings::Findings;
use crate::openslo::kinds::{At, SloSpec, TimeWindow};
use crate::openslo::shorthand::Unit;
use crate::window::{PeriodUnit, Window};

/// What a document without `timeWindow` gets in lenient mode.
const WINDOW_DEFAULT: Duration = Duration::from_secs(28 * 86_400);
/// Shorter rolling windows are taken for a mistaken unit.
const WINDOW_USUAL_MIN: Duration = Duration::from_secs(3_600);

/// `None` after the defects are put down.
pub(super) fn window(
    spec: &SloSpec,
    document_line: u64,
    slice: Duration,
    findings: &mut Findings<'_>,
) -> Option<Window> {
    let Some(windows) = &spec.time_window else {
        findings.unofficial(document_line, "`timeWindow` is missing; read as 28d rolling");
        return Some(Window::Rolling { text: "28d".to_owned(), length: WINDOW_DEFAULT });
    };
    let [written] = windows.value.as_slice() else {
        findings.error(windows.line, format!("an SLO has one timeWindow, not {}", windows.value.len()));
        return None;
    };
    let TimeWindow { duration, is_rolling, calendar } = &written.value;
    let length = duration.value.duration();
    if length < 2 * slice {
        let message = format!(
            "the window {} is shorter than two base slices of {}",
            duration.value,
            format_duration(slice)
        );
        findings.error(duration.line, message);
        return None;
    }
    match (is_rolling.as_ref().map(|at| at.value), calendar) {
        (Some(true), Some(calendar)) => {
            findings.error(
                calendar.line,
                "a rolling window has no calendar; set `isRolling: false` or leave `calendar` out",
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
            let anchor = anchor(&calendar.value.start_time, findings);
            let zone = zone(&calendar.value.time_zone, findings);
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
