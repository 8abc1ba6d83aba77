//! A line with an identity: what a page ends at, what a context is asked around.
//!
//! Lines have no key. A line is named by its time, a hash of its content and its number among lines that
//! say the same at the same time, so that pages neither repeat nor skip lines when others arrive meanwhile.

use std::fmt;
use std::str::FromStr;

use telemetry::{LogColumn, LogRecord, LogRows, Timestamp};
use xxhash_rust::xxh3::Xxh3;

/// Ordered by time; written as `<microseconds>.<nanoseconds>-<hash>-<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId {
    pub ts: Timestamp,
    pub ts_ns_rem: i16,
    pub hash: u64,
    /// Among equal lines, in the order in which they are given.
    pub number: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    pub id: LineId,
    pub record: LogRecord,
}

impl LineId {
    /// Of a row of many; number 0.
    pub(crate) fn of(rows: &LogRows, row: usize) -> LineId {
        let mut hash = Xxh3::new();
        let mut add = |text: Option<&str>| {
            hash.update(&[u8::from(text.is_some())]);
            hash.update(text.unwrap_or_default().as_bytes());
            hash.update(&[0xff]);
        };
        let text = |word| rows.words().get(word);
        for column in LogColumn::ALL {
            add(text(rows.column(column)[row]));
        }
        add(Some(rows.bodies().get(row)));
        for (key, value) in rows.attrs_of(row) {
            add(text(*key));
            add(text(*value));
        }
        LineId { ts: rows.times()[row], ts_ns_rem: rows.ns_rems()[row], hash: hash.digest(), number: 0 }
    }

    /// Without its number.
    pub(crate) fn place(&self) -> (Timestamp, i16, u64) {
        (self.ts, self.ts_ns_rem, self.hash)
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}-{:016x}-{}", self.ts.micros(), self.ts_ns_rem, self.hash, self.number)
    }
}

impl FromStr for LineId {
    type Err = String;

    fn from_str(text: &str) -> Result<LineId, String> {
        let read = || {
            let mut parts = text.rsplitn(3, '-');
            let number = parts.next()?.parse().ok()?;
            let hash = u64::from_str_radix(parts.next()?, 16).ok()?;
            let (micros, nanos) = parts.next()?.split_once('.')?;
            let ts_ns_rem = nanos.parse().ok().filter(|nanos| (0..1_000).contains(nanos))?;
            Some(LineId { ts: Timestamp::from_micros(micros.parse().ok()?), ts_ns_rem, hash, number })
        };
        read().ok_or_else(|| format!("{text:?} names no line: take it from an answer as it is"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_and_follows_the_content() {
        let record = |body: &str, key: &str| LogRecord {
            ts: Timestamp::from_micros(-5),
            ts_ns_rem: 7,
            body: body.into(),
            attrs: vec![(key.into(), "v".into())],
            ..LogRecord::default()
        };
        let rows: LogRows =
            [record("a", "k"), record("a", "k"), record("ak", ""), record("b", "k")].iter().collect();
        let ids: Vec<LineId> = (0..4).map(|row| LineId::of(&rows, row)).collect();
        assert_eq!(ids[0], ids[1]);
        assert!(ids[0].hash != ids[2].hash && ids[0].hash != ids[3].hash);
        assert_eq!(ids[0].to_string().parse(), Ok(ids[0]));
        assert!(ids[0].to_string().starts_with("-5.007-"));
        for wrong in ["", "5", "5.1-2", "5.1000-0-0", "x.1-0-0"] {
            assert!(wrong.parse::<LineId>().is_err(), "{wrong}");
        }
    }
}
