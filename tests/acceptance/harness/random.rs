//! Random moments and choices, reproducible by their seed.

use std::io::Read;
use std::time::Duration;

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// The seed of `variable`, or a fresh one; printed, so that a failure can be repeated.
    pub fn from_env(variable: &str) -> Random {
        let given = std::env::var(variable).ok().map(|text| text.parse().expect("a seed is a whole number"));
        let seed = given.unwrap_or_else(fresh_seed);
        println!("{variable}={seed}");
        Random(seed)
    }

    pub fn fresh() -> Random {
        Random(fresh_seed())
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn fresh_seed() -> u64 {
    let mut bytes = [0; 8];
    let mut source = std::fs::File::open("/dev/urandom").expect("the system has random numbers");
    source.read_exact(&mut bytes).expect("the system has random numbers");
    u64::from_le_bytes(bytes)
}
