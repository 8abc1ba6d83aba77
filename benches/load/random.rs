//! Random numbers, the same in every run.

/// xorshift.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The high bits are the better ones.
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}
