//! Times that come again: an RFC 5545 rule over the clock on the wall.
//!
//! A rule such as `FREQ=WEEKLY;BYDAY=SU` is expanded in local time and each local time then looked up in
//! its IANA zone, so that two in the morning stays two in the morning when clocks change. A time that a
//! change skips is the first instant after it, one that happens twice the first of the two. Days are the
//! finest frequency and the starts of a year are bounded: rules come from outside.

use std::iter;

use jiff::civil::{DateTime, time};
use jiff::tz::TimeZone;
use rrule::RRuleSet;

use crate::Timestamp;
use crate::time::instant_in;

/// Starts of one rule in the year after its first: once an hour, and a bit.
pub const STARTS_PER_YEAR_MAX: usize = 10_000;
/// Longest text of a rule.
const RULE_BYTES_MAX: usize = 512;
const YEAR: std::time::Duration = std::time::Duration::from_secs(366 * 86_400);
const FREQUENCIES: [&str; 4] = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    #[error("{rule:?} is not a recurrence rule such as FREQ=WEEKLY;BYDAY=SU: {reason}")]
    NotRule { rule: String, reason: String },
    #[error("{0:?} is not an IANA time zone such as Europe/Berlin or UTC")]
    NoZone(String),
    #[error("{0:?} never happens after its start")]
    Never(String),
    #[error("{rule:?} happens more than {most} times a year")]
    TooOften { rule: String, most: usize },
}

/// A rule with its first local time and its zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    /// In local times, which it takes for UTC.
    local: RRuleSet,
    zone: TimeZone,
}

impl Recurrence {
    /// `rule` is the value of an RRULE; `start` is the earliest start, and its local time of day is that of
    /// all starts unless the rule says otherwise. UNTIL is a UTC time, or a local time or day of the zone.
    ///
    /// # Errors
    /// [`RecurrenceError`] for what is no rule, no zone, never happens, or happens too often.
    pub fn parse(rule: &str, start: Timestamp, zone: &str) -> Result<Recurrence, RecurrenceError> {
        let not_rule = |reason: String| RecurrenceError::NotRule { rule: shortened(rule), reason };
        let zone = TimeZone::get(zone).map_err(|_| RecurrenceError::NoZone(shortened(zone)))?;
        let start =
            start.to_jiff().ok_or_else(|| not_rule("its start is outside of the calendar".to_owned()))?;
        let start = zone.to_datetime(start);
        let text = rule_in_local_time(rule, &zone).map_err(not_rule)?;
        let text = format!("DTSTART:{}\nRRULE:{text}", as_utc(start));
        let local: RRuleSet = text.parse().map_err(|error: rrule::RRuleError| not_rule(error.to_string()))?;
        let recurrence = Recurrence { local: local.limit(), zone };
        let mut all = recurrence.all();
        let first = all.next().ok_or_else(|| RecurrenceError::Never(shortened(rule)))?;
        if all.take_while(|start| *start < first.plus(YEAR)).nth(STARTS_PER_YEAR_MAX - 1).is_some() {
            return Err(RecurrenceError::TooOften { rule: shortened(rule), most: STARTS_PER_YEAR_MAX });
        }
        Ok(recurrence)
    }

    /// The starts in `[from, to)`, in order.
    pub fn starts(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.all().take_while(move |start| *start < to).filter(move |start| *start >= from)
    }

    fn all(&self) -> impl Iterator<Item = Timestamp> {
        let mut local = (&self.local).into_iter();
        iter::from_fn(move || {
            let time = jiff::Timestamp::from_second(local.next()?.timestamp()).ok()?;
            instant_in(TimeZone::UTC.to_datetime(time), &self.zone)
        })
    }
}

/// The rule with its UNTIL as a local time, which is all that follows; an error says what is wrong.
fn rule_in_local_time(rule: &str, zone: &TimeZone) -> Result<String, String> {
    let rule = rule.trim().to_ascii_uppercase();
    let rule = rule.strip_prefix("RRULE:").unwrap_or(&rule);
    if rule.len() > RULE_BYTES_MAX {
        return Err(format!("it is longer than {RULE_BYTES_MAX} bytes"));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '=' | ';' | ',' | '+' | '-');
    if let Some(other) = rule.chars().find(|c| !is_allowed(*c)) {
        return Err(format!("it holds {other:?}"));
    }
    let mut frequency = None;
    let mut parts = Vec::new();
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("FREQ", value)) if !FREQUENCIES.contains(&value) => {
                return Err(format!("FREQ is {value}, one of {} is possible", FREQUENCIES.join(", ")));
            }
            Some(("UNTIL", value)) => parts.push(format!("UNTIL={}", as_utc(until(value, zone)?))),
            Some((name, _)) => {
                frequency = frequency.or((name == "FREQ").then_some(()));
                parts.push(part.to_owned());
            }
            None => return Err(format!("{part:?} is no NAME=VALUE")),
        }
    }
    frequency.ok_or("FREQ is missing")?;
    Ok(parts.join(";"))
}

fn until(value: &str, zone: &TimeZone) -> Result<DateTime, String> {
    let local = |text: &str| DateTime::strptime("%Y%m%dT%H%M%S", text).ok();
    let found = match value.strip_suffix('Z') {
        Some(utc) => local(utc).and_then(|utc| Some(zone.to_datetime(TimeZone::UTC.to_timestamp(utc).ok()?))),
        None => local(value).or_else(|| {
            // A day: all of it.
            let day = jiff::civil::Date::strptime("%Y%m%d", value).ok()?;
            Some(day.to_datetime(time(23, 59, 59, 0)))
        }),
    };
    found.ok_or_else(|| format!("UNTIL is {value}, a time such as 20270131T030000Z is possible"))
}

fn as_utc(local: DateTime) -> String {
    local.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// For messages.
fn shortened(text: &str) -> String {
    text.chars().take(RULE_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn starts(rule: &str, start: &str, zone: &str, [from, to]: [&str; 2]) -> Vec<String> {
        let recurrence = Recurrence::parse(rule, at(start), zone).unwrap();
        recurrence.starts(at(from), at(to)).map(|start| start.to_string()).collect()
    }

    #[test]
    fn a_weekly_night_stays_at_its_hour_when_clocks_change() {
        let berlin = starts(
            "FREQ=WEEKLY;BYDAY=SU",
            "2026-01-04T01:00:00Z",
            "Europe/Berlin",
            ["2026-03-20T00:00:00Z", "2026-04-06T00:00:00Z"],
        );
        // On 29 March two o'clock is skipped: the first instant after the change is three, CEST.
        assert_eq!(berlin, ["2026-03-22T01:00:00Z", "2026-03-29T01:00:00Z", "2026-04-05T00:00:00Z"]);
        let new_york = starts(
            "RRULE:FREQ=DAILY",
            "2026-10-30T05:30:00Z",
            "America/New_York",
            ["2026-10-31T00:00:00Z", "2026-11-03T00:00:00Z"],
        );
        // Half past one comes twice on 1 November: the first of the two counts, once.
        assert_eq!(new_york, ["2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    }

    #[test]
    fn until_is_utc_local_or_a_day() {
        let last = |until: &str| {
            let rule = format!("FREQ=DAILY;UNTIL={until}");
            let all = ["2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"];
            starts(&rule, "2026-06-01T21:00:00Z", "Europe/Berlin", all).last().cloned().unwrap()
        };
        // Eleven in the evening in Berlin.
        assert_eq!(last("20260605T210000Z"), "2026-06-05T21:00:00Z");
        assert_eq!(last("20260605T205959Z"), "2026-06-04T21:00:00Z");
        assert_eq!(last("20260605T230000"), "2026-06-05T21:00:00Z");
        assert_eq!(last("20260605"), "2026-06-05T21:00:00Z");
    }

    #[test]
    fn months_without_the_day_are_left_out_and_counts_end() {
        let rule = |rule: &str| {
            starts(rule, "2026-01-31T03:00:00Z", "UTC", ["2026-01-01T00:00:00Z", "2026-09-01T00:00:00Z"])
        };
        assert_eq!(
            rule("freq=monthly;count=3"),
            ["2026-01-31T03:00:00Z", "2026-03-31T03:00:00Z", "2026-05-31T03:00:00Z"]
        );
        assert_eq!(rule("FREQ=MONTHLY;BYDAY=2TU;COUNT=2"), ["2026-02-10T03:00:00Z", "2026-03-10T03:00:00Z"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |rule: &str, zone: &str| {
            Recurrence::parse(rule, at("2026-01-01T00:00:00Z"), zone).unwrap_err().to_string()
        };
        assert_eq!(
            refused("FREQ=DAILY", "CEST"),
            "\"CEST\" is not an IANA time zone such as Europe/Berlin or UTC"
        );
        for (rule, reason) in [
            ("", "FREQ is missing"),
            ("BYDAY=SU", "FREQ is missing"),
            ("FREQ=SECONDLY", "FREQ is SECONDLY, one of DAILY, WEEKLY, MONTHLY, YEARLY is possible"),
            ("FREQ=WEEKLY;SU", "\"SU\" is no NAME=VALUE"),
            ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL is TOMORROW, a time such as 20270131T030000Z is possible"),
            ("FREQ=DAILY\nEXDATE:20260101T000000Z", "it holds '\\n'"),
            ("FREQ=MONTHLY;BYDAY=XX", ""),
            ("FREQ=DAILY;BYHOUR=25", ""),
            ("FREQ=DAILY;FOO=1", ""),
            ("FREQ=DAILY;UNTIL=20251231T000000Z", ""),
        ] {
            let refused = refused(rule, "UTC");
            assert!(refused.contains("is not a recurrence rule") && refused.contains(reason), "{refused}");
        }
        assert_eq!(
            refused("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC"),
            "\"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\" never happens after its start"
        );
        let minutes: Vec<String> = (0..60).map(|minute| minute.to_string()).collect();
        let often = format!("FREQ=DAILY;BYHOUR=1,2;BYMINUTE={}", minutes.join(","));
        assert!(refused(&often, "UTC").ends_with("happens more than 10000 times a year"), "{often}");
    }
}
