//! Hours of duty: a layer covers only part of the day or the week.
//!
//! A window begins at the first and ends at the last instant that the wall clock shows its edges,
//! so that a jump of the clock makes windows overlap and never leaves a gap between them.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use telemetry::Timestamp;

use super::rotation::{first_instant, last_instant, plus_days};

/// Every week, on some days, from one time of day to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// The days on which the window begins; empty means every day.
    pub days: Vec<Weekday>,
    pub from: Time,
    /// Not after `from` means: on the next day.
    pub to: Time,
}

impl Restriction {
    pub fn covers(&self, at: Timestamp, zone: &TimeZone) -> bool {
        self.windows_around(at, zone, 1).any(|(from, to)| from <= at && at < to)
    }

    /// The next beginning or end of a window.
    pub fn edge_after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        self.windows_around(at, zone, 8).flat_map(|(from, to)| [from, to]).filter(|edge| *edge > at).min()
    }

    /// The windows that begin between the day before and some days ahead.
    fn windows_around<'a>(
        &'a self,
        at: Timestamp,
        zone: &'a TimeZone,
        days_ahead: i64,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + 'a {
        let today = at.to_jiff().map(|at| zone.to_datetime(at).date());
        (-1..=days_ahead).filter_map(move |days| self.window_on(plus_days(today?, days)?, zone))
    }

    fn window_on(&self, date: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        if !self.days.is_empty() && !self.days.contains(&date.weekday()) {
            return None;
        }
        let end_date = if self.to <= self.from { plus_days(date, 1)? } else { date };
        Some((
            first_instant(date.to_datetime(self.from), zone)?,
            last_instant(end_date.to_datetime(self.to), zone)?,
        ))
    }
}

/// Reads `mon` or `monday`.
pub fn parse_weekday(text: &str) -> Option<Weekday> {
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let text = text.to_ascii_lowercase();
    days.into_iter().find(|(name, _)| text == *name || text == name[..3]).map(|(_, day)| day)
}
