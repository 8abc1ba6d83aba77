//! Hosts and windows at random: the same for all servers and in every run.

use crate::data::Data;
use crate::random::Random;

const HOUR_SECS: i64 = 3_600;
const MINUTE_SECS: i64 = 60;
/// Windows begin so long after the data does, so that what they look back at is there.
const LEAD_SECS: i64 = 10 * MINUTE_SECS;

pub struct Draw<'a> {
    random: Random,
    data: &'a Data,
}

/// Begin and end of a range query, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: i64,
    pub end: i64,
}

impl<'a> Draw<'a> {
    /// The numbers follow from the name and the round alone.
    pub fn new(data: &'a Data, name: &str, round: usize) -> Draw<'a> {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut random = Random(hash ^ (round as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // The first numbers of neighbouring seeds are alike.
        for _ in 0..8 {
            random.below(2);
        }
        Draw { random, data }
    }

    /// A matcher for so many hosts.
    pub fn hosts(&mut self, count: usize) -> String {
        let count = count.min(self.data.hosts);
        let mut numbers: Vec<u64> = Vec::with_capacity(count);
        while numbers.len() < count {
            let number = self.random.below(self.data.hosts as u64);
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        let names: Vec<String> = numbers.iter().map(|number| format!("host_{number}")).collect();
        match names.as_slice() {
            [one] => format!("hostname=\"{one}\""),
            several => format!("hostname=~\"{}\"", several.join("|")),
        }
    }

    pub fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.below(from.len() as u64) as usize]
    }

    /// So many hours somewhere in the data, from a full minute on; all of a shorter set.
    pub fn window(&mut self, hours: i64) -> Window {
        let (first, last) = (self.data.start_ms() / 1_000 + LEAD_SECS, self.data.end_ms / 1_000);
        let length = (hours * HOUR_SECS).min(last - first);
        let room = (last - first - length) / MINUTE_SECS;
        let start = first + self.random.below(room as u64 + 1) as i64 * MINUTE_SECS;
        Window { start, end: start + length }
    }

    /// A full minute in the data, in seconds.
    pub fn moment(&mut self) -> i64 {
        self.window(0).start
    }
}
