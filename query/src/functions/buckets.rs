//! Where a bucket of time begins: fixed widths, and days, weeks and months of a time zone.
//!
//! Buckets are counted on the clock of the wall from an origin: Monday 2000-01-03 for days and
//! shorter, 2000-01-01 for months. A day on which the clock changes is 23 or 25 hours long, and an
//! hour that happens twice is two buckets of an hour.

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use jiff::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// How wide buckets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Months(i64),
    Days(i64),
    Micros(i64),
}

/// A cut of the time line into buckets.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    width: Width,
    zone: TimeZone,
    origin: DateTime,
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
const OUT_OF_RANGE: &str = "the time is outside of the years -9999 to 9999";

impl Width {
    /// Months, days and the rest do not mix: how many days a month has depends.
    pub(super) fn of(interval: IntervalMonthDayNano) -> Result<Width, String> {
        let micros = interval.nanoseconds / 1_000;
        match (interval.months, interval.days, micros) {
            (months, 0, 0) if months > 0 => Ok(Width::Months(i64::from(months))),
            (0, days, 0) if days > 0 => Ok(Width::Days(i64::from(days))),
            (0, 0, micros) if micros > 0 => Ok(Width::Micros(micros)),
            (0, 0, 0) => Err("the width must be at least a microsecond".to_owned()),
            _ => Err("the width must be positive, and of months, of days (or weeks), or of hours and less, \
                      not a mixture"
                .to_owned()),
        }
    }
}

impl Buckets {
    /// `zone` by its IANA name, UTC without; `origin` in Unix microseconds.
    pub(super) fn new(width: Width, zone: Option<&str>, origin: Option<i64>) -> Result<Buckets, String> {
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_unknown| {
                format!("unknown time zone {name:?}: use an IANA name such as Europe/Berlin")
            })?,
        };
        let origin = match (origin, width) {
            (Some(micros), _) => on_the_wall(&zone, micros)?,
            (None, Width::Months(_)) => DateTime::constant(2000, 1, 1, 0, 0, 0, 0),
            (None, _) => DateTime::constant(2000, 1, 3, 0, 0, 0, 0),
        };
        Ok(Buckets { width, zone, origin })
    }

    /// The start of the bucket that a time is in, both in Unix microseconds.
    pub(super) fn start_of(&self, micros: i64) -> Result<i64, String> {
        if let (Width::Micros(width), true) = (self.width, self.zone == TimeZone::UTC) {
            let origin = wall_micros(self.origin);
            return Ok((micros - origin).div_euclid(width) * width + origin);
        }
        let wall = on_the_wall(&self.zone, micros)?;
        let number = match self.width {
            Width::Micros(width) => (wall_micros(wall) - wall_micros(self.origin)).div_euclid(width),
            Width::Days(days) => {
                (wall_micros(wall) - wall_micros(self.origin)).div_euclid(days * MICROS_PER_DAY)
            }
            Width::Months(months) => self.months_since_origin(wall).div_euclid(months),
        };
        self.instant(self.nth(number)?, micros)
    }

    /// The start of the bucket after the one that begins at `start`.
    pub(super) fn after(&self, start: i64) -> Result<i64, String> {
        if let Width::Micros(width) = self.width {
            let next = self.start_of(start.saturating_add(width))?;
            if next > start {
                return Ok(next);
            }
            // The clock was set back within the bucket.
        }
        let next = on_the_wall(&self.zone, start)?.checked_add(self.span(1)?);
        self.instant(next.map_err(|_range| OUT_OF_RANGE.to_owned())?, i64::MAX)
    }

    fn months_since_origin(&self, wall: DateTime) -> i64 {
        let month_of = |time: DateTime| i64::from(time.year()) * 12 + i64::from(time.month());
        let months = month_of(wall) - month_of(self.origin);
        // Before the origin's day of the month, the month has not begun.
        let begun = self.origin.checked_add(Span::new().months(months)).is_ok_and(|start| start <= wall);
        if begun { months } else { months - 1 }
    }

    fn nth(&self, number: i64) -> Result<DateTime, String> {
        self.origin.checked_add(self.span(number)?).map_err(|_range| OUT_OF_RANGE.to_owned())
    }

    fn span(&self, buckets: i64) -> Result<Span, String> {
        let span = match self.width {
            Width::Months(months) => Span::new().try_months(months * buckets),
            Width::Days(days) => Span::new().try_days(days * buckets),
            Width::Micros(width) => Span::new().try_microseconds(width.saturating_mul(buckets)),
        };
        span.map_err(|_range| OUT_OF_RANGE.to_owned())
    }

    /// The instant of a time on the wall. Of an hour that happens twice a day has its first; a shorter
    /// bucket the last that is not after `until`. A time that never was is the end of the gap.
    fn instant(&self, wall: DateTime, until: i64) -> Result<i64, String> {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        let offset = ambiguous.offset();
        let out_of_range = |_range| OUT_OF_RANGE.to_owned();
        let first = ambiguous.earlier().map_err(out_of_range)?;
        match offset {
            AmbiguousOffset::Unambiguous { .. } => Ok(first.as_microsecond()),
            AmbiguousOffset::Gap { .. } => {
                let transition = self.zone.following(first).next();
                Ok(transition.map_or(first, |transition| transition.timestamp()).as_microsecond())
            }
            AmbiguousOffset::Fold { .. } => {
                let second = ambiguous.later().map_err(out_of_range)?.as_microsecond();
                let is_short = matches!(self.width, Width::Micros(_));
                Ok(if is_short && second <= until { second } else { first.as_microsecond() })
            }
        }
    }
}

fn on_the_wall(zone: &TimeZone, micros: i64) -> Result<DateTime, String> {
    let time = jiff::Timestamp::from_microsecond(micros).map_err(|_range| OUT_OF_RANGE.to_owned())?;
    Ok(zone.to_datetime(time))
}

/// A time on the wall as microseconds, as if it were UTC.
fn wall_micros(wall: DateTime) -> i64 {
    let days = wall.date().since(Date::constant(1970, 1, 1)).map_or(0, |span| i64::from(span.get_days()));
    let time = wall.time();
    let seconds = i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    days * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + i64::from(time.subsec_nanosecond()) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * MICROS_PER_SECOND;

    fn micros(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
    }

    /// The starts of the buckets from that of one time to another, in UTC.
    fn starts(width: Width, zone: &str, from: &str, to: &str) -> Vec<String> {
        let buckets = Buckets::new(width, Some(zone), None).unwrap();
        let mut start = buckets.start_of(micros(from)).unwrap();
        let mut found = Vec::new();
        while start < micros(to) {
            found.push(jiff::Timestamp::from_microsecond(start).unwrap().to_string());
            // Every minute of a bucket belongs to it.
            let next = buckets.after(start).unwrap();
            for inside in (start..next).step_by(60 * MICROS_PER_SECOND as usize) {
                assert_eq!(buckets.start_of(inside).unwrap(), start);
            }
            start = next;
        }
        found
    }

    #[test]
    fn days_have_the_length_that_the_zone_gives_them() {
        let found = starts(Width::Days(1), "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(found, ["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
        let found =
            starts(Width::Days(7), "America/New_York", "2026-11-01T12:00:00Z", "2026-11-10T00:00:00Z");
        assert_eq!(found, ["2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z", "2026-11-09T05:00:00Z"]);
        let found = starts(Width::Months(3), "Asia/Kolkata", "2026-02-01T00:00:00Z", "2026-07-01T00:00:00Z");
        assert_eq!(found, ["2025-12-31T18:30:00Z", "2026-03-31T18:30:00Z", "2026-06-30T18:30:00Z"]);
    }

    #[test]
    fn an_hour_that_happens_twice_is_two_buckets_and_a_missing_one_none() {
        let found =
            starts(Width::Micros(HOUR), "Europe/Berlin", "2026-10-25T00:10:00Z", "2026-10-25T03:00:00Z");
        assert_eq!(found, ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]);
        let found =
            starts(Width::Micros(2 * HOUR), "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T05:00:00Z");
        assert_eq!(
            found,
            ["2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", "2026-03-29T04:00:00Z"]
        );
        let found =
            starts(Width::Micros(6 * HOUR), "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T12:00:00Z");
        assert_eq!(found, ["2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z", "2026-10-25T11:00:00Z"]);
    }

    #[test]
    fn origins_shift_and_wrong_arguments_say_what_is_right() {
        let origin = Some(micros("2026-01-01T00:02:00Z"));
        let buckets = Buckets::new(Width::Micros(HOUR / 12), None, origin).unwrap();
        assert_eq!(buckets.start_of(micros("2026-01-01T00:01:00Z")).unwrap(), micros("2025-12-31T23:57:00Z"));
        let unknown = Buckets::new(Width::Days(1), Some("Mars/Base"), None).unwrap_err();
        assert_eq!(unknown, "unknown time zone \"Mars/Base\": use an IANA name such as Europe/Berlin");
        let mixed = IntervalMonthDayNano::new(1, 1, 0);
        assert!(Width::of(mixed).unwrap_err().contains("not a mixture"));
        assert_eq!(Width::of(IntervalMonthDayNano::new(0, 7, 0)), Ok(Width::Days(7)));
    }
}
