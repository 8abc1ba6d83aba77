//! Points in time, lengths of time as people write them, and where `now` comes from.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS_PER_SEC: i64 = 1_000_000;
pub const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SEC;
pub const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

/// A point in time: microseconds since the Unix epoch, UTC. JSON and text are RFC 3339.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const EPOCH: Timestamp = Timestamp(0);
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Saturates at the ends of the range.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis.saturating_mul(1_000))
    }

    /// Saturates at the ends of the range.
    pub const fn from_secs(secs: i64) -> Timestamp {
        Timestamp(secs.saturating_mul(MICROS_PER_SEC))
    }

    /// The microsecond and the nanoseconds that are left over (0 to 999).
    pub const fn from_nanos(nanos: u64) -> (Timestamp, i16) {
        (Timestamp((nanos / 1_000) as i64), (nanos % 1_000) as i16)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SEC)
    }

    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SEC as f64
    }

    /// Days since 1970-01-01, UTC.
    pub const fn days(self) -> i64 {
        self.0.div_euclid(MICROS_PER_DAY)
    }

    /// The last multiple of `step` at or before this time.
    pub const fn floor_to(self, step: Duration) -> Timestamp {
        let step = step.as_micros() as i64;
        Timestamp(self.0.div_euclid(step) * step)
    }

    /// Saturates at the ends of the range.
    pub fn plus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(micros_of(span)))
    }

    /// Saturates at the ends of the range.
    pub fn minus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(micros_of(span)))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// `None` outside of the years that jiff knows (-9999 to 9999).
    pub fn to_jiff(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }

    pub fn from_jiff(time: jiff::Timestamp) -> Timestamp {
        Timestamp(time.as_microsecond())
    }

    /// Reads RFC 3339 with any offset; digits below the microsecond are cut off.
    pub fn parse_rfc3339(text: &str) -> Result<Timestamp, TimeError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimeError::NotRfc3339(text.to_owned()))?;
        Ok(Timestamp(time.as_microsecond()))
    }
}

/// The instant at which the wall clocks of `zone` show `local`: the first of two where a clock change repeats
/// it, the first instant after the change where it is skipped. `None` outside of the calendar.
pub fn instant_in(local: jiff::civil::DateTime, zone: &jiff::tz::TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    // Earlier: the first of two in a fold; in a gap, an instant shortly before the change.
    let is_gap = matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. });
    let earlier = ambiguous.earlier().ok()?;
    let instant = if is_gap {
        zone.following(earlier).next().map_or(earlier, |change| change.timestamp())
    } else {
        earlier
    };
    Some(Timestamp::from_jiff(instant))
}

fn micros_of(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC, with as many digits below the second as are needed.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_jiff() {
            Some(time) => write!(f, "{time}"),
            None => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Timestamp::parse_rfc3339(&text).map_err(serde::de::Error::custom)
    }
}

/// A time or a length of time that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    #[error("{0:?} is not an RFC 3339 time such as 2026-01-31T09:00:00Z")]
    NotRfc3339(String),
    #[error("{0:?} is not a duration such as 30s, 5m, 1h30m or 30d")]
    NotDuration(String),
}

/// Units of a duration's text, longest first. A year is 365 days, as in Prometheus.
const UNITS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration as Prometheus writes it: `1h30m`, `15s`, `500ms`, `30d`, `0`. Units go from
/// long to short, each at most once.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let bad = || TimeError::NotDuration(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut millis, mut longest_unit_left) = (text, 0_u64, 0_usize);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let count: u64 = rest[..digits].parse().map_err(|_| bad())?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| digits + n);
        let unit = UNITS.iter().position(|(name, _)| *name == &rest[digits..unit_end]).ok_or_else(bad)?;
        if unit < longest_unit_left {
            return Err(bad());
        }
        longest_unit_left = unit + 1;
        millis =
            count.checked_mul(UNITS[unit].1).and_then(|part| millis.checked_add(part)).ok_or_else(bad)?;
        rest = &rest[unit_end..];
    }
    if text.is_empty() { Err(bad()) } else { Ok(Duration::from_millis(millis)) }
}

/// Writes a duration so that [`parse_duration`] reads it back: `1h30m`, `30d`, `0s`.
pub fn format_duration(span: Duration) -> String {
    let mut millis = span.as_millis() as u64;
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    // Years and weeks only when they come out even: 30d reads better than 4w2d.
    for (unit, unit_millis) in UNITS {
        let must_be_even = matches!(unit, "y" | "w");
        let count = millis / unit_millis;
        if count > 0 && (!must_be_even || millis.is_multiple_of(unit_millis)) {
            text.push_str(&format!("{count}{unit}"));
            millis %= unit_millis;
        }
    }
    text
}

/// For `#[serde(with = "telemetry::time::duration_text")]`: a [`Duration`] as `5m`.
pub mod duration_text {
    use super::*;

    pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(*span))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map_err(serde::de::Error::custom)
    }
}

/// Where `now` comes from. Decisions take `now` as an argument; only the outermost loop of a
/// component asks a clock, so that tests and simulations can turn it.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that reads the wall clock
    fn now(&self) -> Timestamp {
        Timestamp::from_jiff(jiff::Timestamp::now())
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(now: Timestamp) -> ManualClock {
        ManualClock(AtomicI64::new(now.micros()))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.micros(), Ordering::SeqCst);
    }

    pub fn advance(&self, span: Duration) {
        self.set(self.now().plus(span));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_prometheus_reads_them() {
        let millis = |text| parse_duration(text).map(|span| span.as_millis());
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("30d"), Ok(2_592_000_000));
        assert_eq!(millis("0"), Ok(0));
        for bad in ["", "5", "m", "1m1h", "1m1m", "1.5h", "-5m", "5M", "99999999999999999999y"] {
            assert_eq!(parse_duration(bad), Err(TimeError::NotDuration(bad.into())), "{bad:?}");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["30d", "1h30m", "500ms", "4w", "1y", "0s", "1d12h"] {
            assert_eq!(format_duration(parse_duration(text).unwrap_or_default()), text);
        }
    }

    #[test]
    fn times_are_rfc3339_in_json() {
        let time = Timestamp::parse_rfc3339("2026-11-23T04:00:00.25+02:00").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), r#""2026-11-23T02:00:00.25Z""#);
        assert!(Timestamp::parse_rfc3339("yesterday").is_err());
    }

    #[test]
    fn rounding_goes_down_before_the_epoch_too() {
        let time = Timestamp::from_micros(-1);
        assert_eq!((time.millis(), time.secs(), time.days()), (-1, -1, -1));
        assert_eq!(time.floor_to(Duration::from_secs(60)), Timestamp::from_secs(-60));
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::from_secs(10));
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), Timestamp::from_secs(15));
    }
}
