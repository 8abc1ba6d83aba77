//! Handoffs: wall-clock arithmetic from an anchor, in a zone whose clock jumps.
//!
//! Turn `n` begins at `anchor + n × length` on the wall clock, computed from the anchor each time
//! and never from the turn before (31 January plus one month is 28 February, plus two months is
//! 31 March). Where that reading of the clock does not exist, the turn begins at the first instant
//! that does; where it exists twice, at the first.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan};
use telemetry::Timestamp;

/// The unit of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    Hourly,
    Daily,
    Weekly,
    Monthly,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// When the first turn begins, on the wall clock of the schedule's zone.
    pub anchor: DateTime,
    pub turn: Turn,
    /// Units per turn, at least 1.
    pub length: i32,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentTurn {
    /// Counts from 0.
    pub number: i64,
    pub since: Timestamp,
}

impl Rotation {
    /// The turn at a time; `None` before the first.
    pub fn turn_at(&self, at: Timestamp, zone: &TimeZone) -> Option<CurrentTurn> {
        let mut number = self.estimate(at, zone)?;
        // A clock that jumps can put the estimate off by a turn or two.
        while number >= 0 && self.handoff(number, zone)? > at {
            number -= 1;
        }
        while number >= -1 && self.handoff(number + 1, zone).is_some_and(|next| next <= at) {
            number += 1;
        }
        if number < 0 {
            return None;
        }
        Some(CurrentTurn { number, since: self.handoff(number, zone)? })
    }

    /// The first handoff after a time.
    pub fn handoff_after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut number = self.turn_at(at, zone).map_or(0, |turn| turn.number + 1);
        // Two turns begin at one instant where the clock jumps over both.
        loop {
            let handoff = self.handoff(number, zone)?;
            if handoff > at {
                return Some(handoff);
            }
            number += 1;
        }
    }

    /// When turn `number` begins; `None` outside of the years that the calendar knows.
    pub fn handoff(&self, number: i64, zone: &TimeZone) -> Option<Timestamp> {
        let units = number.checked_mul(i64::from(self.length))?;
        let span = match self.turn {
            Turn::Hourly => Span::new().try_hours(units),
            Turn::Daily => Span::new().try_days(units),
            Turn::Weekly => Span::new().try_weeks(units),
            Turn::Monthly => Span::new().try_months(units),
        };
        let wall = self.anchor.checked_add(span.ok()?).ok()?;
        first_instant(wall, zone)
    }

    fn estimate(&self, at: Timestamp, zone: &TimeZone) -> Option<i64> {
        let wall = zone.to_datetime(at.to_jiff()?);
        let length = i64::from(self.length);
        let units = match self.turn {
            Turn::Monthly => {
                let months = |when: DateTime| i64::from(when.year()) * 12 + i64::from(when.month());
                months(wall) - months(self.anchor)
            }
            Turn::Hourly => elapsed_secs(self.anchor, wall)?.div_euclid(3_600),
            Turn::Daily => elapsed_secs(self.anchor, wall)?.div_euclid(86_400),
            Turn::Weekly => elapsed_secs(self.anchor, wall)?.div_euclid(7 * 86_400),
        };
        Some(units.div_euclid(length).max(-1))
    }
}

/// The instant at which a wall clock first shows a time, or would have shown it.
pub fn first_instant(wall: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let reading = zone.to_ambiguous_timestamp(wall);
    let instant = match reading.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok()?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wall).ok()?,
        // Read with the later offset, the time lies before the jump: the next jump is the one.
        AmbiguousOffset::Gap { after, .. } => {
            zone.following(after.to_timestamp(wall).ok()?).next()?.timestamp()
        }
    };
    Some(Timestamp::from_jiff(instant))
}

/// The instant at which a wall clock last shows a time: where it exists twice, the second.
pub fn last_instant(wall: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Fold { after, .. } => Some(Timestamp::from_jiff(after.to_timestamp(wall).ok()?)),
        _ => first_instant(wall, zone),
    }
}

fn elapsed_secs(from: DateTime, to: DateTime) -> Option<i64> {
    Some(to.since((jiff::Unit::Second, from)).ok()?.get_seconds())
}

/// A day later or earlier, within the calendar.
pub(super) fn plus_days(date: jiff::civil::Date, days: i64) -> Option<jiff::civil::Date> {
    date.checked_add(days.days()).ok()
}
