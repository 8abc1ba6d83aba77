//! Durations as OpenSLO writes them: `<int>[mhdwMQY]`, case-sensitive.
//!
//! `1m` is one minute and `1M` one month; published examples mix them up.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// A count of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shorthand {
    pub count: u32,
    pub unit: Unit,
}

/// Longer than any history: refused, so that arithmetic on windows cannot overflow.
const DAYS_MAX: u64 = 3_660;

impl Shorthand {
    /// A month is 30 days, a quarter 90 and a year 365, as in the go-sdk; calendar windows count
    /// real months instead.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.count) * self.unit_secs())
    }

    fn unit_secs(self) -> u64 {
        match self.unit {
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day => 86_400,
            Unit::Week => 7 * 86_400,
            Unit::Month => 30 * 86_400,
            Unit::Quarter => 90 * 86_400,
            Unit::Year => 365 * 86_400,
        }
    }
}

impl FromStr for Shorthand {
    type Err = String;

    fn from_str(text: &str) -> Result<Shorthand, String> {
        let bad = || {
            format!(
                "`{text}` is not a duration such as 5m, 1h, 30d, 4w, 1M, 1Q or 1Y (m is minutes, M is months)"
            )
        };
        let unit = match text.chars().last().ok_or_else(bad)? {
            'm' => Unit::Minute,
            'h' => Unit::Hour,
            'd' => Unit::Day,
            'w' => Unit::Week,
            'M' => Unit::Month,
            'Q' => Unit::Quarter,
            'Y' => Unit::Year,
            _ => return Err(bad()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let count = digits.parse().map_err(|_| bad())?;
        let shorthand = Shorthand { count, unit };
        if shorthand.duration() > Duration::from_secs(DAYS_MAX * 86_400) {
            return Err(format!("`{text}` is longer than {DAYS_MAX} days"));
        }
        Ok(shorthand)
    }
}

/// As it was written.
impl fmt::Display for Shorthand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Minute => 'm',
            Unit::Hour => 'h',
            Unit::Day => 'd',
            Unit::Week => 'w',
            Unit::Month => 'M',
            Unit::Quarter => 'Q',
            Unit::Year => 'Y',
        };
        write!(f, "{}{unit}", self.count)
    }
}

impl<'de> Deserialize<'de> for Shorthand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shorthand, D::Error> {
        struct FromText;
        impl Visitor<'_> for FromText {
            type Value = Shorthand;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30d")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Shorthand, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(FromText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_not_months() {
        let secs = |text: &str| text.parse::<Shorthand>().map(|s| s.duration().as_secs());
        assert_eq!(secs("1m"), Ok(60));
        assert_eq!(secs("1M"), Ok(2_592_000));
        assert_eq!(secs("4w"), Ok(2_419_200));
        assert_eq!(secs("1Q"), Ok(7_776_000));
        assert_eq!(secs("1Y"), Ok(31_536_000));
    }

    #[test]
    fn what_is_not_a_shorthand_is_refused() {
        for text in ["", "d", "30", "30s", "1.5h", "-1d", "1h30m", "30 d", "30D", "1é", "duration-shorthand"]
        {
            assert!(text.parse::<Shorthand>().is_err(), "{text:?}");
        }
        assert_eq!("99999999M".parse::<Shorthand>(), Err("`99999999M` is longer than 3660 days".into()));
    }
}
