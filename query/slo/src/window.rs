//! Compliance windows: rolling, and calendar periods in an IANA zone.
//!
//! Both are half-open `(start, end]` and end at the watermark of the data, never at the wall clock.
//! The k-th calendar boundary is the anchor plus k periods, added in one step, so that the 31st
//! comes back after February. A boundary that a clock change skips is the first instant after the
//! change; one that happens twice is the first of the two.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use telemetry::Timestamp;
use telemetry::time::instant_in;

use crate::error::SloError;

/// Unit of a calendar period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodUnit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// The compliance window of an SLO.
#[derive(Clone, Debug)]
pub enum Window {
    Rolling {
        /// As written: `30d`.
        text: String,
        length: Duration,
    },
    Calendar {
        /// As written: `1M`.
        text: String,
        count: u32,
        unit: PeriodUnit,
        /// Local time of the first boundary.
        anchor: DateTime,
        zone: TimeZone,
    },
}

/// A window at one watermark: `(start, end]`, part of the period `(start, period_end]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpan {
    pub start: Timestamp,
    /// The watermark.
    pub end: Timestamp,
    /// `end` for a rolling window; the next boundary for a calendar window.
    pub period_end: Timestamp,
}

impl WindowSpan {
    /// Length of the whole period.
    pub fn period(&self) -> Duration {
        self.period_end.since(self.start)
    }

    pub fn elapsed(&self) -> Duration {
        self.end.since(self.start)
    }
}

impl Window {
    pub fn rolling(length: Duration) -> Window {
        Window::Rolling { text: telemetry::time::format_duration(length), length }
    }

    /// As written in the document: `30d`, `1M`.
    pub fn text(&self) -> &str {
        match self {
            Window::Rolling { text, .. } | Window::Calendar { text, .. } => text,
        }
    }

    pub fn is_rolling(&self) -> bool {
        matches!(self, Window::Rolling { .. })
    }

    /// The length to compute burn tiers and pace with: a month is 30 days, a quarter 90, a year 365.
    pub fn nominal(&self) -> Duration {
        match self {
            Window::Rolling { length, .. } => *length,
            Window::Calendar { count, unit, .. } => {
                let days = match unit {
                    PeriodUnit::Day => 1,
                    PeriodUnit::Week => 7,
                    PeriodUnit::Month => 30,
                    PeriodUnit::Quarter => 90,
                    PeriodUnit::Year => 365,
                };
                Duration::from_secs(86_400 * days * u64::from(*count))
            }
        }
    }

    /// The window that ends at `watermark`. A watermark on a boundary completes the old period.
    pub fn span_at(&self, watermark: Timestamp) -> Result<WindowSpan, SloError> {
        match self {
            Window::Rolling { length, .. } => {
                Ok(WindowSpan { start: watermark.minus(*length), end: watermark, period_end: watermark })
            }
            Window::Calendar { .. } => {
                let outside = || SloError::OutsideCalendar { at: watermark };
                let anchor = self.boundary(0).ok_or_else(outside)?;
                let nominal_micros = self.nominal().as_micros() as i64;
                // A guess that is at most a few periods off, then corrected.
                let distance = watermark.micros().checked_sub(anchor.micros()).ok_or_else(outside)?;
                let mut k = distance.div_euclid(nominal_micros);
                let mut start = self.boundary(k).ok_or_else(outside)?;
                while start >= watermark {
                    k -= 1;
                    start = self.boundary(k).ok_or_else(outside)?;
                }
                let mut period_end = self.boundary(k + 1).ok_or_else(outside)?;
                while period_end < watermark {
                    k += 1;
                    start = period_end;
                    period_end = self.boundary(k + 1).ok_or_else(outside)?;
                }
                Ok(WindowSpan { start, end: watermark, period_end })
            }
        }
    }

    /// The k-th boundary of a calendar window, `None` for rolling ones and outside of the calendar.
    pub fn boundary(&self, k: i64) -> Option<Timestamp> {
        let Window::Calendar { count, unit, anchor, zone, .. } = self else { return None };
        let steps = k.checked_mul(i64::from(*count))?;
        let span = period_span(*unit, steps)?;
        instant_in(anchor.checked_add(span).ok()?, zone)
    }
}

fn period_span(unit: PeriodUnit, steps: i64) -> Option<Span> {
    let zero = 0.days();
    match unit {
        PeriodUnit::Day => zero.try_days(steps),
        PeriodUnit::Week => zero.try_weeks(steps),
        PeriodUnit::Month => zero.try_months(steps),
        PeriodUnit::Quarter => zero.try_months(steps.checked_mul(3)?),
        PeriodUnit::Year => zero.try_years(steps),
    }
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(text: &str, unit: PeriodUnit, anchor: &str, zone: &str) -> Window {
        Window::Calendar {
            text: text.into(),
            count: 1,
            unit,
            anchor: anchor.parse().unwrap(),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_watermark_on_a_boundary_completes_the_old_period() {
        let window = calendar("1M", PeriodUnit::Month, "2026-01-01T00:00:00", "UTC");
        let span = window.span_at(at("2026-03-01T00:00:00Z")).unwrap();
        assert_eq!((span.start, span.period_end), (at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z")));
        let span = window.span_at(at("2026-03-01T00:00:30Z")).unwrap();
        assert_eq!((span.start, span.period_end), (at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")));
    }

    #[test]
    fn periods_reach_back_before_the_anchor() {
        let window = calendar("1w", PeriodUnit::Week, "2026-01-05T00:00:00", "Europe/Berlin");
        let span = window.span_at(at("2025-12-31T12:00:00Z")).unwrap();
        assert_eq!(span.start, at("2025-12-28T23:00:00Z"));
    }

    #[test]
    fn skipped_and_repeated_local_times() {
        let new_york = |anchor: &str| {
            calendar("1d", PeriodUnit::Day, anchor, "America/New_York").boundary(0).unwrap().to_string()
        };
        // 02:30 did not exist on 8 March: the first valid instant is 03:00 EDT.
        assert_eq!(new_york("2026-03-08T02:30:00"), "2026-03-08T07:00:00Z");
        // 01:30 happened twice on 1 November: the first is EDT.
        assert_eq!(new_york("2026-11-01T01:30:00"), "2026-11-01T05:30:00Z");
    }

    #[test]
    fn the_ends_of_the_calendar_are_errors() {
        let window = calendar("1Q", PeriodUnit::Quarter, "2026-01-01T00:00:00", "UTC");
        assert!(window.span_at(Timestamp::MAX).is_err());
        assert!(window.span_at(Timestamp::MIN).is_err());
    }

    #[test]
    fn rolling_windows_saturate() {
        let span = Window::rolling(Duration::from_secs(60)).span_at(Timestamp::MIN).unwrap();
        assert_eq!(span.elapsed(), Duration::ZERO);
    }
}
